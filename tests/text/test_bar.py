"""A progress bar is for a terminal alone, one at a time, and counts what it is given."""

import io
import sys

import pytest

from backtest.text.bar import Bar, counted, shows_bars


class Terminal(io.StringIO):
    """A standard error that somebody watches."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    for name, value in (("TERM", "xterm"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI", raising=False)

    def watched():  # called by a test: pytest puts a standard error of its own in place before that
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return watched


def test_a_bar_at_a_terminal_says_what_is_done_and_how_many_are(terminal):
    stream = terminal()
    with Bar("pulling", 3) as bar, Bar("within it", 9) as inner:
        inner.advance(7)
        bar.advance(2, "NVDA")
    shown = stream.getvalue()
    assert "NVDA" in shown
    assert "2/3" in shown
    assert "within" not in shown
    assert list(counted("abc", "letters", 3)) == ["a", "b", "c"]
    assert "3/3" in stream.getvalue()


def test_nothing_is_shown_elsewhere(monkeypatch, terminal):
    stream = terminal()
    monkeypatch.setenv("CI", "true")
    assert not shows_bars()
    assert list(counted("abc", "letters", 3)) == ["a", "b", "c"]
    assert stream.getvalue() == ""


def test_a_bar_ends_with_an_error_and_another_can_begin(terminal):
    stream = terminal()
    with pytest.raises(ValueError, match="lost"), Bar("pulling", 2):
        raise ValueError("lost")
    with Bar("again", 2) as bar:
        bar.advance()
    assert "1/2" in stream.getvalue()
