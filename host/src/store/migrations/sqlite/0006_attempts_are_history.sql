-- Turns go on where they were left: each attempt is history, and what the next one needs is kept.

CREATE TABLE attempts (
    turn          TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    -- From 1.
    number        INTEGER NOT NULL,
    begun_at      INTEGER NOT NULL,
    -- Null while it runs, like all that follows.
    ended_at      INTEGER,
    state         TEXT CHECK (state IN ('completed', 'idle', 'skipped', 'faulted')),
    skip_reason   TEXT,
    fault_stage   TEXT,
    fault_code    TEXT,
    fault_message TEXT,
    fault_hint    TEXT,
    PRIMARY KEY (turn, number)
) STRICT;

CREATE INDEX attempts_faulted ON attempts (ended_at DESC) WHERE state = 'faulted';

-- Of earlier turns only the last attempt is known.
INSERT INTO attempts
    SELECT id, attempt, started_at, ended_at, nullif(state, 'running'), skip_reason,
        fault_stage, fault_code, fault_message, fault_hint
    FROM turns;

-- How its attempts ended since it was begun or let go on, and since when it is parked.
ALTER TABLE turns ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN parked_at INTEGER;
-- Its day in the app is over, and what it did there is kept.
ALTER TABLE turns ADD COLUMN day_over INTEGER NOT NULL DEFAULT 0;

UPDATE turns SET day_over = 1 WHERE stop_reason IS NOT NULL AND stop_reason != 'fault';

-- A persona does one thing at a time: asked whenever a turn is begun. (Not unique: an older version may have left two
-- of them running.)
CREATE INDEX turns_running_by_persona ON turns (persona) WHERE state = 'running';
CREATE INDEX turns_held ON turns (held_until) WHERE held_until IS NOT NULL;
CREATE INDEX turns_parked ON turns (parked_at) WHERE parked_at IS NOT NULL;

-- It failed, and was surely not carried out.
ALTER TABLE steps ADD COLUMN undone INTEGER NOT NULL DEFAULT 0;

-- The tools as the model was told of them: kept once, by the digest of the list.
CREATE TABLE tool_definitions (
    sha256 TEXT PRIMARY KEY NOT NULL,
    tools  TEXT NOT NULL
) STRICT;

ALTER TABLE contexts ADD COLUMN definitions TEXT REFERENCES tool_definitions (sha256);

-- A turn that was parked and let go on delivers its actions a second time, with those that have come since.
DROP TRIGGER activity_acknowledged;
CREATE TRIGGER activity_acknowledged AFTER UPDATE OF state ON outbox
WHEN new.state = 'delivered' AND (new.part IN ('actions', 'marker') OR new.part LIKE 'actions-%')
BEGIN
    INSERT OR IGNORE INTO acknowledged (turn, persona, at)
        SELECT new.turn, persona, coalesce(new.delivered_at, new.next_try_at) FROM turns WHERE id = new.turn;
END;
