"""TLS for the listener: the operator's certificate, and what the `ssl` module takes for safe today."""

from __future__ import annotations

import ssl
from pathlib import Path


class CertificateUnusable(Exception):
    """The certificate or its key cannot be used. The text is a sentence for the operator."""


def context(certfile: Path, keyfile: Path | None) -> ssl.SSLContext:
    """A server's context: TLS 1.2 and up, HTTP/1.1.

    `certfile` is the chain in PEM, the server's own first; without a `keyfile` it holds the key, too.
    Raises `CertificateUnusable`.
    """
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    named, wanted = (
        f"{certfile}",
        "it must be PEM and hold the key, too, unless --keyfile names that",
    )
    if keyfile is not None:
        named, wanted = f"{named} with the key {keyfile}", "both must be PEM and belong together"
    try:
        made.load_cert_chain(certfile, keyfile)
    except ssl.SSLError:  # it says only where in its own code that was found
        raise CertificateUnusable(f"the certificate {named} cannot be used: {wanted}") from None
    except OSError as error:
        raise CertificateUnusable(
            f"the certificate {named} cannot be read: {error.strerror}"
        ) from None
    return made
