-- Schema version 4: who has many conversations has them in the order of their activity (`sqlite_order`).

-- As the conversation's `activity`, or `left_activity` of who has left: kept up for such users only.
ALTER TABLE stays ADD COLUMN place INTEGER;

-- Up to which activity a device of such a user has nothing left to be replayed.
ALTER TABLE devices ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;

UPDATE stays SET place = coalesce(left_activity,
    (SELECT activity FROM conversations c WHERE c.conversation_id = stays.conversation_id))
WHERE latest = 1 AND user_id IN
    (SELECT user_id FROM stays WHERE latest = 1 GROUP BY user_id HAVING count(*) >= 200);

CREATE INDEX stays_in_order ON stays (user_id, place) WHERE place IS NOT NULL;
CREATE INDEX stays_to_move ON stays (conversation_id) WHERE place IS NOT NULL AND left_seq IS NULL;
