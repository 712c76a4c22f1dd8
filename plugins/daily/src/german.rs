//! The prompts in German.

use std::fmt::Write as _;

use persona_plugin::TurnOutcome;

use crate::memory::Memory;
use crate::settings::Settings;

/// The question that opens the turn.
pub(crate) fn day(date: &str, mix: &[(&str, u32)], settings: &Settings, memory: Option<&Memory>) -> String {
    let mut text = format!(
        "Heute ist der {date}. Verbringe einen kurzen Tag in deiner Mana-App. Die Werkzeuge, die dir hier zur \
         Verfügung stehen, sind deine App, und was du damit anlegst oder änderst, gehört wirklich dir.\n\n\
         Sieh nach, was schon da ist, und tu dann, was du an einem Tag wie diesem tatsächlich tun würdest: \
         konkret, in deinen eigenen Worten und so gründlich oder flüchtig, wie es deine Art ist."
    );
    if !mix.is_empty() {
        let shares: Vec<String> =
            mix.iter().map(|(module, percent)| format!("{module} {percent} %")).collect();
        let _ = write!(
            text,
            "\n\nDiese Bereiche liegen dir, und ungefähr so verteilst du deine Zeit: {}.",
            shares.join(", ")
        );
    }
    let _ = write!(
        text,
        "\n\nNutze insgesamt {} Werkzeuge. Klappt etwas nicht, reagiere so, wie du es im Alltag tätest; erfinde \
         keine Ergebnisse.",
        tools(settings)
    );
    if let Some(memory) = memory {
        let _ = write!(text, "\n\n{}", remembered(memory));
    }
    text.push_str(
        "\n\nSchließe mit ein bis zwei Sätzen darüber ab, was du heute in der App gemacht hast und wie es dir \
         damit ging.",
    );
    text
}

/// The question for the ratings.
pub(crate) fn rating(outcome: &TurnOutcome) -> String {
    let mut text = format!(
        "Dein Tag in der Mana-App ist vorbei. Diese Bereiche hast du benutzt: {}.\n\nDas hast du getan:",
        outcome.modules_used.join(", ")
    );
    for action in &outcome.actions {
        let result = match action.status {
            persona_plugin::ActionStatus::Ok => "hat geklappt",
            persona_plugin::ActionStatus::Error => "ist fehlgeschlagen",
            persona_plugin::ActionStatus::Unknown => "blieb ohne Antwort",
        };
        let _ = write!(text, "\n- {}: {result}", action.tool);
    }
    text.push_str(
        "\n\nBewerte jeden dieser Bereiche aus deiner Sicht mit einer ganzen Zahl von 1 bis 5. 1 heißt: er hat \
         dich Nerven gekostet. 3 heißt: er war brauchbar. 5 heißt: er hilft dir wirklich. Sei ehrlich und nicht \
         höflich. Begründe jede Zahl in einem Satz, der sagt, woran es lag.\n\n\
         Antworte ausschließlich mit JSON in genau dieser Form, ohne Text davor oder danach:\n\
         {\"ratings\":[{\"module\":\"<Bereich>\",\"rating\":<1 bis 5>,\"notes\":\"<ein Satz>\"}]}",
    );
    text
}

fn tools(settings: &Settings) -> String {
    if settings.min_tools == settings.max_tools {
        return settings.min_tools.to_string();
    }
    format!("{} bis {}", settings.min_tools, settings.max_tools)
}

fn remembered(memory: &Memory) -> String {
    let mut text = format!("Zuletzt warst du am {} hier.", memory.date);
    if let Some(summary) = &memory.summary {
        let _ = write!(text, " Danach hast du gesagt: „{summary}“");
    }
    if !memory.ratings.is_empty() {
        let ratings: Vec<String> =
            memory.ratings.iter().map(|rating| format!("{} mit {}", rating.module, rating.score)).collect();
        let _ = write!(text, " Bewertet hast du damals auf einer Skala bis 5: {}.", ratings.join(", "));
    }
    text
}
