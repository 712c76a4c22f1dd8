//! What the neighbours saw, written down as it happened. It knows nothing of the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use standin::Witness;
use standin::witness::{Point, Sight};
use tokio::sync::watch;

use super::trigger::Trigger;

/// The books, and who ends lives at what they see.
pub(super) struct Books {
    pub(super) trigger: Trigger,
    pages: Mutex<Pages>,
    asked_who_is_due: watch::Sender<u64>,
}

/// Everything that was seen.
#[derive(Clone, Default)]
pub(super) struct Pages {
    /// Which process runs, from 1; 0 before the first.
    life: u32,
    /// Which day it is, from 0.
    day: usize,
    begun: Option<Instant>,
    /// From the start of a process to its first call of a model or a tool.
    pub(super) until_first_call: Vec<Duration>,
    /// Calls of models and tools that nobody has answered yet, by persona.
    under_way: BTreeMap<String, Vec<Call>>,
    /// When a persona had two calls at once.
    pub(super) overlaps: Vec<String>,
    /// What mana-mcp was asked to do.
    pub(super) tool_calls: Vec<ToolCall>,
    /// Every body that was sent to mana-auth, by kind and turn, and how often each.
    pub(super) deliveries: BTreeMap<(&'static str, String), BTreeMap<Vec<u8>, usize>>,
    /// In which life each session at mana-mcp was first used.
    sessions: BTreeMap<String, u32>,
}

/// A call by a process.
#[derive(Clone, Debug)]
struct Call {
    life: u32,
    /// Where the sight of it is: the same at each point of one request.
    sight: usize,
    what: String,
}

/// A tool call that arrived.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ToolCall {
    pub(super) persona: String,
    pub(super) day: usize,
    pub(super) tool: String,
    /// As JSON, with sorted keys.
    pub(super) arguments: String,
}

impl Books {
    pub(super) fn new() -> Arc<Self> {
        let (trigger, pages) = Default::default();
        Arc::new(Self { trigger, pages, asked_who_is_due: watch::Sender::new(0) })
    }

    /// Who writes these books.
    pub(super) fn witness(self: &Arc<Self>) -> Witness {
        let books = Arc::clone(self);
        Witness::new(move |sight, point| books.see(sight, point))
    }

    /// A process is about to start; what it signs its model calls with.
    pub(super) fn begin_life(&self) -> String {
        self.trigger.begin_life();
        let mut pages = self.locked();
        pages.life += 1;
        pages.begun = Some(Instant::now());
        format!("life-{}", pages.life)
    }

    pub(super) fn begin_day(&self) {
        self.locked().day += 1;
    }

    /// Tells each time when a process has asked who is due: it does so at the beginning of each tick.
    pub(super) fn ticks(&self) -> watch::Receiver<u64> {
        self.asked_who_is_due.subscribe()
    }

    /// All of it, by now.
    pub(super) fn pages(&self) -> Pages {
        self.locked().clone()
    }

    fn see(self: &Arc<Self>, sight: &Sight, point: Point) {
        let body: Value = serde_json::from_slice(&sight.body).unwrap_or_default();
        // First what is seen: the process may be gone when the trigger has looked.
        self.write_down(sight, &body, point);
        if let Some((linger, at)) = self.trigger.sees(sight, &body, point) {
            if linger.is_zero() {
                self.trigger.fire(at);
            } else {
                let books = Arc::clone(self);
                std::thread::spawn(move || {
                    std::thread::sleep(linger);
                    books.trigger.fire(at);
                });
            }
        }
    }

    fn write_down(&self, sight: &Sight, body: &Value, point: Point) {
        match (sight.stand_in, point) {
            ("mana-auth", Point::Arrived) if sight.path.ends_with("/due") => {
                self.asked_who_is_due.send_modify(|times| *times += 1);
            }
            ("mana-auth", Point::Arrived) => self.locked().deliver(sight, body),
            ("claude", _) => {
                let life = header(sight, "x-api-key").rsplit('-').next().unwrap().parse().unwrap_or_default();
                let persona = persona_of(body);
                let messages = body["messages"].as_array().map_or(0, Vec::len);
                self.locked().call(
                    life,
                    &persona,
                    format!("model call of {messages} messages"),
                    sight,
                    point,
                );
            }
            ("mana-mcp", _) if body["method"] == "tools/call" => {
                let persona = persona_of_token(header(sight, "authorization"));
                let (tool, arguments) = (&body["params"]["name"], &body["params"]["arguments"]);
                let mut pages = self.locked();
                let life = pages.life_of_session(header(sight, "mcp-session-id"));
                if point == Point::Arrived {
                    let (persona, day) = (persona.clone(), pages.day);
                    let tool = tool.as_str().unwrap_or_default().to_owned();
                    pages.tool_calls.push(ToolCall { persona, day, tool, arguments: sorted(arguments) });
                }
                pages.call(life, &persona, format!("tool call {tool} {arguments}"), sight, point);
            }
            ("mana-mcp", Point::Arrived) => {
                self.locked().life_of_session(header(sight, "mcp-session-id"));
            }
            _ => {}
        }
    }

    fn locked(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// A process has at most one call of a persona under way. What an earlier process left is dead.
    fn call(&mut self, life: u32, persona: &str, what: String, sight: &Sight, point: Point) {
        let here = std::ptr::from_ref(sight).addr();
        let calls = self.under_way.entry(persona.to_owned()).or_default();
        match point {
            Point::Arrived => {
                if let Some(other) = calls.iter().find(|call| call.life == life) {
                    let both = format!("{persona} had at once: {}, and: {what}", other.what);
                    self.overlaps.push(both);
                }
                calls.retain(|call| call.life >= life);
                calls.push(Call { life, sight: here, what });
                if life == self.life
                    && let Some(begun) = self.begun.take()
                {
                    self.until_first_call.push(begun.elapsed());
                }
            }
            Point::Done => calls.retain(|call| call.sight != here),
            Point::Answered => {}
        }
    }

    fn deliver(&mut self, sight: &Sight, body: &Value) {
        for kind in ["actions", "feedback"] {
            if let Some(turn) = body[kind][0]["tickId"].as_str() {
                let bodies = self.deliveries.entry((kind, turn.to_owned())).or_default();
                *bodies.entry(sight.body.to_vec()).or_default() += 1;
            }
        }
    }

    /// A session is used in the life in which it was opened, and by requests of it that are late.
    fn life_of_session(&mut self, session: &str) -> u32 {
        if session.is_empty() {
            return self.life;
        }
        *self.sessions.entry(session.to_owned()).or_insert(self.life)
    }
}

/// JSON with sorted keys, so that the same arguments are the same text.
pub(super) fn sorted(value: &Value) -> String {
    fn sort(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let keys: BTreeSet<&String> = fields.keys().collect();
                keys.into_iter().map(|key| (key.clone(), sort(&fields[key]))).collect()
            }
            Value::Array(items) => items.iter().map(sort).collect(),
            other => other.clone(),
        }
    }
    sort(value).to_string()
}

fn header<'a>(sight: &'a Sight, name: &str) -> &'a str {
    sight.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whose day it is: each persona's words begin with `Ich bin NAME`.
fn persona_of(request: &Value) -> String {
    let system = match &request["system"] {
        Value::String(text) => text.as_str(),
        blocks => blocks[0]["text"].as_str().unwrap_or_default(),
    };
    system.split_whitespace().nth(2).unwrap_or_default().to_owned()
}

/// Who holds a token of mana-auth: `persona.NAME@mana.test`.
fn persona_of_token(authorization: &str) -> String {
    let claims = authorization.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default();
    name_of(claims["email"].as_str().unwrap_or_default())
}

/// The name in an address.
pub(super) fn name_of(email: &str) -> String {
    email.trim_start_matches("persona.").split('@').next().unwrap_or_default().to_owned()
}
