"""The time, and the ways to let it pass: handed in, so that no test has to wait or to be fast."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Clock:
    """What a caller reads time from and waits by; the defaults are this machine's.

    `now` is the moment in UTC, `monotonic` the seconds since some instant, `sleep` waits for seconds. `timeout(url, seconds)`
    is the longest wait for an answer of a URL, in seconds, where so many are configured.
    """

    now: Callable[[], pd.Timestamp] = lambda: pd.Timestamp.now(tz="UTC")
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    timeout: Callable[[str, float], float] = lambda url, seconds: seconds


SYSTEM = Clock()  # what the commands hand in
