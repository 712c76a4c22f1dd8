//! A rival to `daily`: few words, in English, two or three tools, no memory.

use persona_plugin::{
    Behavior, Descriptor, Failure, Persona, RatingRequest, TurnContext, TurnOutcome, TurnRequest,
};
use serde::Deserialize;

struct Brief;

/// The settings document.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// How long the persona is told to have.
    minutes: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { minutes: 5 }
    }
}

impl Behavior for Brief {
    type Settings = Settings;

    fn describe() -> Descriptor {
        Descriptor::new("brief", env!("CARGO_PKG_VERSION"), "Two or three tools, few words")
            .with_settings_schema(&serde_json::json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "minutes": {
                        "description": "How many minutes the persona is told to have",
                        "type": "integer", "minimum": 1, "maximum": 60, "default": 5
                    }
                }
            }))
    }

    fn compose_turn(who: &Persona, ctx: &TurnContext, settings: &Settings) -> Result<TurnRequest, Failure> {
        let mix: Vec<String> =
            who.mix_in_percent().iter().map(|(module, percent)| format!("{module} {percent} %")).collect();
        let favorites =
            if mix.is_empty() { String::new() } else { format!(" You like: {}.", mix.join(", ")) };
        let user = format!(
            "It is {}. You have {} minutes for your Mana app; the tools are the app.{favorites} \
             Do the two or three things that matter to you now, then stop and say in one sentence what you did.",
            ctx.local_date, settings.minutes
        );
        Ok(TurnRequest::new(&who.system_prompt, user).with_max_rounds(6))
    }

    fn compose_rating(
        who: &Persona,
        _: &TurnContext,
        outcome: &TurnOutcome,
        _: &Settings,
    ) -> Result<RatingRequest, Failure> {
        let example: Vec<String> = outcome
            .modules_used
            .iter()
            .map(|module| format!(r#"{{"module":"{module}","rating":N,"notes":"why"}}"#))
            .collect();
        let user = format!(
            "You just used {}. Would you use it again tomorrow? Replace each N by 1 (no, it annoyed me) up to 5 \
             (yes, gladly), give the reason in a few words, and reply with this JSON only: {{\"ratings\":[{}]}}",
            outcome.modules_used.join(", "),
            example.join(",")
        );
        Ok(RatingRequest::new(&who.system_prompt, user))
    }
}

persona_plugin::export!(Brief);

#[cfg(test)]
mod tests {
    use persona_plugin::{Cadence, ModuleWeight};

    use super::*;

    fn turn(settings: &str, mix: &[(&str, f64)]) -> String {
        let who = Persona {
            id: "u-anna".to_owned(),
            email: "persona.anna@mana.test".to_owned(),
            archetype: "adhd-student".to_owned(),
            system_prompt: "Du bist Anna.".to_owned(),
            module_mix: mix
                .iter()
                .map(|(module, weight)| ModuleWeight { module: (*module).to_owned(), weight: *weight })
                .collect(),
            cadence: Cadence::Daily,
            extras: Vec::new(),
        };
        let ctx = TurnContext {
            turn_id: "t".to_owned(),
            now_ms: 1_777_017_600_000,
            local_date: "2026-04-24".to_owned(),
            last_active_ms: None,
            seed: 42,
            tools: Vec::new(),
            memory: None,
            extras: Vec::new(),
        };
        let settings: Settings = serde_json::from_str(settings).expect("settings");
        Brief::compose_turn(&who, &ctx, &settings).expect("composed").user
    }

    #[test]
    fn a_persona_has_as_many_minutes_as_the_settings_say_and_five_without() {
        for (settings, says) in [("{}", "You have 5 minutes"), (r#"{"minutes":10}"#, "You have 10 minutes")] {
            assert!(turn(settings, &[]).contains(says), "{settings}");
        }
    }

    #[test]
    fn settings_that_brief_does_not_know_are_refused() {
        for settings in [r#"{"hours":1}"#, r#"{"minutes":"ten"}"#, r#"{"minutes":1.5}"#] {
            assert!(serde_json::from_str::<Settings>(settings).is_err(), "{settings}");
        }
    }

    #[test]
    fn only_what_the_persona_is_inclined_to_use_is_named() {
        for (mix, says) in [
            (
                &[("todo", 3.0), ("moon", 0.0), ("notes", 1.0)][..],
                "the app. You like: todo 75 %, notes 25 %. Do",
            ),
            (&[("moon", 0.0)], "the app. Do"),
            (&[], "the app. Do"),
        ] {
            assert!(turn("{}", mix).contains(says), "{mix:?}");
        }
    }
}
