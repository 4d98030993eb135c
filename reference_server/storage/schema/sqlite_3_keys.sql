-- Schema version 3: what end-to-end encryption needs, keys and the queues between devices.

-- What a device has published: its identity keys, and its fallback key if it has one.
CREATE TABLE device_keys (
    user_id            TEXT NOT NULL,
    device_id          TEXT NOT NULL,
    curve25519         TEXT NOT NULL,
    ed25519            TEXT NOT NULL,
    signature          TEXT NOT NULL,
    fallback_key_id    TEXT,
    fallback_key       TEXT,
    fallback_signature TEXT,
    PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID, STRICT;

-- One-time keys that nobody has been given yet, in the order in which they go.
CREATE TABLE one_time_keys (
    user_id   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    place     INTEGER NOT NULL,
    key_id    TEXT NOT NULL,
    key       TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id, place)
) WITHOUT ROWID, STRICT;

-- The ids of all one-time keys that a device ever uploaded: none of them is taken again (ENC-3).
CREATE TABLE one_time_key_ids (
    user_id   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    key_id    TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id, key_id)
) WITHOUT ROWID, STRICT;

-- How far a device's queue has come, how far it is acknowledged, and how many bytes wait in it.
CREATE TABLE queues (
    user_id      TEXT NOT NULL,
    device_id    TEXT NOT NULL,
    head         INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE queued (
    user_id          TEXT NOT NULL,
    device_id        TEXT NOT NULL,
    position         INTEGER NOT NULL,
    sender_id        TEXT NOT NULL,
    sender_device_id TEXT NOT NULL,
    payload          BLOB NOT NULL,  -- JSON
    PRIMARY KEY (user_id, device_id, position)
) WITHOUT ROWID, STRICT;

-- The `to_device` frames of the last day, by their sender's ids: a repeat is not delivered again.
CREATE TABLE to_device_sends (
    user_id     TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    id          TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    unknown     BLOB NOT NULL,       -- JSON, what it was answered with
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, id)
) WITHOUT ROWID, STRICT;

CREATE INDEX to_device_sends_by_age ON to_device_sends (created_at);
