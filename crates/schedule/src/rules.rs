//! Which rule holds for whom: a persona's own entry, its archetype's, its cadence's, and what holds for all.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::rule::Rule;
use super::when::When;
use super::window::Window;
use domain::persona::{Cadence, Persona};

/// How late a slot may be unless somebody says otherwise; less where slots come more often.
const CATCH_UP: TimeDelta = TimeDelta::hours(12);

/// What the operator wants.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The zone of whoever has none of its own.
    pub zone: Tz,
    /// The part of the day of whoever has none of its own.
    pub window: Window,
    /// How late a slot may be; none: as late as the next is away, and 12 hours at most.
    pub catch_up: Option<TimeDelta>,
    /// For all of a cadence.
    pub cadences: BTreeMap<Cadence, Entry>,
    /// For all of an archetype.
    pub archetypes: BTreeMap<String, Entry>,
    /// For one, by its address.
    pub personas: BTreeMap<String, Entry>,
}

/// What is otherwise for some.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Another cadence than mana-auth says.
    pub cadence: Option<Cadence>,
    /// No cadence at all.
    pub when: Option<When>,
    /// Another zone.
    pub zone: Option<Tz>,
    /// Another part of the day.
    pub window: Option<Window>,
    /// How late a slot may be.
    pub catch_up: Option<TimeDelta>,
}

impl Rules {
    /// The same for everybody.
    #[must_use]
    pub fn of_zone(zone: Tz) -> Self {
        Self {
            zone,
            window: Window::USUAL,
            catch_up: None,
            cadences: BTreeMap::new(),
            archetypes: BTreeMap::new(),
            personas: BTreeMap::new(),
        }
    }

    /// The entries that are for nobody of those, by their names in the configuration.
    pub fn unmatched<'a>(&self, personas: impl IntoIterator<Item = &'a Persona>) -> Vec<String> {
        let mut archetypes: BTreeSet<&str> = self.archetypes.keys().map(String::as_str).collect();
        let mut emails: BTreeSet<&str> = self.personas.keys().map(String::as_str).collect();
        for persona in personas {
            archetypes.remove(persona.archetype.as_str());
            emails.remove(persona.email.as_str());
        }
        let archetypes = archetypes.into_iter().map(|name| format!("schedule.archetypes.{name:?}"));
        archetypes.chain(emails.into_iter().map(|name| format!("schedule.personas.{name:?}"))).collect()
    }

    /// The rule for a persona. Each part of it is that of the closest entry that has one.
    #[must_use]
    pub fn rule_for(&self, persona: &Persona) -> Rule {
        let own = [self.personas.get(&persona.email), self.archetypes.get(&persona.archetype)];
        let own: Vec<&Entry> = own.into_iter().flatten().collect();
        let named = own.iter().find(|entry| entry.when.is_some() || entry.cadence.is_some());
        let irregular = named.and_then(|entry| entry.when.clone());
        let cadence = named.and_then(|entry| entry.cadence).unwrap_or(persona.cadence);
        // Who comes by no cadence takes nothing from the entry of one.
        let of_cadence = self.cadences.get(&cadence).filter(|_| irregular.is_none());
        let entries: Vec<&Entry> = own.into_iter().chain(of_cadence).collect();
        let when = irregular.or_else(|| of_cadence?.when.clone()).unwrap_or_else(|| cadence.into());
        let catch_up = entries.iter().find_map(|entry| entry.catch_up).or(self.catch_up);
        Rule {
            catch_up: catch_up.unwrap_or_else(|| usual_catch_up(&when)),
            zone: entries.iter().find_map(|entry| entry.zone).unwrap_or(self.zone),
            window: entries.iter().find_map(|entry| entry.window).unwrap_or(self.window),
            when,
        }
    }
}

fn usual_catch_up(when: &When) -> TimeDelta {
    match when {
        When::Every(length) => (*length).min(CATCH_UP),
        When::Daily | When::Weekdays | When::Cron(_) | When::Never => CATCH_UP,
    }
}

#[cfg(test)]
mod tests {
    use super::super::when::cron;
    use super::*;
    use domain::ids::PersonaId;

    fn persona(email: &str, archetype: &str, cadence: Cadence) -> Persona {
        Persona {
            id: PersonaId::new(email),
            email: email.to_owned(),
            archetype: archetype.to_owned(),
            system_prompt: String::new(),
            module_mix: vec![],
            cadence,
            last_active_at: None,
        }
    }

    #[test]
    fn the_closest_entry_that_says_something_counts() {
        let window = |text| Window::parse(text).expect("a window");
        let mut rules = Rules::of_zone(Tz::Europe__Berlin);
        rules
            .cadences
            .insert(Cadence::Weekdays, Entry { window: Some(window("09:00-17:00")), ..Entry::default() });
        let busy = Entry {
            when: Some(cron("0 7 * * 1-5").expect("an expression")),
            zone: Some(Tz::Europe__Vienna),
            ..Entry::default()
        };
        rules.archetypes.insert("busy".to_owned(), busy);
        let office = Entry { cadence: Some(Cadence::Weekdays), ..Entry::default() };
        rules.archetypes.insert("office".to_owned(), office);
        let rare = Entry { when: Some(When::Every(TimeDelta::hours(6))), ..Entry::default() };
        rules.personas.insert("rare@x".to_owned(), rare);
        rules.personas.insert("gone@x".to_owned(), Entry { when: Some(When::Never), ..Entry::default() });
        rules.personas.insert(
            "early@x".to_owned(),
            Entry {
                window: Some(window("05:00-06:00")),
                catch_up: Some(TimeDelta::hours(1)),
                ..Entry::default()
            },
        );
        for (email, archetype, cadence, rule) in [
            ("a@x", "any", Cadence::Daily, "daily Europe/Berlin 08:00-22:00 720"),
            ("a@x", "any", Cadence::Hourly, "hourly Europe/Berlin 08:00-22:00 60"),
            ("a@x", "any", Cadence::Weekdays, "weekdays Europe/Berlin 09:00-17:00 720"),
            ("a@x", "office", Cadence::Daily, "weekdays Europe/Berlin 09:00-17:00 720"),
            ("a@x", "busy", Cadence::Weekdays, "cron \"0 7 * * 1-5\" Europe/Vienna 08:00-22:00 720"),
            ("early@x", "office", Cadence::Daily, "weekdays Europe/Berlin 05:00-06:00 60"),
            ("rare@x", "busy", Cadence::Daily, "every 21600 s Europe/Vienna 08:00-22:00 360"),
            ("gone@x", "office", Cadence::Daily, "never Europe/Berlin 08:00-22:00 720"),
        ] {
            let Rule { when, zone, window, catch_up } = rules.rule_for(&persona(email, archetype, cadence));
            assert_eq!(
                format!("{when} {zone} {window} {}", catch_up.num_minutes()),
                rule,
                "{email} {archetype}"
            );
        }
    }

    #[test]
    fn an_entry_that_fits_nobody_is_named() {
        let mut rules = Rules::of_zone(Tz::UTC);
        rules.cadences.insert(Cadence::Hourly, Entry::default());
        for who in ["office", "ofice"] {
            rules.archetypes.insert(who.to_owned(), Entry::default());
        }
        for who in ["a@x", "A@x"] {
            rules.personas.insert(who.to_owned(), Entry::default());
        }
        let known = [persona("a@x", "office", Cadence::Daily), persona("b@x", "any", Cadence::Daily)];
        assert_eq!(rules.unmatched(&known), ["schedule.archetypes.\"ofice\"", "schedule.personas.\"A@x\""]);
        assert_eq!(rules.unmatched([]).len(), 4);
    }
}
