//! Whose rule says who is due, and calendars.

use chrono_tz::Tz;

use super::*;

#[test]
fn mana_auth_decides_who_is_due_unless_the_file_has_a_calendar() {
    assert!(config("", &[]).expect("valid").schedule.is_none());
    let file = r#"
        [runner]
        time_zone = "Europe/Vienna"
        [schedule]
        mode = "calendar"
        window = "09:00-17:30"
        [schedule.cadences]
        hourly = { every = "2h" }
        [schedule.archetypes]
        "ceo-busy" = { cron = "0 7 * * 1-5", zone = "Europe/Berlin" }
        [schedule.personas]
        "persona.kai@mana.test" = { cadence = "weekdays", catch_up = "3h" }
        "persona.ben@mana.test" = { cadence = "never" }
    "#;
    let config = config(file, &[]).expect("valid");
    for (key, value, origin) in [
        ("mode", "calendar", "persona-host.toml"),
        ("zone", "Europe/Vienna", "default"),
        ("window", "09:00-17:30", "persona-host.toml"),
        ("catch_up", "12h, or until the next slot", "default"),
        ("cadences.hourly", "every = \"2h\"", "persona-host.toml"),
        ("archetypes.ceo-busy", "cron = \"0 7 * * 1-5\", zone = \"Europe/Berlin\"", "persona-host.toml"),
        ("personas.persona.kai@mana.test", "cadence = \"weekdays\", catch_up = \"3h\"", "persona-host.toml"),
    ] {
        let said = shown(&config, &format!("schedule.{key}"));
        assert_eq!(said, (value.to_owned(), origin.to_owned()), "{key}");
    }
    let rules = config.schedule.expect("a calendar");
    assert_eq!((rules.zone, rules.window.to_string()), (Tz::Europe__Vienna, "09:00-17:30".to_owned()));
    assert_eq!((rules.cadences.len(), rules.archetypes.len(), rules.personas.len()), (1, 1, 2));
}

#[test]
fn the_calendar_of_the_guide_can_be_used() {
    let guide = include_str!("../../../../../docs/schedules.md");
    let (_, calendar) = guide.split_once("```toml\n[schedule]\nmode = \"calendar\"\n").expect("it is there");
    let (calendar, _) = calendar.split_once("```").expect("it ends");
    let file = format!("[schedule]\nmode = \"calendar\"\n{calendar}");
    let rules = config(&file, &[]).expect("valid").schedule.expect("a calendar");
    assert_eq!(rules.personas.len(), 3);
}

#[test]
fn a_schedule_that_cannot_be_meant_is_refused_with_what_to_write() {
    let calendar = "mode = \"calendar\"\n";
    let persona = |entry: &str| format!("{calendar}[schedule.personas]\n\"a@b\" = {{ {entry} }}");
    for (file, says) in [
        (
            "window = \"08:00-12:00\"".to_owned(),
            "schedule.mode must be \"calendar\" for schedule.window to count",
        ),
        (format!("{calendar}zone = \"Mars\""), "schedule.zone must be a time zone such as"),
        (format!("{calendar}window = \"8-22\""), "schedule.window must be two times of day such as"),
        (format!("{calendar}window = \"22:00-02:00\""), "schedule.window must end after it begins"),
        (
            format!("{calendar}catch_up = \"10s\""),
            "schedule.catch_up must be as long as runner.tick_interval",
        ),
        (
            format!("{calendar}catch_up = \"30days\""),
            "schedule.catch_up must be 7days at most, got \"30days\"",
        ),
        (
            format!("{calendar}catch_up = \"10000d 5h\""),
            "schedule.catch_up must be 7days at most, got \"10000days 5h\"",
        ),
        (
            persona("every = \"2years\""),
            "schedule.personas.a@b.every must be 366days at most, got \"730days 12h\"",
        ),
        (
            format!("{calendar}[schedule.cadences]\ndaily = {{ cadence = \"hourly\" }}"),
            "schedule.cadences.daily may not name a cadence",
        ),
        (persona("cron = \"often\""), "schedule.personas.a@b.cron must be a cron expression such as"),
        (persona("cron = \"* * * * * *\""), "schedule.personas.a@b.cron must have five fields (minute, hour"),
        (persona("cron = \"0 0 7 * * 1 2027\""), "schedule.personas.a@b.cron must have five fields (minute"),
        (persona("cron = \"0 0 31 2 *\""), "schedule.personas.a@b.cron names a time that never comes"),
        (persona("every = \"5s\""), "schedule.personas.a@b.every must be whole seconds, and 1m at least"),
        (persona("zone = \"Mars\""), "schedule.personas.a@b.zone must be a time zone such as"),
        (
            persona("every = \"5h\", cron = \"0 7 * * *\""),
            "schedule.personas.a@b must have one of cadence, every and cron at most, got \"every, cron\"",
        ),
        (
            persona("every = \"5h\", window = \"08:00-12:00\""),
            "schedule.personas.a@b.window is for one slot a day",
        ),
    ] {
        let error = config(&format!("[schedule]\n{file}"), &[]).expect_err(&file).to_string();
        assert!(error.starts_with(says), "{file}: {error}");
    }
    let slow = format!("[runner]\ntick_interval = \"2h\"\n[schedule]\n{calendar}");
    let error = config(&slow, &[]).expect_err("slots would pass").to_string();
    assert!(error.starts_with("runner.tick_interval must be 1h at most"), "{error}");
    for (entry, says) in [
        ("cadence = \"monthly\"", "\"monthly\" is none of the words that can stand here"),
        ("crom = \"0 7 * * *\"", "unknown key `crom`"),
    ] {
        let error = config(&format!("[schedule]\n{}", persona(entry)), &[]).expect_err(entry).to_string();
        assert_eq!(error, says);
    }
}
