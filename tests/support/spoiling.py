"""Spoils good files for the fuzz, the same way every time: bytes, lines, fields, types, odd letters, depth and size."""

import json
import random
import re

from backtest.errors import BacktestError

ODD = (
    "", " ", "nan", "inf", "-inf", "-1", "0", "1e400", "-1e308", "9" * 400, "0x1F", "²", "٣", "１２", "true", "null", "[1]", "{}",
    "[[", "'", '"', '"x"', "0001-01-01", "9999-12-31", "2024-02-30", "2024-13", "2024-06-30T25:00Z", "\u202e", "\u0000", "\ufeff",
    "naïve, 中文", "=1+1", "../../x", "a\nb", "NVDA", "1,5", "\ud800",
)  # fmt: skip
WORDS = re.compile(rb'"[^"\n]*"|[\w.+-]+')
VALUES = (None, True, -1, 0, 1.5, float("nan"), 10**400, "", "x", "2024-02-30", "\u202e", [], [[]], {}, {"x": {}}, [None])


def spoiled(body, seed):
    """Return the bytes of a text file spoiled in one to three ways."""
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 2, 3))):
        body = chance.choice(WAYS)(body, chance)
    return body


def spoiled_json(body, seed):
    """Return a JSON document with a value somewhere in it replaced, left out or nested; half the time its bytes are spoiled."""
    chance = random.Random(seed)
    if chance.random() < 0.4:
        return spoiled(body, seed)
    document = json.loads(body)
    places = [*_places(document)]
    for _ in range(chance.choice((1, 1, 2))):
        holder, key = chance.choice(places)
        if isinstance(holder, dict) and chance.random() < 0.3:
            holder.pop(key, None)
        elif isinstance(holder, dict) or key < len(holder):
            holder[key] = _nested(chance.choice((50, 500))) if chance.random() < 0.1 else chance.choice(VALUES)
    return json.dumps(document).encode()


def refusal(action):
    """Return what went wrong where an action ends in anything but success or an error for a user, else nothing."""
    try:
        action()
    except BacktestError as error:
        lines = str(error).splitlines()
        return "" if error.exit_code in (2, 3, 4, 5) and len(lines) == 1 else f"{error.exit_code}: {lines}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def _places(value):
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(part, dict | list):
            yield from _places(part)


def _odd(chance):
    return chance.choice(ODD).encode("utf-8", "surrogatepass")


def _flip(body, chance):
    held = bytearray(body or b" ")
    for _ in range(chance.choice((1, 1, 3, 20))):
        held[chance.randrange(len(held))] ^= 1 << chance.randrange(8)
    return bytes(held)


def _cut(body, chance):
    return body[: chance.randrange(len(body) + 1)]


def _drop_line(body, chance):
    lines = body.splitlines(keepends=True) or [b""]
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def _repeat_line(body, chance):
    lines = body.splitlines(keepends=True) or [b""]
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return b"".join(lines)


def _change_word(body, chance):
    words = [*WORDS.finditer(body)]
    if not words:
        return _odd(chance)
    start, end = chance.choice(words).span()
    return body[:start] + _odd(chance) + body[end:]


def _drop_field(body, chance):
    lines = body.splitlines(keepends=True) or [b""]
    row = chance.randrange(len(lines))
    fields = lines[row].split(b",")
    del fields[chance.randrange(len(fields))]
    lines[row] = b",".join(fields)
    return b"".join(lines)


def _empty(body, chance):
    return chance.choice((b"", b"\n", b"\xef\xbb\xbf", b"\xff\xfe" + body, b"[" * 100_000, b"x = " + b"[" * 5000, b"\x00" * 50))


WAYS = (_flip, _cut, _drop_line, _repeat_line, _change_word, _change_word, _change_word, _drop_field, _empty)
