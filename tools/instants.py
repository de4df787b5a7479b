"""Instants of a process's work, told by what it does and not by a clock: the same on a fast machine and on a slow one."""

import os
import sys
from itertools import count
from pathlib import Path


def at_step(number, is_step, signal):
    """From now on send a signal to this process right before the step of that number; nothing before it is held up.

    `is_step(event, arguments)` says of an audit event of Python (PEP 578) whether it counts; steps are numbered from 1.
    """
    numbers = count(1)

    def hook(event, arguments):
        if is_step(event, arguments) and next(numbers) == number:
            os.kill(os.getpid(), signal)

    sys.addaudithook(hook)


def written_in(folder):
    """Return a test for steps that change files in a folder, as `at_step` takes it."""
    changes = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")
    return lambda event, arguments: event in changes and str(arguments[0]).startswith(f"{folder}/")


def renamed_to(accepted):
    """Return a test for renames to a path that `accepted(path)` takes, as `at_step` takes it."""
    return lambda event, arguments: event == "os.rename" and accepted(Path(arguments[1]))
