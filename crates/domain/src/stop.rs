//! Why a day ended, where that is more than that the model was done.

/// A reply named no reason.
pub const MISSING: &str = "missing";
/// As many actions as a turn may have.
pub const MAX_ACTIONS: &str = "max_actions";
/// The budget had no room for another call.
pub const BUDGET_EXHAUSTED: &str = "budget_exhausted";
/// As many rounds as a turn may have.
pub const MAX_ROUNDS: &str = "max_rounds";

/// What was unusual about a day's end, in words for people; nothing, if the model was done.
#[must_use]
pub fn unusual(stop_reason: &str) -> Option<&'static str> {
    Some(match stop_reason {
        // A fault says itself what it was.
        "end_turn" | "stop_sequence" | "fault" => return None,
        "refusal" => "the model declined",
        "max_tokens" => "the reply reached max_tokens",
        "model_context_window_exceeded" => "the model's context window is full",
        "pause_turn" => "the model paused again and again",
        "tool_use" => "the model wanted tools and called none",
        BUDGET_EXHAUSTED => "the budget was used up",
        MAX_ACTIONS => "as many actions as a turn may have",
        MAX_ROUNDS => "as many rounds as the turn may have",
        MISSING => "the last reply gave no stop reason",
        _ => "the last reply gave a stop reason that is not known",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_model_that_was_done_ends_a_day_as_usual() {
        for (stop_reason, is_unusual) in [
            ("end_turn", false),
            ("stop_sequence", false),
            ("fault", false),
            ("refusal", true),
            ("max_tokens", true),
            (MAX_ROUNDS, true),
            (MISSING, true),
            ("a_new_one", true),
            ("", true),
        ] {
            assert_eq!(unusual(stop_reason).is_some(), is_unusual, "{stop_reason}");
        }
    }
}
