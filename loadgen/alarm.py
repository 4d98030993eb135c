"""A clock that wakes on time: Linux's timerfd, to be waited for like a socket.

Event loops count their timeouts in whole milliseconds and round them up. At a thousand arrivals a second
that would be as long as the gap between two of them, and every latency from the planned moment would
hold it. A timerfd fires to the microsecond. The standard library has it from Python 3.13 on; before, it
is two calls of the C library.
"""

from __future__ import annotations

import ctypes
import os
from functools import partial
from typing import Any, Final

_MONOTONIC: Final = 1
_NONBLOCKING: Final = os.O_NONBLOCK
_ABSOLUTE: Final = 1


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Alarm:
    """One timer on the monotonic clock. Raises `OSError` where the system has none such."""

    def __init__(self) -> None:
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        try:
            self.fd = int(self._libc.timerfd_create(_MONOTONIC, _NONBLOCKING))
        except AttributeError:
            raise OSError("this system has no timerfd") from None
        """Readable once the moment has come."""
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _TimerSpec()
        self._value = self._spec.value
        self._set = partial(
            self._libc.timerfd_settime, self.fd, _ABSOLUTE, ctypes.byref(self._spec), None
        )

    def set(self, moment: int) -> None:
        """Ring at a moment, in microseconds of `time.monotonic_ns`; until then it is silent again."""
        self._value.seconds, rest = divmod(moment, 1_000_000)
        self._value.nanoseconds = rest * 1000
        self._set()

    def close(self) -> None:
        """Give it back."""
        os.close(self.fd)
