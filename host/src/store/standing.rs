//! How turns are told to stand, in SQL: the words of [`domain::state`], of a row of `turns`, by what the ledger knows.

/// How its latest attempt ended, or that it runs.
pub(super) const OUTCOME: &str =
    "(CASE WHEN turns.stopped = 1 AND turns.state = 'faulted' THEN 'stopped' ELSE turns.state END)";

/// Since when its persona is paused, or everybody, if so.
pub(super) const PAUSED_SINCE: &str =
    "(SELECT min(since) FROM pauses WHERE pauses.email IN ('', turns.email))";

/// How it stands.
pub(super) const STATE: &str = "(CASE WHEN turns.state = 'running' THEN 'running'
    WHEN turns.parked_at IS NOT NULL THEN 'parked'
    WHEN turns.held_until IS NOT NULL AND EXISTS (SELECT 1 FROM pauses WHERE pauses.email IN ('', turns.email)) THEN 'paused'
    WHEN turns.stopped = 1 AND turns.state = 'faulted' AND (turns.held_until IS NULL OR turns.held_until <= turns.ended_at)
        THEN 'stopped'
    WHEN turns.held_until IS NOT NULL THEN 'held'
    ELSE turns.state END)";
