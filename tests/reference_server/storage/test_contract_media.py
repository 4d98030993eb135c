"""What every store keeps of media: assets, who sees them, orphans, resumable uploads."""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from reference_server.core import log
from reference_server.core.model import Asset, Conversation, MediaBody, Upload
from reference_server.storage.base import Commands, Store

from .making import ALICE, NOW, committed, group, join, people, remove


def asset(asset_id: str, owner_id: str = "alice", created_at: int = NOW) -> Asset:
    """An asset whose bytes are its name."""
    return Asset(
        asset_id=asset_id,
        owner_id=owner_id,
        media_type="image/png",
        size=3,
        sha256=sha256(asset_id.encode()).digest(),
        created_at=created_at,
    )


def show(commands: Commands, conversation: Conversation, asset_id: str) -> Conversation:
    """Alice sends an asset."""
    change = log.append(conversation, ALICE, MediaBody(asset_id), NOW)
    commands.append(change.conversation, change.entries[0], None)
    return change.conversation


def test_an_asset_is_kept_as_it_is(store: Store) -> None:
    """And its blob counts as needed."""
    with committed(store) as commands:
        commands.add_asset(asset("a1"))
    with store.reading() as queries:
        assert queries.asset("a1") == asset("a1")
        assert queries.asset("a2") is None
        assert queries.keeps_blob(asset("a1").sha256)
        assert not queries.keeps_blob(asset("a2").sha256)


def test_who_sees_an_entry_sees_its_asset(store: Store) -> None:
    """Members from their joining to their leaving; nobody else, and nobody before it is sent."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol", "dave")
        for name in ("early", "late", "unsent"):
            commands.add_asset(asset(name))
        team = show(commands, group(commands, "team", "bob"), "early")
        team = remove(commands, team, "bob")
        team = join(commands, team, "carol")
        show(commands, team, "late")
    with store.reading() as queries:
        seen = {
            user_id: [
                name for name in ("early", "late", "unsent") if queries.sees_asset(name, user_id)
            ]
            for user_id in ("alice", "bob", "carol", "dave")
        }
    assert seen == {"alice": ["early", "late"], "bob": ["early"], "carol": ["late"], "dave": []}


def test_an_asset_may_be_sent_many_times(store: Store) -> None:
    """In one conversation and in several."""
    with committed(store) as commands:
        people(commands, "alice", "bob", "carol")
        commands.add_asset(asset("a1"))
        team = show(commands, group(commands, "team", "bob"), "a1")
        show(commands, team, "a1")
        show(commands, group(commands, "other", "carol"), "a1")
    with store.reading() as queries:
        assert all(queries.sees_asset("a1", user_id) for user_id in ("bob", "carol"))


def test_orphans_are_old_and_were_never_sent(store: Store) -> None:
    """No more of them than asked for at once."""
    with committed(store) as commands:
        people(commands, "alice", "bob")
        for name in ("sent", "orphan", "other"):
            commands.add_asset(asset(name))
        commands.add_asset(asset("fresh", created_at=NOW + 1))
        show(commands, group(commands, "team", "bob"), "sent")
    with committed(store) as commands:
        assert [commands.remove_orphans(NOW + 1, 1) for _ in range(3)] == [1, 1, 0]
    with store.reading() as queries:
        kept = [name for name in ("sent", "orphan", "other", "fresh") if queries.asset(name)]
    assert kept == ["sent", "fresh"]


def resumable(upload_id: str, expires_at: int = NOW + 5) -> Upload:
    """An upload of alice's."""
    return Upload(
        upload_id=upload_id,
        owner_id="alice",
        media_type="video/mp4",
        metadata="filetype dmlkZW8vbXA0",
        size=5,
        expires_at=expires_at,
        asset_id=None,
    )


def test_an_upload_is_kept_until_it_is_removed(store: Store) -> None:
    """With the asset that it becomes."""
    with committed(store) as commands:
        for name in ("u1", "u2"):
            commands.add_upload(resumable(name))
        commands.finish_upload("u1", "a1")
        commands.remove_upload("u2")
    with store.reading() as queries:
        assert queries.upload("u1") == replace(resumable("u1"), asset_id="a1")
        assert queries.upload("u2") is None


def test_uploads_that_expired_are_removed(store: Store) -> None:
    """Those up to the moment asked for."""
    with committed(store) as commands:
        for age in (1, 2, 3):
            commands.add_upload(resumable(f"u{age}", expires_at=NOW + age))
        assert [commands.remove_uploads(NOW + 2, 1) for _ in range(3)] == [1, 1, 0]
    with store.reading() as queries:
        assert [name for name in ("u1", "u2", "u3") if queries.upload(name)] == ["u3"]
