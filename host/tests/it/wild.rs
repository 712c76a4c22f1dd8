//! Whatever comes from Claude and from the MCP server: a menu of cases, all of them in one daemon at once, each with
//! how it ends and what is told of it. A bad case costs its own turn what it says here, and no neighbour anything.

mod claude;
mod menu;
mod pins;
mod server;

use std::sync::Arc;

use persona_host::config::Config;
use persona_host::store::Recorded;
use serde_json::Value;

use crate::support::house::{Blueprint, House, eventually};
use claude::{Oracle, Reply};
use server::{Bazaar, Said};

/// One case: what comes, and what becomes of it.
#[derive(Default)]
pub(crate) struct Row {
    /// What it shows.
    name: &'static str,
    /// Claude's replies of the main phase, in order; then it is done.
    claude: Vec<Reply>,
    /// Tools that Claude refuses.
    refused_tools: &'static [&'static str],
    /// What the server says to `tools/list`; the usual list otherwise.
    tools: Option<Said>,
    /// The same from the second time on.
    later_tools: Option<Said>,
    /// What it says to calls, in order; then `done`.
    calls: Vec<Said>,
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
    /// What is in the turn's record.
    recorded: Vec<&'static str>,
}

impl Row {
    fn new(name: &'static str) -> Self {
        Self { name, end: ("completed", "end_turn"), ..Self::default() }
    }

    fn claude(mut self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.claude = replies.into_iter().collect();
        self
    }

    fn refusing(mut self, tools: &'static [&'static str]) -> Self {
        self.refused_tools = tools;
        self
    }

    fn tools(mut self, said: Said) -> Self {
        self.tools = Some(said);
        self
    }

    fn calls(mut self, said: impl IntoIterator<Item = Said>) -> Self {
        self.calls = said.into_iter().collect();
        self
    }

    fn ends(mut self, state: &'static str, reason: &'static str) -> Self {
        self.end = (state, reason);
        self
    }

    fn did(mut self, actions: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        self.did = actions.into_iter().collect();
        self
    }

    fn carried_out(mut self, calls: usize) -> Self {
        self.carried_out = Some(calls);
        self
    }

    fn told(mut self, words: impl IntoIterator<Item = &'static str>) -> Self {
        self.told = words.into_iter().collect();
        self
    }

    fn untold(mut self, words: impl IntoIterator<Item = &'static str>) -> Self {
        self.untold = words.into_iter().collect();
        self
    }

    fn recorded(mut self, words: impl IntoIterator<Item = &'static str>) -> Self {
        self.recorded = words.into_iter().collect();
        self
    }

    /// What is not as it should be.
    fn complaints(&self, place: usize, turn: &Recorded, oracle: &Oracle, bazaar: &Bazaar) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut check = |is_so: bool, what: String| {
            if !is_so {
                complaints.push(format!("{}: {what}", self.name));
            }
        };
        let summary = &turn.summary;
        let reason = summary.fault_code.as_deref().or(summary.stop_reason.as_deref()).unwrap_or_default();
        let words = summary.fault_message.as_deref().unwrap_or_default();
        let is_so = (summary.state.as_str(), reason) == self.end;
        check(is_so, format!("ended {} {reason} {words}", summary.state));
        let status = |action: &domain::action::Action| format!("{:?}", action.status).to_lowercase();
        let did: Vec<_> = turn.actions.iter().map(|action| (action.tool.clone(), status(action))).collect();
        let wanted: Vec<_> =
            self.did.iter().map(|(tool, status)| ((*tool).to_owned(), (*status).to_owned())).collect();
        let why: Vec<_> = turn.actions.iter().filter_map(|action| action.error.as_deref()).take(2).collect();
        check(did == wanted, format!("did {did:?} and not {wanted:?}: {why:?}"));
        let well = did.iter().filter(|(_, status)| status != "error").count();
        let carried_out = bazaar.carried_out(place);
        check(
            carried_out == self.carried_out.unwrap_or(well),
            format!("{carried_out} calls were carried out"),
        );
        let asked = oracle.asked(place);
        let messages = |text: &str| text.split("\"messages\":").last().unwrap_or_default().to_owned();
        let contains = |texts: &[String], words: &str| texts.iter().any(|text| text.contains(words));
        for words in &self.told {
            let said: Vec<String> = asked.iter().map(|text| messages(text)).collect();
            check(contains(&asked, words), format!("Claude is not told {words:?}, but {said:?}"));
        }
        for words in &self.untold {
            check(!contains(&asked, words), format!("Claude is told {words:?}"));
        }
        let record = vec![serde_json::to_string(turn).unwrap_or_default()];
        for words in &self.recorded {
            check(
                contains(&record, words),
                format!("the record does not say {words:?}: {:?}", turn.problems),
            );
        }
        let refused = oracle.refused(place);
        check(refused.is_empty(), format!("Claude refused: {refused:?}"));
        complaints
    }
}

/// A house with one persona for each row.
async fn house(rows: &[Row], oracle: &Oracle, bazaar: &Bazaar) -> House {
    house_with(rows, oracle, bazaar, |_| ()).await
}

/// The same with another configuration.
async fn house_with(
    rows: &[Row],
    oracle: &Oracle,
    bazaar: &Bazaar,
    configure: impl FnOnce(&mut Config) + 'static,
) -> House {
    let (claude, mcp) = (oracle.url(), bazaar.url());
    let blueprint = Blueprint::crowd(rows.len()).described(|place| format!("Row {place}."));
    blueprint
        .config(move |config| {
            (config.model.base_url, config.mana.mcp_url) = (claude, mcp);
            (config.runner.concurrency, config.model.max_attempts) = (16, 1);
        })
        .config(configure)
        .build()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_case_of_the_menu_ends_as_it_says_and_costs_no_other_turn_anything() {
    let rows = Arc::new(menu::rows());
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let (oracle, bazaar) = (Oracle::start(Arc::clone(&rows)).await, Bazaar::start(Arc::clone(&rows)).await);
    let house = house(&rows, &oracle, &bazaar).await;
    let report = house.tick().await;
    assert_eq!(report.due, rows.len(), "{report:?}");
    let mut complaints = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        match house.turns(&format!("anna{place}")).await.as_slice() {
            [turn] => complaints.extend(row.complaints(place, turn, &oracle, &bazaar)),
            turns => complaints.push(format!("{}: {} turns", row.name, turns.len())),
        }
    }
    assert!(complaints.is_empty(), "{} of {} rows:\n{}", complaints.len(), rows.len(), complaints.join("\n"));
    eventually(async || bazaar.open_sessions() == 0).await;
}

/// The row whose persona this text names.
fn row_named_in(text: &str) -> Option<usize> {
    let rest = &text[text.find("Row ")? + 4..];
    rest[..rest.find('.')?].parse().ok()
}

/// The text of everything that is asked.
fn text_of(value: &Value) -> String {
    value.to_string()
}
