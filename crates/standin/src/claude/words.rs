//! What the scripted personas write: titles, sentences, searches. German, like the personas.

/// Titles that fit a module.
pub(super) fn titles(module: &str) -> &'static [&'static str] {
    match module {
        "todo" => &[
            "Einkauf fürs Wochenende",
            "Steuerunterlagen sortieren",
            "Zahnarzt anrufen",
            "Geschenk für Oma besorgen",
            "Fahrrad in die Werkstatt bringen",
            "Präsentation fertig machen",
            "Altglas wegbringen",
            "Bahnfahrt nach Leipzig buchen",
        ],
        "habits" => &[
            "Spazieren gehen",
            "Zehn Seiten lesen",
            "Genug Wasser trinken",
            "Morgens dehnen",
            "Vokabeln üben",
            "Vor elf ins Bett",
            "Kein Handy beim Essen",
        ],
        "journal" => {
            &["Ein ruhiger Morgen", "Viel los heute", "Gedanken am Abend", "Kleine Erfolge", "Regen und Tee"]
        }
        "notes" => &[
            "Rezept für Linsensuppe",
            "Ideen fürs Wochenende",
            "Buchtipps von Lena",
            "Packliste Hamburg",
            "Fragen an den Vermieter",
            "Stichpunkte fürs Teamtreffen",
        ],
        _ => &["Kleiner Plan für heute", "Nicht vergessen", "Idee von unterwegs", "Für später"],
    }
}

/// Longer texts, for a content or a description.
pub(super) const SENTENCES: &[&str] = &[
    "Heute bin ich früher aufgewacht als sonst und habe die Ruhe genossen.",
    "Das Gespräch mit den Nachbarn war nett, das mache ich jetzt öfter.",
    "Noch klären: wer bringt was mit, und wann treffen wir uns?",
    "Hat länger gedauert als gedacht, aber jetzt ist es geschafft.",
    "Erst alles zusammensuchen, dann in Ruhe Schritt für Schritt.",
    "Am Nachmittag hat es geregnet, also blieb Zeit zum Aufräumen.",
];

/// What is searched for.
pub(super) const SEARCHES: &[&str] = &["Rezept", "Wochenende", "Ideen", "Hamburg", "Termin"];

/// Tags.
pub(super) const TAGS: &[&str] = &["alltag", "familie", "arbeit", "garten", "sport", "ruhe"];

/// Icons.
pub(super) const ICONS: &[&str] = &["star", "book", "heart", "sun", "leaf", "bicycle"];

/// Colors.
pub(super) const COLORS: &[&str] = &["#6366f1", "#22c55e", "#f59e0b", "#ef4444", "#0ea5e9", "#a855f7"];

/// Said before a round of tool calls.
pub(super) fn lead_ins(german: bool) -> &'static [&'static str] {
    if german {
        &["Ich schaue erst einmal nach.", "Das schreibe ich mir gleich auf.", "Weiter im Tag."]
    } else {
        &["Let me look first.", "I will write that down right away.", "On with the day."]
    }
}

/// Notes to a rating from 1 to 5.
pub(super) fn opinions(german: bool, rating: u8) -> &'static [&'static str] {
    match (german, rating) {
        (true, ..=2) => &["Umständlich, ich habe lange gesucht.", "Hat mich eher aufgehalten."],
        (true, 3) => &["Geht in Ordnung, mehr nicht.", "Tut, was es soll, aber ohne Freude."],
        (true, _) => &["Schnell erledigt, so mag ich das.", "Hilft mir wirklich durch den Tag."],
        (false, ..=2) => &["Clumsy, I had to search for a long time.", "It rather held me up."],
        (false, 3) => &["Fine, but no more than that.", "Does its work without being fun."],
        (false, _) => &["Quickly done, just as I like it.", "Really helps me through the day."],
    }
}
