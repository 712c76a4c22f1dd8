-- The ledger. Times are milliseconds since the Unix epoch; JSON is text; money is billionths of a dollar.

CREATE TABLE turns (
    id             TEXT PRIMARY KEY NOT NULL,
    persona        TEXT NOT NULL,
    email          TEXT NOT NULL,
    archetype      TEXT NOT NULL,
    slot           TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('running', 'completed', 'idle', 'skipped', 'faulted')),
    -- How often it was begun, and until when it is held back after a fault.
    attempt        INTEGER NOT NULL,
    held_until     INTEGER,
    started_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    -- What served it; null until the stage `assign` is through.
    strategy       TEXT,
    settings       TEXT,
    settings_hash  TEXT,
    plugin         TEXT,
    plugin_version TEXT,
    generation     INTEGER,
    plugin_sha256  TEXT,
    model          TEXT,
    -- What came of it.
    stop_reason    TEXT,
    final_text     TEXT,
    skip_reason    TEXT,
    fault_stage    TEXT,
    fault_code     TEXT,
    fault_message  TEXT,
    fault_hint     TEXT,
    UNIQUE (persona, slot)
) STRICT;

CREATE INDEX turns_by_start ON turns (started_at DESC);
-- Looked through at each tick, and nearly always empty.
CREATE INDEX turns_running ON turns (state) WHERE state = 'running';
CREATE INDEX turns_by_email ON turns (email, started_at DESC);

-- The journal: each paid call and each tool call, intent before, result after.
CREATE TABLE steps (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    turn     TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    attempt  INTEGER NOT NULL,
    key      TEXT NOT NULL,
    intent   TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    result   TEXT,
    failure  TEXT,
    ended_at INTEGER,
    UNIQUE (turn, attempt, key)
) STRICT;

-- What each answered model call used; cost is null when the model's price is not known.
CREATE TABLE usage (
    step           INTEGER PRIMARY KEY REFERENCES steps (seq) ON DELETE CASCADE,
    turn           TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
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

CREATE INDEX usage_by_turn ON usage (turn);

-- A step whose result has usage is an answered model call: it is journaled and booked by one statement,
-- so that neither can be had without the other.
CREATE TRIGGER usage_of_answer AFTER UPDATE OF result ON steps
WHEN new.result ->> '$.usage' IS NOT NULL AND new.key NOT LIKE '%/%/%'
BEGIN
    INSERT INTO usage (step, turn, phase, model, input, output, cache_write_5m, cache_write_1h, cache_read,
                       cost, price_table)
    VALUES (new.seq, new.turn, substr(new.key, 1, instr(new.key, '/') - 1), new.result ->> '$.model',
            new.result ->> '$.usage.input', new.result ->> '$.usage.output',
            new.result ->> '$.usage.cache_write_5m', new.result ->> '$.usage.cache_write_1h',
            new.result ->> '$.usage.cache_read', new.result ->> '$.cost', new.result ->> '$.price_table');
END;

CREATE TABLE actions (
    turn       TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    tool       TEXT NOT NULL,
    module     TEXT NOT NULL,
    input      TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('ok', 'error', 'unknown')),
    error      TEXT,
    latency_ms INTEGER,
    PRIMARY KEY (turn, position)
) STRICT;

CREATE TABLE ratings (
    turn   TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    module TEXT NOT NULL,
    score  INTEGER NOT NULL CHECK (score BETWEEN 1 AND 5),
    notes  TEXT,
    PRIMARY KEY (turn, module)
) STRICT;

-- What a plugin, or a check of the host, had to say about the turn.
CREATE TABLE problems (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    turn     TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    stage    TEXT NOT NULL,
    severity TEXT NOT NULL,
    path     TEXT,
    message  TEXT NOT NULL
) STRICT;

-- Deliveries to mana-auth, written in the transaction that keeps what they carry.
CREATE TABLE outbox (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    turn          TEXT NOT NULL REFERENCES turns (id),
    -- `actions`, `feedback-1`, `feedback-2`, …: a turn has each at most once.
    part          TEXT NOT NULL,
    delivery      TEXT NOT NULL,
    state         TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'refused')),
    tries         INTEGER NOT NULL DEFAULT 0,
    next_try_at   INTEGER NOT NULL,
    delivered_at  INTEGER,
    last_error    TEXT,
    UNIQUE (turn, part)
) STRICT;

CREATE INDEX outbox_waiting ON outbox (next_try_at) WHERE state = 'waiting';

-- What parse-rating returned to remember, for the persona's next turn under the same strategy.
CREATE TABLE memories (
    persona  TEXT NOT NULL,
    strategy TEXT NOT NULL,
    memory   TEXT NOT NULL,
    turn     TEXT NOT NULL REFERENCES turns (id),
    PRIMARY KEY (persona, strategy)
) STRICT;
