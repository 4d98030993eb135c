"""The verbs of the language, each as one function over a device and its arguments.

`VERBS` is the whole table. A verb answers what its step may save and match; it raises the adapters'
troubles and leaves it to the engine to say what they mean. The verbs of flow (``together``,
``repeat``, …) and of watching (``expect``, ``never``) are the engine's and `inbox`'s own.
"""

from .accounts import ACCOUNTS
from .base import Verb, resolved
from .encryption import ENCRYPTION
from .escapes import ESCAPES
from .limits import LIMITS
from .media import MEDIA
from .messaging import MESSAGING
from .realtime import REALTIME

VERBS: dict[str, Verb] = {
    **REALTIME,
    **MESSAGING,
    **MEDIA,
    **ENCRYPTION,
    **ACCOUNTS,
    **ESCAPES,
    **LIMITS,
}

__all__ = ["VERBS", "Verb", "resolved"]
