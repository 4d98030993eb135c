"""How a client encrypts end to end: the Messenger API's section 8, seen from a device.

This package is a library about messages and keys. It knows no server and does no I/O: whoever uses it
carries what it makes to the others and hands it what came. To write a client, read it in this order:

    encoding    bytes as text (unpadded base64), values as bytes to sign (RFC 8785)
    signing     what a device says of its keys, and who believes it (Ed25519, RFC 8032)
    device      one's own device: identity keys, one-time keys, a fallback key
    olm         pairwise sessions: one ciphertext for each device
    megolm      group sessions: one ciphertext for all, its key handed out inside Olm
    envelope    what stands inside a ciphertext, so that nobody can pass it off as something else
    reading     the receiver's judgement: whose is it, is it whole, is it new, is it in its place?
    keyring     all of it together, as one device uses it
    media       files of any size, whose key travels inside a message

Nothing cryptographic is made by hand: the ratchets are `vodozemac`'s, signatures are verified and files
encrypted with PyNaCl (libsodium). What is added here is what a ratchet cannot know: users, devices,
conversations and the server's order. All trouble is a `errors.Rejected`.
"""

from .encoding import canonical
from .errors import Rejected, Tampered, UnknownSession, WronglySigned
from .keyring import Keyring
from .media import FileKey, open_file, seal_file
from .reading import Shown
from .signing import Address, Peer, SignedKey, verified_key, verified_peer

__all__ = [
    "Address",
    "FileKey",
    "Keyring",
    "Peer",
    "Rejected",
    "Shown",
    "SignedKey",
    "Tampered",
    "UnknownSession",
    "WronglySigned",
    "canonical",
    "open_file",
    "seal_file",
    "verified_key",
    "verified_peer",
]
