-- What turns spent, added up turn by turn and model by model: costs are told from these rows, and need not look at each
-- call. They are written with each call that is booked.
CREATE TABLE spent (
    turn       TEXT COLLATE "C" NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    model      TEXT COLLATE "C" NOT NULL,
    -- As the turn has them.
    email      TEXT COLLATE "C" NOT NULL,
    strategy   TEXT COLLATE "C",
    started_at BIGINT NOT NULL,
    -- The experiment and the arm, as `experiment/arm`.
    arm        TEXT COLLATE "C",
    -- Of the rows of a turn one counts as the turn.
    is_first   BIGINT NOT NULL,
    calls      BIGINT NOT NULL,
    -- How many of them have no price.
    unpriced   BIGINT NOT NULL,
    cost       BIGINT,
    input      BIGINT NOT NULL,
    output     BIGINT NOT NULL,
    to_cache   BIGINT NOT NULL,
    from_cache BIGINT NOT NULL,
    PRIMARY KEY (turn, model)
);

INSERT INTO spent (turn, model, email, strategy, started_at, arm, is_first, calls, unpriced, cost, input, output, to_cache, from_cache)
    SELECT turns.id, usage.model, turns.email, turns.strategy, turns.started_at,
        (SELECT experiment || '/' || arm FROM assignments WHERE assignments.turn = turns.id),
        CASE WHEN usage.model = (SELECT min(own.model) FROM usage AS own WHERE own.turn = turns.id) THEN 1 ELSE 0 END,
        count(*), count(*) - count(cost),
        CAST(CASE WHEN sum(CAST(cost AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(cost AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(cost AS double precision)) END AS BIGINT),
        CAST(CASE WHEN sum(CAST(input AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(input AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(input AS double precision)) END AS BIGINT),
        CAST(CASE WHEN sum(CAST(output AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(output AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(output AS double precision)) END AS BIGINT),
        CAST(CASE WHEN sum(CAST(cache_write_5m AS double precision) + CAST(cache_write_1h AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(cache_write_5m AS double precision) + CAST(cache_write_1h AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(cache_write_5m AS double precision) + CAST(cache_write_1h AS double precision)) END AS BIGINT),
        CAST(CASE WHEN sum(CAST(cache_read AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(cache_read AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(cache_read AS double precision)) END AS BIGINT)
    FROM usage JOIN turns ON turns.id = usage.turn GROUP BY turns.id, usage.model;

CREATE INDEX spent_by_start ON spent (started_at);

-- The same, added up by persona, by strategy, by arm and by model for each UTC day, and for each quarter of an hour, at which
-- local days begin. They are moved with each row of `spent`: what all turns cost is told without a look at each turn.
CREATE TABLE sums (
    -- `persona`, `strategy`, `arm`, `model` or `day`.
    kind       TEXT COLLATE "C" NOT NULL,
    -- Which one; of days nothing.
    what       TEXT COLLATE "C" NOT NULL,
    -- When the day or the quarter begins.
    since      BIGINT NOT NULL,
    turns      BIGINT NOT NULL,
    calls      BIGINT NOT NULL,
    unpriced   BIGINT NOT NULL,
    cost       BIGINT NOT NULL,
    input      BIGINT NOT NULL,
    output     BIGINT NOT NULL,
    to_cache   BIGINT NOT NULL,
    from_cache BIGINT NOT NULL,
    PRIMARY KEY (kind, what, since)
);

INSERT INTO sums (kind, what, since, turns, calls, unpriced, cost, input, output, to_cache, from_cache)
    SELECT kind, what, since, CAST(sum(turns) AS BIGINT), CAST(sum(calls) AS BIGINT), CAST(sum(unpriced) AS BIGINT),
        CAST(CASE WHEN sum(CAST(cost AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(cost AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(cost AS double precision)) END AS BIGINT),
        CAST(CASE WHEN sum(CAST(input AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(input AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(input AS double precision)) END AS BIGINT),
        CAST(CASE WHEN sum(CAST(output AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(output AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(output AS double precision)) END AS BIGINT),
        CAST(CASE WHEN sum(CAST(to_cache AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(to_cache AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(to_cache AS double precision)) END AS BIGINT),
        CAST(CASE WHEN sum(CAST(from_cache AS double precision)) > 9e18 THEN 9e18 WHEN sum(CAST(from_cache AS double precision)) < -9e18 THEN -9e18 ELSE sum(CAST(from_cache AS double precision)) END AS BIGINT)
    FROM (SELECT 'persona' AS kind, email AS what, started_at / 86400000 * 86400000 AS since, is_first AS turns,
            calls, unpriced, coalesce(cost, 0) AS cost, input, output, to_cache, from_cache FROM spent
        UNION ALL SELECT 'strategy', coalesce(strategy, '–'), started_at / 86400000 * 86400000, is_first,
            calls, unpriced, coalesce(cost, 0), input, output, to_cache, from_cache FROM spent
        UNION ALL SELECT 'arm', arm, started_at / 86400000 * 86400000, is_first,
            calls, unpriced, coalesce(cost, 0), input, output, to_cache, from_cache FROM spent WHERE arm IS NOT NULL
        UNION ALL SELECT 'model', model, started_at / 86400000 * 86400000, 1,
            calls, unpriced, coalesce(cost, 0), input, output, to_cache, from_cache FROM spent
        UNION ALL SELECT 'day', '', started_at / 900000 * 900000, is_first,
            calls, unpriced, coalesce(cost, 0), input, output, to_cache, from_cache FROM spent) AS own
    GROUP BY kind, what, since;

-- Lists by state, and lists of who was under way since some time, in the order in which turns began.
CREATE INDEX turns_by_state ON turns (state, started_at DESC);
CREATE INDEX turns_by_end ON turns (ended_at, started_at);
