"""The one way to the network: requests at a source's pace, retries, and errors of libraries turned into ours."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pandas as pd
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from backtest.clock import SYSTEM, Clock
from backtest.data.answer import Answer
from backtest.errors import ConfigurationError, DataError
from backtest.files.options import variable

LARGEST_ANSWER = 64 * 2**20  # bytes once unpacked; the largest company facts have about 10 MB
LONGEST_WAIT = 60.0  # seconds; a source that asks for more is left alone until the next pull
UNREACHABLE_TRIES = 2


class PassingError(DataError):
    """A fault that may be gone at the next try: a limit, a broken answer, a server in trouble."""

    retry_after: float | None = None


class UnreachableError(PassingError):
    """No connection, or a limit that stays: nothing else of this source can be had now either."""


class NotConnectedError(UnreachableError):
    """No connection at all: not worth many tries."""


@dataclass(frozen=True)
class Origin:
    """Where a source lives, how often it may be asked (`interval`, in seconds), and whether it wants to know who asks.

    BACKTEST_NAME_URL puts another address in its place; BACKTEST_NAME_USER_AGENT says who asks.
    """

    name: str
    home: str
    interval: float = 1.0
    needs_agent: bool = False

    @property
    def address(self) -> str:
        """The address to ask, without a closing slash."""
        variable = self._variable("URL")
        stated = os.environ.get(variable, self.home).rstrip("/")
        if not (stated.isascii() and stated.isprintable() and stated.startswith(("http://", "https://"))):
            raise ConfigurationError(f"{variable} is {stated!r}; expected an address like {self.home}")
        return stated

    @property
    def agent_variable(self) -> str:
        """The environment variable that says who asks, "" where the source does not want to know."""
        return self._variable("USER_AGENT") if self.needs_agent else ""

    def user_agent(self) -> str:
        """Return who asks, for a source that refuses those who do not say; ConfigurationError where it cannot be sent."""
        stated = self.check_agent()
        if "@" not in stated:
            expected = "expected a name and a mail address in it"
            raise ConfigurationError(f"{self.name}: {self.agent_variable} is not set; {expected}")
        return stated

    def check_agent(self) -> str:
        """Return who is said to ask, nothing where it is not said; ConfigurationError for letters that cannot be sent."""
        stated = os.environ.get(self.agent_variable, "").strip() if self.needs_agent else ""
        if not (stated.isascii() and stated.isprintable()):
            expected = "a name and a mail address in Latin letters (ASCII)"
            raise ConfigurationError(f"{self.name}: {self.agent_variable} is {stated!r}; expected {expected}")
        return stated

    def _variable(self, suffix: str) -> str:
        return f"BACKTEST_{self.name.upper()}_{suffix}"


@dataclass
class Body:
    """An answer as it comes, chunk by chunk and unpacked; refused as soon as it is more than LARGEST_ANSWER."""

    what: str
    content: bytearray = field(default_factory=bytearray)

    def add(self, chunk: bytes) -> int:
        """Take a chunk and return its length; DataError when the whole is too large."""
        self.content += chunk
        self.check()
        return len(chunk)

    def check(self) -> None:
        """Raise DataError for an answer that is too large."""
        if len(self.content) > LARGEST_ANSWER:
            raise DataError(f"{self.what}: more than {LARGEST_ANSWER // 2**20} MB once unpacked; expected a smaller answer")


@dataclass
class Client:
    """Asks one source at its pace, tries again with jitter, and hands every answer to `keep` before it is judged."""

    origin: Origin
    keep: Callable[[Answer], None]
    clock: Clock = SYSTEM
    tries: int = field(default_factory=lambda: int(variable("BACKTEST_TRIES", 5, 1, 100)))
    timeout: float = field(default_factory=lambda: variable("BACKTEST_TIMEOUT", 30, 0.05, 3600))
    _last_request: float = field(default=-1e9, repr=False)

    @property
    def pace(self) -> float:
        """One, or what BACKTEST_PACE says where the source is a server on this machine."""
        local = urlsplit(self.origin.address).hostname in ("127.0.0.1", "localhost", "::1")
        return variable("BACKTEST_PACE", 1, 0, 1000) if local else 1.0

    def get_json(self, key: str, path: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Return an answer whose body is JSON; raise DataError in one line when none came."""
        return self.patiently(key, lambda: self._get(key, path, query, headers or {}, json_only=True))

    def get(self, key: str, path: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Return an answer of any kind that is not empty; raise DataError in one line when none came."""
        return self.patiently(key, lambda: self._get(key, path, query, headers or {}, json_only=False))

    def keep_own(self, key: str, name: str, body: bytes) -> Answer:
        """Return the answer of a library asked in this process, kept like one that came by HTTP; `name` tells it from others."""
        answer = Answer(self.origin.name, key, f"{self.origin.address}/{name}", self.clock.now(), 200, body)
        self.keep(answer)
        return answer

    def patiently(self, key: str, ask: Callable[[], Answer]) -> Answer:
        """Return what `ask` gives, tried again after a PassingError fault, no sooner than the source allows."""
        for attempt in Retrying(
            retry=retry_if_exception_type(PassingError), wait=self._wait, stop=self._stop, reraise=True, sleep=self.clock.sleep
        ):
            with attempt:
                self.pause()
                return ask()
        raise DataError(f"{self.origin.name} {key}: not asked")

    def pause(self) -> None:
        """Wait until the source may be asked again."""
        wait = self._last_request + self.origin.interval * self.pace - self.clock.monotonic()
        if wait > 0:
            self.clock.sleep(wait)
        self._last_request = self.clock.monotonic()

    def judge(self, answer: Answer, retry_after: str | None, json_only: bool = True) -> None:
        """Raise for an answer that has not status 200, and for one that is no JSON document of a depth that can be read."""
        what = f"{self.origin.name} {answer.key}: "
        if answer.status == 429 or answer.status >= 500:
            kind = UnreachableError if answer.status == 429 else PassingError
            fault = kind(f"{what}it answers {answer.status}{_reason(answer.status)}; pull again later")
            fault.retry_after = _seconds(retry_after, self.clock.now())
            raise fault
        if answer.status != 200:
            raise DataError(f"{what}it answers {answer.status}; expected 200{self._hint(answer.status)}")
        expected = "JSON" if json_only else "content"
        try:
            if json_only:
                read_json(answer.body, what)
            elif not answer.body.strip():
                raise ValueError
        except ValueError:
            raise PassingError(f"{what}the answer is {_looks(answer.body)}; expected {expected}, pull again later") from None

    def _get(self, key: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], *, json_only: bool) -> Answer:
        headers = {**headers, **({"User-Agent": self.origin.user_agent()} if self.origin.needs_agent else {})}
        url = httpx.URL(self.origin.address + path, params=query or None)
        deadline = self.clock.monotonic() + 4 * self.timeout
        timeout = httpx.Timeout(self.clock.timeout(str(url), self.timeout), connect=self.timeout)
        try:
            with httpx.Client(timeout=timeout) as http, http.stream("GET", url, headers=headers) as response:
                body = Body(f"{self.origin.name} {key}")
                for chunk in self._until(deadline, response.iter_bytes()):
                    body.add(chunk)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise unreachable(self.origin, error) from None
        except (httpx.HTTPError, TimeoutError) as error:
            what = "no whole answer in time" if isinstance(error, httpx.TimeoutException | TimeoutError) else "a broken answer"
            raise PassingError(f"{self.origin.name} {key}: {what} ({type(error).__name__}); pull again later") from None
        answer = Answer(self.origin.name, key, str(url), self.clock.now(), response.status_code, bytes(body.content))
        self.keep(answer)
        self.judge(answer, response.headers.get("Retry-After"), json_only)
        return answer

    def _hint(self, status: int) -> str:
        variable = self.origin.agent_variable
        return f", and a name and address in {variable}" if status == 403 and variable else ""

    def _until(self, deadline: float, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self.clock.monotonic() > deadline:
                raise TimeoutError
            yield chunk

    def _wait(self, state: RetryCallState) -> float:
        stated = getattr(_fault(state), "retry_after", None)
        backed_off = self.pace * wait_random_exponential(multiplier=1, max=LONGEST_WAIT)(state)
        return max(backed_off, stated or 0.0)

    def _stop(self, state: RetryCallState) -> bool:
        fault = _fault(state)
        if (getattr(fault, "retry_after", None) or 0.0) > LONGEST_WAIT:
            return True
        return state.attempt_number >= (UNREACHABLE_TRIES if isinstance(fault, NotConnectedError) else self.tries)


def read_json(body: bytes, what: str) -> Any:
    """Return a JSON document; ValueError for none (NaN and Infinity are none), DataError for one nested too deeply to read."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise DataError(f"{what.removesuffix(': ')}: JSON nested too deeply; expected a document of a few levels") from None


def unreachable(origin: Origin, error: Exception) -> NotConnectedError:
    """Return the one line for a source that cannot be reached."""
    return NotConnectedError(f"{origin.name}: {urlsplit(origin.address).hostname} cannot be reached ({type(error).__name__})")


def _fault(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _seconds(stated: str | None, now: pd.Timestamp) -> float | None:
    try:
        return max(0.0, float(stated)) if stated else None
    except ValueError:  # an HTTP date
        moment = pd.to_datetime(str(stated), utc=True, errors="coerce")
        return max(0.0, (moment - now).total_seconds()) if isinstance(moment, pd.Timestamp) else None


def _reason(status: int) -> str:
    return " (too many requests)" if status == 429 else " (its own fault)"


def _looks(body: bytes) -> str:
    start = body.lstrip()[:15].lower()
    return "nothing" if not start else "HTML" if start.startswith((b"<!doctype", b"<html")) else "broken JSON"
