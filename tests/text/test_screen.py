"""Tables at a terminal: as wide as it is, aligned, no word lost, no colour elsewhere."""

import io

import pytest

from backtest.text.screen import Column, Screen, paragraph, points, screen_of, table

LONG = "a sentence that goes on for longer than any terminal is wide, with 300308.SZ and 一个很长的中文名字 in it"
COLUMNS = Column("name"), Column("a figure of many words", right=True), Column("share", right=True), Column("why", wraps=True)
ROWS = [("optical", "+1,234.5%", "3%", LONG), ("us_network_copper", "−0.1%", "100%", "short")]


class Stream(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.mark.parametrize(("columns", "width"), [("20", 60), ("60", 60), ("97", 97), ("400", 120), ("0", 80)])
def test_a_screen_is_as_wide_as_its_terminal_between_60_and_120_columns(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    assert screen_of(Stream(False)).width == width


@pytest.mark.parametrize(
    ("terminal", "setting", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_a_terminal_whose_user_does_not_refuse_them(monkeypatch, terminal, setting, colour):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    assert screen_of(Stream(terminal)).colour is colour


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_word_stands_in_its_column(width):
    lines = table(COLUMNS, ROWS, Screen(width)).splitlines()
    assert max(map(len, lines)) <= width
    start = next(line for line in lines if line.endswith("why")).index("why")
    first = next(at for at, line in enumerate(lines) if line.startswith("optical"))
    last = next(at for at, line in enumerate(lines) if line.startswith("us_network_copper"))
    assert "".join(line[start:] for line in lines[first:last]).replace(" ", "") == LONG.replace(" ", "")
    assert lines[first].index("+1,234.5%") + 9 == lines[last].index("−0.1%") + 5


def test_columns_without_room_stand_below_with_their_rows_named_again():
    wide = [Column("name"), *(Column(f"figure{number:04}", right=True) for number in range(9))]
    lines = table(wide, [("optical", *map(str, range(9)))], Screen(60)).splitlines()
    assert max(map(len, lines)) <= 60
    shown = [line.split() for line in lines if line.startswith("optical")]
    assert shown == [["optical", *"0123"], ["optical", *"4567"], ["optical", "8"]]


def test_a_text_of_the_data_moves_no_cursor_and_is_no_markup():
    evil = "\x1b[31m[bold]red[/bold]\r\n:smile: \u202eabc"
    for text in (
        paragraph(evil, Screen(80, True)),
        table((Column("name"),), [(evil,)], Screen(80, True)),
        points([evil], Screen()),
    ):
        assert "\x1b[31m" not in text
        assert "\r" not in text
        assert "\u202e" not in text
        assert "[bold]red[/bold]" in text
        assert ":smile:" in text
