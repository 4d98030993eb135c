"""The error catalogue (Messenger API §11) as a tree of exceptions.

Each class is one wire code and knows its HTTP status, so every layer raises them and only the
transports turn them into a problem document or a `failed`/`error` frame::

    ApiError
    ├── BadRequest (400)       malformed, invalid_limit, invalid_cursor, invalid_encoding
    ├── Unauthorized (401)     unauthorized, bad_credentials
    ├── Forbidden (403)        not_permitted, not_sender, not_a_member, blocked
    ├── NotFound (404)         not_found, unknown_user, unknown_device, unknown_conversation, …
    ├── Conflict (409)         user_exists, idempotency_conflict, device_list_stale, …
    ├── Unprocessable (422)    invalid_request, invalid_body, weak_password, out_of_range, …
    └── the rest               method_not_allowed, message_too_large, upgrade_required, rate_limited, …
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import Struct


class Pointed(Struct, frozen=True):
    """One place of an invalid input: an RFC 6901 pointer and what is wrong there."""

    pointer: str
    detail: str


class ApiError(Exception):
    """A refusal with a stable code. `extra` are further members of the problem (RFC 9457)."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False

    def __init__(
        self, detail: str | None = None, *, errors: Sequence[Pointed] = (), **extra: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)
        self.extra = extra


class Internal(ApiError):
    """Always a bug of the server."""


class BadRequest(ApiError):
    """400."""

    status = 400


class Malformed(BadRequest):
    """The body is not JSON as §1 wants it."""

    code, title = "malformed", "The body is not valid JSON"


class InvalidLimit(BadRequest):
    """A page limit out of range."""

    code, title = "invalid_limit", "The page limit is not valid"


class InvalidCursor(BadRequest):
    """A page cursor that this server did not give for this place."""

    code, title = "invalid_cursor", "The page cursor is not valid"


class InvalidEncoding(BadRequest):
    """An encoding of the realtime channel that is not offered."""

    code, title = "invalid_encoding", "The encoding is not known"


class Unauthorized(ApiError):
    """401: no token, or one that is not (or no longer) valid."""

    status, code, title = 401, "unauthorized", "A valid token is needed"


class BadCredentials(Unauthorized):
    """401: unknown user or wrong password, not told which."""

    code, title = "bad_credentials", "User id or password is wrong"


class Forbidden(ApiError):
    """403."""

    status = 403


class NotPermitted(Forbidden):
    """The member's role does not allow it."""

    code, title = "not_permitted", "This is not permitted"


class NotSender(Forbidden):
    """Only the sender may ask for a message's status."""

    code, title = "not_sender", "Only the sender can ask for this"


class NotAMember(Forbidden):
    """A former member wants to change or send."""

    code, title = "not_a_member", "You are no longer a member"


class Blocked(Forbidden):
    """One of the two in a direct conversation has blocked the other."""

    code, title = "blocked", "One of you has blocked the other"


class NotFound(ApiError):
    """404: no such path."""

    status, code, title = 404, "not_found", "There is nothing at this path"


class UnknownUser(NotFound):
    """No such user, or not one of this conversation."""

    code, title = "unknown_user", "The user is not known"


class UnknownDevice(NotFound):
    """No such device of one's own."""

    code, title = "unknown_device", "The device is not known"


class UnknownConversation(NotFound):
    """No such conversation, or none that the asker is in: existence is not told."""

    code, title = "unknown_conversation", "The conversation is not known"


class UnknownMessage(NotFound):
    """No such message that the asker can see."""

    code, title = "unknown_message", "The message is not known"


class UnknownAsset(NotFound):
    """No such asset that the asker can read: existence is not told."""

    code, title = "unknown_asset", "The asset is not known"


class UnknownUpload(NotFound):
    """No such upload of one's own."""

    code, title = "unknown_upload", "The upload is not known"


class MethodNotAllowed(ApiError):
    """405."""

    status, code, title = 405, "method_not_allowed", "The method is not allowed here"


class Conflict(ApiError):
    """409."""

    status = 409


class UserExists(Conflict):
    """The user id is taken."""

    code, title = "user_exists", "The user id is taken"


class IdempotencyConflict(Conflict):
    """A known client_message_id or Idempotency-Key with another content."""

    code, title = "idempotency_conflict", "The same key was used with another content"


class EncryptionMismatch(Conflict):
    """The direct conversation exists with the other encryption setting."""

    code, title = "encryption_mismatch", "The conversation exists with another encryption setting"


class DeviceListStale(Conflict):
    """An `olm.v1` send that is not encrypted for exactly the members' devices.

    `missing` and `extra` are lists of ``[user_id, device_id]``.
    """

    code, title = "device_list_stale", "The ciphertexts are not those of the members' devices"


class OffsetMismatch(Conflict):
    """A piece of an upload that does not begin where the last one ended."""

    code, title = "offset_mismatch", "The upload is at another offset"


class UploadExpired(ApiError):
    """410: an upload that was not finished in time."""

    status, code, title = 410, "upload_expired", "The upload has expired"


class LengthRequired(ApiError):
    """411: an upload has to tell its length when it is created."""

    status, code, title = 411, "length_required", "The Upload-Length is missing"


class UnsupportedTusVersion(ApiError):
    """412: a request about an upload in another version of tus, or in none."""

    status, code, title = 412, "unsupported_tus_version", "The tus version is not supported"


class ChecksumMismatch(ApiError):
    """460: a piece of an upload whose bytes are not the promised ones; it was dropped."""

    status, code, title = 460, "checksum_mismatch", "The checksum does not match"


class MessageTooLarge(ApiError):
    """413."""

    status, code, title = 413, "message_too_large", "The request is too large"


class AssetTooLarge(ApiError):
    """413: an asset of more than `max_asset_bytes`."""

    status, code, title = 413, "asset_too_large", "The asset is too large"


class UnsupportedMediaType(ApiError):
    """415: a media type that is not taken."""

    status, code, title = 415, "unsupported_media_type", "The media type is not allowed"


class RangeNotSatisfiable(ApiError):
    """416: the range lies beyond the end."""

    status, code, title = 416, "range_not_satisfiable", "There is nothing in this range"


class Unprocessable(ApiError):
    """422."""

    status = 422


class InvalidRequest(Unprocessable):
    """A field is missing or has a wrong type or value; `errors` point at it."""

    code, title = "invalid_request", "The request is not valid"


class InvalidBody(Unprocessable):
    """A message body that is not one of the allowed kinds, or too long."""

    code, title = "invalid_body", "The message body is not valid"


class PlaintextRejected(Unprocessable):
    """Something that is not encrypted was sent to an encrypted conversation."""

    code, title = "plaintext_rejected", "The conversation is encrypted, and this is not"


class BadSignature(Unprocessable):
    """A key is not signed by the device that it is said to be of."""

    code, title = "bad_signature", "The signature is not this device's over this key"


class WeakPassword(Unprocessable):
    """Under eight characters."""

    code, title = "weak_password", "The password is too short"


class DigestMismatch(Unprocessable):
    """The bytes are not those that `Content-Digest` promised, or it is malformed."""

    code, title = "digest_mismatch", "The digest does not match"


class MediaTypeMismatch(Unprocessable):
    """The bytes are not what their media type claims."""

    code, title = "media_type_mismatch", "The bytes are not of this media type"


class OutOfRange(Unprocessable):
    """A watermark above the highest visible seq."""

    code, title = "out_of_range", "The seq is above the highest visible one"


class UnknownTarget(Unprocessable):
    """`relates_to` names no entry that it can relate to."""

    code, title = "unknown_target", "There is no such message to relate to"


class TooManyMembers(Unprocessable):
    """A group would grow over its limit."""

    code, title = "too_many_members", "The group would have too many members"


class TooManyDevices(Unprocessable):
    """A user would have more devices than allowed."""

    code, title = "too_many_devices", "The user has too many devices"


class UpgradeRequired(ApiError):
    """426: the realtime channel was asked for without a WebSocket upgrade."""

    status, code, title = 426, "upgrade_required", "This path is a WebSocket"


class HeadersTooLarge(ApiError):
    """431: a request head over the limit."""

    status, code, title = 431, "headers_too_large", "Request Header Fields Too Large"


class RateLimited(ApiError):
    """429: too much in too short a time; `retry_after_ms` says when it works again."""

    status, code, title = 429, "rate_limited", "Too much in too short a time"
    retryable = True


class Unavailable(ApiError):
    """503: the store is in trouble; nothing was changed, trying again is safe."""

    status, code, title = 503, "unavailable", "The server cannot do this at the moment"
    retryable = True


def pointed(
    cls: type[InvalidRequest | InvalidBody | BadSignature], pointer: str, detail: str
) -> ApiError:
    """An error of `cls` about the one place `pointer`."""
    return cls(detail, errors=[Pointed(pointer, detail)])
