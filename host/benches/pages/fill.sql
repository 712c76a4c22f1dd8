-- So many turns of so many personas, the last of which is of now, as many kinds as a house of some months has: one in twenty was begun
-- twice, one in fifty failed for good, a few are held and parked. Everything is computed from a turn's number.
CREATE TEMP TABLE numbered AS
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {turns})
    SELECT n, 'persona-' || (n % {personas}) AS persona, 'persona.p' || (n % {personas}) || '@mana.test' AS email,
        printf('%08x-0000-8000-8000-%012x', n * 2654435761 % 4294967296, n) AS id,
        {now} - ({turns} - n) * {spacing} AS started,
        CASE WHEN n > {turns} - 6 THEN 'held' WHEN n > {turns} - 9 THEN 'parked'
             WHEN n % 50 = 0 THEN 'faulted' WHEN n % 97 = 0 THEN 'idle' WHEN n % 211 = 0 THEN 'skipped' ELSE 'completed' END AS kind,
        CASE n % 3 WHEN 0 THEN 'daily' WHEN 1 THEN 'brief' ELSE 'formal' END AS strategy
    FROM numbers;

INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, held_until, started_at, ended_at, strategy, settings,
        settings_hash, plugin, plugin_version, generation, plugin_sha256, served_as, model, stop_reason, final_text,
        skip_reason, fault_stage, fault_code, fault_message, fault_hint, failures, parked_at, day_over)
    SELECT id, persona, email, 'solo-dev', 'slot ' || n,
        CASE WHEN kind IN ('held', 'parked') THEN 'faulted' ELSE kind END,
        CASE WHEN n % 20 = 0 THEN 2 ELSE 1 END,
        CASE kind WHEN 'held' THEN {now} + 3600000 END, started, started + 40000, strategy, '{}', printf('%064x', n % 3),
        'daily', '1.0.0', 1, printf('%064x', 7), 'live', 'claude-haiku-5-5', 'end_turn', 'a good day',
        CASE kind WHEN 'skipped' THEN 'a holiday' END,
        CASE WHEN kind IN ('faulted', 'held', 'parked') THEN 'tool-loop' END,
        CASE WHEN kind IN ('faulted', 'held', 'parked') THEN 'claude-away' END,
        CASE WHEN kind IN ('faulted', 'held', 'parked') THEN 'Claude does not answer: connection refused' END,
        CASE WHEN kind IN ('faulted', 'held', 'parked') THEN 'look whether it runs' END, 0,
        CASE kind WHEN 'parked' THEN started + 40000 END, kind IN ('completed', 'idle')
    FROM numbered;

INSERT INTO attempts (turn, number, begun_at, ended_at, state, fault_stage, fault_code, fault_message)
    SELECT id, 1, started - 60000, started - 50000, 'faulted', 'sign-in', 'unreachable', 'mana-auth does not answer' FROM numbered WHERE n % 20 = 0
    UNION ALL
    SELECT id, CASE WHEN n % 20 = 0 THEN 2 ELSE 1 END, started, started + 40000,
        CASE WHEN kind IN ('held', 'parked') THEN 'faulted' ELSE kind END,
        CASE WHEN kind IN ('faulted', 'held', 'parked') THEN 'tool-loop' END,
        CASE WHEN kind IN ('faulted', 'held', 'parked') THEN 'claude-away' END,
        CASE WHEN kind IN ('faulted', 'held', 'parked') THEN 'Claude does not answer: connection refused' END FROM numbered;

-- Two openings, five model calls, four tool calls.
CREATE TEMP TABLE kinds (place INTEGER, key TEXT, phase TEXT, called INTEGER);
INSERT INTO kinds VALUES (0, 'main/opening', NULL, 0), (1, 'main/01', 'main', 0), (2, 'main/01/000', NULL, 1), (3, 'main/02', 'main', 0),
    (4, 'main/02/001', NULL, 1), (5, 'main/02/002', NULL, 1), (6, 'main/03', 'main', 0), (7, 'main/03/003', NULL, 1),
    (8, 'main/04', 'main', 0), (9, 'rating/opening', NULL, 0), (10, 'rating/01', 'rating', 0);

INSERT INTO steps (seq, turn, attempt, key, intent, begun_at, result, ended_at)
    SELECT n * 11 + place, id, CASE WHEN n % 20 = 0 THEN 2 ELSE 1 END, key,
        CASE called WHEN 1 THEN '{"id":"c","tool":"todo_create","module":"todo","input":{"title":"buy milk","n":' || n || '}}' ELSE '{}' END,
        started + place * 3500,
        CASE WHEN key LIKE '%opening' THEN '{"system":"' || {text} || '","user":"' || {text} || '","tools":["todo_create"]}'
             WHEN called = 1 THEN '{"text":"created ' || n || '","is_error":false}'
             ELSE '{"text":"' || substr({text}, 1, 300) || '","model":"claude-haiku-5-5","stop_reason":"tool_use","usage":{"input":900,"output":120,"cache_write_5m":0,"cache_write_1h":0,"cache_read":2000},"cost":5100000,"price_table":"2026-11","tool_calls":[]}' END,
        started + place * 3500 + 3000
    FROM numbered, kinds WHERE kind <> 'skipped';

INSERT INTO usage (step, turn, attempt, key, phase, model, input, output, cache_write_5m, cache_write_1h, cache_read, cost, price_table)
    SELECT n * 11 + place, id, CASE WHEN n % 20 = 0 THEN 2 ELSE 1 END, key, phase, 'claude-haiku-5-5', 900, 120, 0, 0, 2000, 5100000 + n % 7, '2026-11'
    FROM numbered, kinds WHERE kind <> 'skipped' AND phase IS NOT NULL;

INSERT INTO actions (turn, position, tool, module, input, status, latency_ms)
    SELECT id, place, 'todo_create', CASE WHEN place < 2 THEN 'todo' ELSE 'notes' END, '{"title":"buy milk"}', CASE WHEN n % 31 = 0 AND place = 3 THEN 'error' ELSE 'ok' END, 40
    FROM numbered, (SELECT 0 AS place UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) WHERE kind <> 'skipped';

INSERT INTO ratings (turn, module, score, notes)
    SELECT id, module, 1 + (n * 7919 + length(module)) % 5, 'it did what it should' FROM numbered, (SELECT 'todo' AS module UNION ALL SELECT 'notes') WHERE kind IN ('completed', 'idle');

INSERT INTO tool_lists VALUES ('tools', '[]');
INSERT INTO contexts (turn, persona, context, tools)
    SELECT id, '{"id":"' || persona || '","email":"' || email || '","archetype":"solo-dev","systemPrompt":"' || {text} || '","moduleMix":[],"cadence":"daily","lastActiveAt":null}',
        '{"turnId":"' || id || '","nowMs":' || started || ',"localDate":"2026-11-29","lastActiveMs":null,"seed":7,"tools":[],"memory":null}', 'tools'
    FROM numbered WHERE kind <> 'skipped';

INSERT INTO outbox (turn, part, delivery, state, tries, next_try_at, delivered_at)
    SELECT id, 'actions', '{}', 'delivered', 1, started, started + 41000 FROM numbered WHERE kind <> 'skipped';
DROP TABLE numbered;
DROP TABLE kinds;

-- In the middle of them, one experiment of forty rounds.
CREATE TEMP TABLE arms AS
    SELECT id, email, started_at, row_number() OVER (PARTITION BY email ORDER BY started_at) - 1 AS own FROM turns;
INSERT INTO assignments (turn, experiment, version, persona, block, place, arm, assigned_at)
    SELECT id, 'tone', 1, email, (own - {first}) / 2, own % 2, CASE own % 2 WHEN 0 THEN 'plain' ELSE 'warm' END, started_at
    FROM arms WHERE own >= {first} AND own < {first} + 80;
INSERT INTO phases VALUES ('tone', 1, 1, (SELECT min(assigned_at) FROM assignments), 'the first turn');
INSERT INTO exposures (turn, phase, strategy, plugin, plugin_sha256, generation, settings_hash, model, tools_sha256, persona_sha256, exposed_at)
    SELECT turn, 1, CASE arm WHEN 'plain' THEN 'daily' ELSE 'brief' END, 'daily', printf('%064x', 7), 1, printf('%064x', 1), 'claude-haiku-5-5', 'tools',
        printf('%064x', 9), assigned_at FROM assignments;
DROP TABLE arms;

INSERT INTO spent (turn, model, email, strategy, started_at, arm, is_first, calls, unpriced, cost, input, output, to_cache, from_cache)
    SELECT turns.id, usage.model, turns.email, turns.strategy, turns.started_at,
        (SELECT experiment || '/' || arm FROM assignments WHERE assignments.turn = turns.id), 1,
        count(*), 0, sum(cost), sum(input), sum(output), 0, sum(cache_read)
    FROM usage JOIN turns ON turns.id = usage.turn GROUP BY turns.id, usage.model;

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
