"""Why a client does not believe what came.

::

    Rejected
      WronglySigned   a key is not signed by the device that it is said to belong to
      UnknownSession  nothing is known that could decrypt this
      Tampered        it does not authenticate: not what was encrypted, or not for this device
      Impostor        it is of another device than the server says
      Misdirected     it was encrypted for another device, conversation or purpose
      Replayed        it has been here before, as another message
      Reordered       the server shows it at another place than its sender gave it

Each has a `code`, so that scenarios can expect it. ENC-10 demands that every one of the last five is
noticed by a receiver.
"""

from __future__ import annotations

from typing import ClassVar


class Rejected(Exception):
    """Something that came is not to be believed. The text says what, and to whom it happened."""

    code: ClassVar[str] = "rejected"


class WronglySigned(Rejected):
    """A key whose signature is missing, malformed, or not of its device: never use it."""

    code = "wrongly_signed"


class UnknownSession(Rejected):
    """No session, or no session key, for this ciphertext: ask for one, or wait until it comes."""

    code = "unknown_session"


class Tampered(Rejected):
    """The ciphertext does not authenticate under the session that it names."""

    code = "tampered"


class Impostor(Rejected):
    """It authenticates, but as another device than the one that is said to have sent it."""

    code = "impostor"


class Misdirected(Rejected):
    """It is genuine, and was made for another device, conversation or purpose than it came in."""

    code = "misdirected"


class Replayed(Rejected):
    """It is genuine, and was shown before as another message."""

    code = "replayed"


class Reordered(Rejected):
    """It is genuine, and stands in the log where its sender did not put it."""

    code = "reordered"
