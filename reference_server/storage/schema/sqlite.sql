-- The embedded store, schema version 2; later versions are steps of their own. One writer, many readers (WAL).
-- Times are integer milliseconds since the epoch. A conversation's entries lie together in key order,
-- so a page of history is one range of one B-tree, at any depth.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE users (
    user_id       TEXT PRIMARY KEY,
    display_name  TEXT NOT NULL,
    password_hash BLOB NOT NULL,
    created_at    INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE devices (
    user_id      TEXT NOT NULL REFERENCES users,
    device_id    TEXT NOT NULL,
    name         TEXT,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER,
    PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID, STRICT;

-- A device has one session at most: logging in again replaces it. Only the token's hash is kept.
CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    user_id    TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (user_id, device_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE conversations (
    conversation_id TEXT PRIMARY KEY,
    kind            TEXT NOT NULL CHECK (kind IN ('direct', 'group')),
    title           TEXT,
    encrypted       INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    head_seq        INTEGER NOT NULL,
    last_at         INTEGER NOT NULL,
    last_message_seq INTEGER NOT NULL, -- the newest entry that is no edit, delete or reaction
    activity        INTEGER NOT NULL,  -- rises with every entry of any conversation: the order of the list of chats
    pair            TEXT UNIQUE        -- both user ids of a direct conversation, so that there is one (CONV-1)
) WITHOUT ROWID, STRICT;

CREATE TABLE entries (
    conversation_id   TEXT NOT NULL,
    seq               INTEGER NOT NULL,
    sender_id         TEXT,
    sender_device_id  TEXT,
    client_message_id TEXT,
    fingerprint       BLOB,
    created_at        TEXT NOT NULL,
    kind              TEXT NOT NULL,   -- of its body, or edit, delete, reaction
    body              BLOB NOT NULL,   -- JSON
    relates_to        BLOB,            -- JSON
    expires_at        TEXT,
    PRIMARY KEY (conversation_id, seq)
) WITHOUT ROWID, STRICT;

CREATE UNIQUE INDEX entries_by_client_message_id
    ON entries (conversation_id, sender_id, client_message_id) WHERE client_message_id IS NOT NULL;

-- What became of an entry by later edits, deletes and reactions; the newest version is how it stands.
-- Older versions are there only for former members, each of whom sees the one of its last entry.
CREATE TABLE standings (
    conversation_id TEXT NOT NULL,
    target_seq      INTEGER NOT NULL,
    seq             INTEGER NOT NULL,  -- the entry that made it so
    body            BLOB NOT NULL,     -- JSON, of the last edit
    edited_at       TEXT,
    deleted         INTEGER NOT NULL,
    reactions       BLOB NOT NULL,     -- JSON, users by key
    PRIMARY KEY (conversation_id, target_seq, seq)
) WITHOUT ROWID, STRICT;

-- Who has which reaction now: what the counts in standings are kept by.
CREATE TABLE reactions (
    conversation_id TEXT NOT NULL,
    target_seq      INTEGER NOT NULL,
    key             TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    PRIMARY KEY (conversation_id, target_seq, key, user_id)
) WITHOUT ROWID, STRICT;

-- Deadlines that are still to come, in their order.
CREATE TABLE deadlines (
    expires_at      INTEGER NOT NULL,
    conversation_id TEXT NOT NULL,
    seq             INTEGER NOT NULL,
    PRIMARY KEY (expires_at, conversation_id, seq)
) WITHOUT ROWID, STRICT;

-- For whom an entry expired, and when.
CREATE TABLE failures (
    conversation_id TEXT NOT NULL,
    seq             INTEGER NOT NULL,
    user_id         TEXT NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, seq, user_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE blocks (
    blocker TEXT NOT NULL,
    blocked TEXT NOT NULL,
    PRIMARY KEY (blocker, blocked)
) WITHOUT ROWID, STRICT;

-- One row for each stay of a user in a conversation; `latest` marks the newest one.
CREATE TABLE stays (
    conversation_id TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    joined_seq      INTEGER NOT NULL,
    role            TEXT NOT NULL,
    delivered_seq   INTEGER NOT NULL,
    read_seq        INTEGER NOT NULL,
    latest          INTEGER NOT NULL,
    left_seq        INTEGER,           -- the entry that ended it, and how the conversation stood then
    left_title      TEXT,
    left_count      INTEGER,
    left_activity   INTEGER,
    PRIMARY KEY (conversation_id, user_id, joined_seq)
) WITHOUT ROWID, STRICT;

CREATE INDEX stays_by_user ON stays (user_id, conversation_id) WHERE latest = 1;
CREATE INDEX departures ON stays (conversation_id, left_seq) WHERE left_seq IS NOT NULL;

-- How far each device has acknowledged: where its next replay begins.
CREATE TABLE device_marks (
    user_id         TEXT NOT NULL,
    device_id       TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    delivered_seq   INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, conversation_id)
) WITHOUT ROWID, STRICT;

-- When a user's watermark rose: what `delivered_at` and `read_at` of a message are read off.
CREATE TABLE rises (
    conversation_id TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    status          TEXT NOT NULL,
    up_to_seq       INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, user_id, status, up_to_seq)
) WITHOUT ROWID, STRICT;

CREATE TABLE idempotency_keys (
    user_id         TEXT NOT NULL,
    key             TEXT NOT NULL,
    fingerprint     BLOB NOT NULL,
    conversation_id TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) WITHOUT ROWID, STRICT;

-- Uploaded files; their bytes lie beside the database, by their SHA-256. Several assets may share them.
CREATE TABLE assets (
    asset_id   TEXT PRIMARY KEY,
    owner_id   TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size       INTEGER NOT NULL,
    sha256     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE INDEX assets_by_sha256 ON assets (sha256);
CREATE INDEX assets_by_age ON assets (created_at);

-- Which entries brought an asset into a conversation: who can see one of them can read it (AST-2).
CREATE TABLE carried (
    asset_id        TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    seq             INTEGER NOT NULL,
    message_seq     INTEGER NOT NULL,  -- of what an edit edits, else the same: when it goes, so does this
    PRIMARY KEY (asset_id, conversation_id, seq)
) WITHOUT ROWID, STRICT;

-- Resumable uploads. How much of one has arrived is the length of its file and stands nowhere else.
CREATE TABLE uploads (
    upload_id  TEXT PRIMARY KEY,
    owner_id   TEXT NOT NULL,
    media_type TEXT NOT NULL,
    metadata   TEXT,
    size       INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    asset_id   TEXT                    -- what it has become, when it is complete
) WITHOUT ROWID, STRICT;

CREATE INDEX uploads_by_expiry ON uploads (expires_at);
