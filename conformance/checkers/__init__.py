"""Judges of a whole history: pure functions from what happened to what was wrong with it.

    history ──> index ──> order      one order for everybody         ORD-1 … ORD-6
    (events)    (one  ├─> delivery   everything, to all, once        DLV-1 … DLV-8, CONV-2, CONV-4
                pass) ├─> status     climbs, is told, is true        STA-2 … STA-5, STA-7
                      └─> history    pages are the log, whole        ORD-7, PAG-1 … PAG-3, STA-1
    (events) ───────> secrecy    ciphertext untouched, for one's   ENC-1, ENC-2, ENC-3, ENC-5, ENC-9
                                 own eyes, and no secret told
    (raw events) ───> schema     answers and frames as published  ERR-1

They judge by the contract alone, and claim nothing that the events do not prove: see `evidence` for
what is known of time, `membership` for who could see what, `watermarks` for what was acknowledged.
"""

from . import delivery, history, order, schema, secrecy, status
from .base import Checker, Violation

CHECKERS: dict[str, Checker] = {
    "order": order.check,
    "delivery": delivery.check,
    "status": status.check,
    "history": history.check,
    "secrecy": secrecy.check,
    "schema": schema.check,
}
"""The checkers by the names that scenarios use under ``check``."""

__all__ = ["CHECKERS", "Checker", "Violation"]
