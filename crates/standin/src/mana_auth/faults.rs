//! What can be made to go wrong in mana-auth, for those who test its clients.

/// For each kind of request, how many of the next ones go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Sign-ins, of either form, that are answered 503.
    pub sign_ins: u32,
    /// Questions who is due that are answered 503.
    pub due_lists: u32,
    /// Questions for spaces at which the session that asks has just ended.
    pub sessions: u32,
    /// Deliveries of actions or feedback that are answered 503, and not kept.
    pub deliveries: u32,
    /// Deliveries that are kept, but answered 502: as if the answer had been lost on its way.
    pub lost_answers: u32,
}
