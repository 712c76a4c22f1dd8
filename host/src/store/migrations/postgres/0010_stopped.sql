-- Whether the last attempt, or this one, ended without a failure: a stop, a pause, a wait for everybody or a budget.
ALTER TABLE turns ADD COLUMN stopped BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN stopped BIGINT NOT NULL DEFAULT 0;

UPDATE turns SET stopped = 1 WHERE state = 'faulted'
    AND fault_code IN ('stopping', 'login-stopped', 'claude-away', 'budget-exhausted');
UPDATE attempts SET stopped = 1 WHERE state = 'faulted'
    AND fault_code IN ('stopping', 'login-stopped', 'claude-away', 'budget-exhausted');
-- What a breaker or a cool-down kept back was held by the ledger, too, and longer than they last.
UPDATE turns SET held_until = ended_at WHERE stopped = 1 AND held_until > ended_at;

-- How a pause was asked for (command, http or signal), and why.
ALTER TABLE pauses ADD COLUMN asked_by TEXT;
ALTER TABLE pauses ADD COLUMN reason TEXT;
