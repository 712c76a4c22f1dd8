-- Experiments: what was registered, who was assigned what, and what really reached whom.

-- A plan is registered when its first turn is assigned, and does not change under its version.
CREATE TABLE experiments (
    key           TEXT NOT NULL,
    version       INTEGER NOT NULL,
    plan          TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    PRIMARY KEY (key, version)
) STRICT;

-- Who takes part in an experiment that is run at once, as they were when it began.
CREATE TABLE participants (
    experiment TEXT NOT NULL,
    version    INTEGER NOT NULL,
    email      TEXT NOT NULL,
    persona    TEXT NOT NULL,
    PRIMARY KEY (experiment, version, email),
    FOREIGN KEY (experiment, version) REFERENCES experiments (key, version)
) STRICT;

-- A turn's arm. Everything here can be computed again from the plan (the audit does).
CREATE TABLE assignments (
    turn        TEXT PRIMARY KEY NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    experiment  TEXT NOT NULL,
    version     INTEGER NOT NULL,
    persona     TEXT NOT NULL,
    block       INTEGER NOT NULL,
    place       INTEGER NOT NULL,
    arm         TEXT NOT NULL,
    assigned_at INTEGER NOT NULL,
    UNIQUE (experiment, version, persona, block, place),
    FOREIGN KEY (experiment, version) REFERENCES experiments (key, version)
) STRICT;

-- Stretches in which nothing but the arm differed.
CREATE TABLE phases (
    experiment TEXT NOT NULL,
    version    INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    opened_at  INTEGER NOT NULL,
    why        TEXT NOT NULL,
    PRIMARY KEY (experiment, version, number),
    FOREIGN KEY (experiment, version) REFERENCES experiments (key, version)
) STRICT;

-- An arm's prompt was composed for a turn, by its own build: only then was the persona exposed to it.
CREATE TABLE exposures (
    turn           TEXT PRIMARY KEY NOT NULL REFERENCES assignments (turn) ON DELETE CASCADE,
    phase          INTEGER NOT NULL,
    strategy       TEXT NOT NULL,
    plugin         TEXT NOT NULL,
    plugin_sha256  TEXT NOT NULL,
    generation     INTEGER NOT NULL,
    settings_hash  TEXT NOT NULL,
    model          TEXT NOT NULL,
    tools_sha256   TEXT NOT NULL,
    persona_sha256 TEXT NOT NULL,
    exposed_at     INTEGER NOT NULL
) STRICT;
