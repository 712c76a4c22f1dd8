//! One case of the menu: what comes, and what becomes of it.

use std::time::Duration;

use domain::action::Action;
use persona_host::store::Recorded;

use super::Neighbours;
use super::claude::Reply;
use super::porter::{At, Route};
use super::server::Said;

/// So much longer than any limit that a row runs into that only a hang is later.
const WITHIN: Duration = Duration::from_secs(45);
/// What lies in the buffers of two sockets beyond what the program reads.
const IN_BUFFERS: usize = 16 << 20;

/// One case.
#[derive(Default)]
pub(crate) struct Row {
    /// What it shows.
    pub(crate) name: &'static str,
    /// Claude's replies of the main phase, in order; then it is done.
    pub(crate) claude: Vec<Reply>,
    /// Its replies to who asks for ratings, in order; then it rates.
    pub(crate) ratings: Vec<Reply>,
    /// Tools that Claude refuses.
    pub(crate) refused_tools: &'static [&'static str],
    /// What mana-auth says to each kind of question, in order; then what it usually says.
    pub(crate) mana: Vec<(Route, Vec<At>)>,
    /// What the MCP server says to `initialize`, in order; then the usual.
    pub(crate) opening: Vec<Said>,
    /// What it says to `tools/list`, in order; then the usual list.
    pub(crate) tools: Vec<Said>,
    /// What it says to calls, in order; then `done`.
    pub(crate) calls: Vec<Said>,
    /// It concerns everybody for a moment, and comes last.
    pub(crate) is_last: bool,
    /// State, and stop reason or code of the fault.
    end: (&'static str, &'static str),
    /// Tools and what became of the calls.
    did: Vec<(&'static str, &'static str)>,
    /// So many calls were carried out at the server, if that is not the number of actions that are no errors.
    carried_out: Option<usize>,
    /// What Claude is told at some time.
    told: Vec<&'static str>,
    /// What Claude is never told.
    untold: Vec<&'static str>,
    /// What is in the turn's record, which is what an operator is shown.
    recorded: Vec<&'static str>,
    /// The modules were rated.
    is_rated: bool,
    /// A delivery that mana-auth never takes, and why.
    refused: Option<(&'static str, &'static str)>,
    /// Bytes of an answer without measure that are read at most.
    reads: usize,
}

impl Row {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, end: ("completed", "end_turn"), ..Self::default() }
    }

    pub(crate) fn claude(mut self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.claude = replies.into_iter().collect();
        self
    }

    pub(crate) fn ratings(mut self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.ratings = replies.into_iter().collect();
        self
    }

    pub(crate) fn refusing(mut self, tools: &'static [&'static str]) -> Self {
        self.refused_tools = tools;
        self
    }

    pub(crate) fn mana(mut self, route: Route, answers: impl IntoIterator<Item = At>) -> Self {
        self.mana.push((route, answers.into_iter().collect()));
        self
    }

    pub(crate) fn opening(mut self, said: impl IntoIterator<Item = Said>) -> Self {
        self.opening = said.into_iter().collect();
        self
    }

    pub(crate) fn tools(mut self, said: impl IntoIterator<Item = Said>) -> Self {
        self.tools = said.into_iter().collect();
        self
    }

    pub(crate) fn calls(mut self, said: impl IntoIterator<Item = Said>) -> Self {
        self.calls = said.into_iter().collect();
        self
    }

    pub(crate) fn last(mut self) -> Self {
        self.is_last = true;
        self
    }

    /// Whether its turn is to end so.
    pub(super) fn ends_as(&self, outcome: &str) -> bool {
        self.end.0 == outcome
    }

    pub(crate) fn ends(mut self, state: &'static str, reason: &'static str) -> Self {
        self.end = (state, reason);
        self
    }

    pub(crate) fn did(mut self, actions: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        self.did = actions.into_iter().collect();
        self
    }

    pub(crate) fn carried_out(mut self, calls: usize) -> Self {
        self.carried_out = Some(calls);
        self
    }

    pub(crate) fn told(mut self, words: impl IntoIterator<Item = &'static str>) -> Self {
        self.told = words.into_iter().collect();
        self
    }

    pub(crate) fn untold(mut self, words: impl IntoIterator<Item = &'static str>) -> Self {
        self.untold = words.into_iter().collect();
        self
    }

    pub(crate) fn recorded(mut self, words: impl IntoIterator<Item = &'static str>) -> Self {
        self.recorded = words.into_iter().collect();
        self
    }

    pub(crate) fn rated(mut self) -> Self {
        self.is_rated = true;
        self
    }

    pub(crate) fn refused(mut self, part: &'static str, why: &'static str) -> Self {
        self.refused = Some((part, why));
        self
    }

    pub(crate) fn reads(mut self, bytes: usize) -> Self {
        self.reads = bytes;
        self
    }

    /// What is not as it should be. `arrived` is how many rows of actions mana-auth has.
    pub(crate) fn complaints(
        &self,
        place: usize,
        turn: &Recorded,
        arrived: usize,
        neighbours: &Neighbours,
    ) -> Vec<String> {
        let mut complaints = Vec::new();
        complaints.extend(self.of_the_end(turn));
        complaints.extend(self.of_actions(turn, neighbours.bazaar.carried_out(place)));
        complaints.extend(self.of_words(turn, &neighbours.oracle.asked(place)));
        complaints.extend(self.of_deliveries(turn, arrived));
        let refused = neighbours.oracle.refused(place);
        if !refused.is_empty() {
            complaints.push(format!("Claude refused: {refused:?}"));
        }
        let taken = neighbours.meter.taken(place);
        if taken > 0 && (self.reads == 0 || taken > self.reads + IN_BUFFERS) {
            complaints.push(format!("{taken} bytes were taken, and {} are to be read", self.reads));
        }
        complaints.into_iter().map(|what| format!("{}: {what}", self.name)).collect()
    }

    fn of_the_end(&self, turn: &Recorded) -> Vec<String> {
        let mut complaints = Vec::new();
        let summary = &turn.summary;
        let reason = summary.fault_code.as_deref().or(summary.stop_reason.as_deref()).unwrap_or_default();
        let words = summary.fault_message.as_deref().unwrap_or_default();
        if (summary.outcome.as_str(), reason) != self.end {
            complaints.push(format!("ended {} {reason} {words}", summary.outcome));
        }
        if summary.outcome == "faulted" && words.is_empty() {
            complaints.push("the fault has no words".to_owned());
        }
        let scores = summary.ratings.iter().filter(|rating| !rating.module.starts_with("__")).count();
        if self.is_rated && scores == 0 {
            complaints.push(format!("it is not rated: {:?}", summary.ratings));
        }
        let took = turn.attempts.first().and_then(|first| Some(first.ended_at? - first.begun_at));
        if took.and_then(|took| took.to_std().ok()).is_none_or(|took| took > WITHIN) {
            complaints.push(format!("it took {took:?}"));
        }
        complaints
    }

    fn of_actions(&self, turn: &Recorded, carried_out: usize) -> Vec<String> {
        let mut complaints = Vec::new();
        let status = |action: &Action| format!("{:?}", action.status).to_lowercase();
        let did: Vec<_> = turn.actions.iter().map(|action| (action.tool.clone(), status(action))).collect();
        let wanted = self.did.iter().map(|(tool, status)| ((*tool).to_owned(), (*status).to_owned()));
        let wanted: Vec<_> = wanted.collect();
        if did != wanted {
            let why: Vec<_> =
                turn.actions.iter().filter_map(|action| action.error.as_deref()).take(2).collect();
            complaints.push(format!("did {did:?} and not {wanted:?}: {why:?}"));
        }
        let well = did.iter().filter(|(_, status)| status != "error").count();
        if carried_out != self.carried_out.unwrap_or(well) {
            complaints.push(format!("{carried_out} calls were carried out"));
        }
        complaints
    }

    fn of_words(&self, turn: &Recorded, asked: &[String]) -> Vec<String> {
        let mut complaints = Vec::new();
        let contains = |texts: &[String], words: &str| texts.iter().any(|text| text.contains(words));
        for words in self.told.iter().filter(|words| !contains(asked, words)) {
            let said = asked.iter().map(|text| text.split("\"messages\":").last().unwrap_or_default());
            complaints.push(format!("Claude is not told {words:?}, but {:?}", said.collect::<Vec<_>>()));
        }
        for words in self.untold.iter().filter(|words| contains(asked, words)) {
            complaints.push(format!("Claude is told {words:?}"));
        }
        let record = serde_json::to_string(turn).unwrap_or_default();
        for words in self.recorded.iter().filter(|words| !record.contains(**words)) {
            let said = (&turn.summary.fault_message, &turn.summary.fault_hint, &turn.problems);
            complaints.push(format!("the record does not say {words:?}: {said:?}"));
        }
        complaints
    }

    /// Whatever mana-auth says, it has each row once in the end, and the ledger says which it never takes.
    fn of_deliveries(&self, turn: &Recorded, arrived: usize) -> Vec<String> {
        let mut complaints = Vec::new();
        let why = |part: &str, words: &str| {
            let said = |undelivered: &&persona_host::store::UndeliveredPart| undelivered.part == part;
            let undelivered = turn.waiting.iter().find(said);
            undelivered.is_some_and(|own| {
                own.state == "refused" && own.last_error.as_ref().is_some_and(|error| error.contains(words))
            })
        };
        let is_so = match self.refused {
            Some((part, words)) => turn.waiting.len() == 1 && why(part, words),
            None => turn.waiting.is_empty(),
        };
        if !is_so {
            complaints.push(format!("not delivered: {:?}", turn.waiting));
        }
        // In the place of no actions of a day that is over, or of refused ones, there is a marker.
        let expected = match (turn.summary.outcome.as_str(), self.refused) {
            ("faulted" | "stopped", _) => turn.actions.len(),
            (_, Some(("actions", _))) => 1,
            _ => turn.actions.len().max(1),
        };
        if arrived != expected {
            complaints.push(format!("mana-auth has {arrived} rows of actions and not {expected}"));
        }
        complaints
    }
}
