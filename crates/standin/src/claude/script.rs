//! The knobs of the scripted Claude.

use std::time::Duration;

use chrono::TimeDelta;

/// How the scripted Claude behaves.
#[derive(Clone, Debug)]
pub struct Script {
    /// Where all of its choices come from, together with the system prompt, the first question and, for ratings, the
    /// day.
    pub seed: u64,
    /// From request to the first byte of the answer.
    pub first_byte_after: Duration,
    /// Between two events of a stream.
    pub between_events: Duration,
    /// How likely a rating without an enforced format comes in a fence or with prose around it.
    pub fence: f64,
    /// Never ask for a tool, whatever is on offer.
    pub never_use_tools: bool,
    /// Exactly so many tool calls in the main phase, one in each round. A turn then has this many
    /// requests, one for the closing words and one for the rating.
    pub calls_per_turn: Option<u32>,
    /// What goes wrong with the first requests, one each, in order.
    pub faults: Vec<Fault>,
    /// What it likes. With any taste its ratings are 2, 3 or 4 at first, so that none is cut off at an end.
    pub tastes: Vec<Taste>,
    /// So many requests a minute are served, and the others refused with 429; none: all are.
    pub requests_per_minute: Option<u32>,
    /// Refuse an enforced format, as a server that does not know it.
    pub refuses_formats: bool,
    /// How far the clock moves on with each reply, so that a short test has a long day.
    pub advance_clock: Option<TimeDelta>,
}

impl Default for Script {
    /// No latency, no faults, a quarter of the ratings wrapped up.
    fn default() -> Self {
        Self {
            seed: 1,
            first_byte_after: Duration::ZERO,
            between_events: Duration::ZERO,
            fence: 0.25,
            never_use_tools: false,
            calls_per_turn: None,
            faults: Vec::new(),
            tastes: Vec::new(),
            requests_per_minute: None,
            refuses_formats: false,
            advance_clock: None,
        }
    }
}

/// A known liking: what an experiment is to find.
#[derive(Clone, Debug, PartialEq)]
pub struct Taste {
    /// Prompts for ratings with this text in them are rated …
    pub text: String,
    /// … so much higher on average, in points: -1 to 1.
    pub points: f64,
}

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// An error of this status and kind, as the API words them.
    Error {
        /// The HTTP status.
        status: u16,
        /// The API's `error.type`.
        kind: &'static str,
    },
    /// 401: the key is refused.
    KeyRefused,
    /// 429, asking to wait or not.
    RateLimit {
        /// The wait that it asks for.
        retry_after: Option<Duration>,
    },
    /// 429 because the month's money is spent; it does not pass.
    SpendLimit,
    /// 529 at once.
    Overloaded,
    /// An `overloaded_error` event after half of the reply.
    OverloadedInside,
    /// The connection breaks after so many bytes of the stream.
    CutAfter(usize),
    /// The stream falls silent after half of the reply, for ever.
    Stall,
    /// After half of the reply come pings, for ever.
    OnlyPings,
    /// Claude declines.
    Refusal,
    /// `max_tokens` is reached inside the last tool call, or inside the text if there is none.
    CutByMaxTokens,
    /// A reply of one sentence that ends for this reason.
    StopsFor(&'static str),
    /// Events, blocks and deltas that no client knows yet.
    Unknown,
    /// No content at all, and nothing more to say.
    Empty,
    /// A call to a tool that nobody offered.
    InventsTool,
    /// Calls to whatever tools the last answer of a tool said to `call`.
    ObeysTools,
}
