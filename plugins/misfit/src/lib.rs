//! A behavior that misbehaves on request: the settings say how, or the mark in its bytes, which a test can
//! overwrite to have a build that misbehaves under any settings.

use persona_plugin::{
    Behavior, Descriptor, Failure, Persona, Problem, Rating, RatingReport, RatingRequest, TurnContext,
    TurnOutcome, TurnRequest, log,
};
use serde::Deserialize;

struct Misfit;

/// What this build does unless its settings say otherwise; padded with dots, so that another word fits.
static MARK: &str = "misdeed=nothing...........";

/// `{"do": "…"}`
#[derive(Deserialize)]
struct Settings {
    #[serde(default, rename = "do")]
    what: Misdeed,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Misdeed {
    #[default]
    Nothing,
    LoopForever,
    EatMemory,
    Panic,
    RecurseForever,
    ReturnTooMuch,
    FloodLog,
    FloodStdout,
    Sleep,
    ReadEverything,
    Exit,
    Refuse,
    SleepInSettings,
    Skip,
    EmptyPrompt,
    InventTools,
    BreakJson,
    LieInRatings,
    PanicInParse,
    PanicAtTimes,
    ReadNothing,
    LoopInDescribe,
    PanicInDescribe,
    BranchInSchema,
    TurnText,
}

/// What is to be done wrong: what the settings say, or else the mark.
fn misdeed(settings: &Settings) -> Misdeed {
    if settings.what != Misdeed::Nothing {
        return settings.what;
    }
    let mark = std::hint::black_box(MARK).trim_start_matches("misdeed=").trim_end_matches('.');
    let word = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(mark);
    Misdeed::deserialize(word).unwrap_or_default()
}

fn plain() -> Descriptor {
    Descriptor::new("misfit", env!("CARGO_PKG_VERSION"), "Misbehaves on request")
}

impl Behavior for Misfit {
    type Settings = Settings;

    fn describe() -> Descriptor {
        match misdeed(&Settings { what: Misdeed::Nothing }) {
            Misdeed::LoopInDescribe => loop {
                std::hint::black_box(0);
            },
            Misdeed::PanicInDescribe => panic!("I cannot say what I am"),
            // Each level asks for the next one twice: 2^40 answers.
            Misdeed::BranchInSchema => {
                let levels: String = (1..=40)
                    .map(|n| {
                        let below = format!(r##"{{"$ref":"#/$defs/l{}"}}"##, n - 1);
                        format!(r#","l{n}":{{"allOf":[{below},{below}]}}"#)
                    })
                    .collect();
                let schema =
                    format!(r##"{{"$defs":{{"l0":{{"type":"object"}}{levels}}},"$ref":"#/$defs/l40"}}"##);
                return Descriptor { settings_schema: Some(schema), ..plain() };
            }
            // What follows runs the other way, and the next line looks like the host's.
            Misdeed::TurnText => {
                return Descriptor::new("misfit", "1.0\u{202e}0.9", "fine\nfix: nothing\u{2066}");
            }
            _ => {}
        }
        plain()
    }

    fn check_settings(settings: &Settings) -> Vec<Problem> {
        match misdeed(settings) {
            Misdeed::Refuse => return vec![Problem::error(Some("/do".to_owned()), "I would rather not")],
            Misdeed::SleepInSettings => std::thread::sleep(std::time::Duration::from_secs(3600)),
            _ => {}
        }
        Vec::new()
    }

    fn compose_turn(_: &Persona, _: &TurnContext, settings: &Settings) -> Result<TurnRequest, Failure> {
        let answer = |user: &str| Ok(TurnRequest::new("system", user));
        match misdeed(settings) {
            Misdeed::LoopForever => loop {
                std::hint::black_box(0);
            },
            Misdeed::EatMemory => {
                let mut eaten: Vec<Vec<u8>> = Vec::new();
                loop {
                    eaten.push(std::hint::black_box(vec![1; 1 << 20]));
                }
            }
            Misdeed::Panic => panic!("the moon is in the wrong phase"),
            Misdeed::RecurseForever => answer(&recurse(0).to_string()),
            Misdeed::ReturnTooMuch => answer(&"many words ".repeat(1 << 20)),
            Misdeed::FloodLog => {
                for number in 0..100_000 {
                    log::info(format!("line {number}"));
                }
                log::warn("x".repeat(1 << 20));
                answer("the log is full")
            }
            Misdeed::FloodStdout => {
                for number in 0..20_000 {
                    println!("out {number}");
                    eprintln!("err {number}");
                }
                panic!("after the flood");
            }
            Misdeed::Sleep => {
                std::thread::sleep(std::time::Duration::from_secs(3600));
                answer("good morning")
            }
            Misdeed::ReadEverything => answer(&everything_in_sight()),
            Misdeed::Exit => std::process::exit(3),
            Misdeed::Skip => Err(Failure::skip("it is Sunday").with_code("sunday")),
            Misdeed::EmptyPrompt => answer("  "),
            Misdeed::InventTools => Ok(TurnRequest::new("system", "use these")
                .with_tools(["todo.create", "moon.land", "todo.create"])
                .with_max_rounds(0)),
            _ => answer("hello"),
        }
    }

    fn compose_rating(
        _: &Persona,
        _: &TurnContext,
        outcome: &TurnOutcome,
        settings: &Settings,
    ) -> Result<RatingRequest, Failure> {
        let question =
            format!("Rate, as JSON with module, rating and notes: {}", outcome.modules_used.join(", "));
        let mut request = RatingRequest::new("system", question);
        if misdeed(settings) == Misdeed::BreakJson {
            request.extras.push(("reply-schema".to_owned(), "{not json".to_owned()));
        }
        Ok(request)
    }

    fn parse_rating(
        _: &Persona,
        ctx: &TurnContext,
        outcome: &TurnOutcome,
        reply: &str,
        settings: &Settings,
    ) -> Result<RatingReport, Failure> {
        let honest = |module: &str, score| Rating { module: module.to_owned(), score, notes: None };
        let mut report =
            RatingReport { ratings: Vec::new(), problems: Vec::new(), memory: None, extras: Vec::new() };
        match misdeed(settings) {
            Misdeed::PanicInParse => panic!("this reply is beyond me"),
            Misdeed::PanicAtTimes if ctx.seed.is_multiple_of(2) => panic!("this one is beyond me"),
            Misdeed::ReadNothing => return Err(Failure::output("I do not feel like reading")),
            Misdeed::BreakJson => report.memory = Some("{not json".to_owned()),
            Misdeed::EatMemory => report.memory = Some(format!("\"{}\"", "m".repeat(1 << 20))),
            Misdeed::LieInRatings => {
                report.ratings = vec![
                    honest("todo", 7),
                    honest("moon", 3),
                    Rating { notes: Some("n".repeat(5000)), ..honest("notes", 4) },
                    honest("notes", 1),
                ];
            }
            _ => return persona_plugin::rating::read(reply, &outcome.modules_used),
        }
        Ok(report)
    }
}

fn recurse(depth: u64) -> u64 {
    if std::hint::black_box(depth) == u64::MAX { depth } else { recurse(depth + 1) + 1 }
}

/// What a plugin can see of the world, which should be nothing.
#[expect(clippy::disallowed_methods, reason = "the host's clock is what is looked for")]
fn everything_in_sight() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    let random = {
        use std::hash::{BuildHasher as _, RandomState};
        RandomState::new().hash_one(1)
    };
    format!(
        "variables {} arguments {} root {} socket {} now {now} random {random}",
        std::env::vars().count(),
        std::env::args().count(),
        std::fs::read_dir("/").is_ok(),
        std::net::TcpStream::connect("127.0.0.1:80").is_ok(),
    )
}

persona_plugin::export!(Misfit);
