-- What the ledger has to know of others: which one it is itself, what mana-auth has acknowledged, who else delivers.

-- Part of every turn's id, so that two ledgers on one mana-auth never send rows of the same ids.
CREATE TABLE identity (id TEXT NOT NULL) STRICT;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));

-- Turns whose activity mana-auth has acknowledged, in the order in which it did. Times cannot tell what came first.
CREATE TABLE acknowledged (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    turn    TEXT NOT NULL UNIQUE REFERENCES turns (id) ON DELETE CASCADE,
    persona TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

CREATE INDEX acknowledged_by_persona ON acknowledged (persona, number);

INSERT OR IGNORE INTO acknowledged (turn, persona, at)
    SELECT turn, turns.persona, coalesce(delivered_at, next_try_at) FROM outbox JOIN turns ON turns.id = outbox.turn
    WHERE outbox.state = 'delivered' AND part IN ('actions', 'marker') ORDER BY seq;

-- Only rows of actions make mana-auth move a persona's last activity.
CREATE TRIGGER activity_acknowledged AFTER UPDATE OF state ON outbox
WHEN new.state = 'delivered' AND new.part IN ('actions', 'marker')
BEGIN
    INSERT OR IGNORE INTO acknowledged (turn, persona, at)
        SELECT new.turn, persona, coalesce(new.delivered_at, new.next_try_at) FROM turns WHERE id = new.turn;
END;

-- Last activities that no turn of this ledger made; each is told once.
CREATE TABLE foreign_activity (
    persona        TEXT NOT NULL,
    email          TEXT NOT NULL,
    last_active_at INTEGER NOT NULL,
    ours           INTEGER NOT NULL,
    noticed_at     INTEGER NOT NULL,
    PRIMARY KEY (persona, last_active_at)
) STRICT;

-- When somebody last said that a persona is not to be kept back any longer.
CREATE TABLE releases (email TEXT PRIMARY KEY NOT NULL, at INTEGER NOT NULL) STRICT;
