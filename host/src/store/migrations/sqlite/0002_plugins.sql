-- What a plugin was given in a turn, so that another build can be asked the same later (replay).

-- In what capacity the generation served the turn: live, canary, previous or built-in.
ALTER TABLE turns ADD COLUMN served_as TEXT;

-- The tools of one server are the same for most turns: kept once, by the digest of the list.
CREATE TABLE tool_lists (
    sha256 TEXT PRIMARY KEY NOT NULL,
    tools  TEXT NOT NULL
) STRICT;

CREATE TABLE contexts (
    turn    TEXT PRIMARY KEY NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    persona TEXT NOT NULL,
    -- Without its tools.
    context TEXT NOT NULL,
    tools   TEXT NOT NULL REFERENCES tool_lists (sha256)
) STRICT;
