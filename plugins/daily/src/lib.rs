//! The default behavior: the persona lives a short day in its app and then says how it was.

use persona_plugin::{
    Behavior, Descriptor, Failure, Persona, Problem, RatingReport, RatingRequest, TurnContext, TurnOutcome,
    TurnRequest, rating,
};

mod english;
mod german;
mod memory;
mod self_test;
mod settings;

use memory::Memory;
use settings::{Language, Settings};

struct Daily;

impl Behavior for Daily {
    type Settings = Settings;

    fn describe() -> Descriptor {
        Descriptor::new(
            "daily",
            env!("CARGO_PKG_VERSION"),
            "A short day in the app, told in one or two sentences and rated module by module",
        )
        .with_settings_schema(&settings::schema())
    }

    fn check_settings(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn compose_turn(who: &Persona, ctx: &TurnContext, settings: &Settings) -> Result<TurnRequest, Failure> {
        let memory: Option<Memory> = ctx.memory_as();
        let mix = who.mix_in_percent();
        let user = match settings.language {
            Language::De => german::day(&ctx.local_date, &mix, settings, memory.as_ref()),
            Language::En => english::day(&ctx.local_date, &mix, settings, memory.as_ref()),
        };
        Ok(TurnRequest::new(&who.system_prompt, user))
    }

    fn compose_rating(
        who: &Persona,
        _ctx: &TurnContext,
        outcome: &TurnOutcome,
        settings: &Settings,
    ) -> Result<RatingRequest, Failure> {
        let user = match settings.language {
            Language::De => german::rating(outcome),
            Language::En => english::rating(outcome),
        };
        Ok(RatingRequest::new(&who.system_prompt, user).with_reply_schema(&rating::reply_schema()))
    }

    fn parse_rating(
        _who: &Persona,
        ctx: &TurnContext,
        outcome: &TurnOutcome,
        reply: &str,
        _settings: &Settings,
    ) -> Result<RatingReport, Failure> {
        let report = rating::read(reply, &outcome.modules_used)?;
        let memory = Memory::of(&ctx.local_date, outcome, &report.ratings);
        report.with_memory(&memory)
    }
}

persona_plugin::export_with_self_test!(Daily);
