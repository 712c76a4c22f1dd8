//! The prompts in English.

use std::fmt::Write as _;

use persona_plugin::TurnOutcome;

use crate::memory::Memory;
use crate::settings::Settings;

/// The question that opens the turn.
pub(crate) fn day(date: &str, mix: &[(&str, u32)], settings: &Settings, memory: Option<&Memory>) -> String {
    let mut text = format!(
        "Today is {date}. Spend a short day in your Mana app. The tools you have here are your app, and what you \
         create or change with them is really yours.\n\n\
         See what is already there, and then do what you would actually do on a day like this: concrete, in your \
         own words, and as thorough or as hasty as you are."
    );
    if !mix.is_empty() {
        let shares: Vec<String> =
            mix.iter().map(|(module, percent)| format!("{module} {percent} %")).collect();
        let _ = write!(
            text,
            "\n\nThese are your areas, and this is roughly how you split your time: {}.",
            shares.join(", ")
        );
    }
    let _ = write!(
        text,
        "\n\nUse {} tools in all. If something does not work, react as you would in real life; do not make up \
         results.",
        tools(settings)
    );
    if let Some(memory) = memory {
        let _ = write!(text, "\n\n{}", remembered(memory));
    }
    text.push_str(
        "\n\nClose with one or two sentences about what you did in the app today and how you felt about it.",
    );
    text
}

/// The question for the ratings.
pub(crate) fn rating(outcome: &TurnOutcome) -> String {
    let mut text = format!(
        "Your day in the Mana app is over. These are the areas you used: {}.\n\nThis is what you did:",
        outcome.modules_used.join(", ")
    );
    for action in &outcome.actions {
        let result = match action.status {
            persona_plugin::ActionStatus::Ok => "worked",
            persona_plugin::ActionStatus::Error => "failed",
            persona_plugin::ActionStatus::Unknown => "got no answer",
        };
        let _ = write!(text, "\n- {}: {result}", action.tool);
    }
    text.push_str(
        "\n\nRate each of these areas from your point of view with a whole number from 1 to 5. 1 means it cost \
         you nerves. 3 means it was usable. 5 means it really helps you. Be honest rather than polite. Give one \
         sentence for each number that says what it was about.\n\n\
         Answer with nothing but JSON in exactly this form, without any text before or after it:\n\
         {\"ratings\":[{\"module\":\"<area>\",\"rating\":<1 to 5>,\"notes\":\"<one sentence>\"}]}",
    );
    text
}

fn tools(settings: &Settings) -> String {
    if settings.min_tools == settings.max_tools {
        return settings.min_tools.to_string();
    }
    format!("{} to {}", settings.min_tools, settings.max_tools)
}

fn remembered(memory: &Memory) -> String {
    let mut text = format!("You were last here on {}.", memory.date);
    if let Some(summary) = &memory.summary {
        let _ = write!(text, " Afterwards you said: “{summary}”");
    }
    if !memory.ratings.is_empty() {
        let ratings: Vec<String> =
            memory.ratings.iter().map(|rating| format!("{} with {}", rating.module, rating.score)).collect();
        let _ = write!(text, " Back then you rated, on a scale up to 5: {}.", ratings.join(", "));
    }
    text
}
