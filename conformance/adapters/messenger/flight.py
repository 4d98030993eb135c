"""Messages in flight: sends whose answer is still to come."""

from __future__ import annotations

import trio

from ..base import Json, Malformed, Refusal, Unanswered


class InFlight:
    """One send on its way; settled exactly once, by an answer or by the end of its connection."""

    def __init__(self, op: int, what: str) -> None:
        self.op = op
        self.what = what
        self._answered = trio.Event()
        self._answer: Json = None
        self._trouble: Refusal | Malformed | Unanswered | None = None

    @property
    def done(self) -> bool:
        """True once :meth:`result` answers at once."""
        return self._answered.is_set()

    async def wait(self) -> None:
        """Return when it is settled."""
        await self._answered.wait()

    def succeed(self, answer: Json) -> None:
        """It was accepted."""
        self._answer = answer
        self._answered.set()

    def fail(self, trouble: Refusal | Malformed | Unanswered) -> None:
        """It was refused, answered wrongly, or will never be answered."""
        self._trouble = trouble
        self._answered.set()

    def result(self) -> Json:
        """The answer, or the trouble raised; `Unanswered` while there is neither."""
        if self._trouble is not None:
            raise self._trouble
        if not self.done:
            raise Unanswered(f"no answer to {self.what} yet")
        return self._answer
