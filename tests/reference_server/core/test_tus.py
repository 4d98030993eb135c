"""What tus says in headers."""

from __future__ import annotations

import base64
from hashlib import sha1

import pytest

from reference_server.core import errors, tus
from reference_server.core.errors import ApiError

SHA1 = sha1(b"x", usedforsecurity=False).digest()
TEXT = base64.b64encode(SHA1).decode()


@pytest.mark.parametrize("value", [None, "", "0.2.2", "1.0", "1.0.0, 0.2.2"])
def test_only_one_version_is_spoken(value: str | None) -> None:
    """A request that names none is of none."""
    tus.check_version("1.0.0")
    with pytest.raises(errors.UnsupportedTusVersion):
        tus.check_version(value)


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (None, errors.LengthRequired),
        ("", errors.InvalidRequest),
        ("-1", errors.InvalidRequest),
        ("1e3", errors.InvalidRequest),
        ("٣", errors.InvalidRequest),
        ("9" * 4000, errors.InvalidRequest),
        ("11", errors.AssetTooLarge),
    ],
)
def test_a_length_is_a_number_up_to_the_limit(value: str | None, refusal: type[ApiError]) -> None:
    """Zero and the limit are fine."""
    assert [tus.check_length(good, 10) for good in ("0", "10")] == [0, 10]
    with pytest.raises(refusal):
        tus.check_length(value, 10)


@pytest.mark.parametrize(
    ("value", "media_type"),
    [
        (None, "application/octet-stream"),
        ("", "application/octet-stream"),
        ("filename d29ybGQ=,is_confidential", "application/octet-stream"),
        ("filetype dmlkZW8vbXA0", "video/mp4"),
        ("name dA==, filetype dmlkZW8vbXA0", "video/mp4"),
    ],
)
def test_the_type_is_in_the_metadata(value: str | None, media_type: str) -> None:
    """Among whatever else the client wants to remember."""
    assert tus.check_metadata(value) == media_type


@pytest.mark.parametrize(
    "value",
    ["filetype ?", "filetype ÿ", "filetype /w==", "filetype a", "x" * 5_000, "ÿ YQ==", "a,,b", ","],
)
def test_malformed_metadata_is_refused(value: str) -> None:
    """No base64, no UTF-8, too long; a key that is none, or could not be told again as it came."""
    with pytest.raises(errors.InvalidRequest):
        tus.check_metadata(value)


def test_a_type_that_is_not_allowed_is_refused_at_once() -> None:
    """Before a byte is sent."""
    with pytest.raises(errors.UnsupportedMediaType):
        tus.check_metadata("filetype dGV4dC9odG1s")


def test_a_checksum_is_an_algorithm_and_a_digest() -> None:
    """None is none."""
    assert tus.check_checksum(None) is None
    assert tus.check_checksum(f"sha1 {TEXT}") == tus.Checksum("sha1", SHA1)


@pytest.mark.parametrize(
    "value", ["", "sha1", f"crc32 {TEXT}", "sha1 ?", "sha1 ÿ", f"sha256 {TEXT}"]
)
def test_other_checksums_are_refused(value: str) -> None:
    """Unknown algorithms, digests of another length."""
    with pytest.raises(errors.Malformed):
        tus.check_checksum(value)
