"""Secrets in the server's own files are found, once each, whichever file they are in."""

from __future__ import annotations

from pathlib import Path

from conformance.history import History, Planted
from conformance.vault import Vault


def planted(*secrets: str) -> History:
    """The history of a scenario with these secrets."""
    history = History()
    for secret in secrets:
        history.add(Planted(secret=secret, what=f"the secret {secret}"))
    return history


def vault(folder: Path) -> Vault:
    """A vault that knows the secrets of two scenarios."""
    made = Vault(folder)
    made.remember("a.one", planted("canaryone", "AgAAAAkey/of/one"))
    made.remember("a.two", planted("canarytwo"))
    return made


def test_files_without_secrets_are_fine(tmp_path: Path) -> None:
    """Nothing is said of them, nor of a folder that is gone."""
    (tmp_path / "messages.db").write_bytes(b"ciphertext canary AgAAAA")
    assert list(vault(tmp_path).search()) == []
    assert list(vault(tmp_path / "gone").search()) == []


def test_a_secret_is_told_with_its_scenario_and_the_file(tmp_path: Path) -> None:
    """Once for each file, however often it is there, encoded or not."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "messages.db-wal").write_bytes(
        b"\0canaryone\0canaryone" + b"canaryone".hex().encode()
    )
    (tmp_path / "blobs" / "b1").write_bytes(b"x" * 70_000 + b"AgAAAAkey/of/one" + b"canarytwo")
    found = [(name, finding.message) for name, finding in vault(tmp_path).search()]
    assert sorted(found) == [
        ("a.one", "The server's file b1 holds the secret AgAAAAkey/of/one, as it is."),
        ("a.one", "The server's file messages.db-wal holds the secret canaryone, as it is."),
        ("a.two", "The server's file b1 holds the secret canarytwo, as it is."),
    ]
    assert {requirement for _, f in vault(tmp_path).search() for requirement in f.requirements} == {
        "ENC-9"
    }


def test_without_secrets_no_file_is_read(tmp_path: Path) -> None:
    """A run without encryption does not pay for it."""
    (tmp_path / "messages.db").write_bytes(b"canary")
    assert list(Vault(tmp_path).search()) == []
