"""The verb that goes too far on purpose: `press` sends until the target says that it is too much.

It proves LIM-1 on any target that limits what one user may send, without knowing how much that is. A
target that takes everything has shown nothing of its rate limits, so the scenario is not applicable
to it. That holds only if it was pressed: where the host was out of breath, or the target is known to have
a limit and was not brought to it in time, nothing is proved and the scenario is inconclusive. The only
wait is the one that the target itself asked for.
"""

from __future__ import annotations

from typing import Any

import trio

from ..adapters.base import Refusal, SendCall
from ..cast import Device
from ..findings import NotShown, StepFailed, TooLate, rendered
from ..language.messaging import Press
from .base import Verb, id_of, line_of

Json = Any

IN_FLIGHT = 32
"""Messages that wait for their answers at the same time."""
LONGEST_PRESSURE_S = 15.0
"""A target that is so slow that the messages are not all sent by then is pressed no longer."""
LONGEST_WAIT_S = 30.0
"""A target that asks for more than this is believed, not tried."""

_LIMITED = "rate_limited"


class _Pressure:
    """One attempt: messages are sent until one is refused as too many, or all are."""

    def __init__(self, device: Device, args: Press) -> None:
        self._device = device
        self._args = args
        self._conversation_id = id_of(args.to, "conversation_id")
        self._began = trio.current_time()
        self.sent = 0
        self.refused: list[tuple[SendCall, Refusal]] = []

    async def build_up(self) -> None:
        """Keep `IN_FLIGHT` messages going."""
        troubles: list[Exception] = []
        until = self._began + LONGEST_PRESSURE_S

        async def keep_sending() -> None:
            try:
                while self.sent < self._args.times and not self.refused:
                    if trio.current_time() > until:
                        return
                    self.sent += 1
                    await self._one()
            except Exception as trouble:
                troubles.append(trouble)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for _ in range(min(IN_FLIGHT, self._args.times)):
                nursery.start_soon(keep_sending)
        if troubles:
            raise troubles[0]

    def in_vain(self) -> Exception:
        """What it says that nothing was refused; to be raised."""
        told = f"the target refused none of {self.sent} messages as `{_LIMITED}`"
        cast = self._device.cast
        if (overload := cast.patience.overload_since(self._began)) is not None:
            return TooLate(told, overload=overload)
        if not cast.target_limits_sends:
            return NotShown(told)
        if self.sent < self._args.times:
            return TooLate(
                f"{told} within {LONGEST_PRESSURE_S:g} s: too few, here or there, for the limit that "
                "it was started with"
            )
        return StepFailed(f"{told}, although it was started with a limit")

    async def _one(self) -> None:
        device = self._device
        call = SendCall(
            conversation_id=self._conversation_id,
            client_message_id=device.cast.seeds.word(device.next_what("client_message_id"), 16),
            body={"kind": "text", "text": f"message {self.sent}"},
        )
        try:
            await self.send(call)
        except Refusal as refusal:
            if refusal.code != _LIMITED:
                raise
            self.refused.append((call, refusal))

    async def send(self, call: SendCall) -> Json:
        """Send it and wait for the answer. Raises `Refusal`."""
        line = line_of(self._device)
        return await line.settled(await line.send_message(call))


async def press(device: Device, args: Press) -> Json:
    """Send until it is too much, wait as long as the target says, and send on."""
    pressure = _Pressure(device, args)
    await pressure.build_up()
    if not pressure.refused:
        raise pressure.in_vain()
    longest_ms = max(_time_to_wait_ms(refusal) for _, refusal in pressure.refused)
    if longest_ms > LONGEST_WAIT_S * 1000:
        raise NotShown(f"the target asks for {longest_ms} ms, too long to be waited for")
    await trio.sleep(longest_ms / 1000)
    call, _ = pressure.refused[0]
    try:
        answer = await pressure.send(call)
    except Refusal as again:
        raise StepFailed(
            f"it was refused again after the {longest_ms} ms that it was told to wait",
            expected="success",
            got=rendered(again.body),
            impatient=True,  # on a host that was out of breath, others may have used it up meanwhile
        ) from again
    return {"sent": pressure.sent, "refused": len(pressure.refused), "after_waiting": answer}


def _time_to_wait_ms(refusal: Refusal) -> int:
    body = refusal.body if isinstance(refusal.body, dict) else {}
    wait = body.get("retry_after_ms")
    if type(wait) is int and wait >= 0 and body.get("retryable") is True:
        return wait
    raise StepFailed(
        "it was refused without a time to wait",
        expected="`retryable: true`, and `retry_after_ms`, a whole number",
        got=rendered(refusal.body),
    )


LIMITS: dict[str, Verb] = {"press": press}
