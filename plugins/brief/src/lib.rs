//! A rival to `daily`: few words, in English, two or three tools, no memory.

use persona_plugin::{
    Behavior, Descriptor, Failure, NoSettings, Persona, RatingRequest, TurnContext, TurnOutcome, TurnRequest,
};

struct Brief;

impl Behavior for Brief {
    type Settings = NoSettings;

    fn describe() -> Descriptor {
        Descriptor::new("brief", env!("CARGO_PKG_VERSION"), "Two or three tools, few words")
            .with_settings_schema(&serde_json::json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "additionalProperties": false
            }))
    }

    fn compose_turn(who: &Persona, ctx: &TurnContext, _: &NoSettings) -> Result<TurnRequest, Failure> {
        let mix: Vec<String> =
            who.mix_in_percent().iter().map(|(module, percent)| format!("{module} {percent} %")).collect();
        let favorites =
            if mix.is_empty() { String::new() } else { format!(" You like: {}.", mix.join(", ")) };
        let user = format!(
            "It is {}. You have five minutes for your Mana app; the tools are the app.{favorites} Do the two or \
             three things that matter to you now, then stop and say in one sentence what you did.",
            ctx.local_date
        );
        Ok(TurnRequest::new(&who.system_prompt, user).with_max_rounds(6))
    }

    fn compose_rating(
        who: &Persona,
        _: &TurnContext,
        outcome: &TurnOutcome,
        _: &NoSettings,
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
