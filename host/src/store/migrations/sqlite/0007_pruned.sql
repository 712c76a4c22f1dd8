-- What is old can go without what it cost going with it, and nothing is left to the database's own programs: the same
-- statements write to SQLite and to PostgreSQL.

DROP TRIGGER usage_of_answer;
DROP TRIGGER activity_acknowledged;

-- What each answered model call used outlasts the step that it was booked with.
CREATE TABLE usage_of_calls (
    step           INTEGER PRIMARY KEY,
    turn           TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    attempt        INTEGER NOT NULL,
    key            TEXT NOT NULL,
    phase          TEXT NOT NULL,
    model          TEXT NOT NULL,
    input          INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cost           INTEGER,
    price_table    TEXT NOT NULL
) STRICT;

INSERT INTO usage_of_calls
    SELECT step, usage.turn, steps.attempt, steps.key, phase, model, input, output, cache_write_5m, cache_write_1h,
        cache_read, cost, price_table
    FROM usage JOIN steps ON steps.seq = usage.step;
DROP TABLE usage;
ALTER TABLE usage_of_calls RENAME TO usage;
CREATE INDEX usage_by_turn ON usage (turn);

-- Since when its steps, its context and its deliveries are gone (`store.keep`).
ALTER TABLE turns ADD COLUMN pruned_at INTEGER;
CREATE INDEX turns_to_prune ON turns (ended_at) WHERE pruned_at IS NULL;

CREATE INDEX problems_by_turn ON problems (turn);
