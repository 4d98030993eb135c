"""What the verbs of media take: files of the engine's own, uploaded and downloaded."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from .nodes import Node, Value


class Upload(Node, frozen=True, kw_only=True):
    """Upload a file of the engine's own. Saves ``{asset_id, media_type, size, sha256, status, headers}``.

    That the answer speaks of the bytes which were sent is checked whatever the scenario asks.
    """

    type: Value | UnsetType = UNSET
    """The media type that it claims, by default ``image/png``. For ``image/png``, ``audio/wav``,
    ``video/mp4`` and ``application/pdf`` the bytes are of that type, for any other they are random."""
    really: Value | UnsetType = UNSET
    """The media type of its bytes, when it is not what it claims."""
    size: Value | UnsetType = UNSET
    """How many bytes, by default 4096."""
    named: Value | UnsetType = UNSET
    """Files of the same name, type and size have the same bytes; without a name each is another."""
    digest: Value | UnsetType = UNSET
    """Promise a SHA-256: ``right`` or ``wrong``, or the text of a ``Content-Digest`` field."""
    chunked: bool = False
    """Do not tell the length in advance."""
    cut_at: Value | UnsetType = UNSET
    """Break off after so many bytes; there is no answer then, and ``{cut: true}`` is saved."""
    via: Literal["post", "tus"] = "post"
    """``tus``: resumably. One that is broken off saves ``{upload, offset, cut: true}``."""
    resume: Value | UnsetType = UNSET
    """With ``tus``: what was saved of the one to go on with; `named`, `type` and `size` as there."""
    encrypted: bool = False
    """Encrypt it first. ``file`` of what is saved is what to say inside an encrypted message:
    ``body: {kind: media, file: $photo.file}``. It is uploaded as ``application/octet-stream``."""


class Download(Node, frozen=True, kw_only=True):
    """Download a file. Saves ``{status, headers, media_type, etag, size, sha256}``.

    That the bytes are those of the asset, or of the part that the answer names, is checked whatever the
    scenario asks. Also 206 and 304 are answers.
    """

    asset: Value | UnsetType = UNSET
    """An asset (``$photo``) or its id."""
    file: Value | UnsetType = UNSET
    """The ``file`` of a decrypted message: download it, open it, and check that it is the one."""
    method: Literal["GET", "HEAD"] = "GET"
    range: Value | UnsetType = UNSET
    """The text of a ``Range`` field."""
    headers: dict[str, Value] = {}
    """Other fields: conditions."""
