"""Compiled functions, cached on disk where there is a writable place for them."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator like `numba.njit` that caches, but where neither the package nor the user's folder can be written."""

    def compile_later(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # "cannot cache function": each process compiles for itself
            return njit(**options)(function)

    return compile_later
