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
    try:
        made.load_cert_chain(certfile, keyfile)
    except OSError as error:  # what `ssl` raises are OSErrors, too
        named = f"{certfile}" if keyfile is None else f"{certfile} with the key {keyfile}"
        raise CertificateUnusable(f"the certificate {named} cannot be used: {error}") from None
    return made
