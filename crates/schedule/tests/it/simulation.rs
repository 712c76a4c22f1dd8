//! A month of many personas, minute by minute and without waiting: the plan, the order and the rule of attempts that the
//! daemon has, with turns that take their time, fail, are left out and are interrupted, and a clock that jumps. What is
//! simulated is the ledger (a map) and what a turn does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::attempt::{Sequel, Tried};
use domain::code::Code;
use domain::fault::{Fault, Stage};
use domain::ids::{PersonaId, Slot};
use domain::persona::{Cadence, Persona};
use domain::turn_end::TurnEnd;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use schedule::{Due, Entry, Moment, Plan, Record, Rules, Urgency, Verdict, cron};

use super::persona;

const TICK: TimeDelta = TimeDelta::seconds(60);
const START: &str = "2026-10-10T00:00:00Z";

/// What is to be simulated.
#[derive(Clone, Copy)]
struct Setting {
    seed: u64,
    personas: usize,
    hourly: usize,
    days: i64,
    places: usize,
    /// The longest turn, in seconds.
    longest: i64,
    /// The program is ended and started again, and the clock is set.
    troubles: bool,
}

const MONTH: Setting =
    Setting { seed: 1, personas: 1000, hourly: 50, days: 30, places: 6, longest: 300, troubles: true };

struct World {
    random: StdRng,
    setting: Setting,
    /// What the clock on the wall shows, and how far it is from the time that passes.
    time: DateTime<Utc>,
    shift: TimeDelta,
    plan: Plan,
    residents: Vec<Persona>,
    line: Vec<Waiting>,
    running: Vec<Running>,
    ledger: Ledger,
    told: Told,
    begins: Vec<DateTime<Utc>>,
    /// The most turns of others that were begun while somebody waited.
    most_before: usize,
    log: String,
}

/// What outlives the program.
#[derive(Default)]
struct Ledger {
    begun: BTreeSet<(PersonaId, Slot)>,
    open: BTreeMap<PersonaId, Open>,
    ended: BTreeMap<PersonaId, DateTime<Utc>>,
}

/// A turn that was begun and has not come to its end.
#[derive(Clone)]
struct Open {
    slot: Slot,
    tried: Tried,
    until: DateTime<Utc>,
}

struct Waiting {
    persona: PersonaId,
    urgency: Urgency,
    slot: Option<Moment>,
}

struct Running {
    persona: PersonaId,
    slot: Slot,
    tried: Tried,
    ends: DateTime<Utc>,
    end: TurnEnd,
}

/// What became of slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    begun: usize,
    overlapped: usize,
    lapsed: usize,
    overtaken: usize,
}

fn rules() -> Rules {
    let mut rules = Rules::of_zone(Tz::Europe__Berlin);
    let early = cron("30 2 * * *").unwrap();
    rules.archetypes.insert("early".to_owned(), Entry { when: Some(early), ..Entry::default() });
    let zones = [Tz::America__New_York, Tz::Asia__Kolkata, Tz::Australia__Lord_Howe, Tz::Pacific__Auckland];
    for (number, zone) in zones.into_iter().enumerate() {
        rules.archetypes.insert(format!("zone {number}"), Entry { zone: Some(zone), ..Entry::default() });
    }
    rules
}

fn residents(setting: Setting) -> Vec<Persona> {
    let resident = |number: usize| {
        let cadence = match number {
            number if number < setting.hourly => Cadence::Hourly,
            number if number % 3 == 0 => Cadence::Weekdays,
            _ => Cadence::Daily,
        };
        let archetype = match number % 10 {
            0 => "early".to_owned(),
            kind @ 1..=4 => format!("zone {}", kind - 1),
            _ => "any".to_owned(),
        };
        let archetype = if cadence == Cadence::Hourly { "any".to_owned() } else { archetype };
        Persona { archetype, ..persona(&format!("p{number:04}"), cadence) }
    };
    (0..setting.personas).map(resident).collect()
}

impl World {
    fn new(setting: Setting) -> Self {
        let mut world = Self {
            random: StdRng::seed_from_u64(setting.seed),
            setting,
            time: START.parse().unwrap(),
            shift: TimeDelta::zero(),
            plan: Plan::new(rules()),
            residents: residents(setting),
            line: Vec::new(),
            running: Vec::new(),
            ledger: Ledger::default(),
            told: Told::default(),
            begins: Vec::new(),
            most_before: 0,
            log: String::new(),
        };
        world.start();
        world
    }

    fn run(mut self) -> Self {
        let ticks = self.setting.days * 24 * 60;
        for tick in 0..ticks {
            if self.setting.troubles && tick % 997 == 0 && tick > 0 {
                self.trouble();
            }
            self.tick();
            let next = self.time + TICK;
            while let Some(end) = self.first_to_end(next) {
                self.time = self.running[end].ends;
                self.end(end, None);
                self.fill();
            }
            self.time = next;
        }
        self
    }

    fn now(&self) -> DateTime<Utc> {
        self.time + self.shift
    }

    fn note(&mut self, what: &str, persona: &PersonaId, slot: &Slot) {
        let now = self.now();
        writeln!(self.log, "{now} {what} {persona} {}", slot.as_str()).unwrap();
    }

    /// The program begins and knows nothing but its ledger.
    fn start(&mut self) {
        self.plan = Plan::new(rules());
        for resident in self.residents.clone() {
            self.plan.know(resident, None);
        }
    }

    fn trouble(&mut self) {
        if self.random.random_range(0..2) == 0 {
            while !self.running.is_empty() {
                self.end(0, Some(TurnEnd::Faulted(Fault::interrupted())));
            }
            self.line.clear();
            self.time += TimeDelta::minutes(self.random.random_range(0..600));
            self.start();
        } else {
            let minutes = [-3 * 1440, -90, -10, 10, 90, 3 * 1440][self.random.random_range(0..6)];
            self.shift += TimeDelta::minutes(minutes);
        }
        let now = self.now();
        writeln!(self.log, "{now} trouble").unwrap();
    }

    fn tick(&mut self) {
        let now = self.now();
        let mut busy: BTreeSet<PersonaId> =
            self.running.iter().map(|running| running.persona.clone()).collect();
        busy.extend(self.line.iter().map(|waiting| waiting.persona.clone()));
        for (persona, open) in &self.ledger.open {
            self.plan.goes_on(persona, &open.slot, now);
            if open.until <= now && !busy.contains(persona) {
                let (persona, urgency) = (persona.clone(), Urgency::GoesOn);
                self.line.push(Waiting { persona, urgency, slot: None });
            }
            busy.insert(persona.clone());
        }
        let look = self.plan.look(now, &busy);
        self.told.overtaken += look.overtaken;
        for due in look.due {
            if self.judge(&due) == Verdict::Begin {
                let (persona, urgency) = (due.persona.id, Urgency::Due(due.lateness));
                self.line.push(Waiting { persona, urgency, slot: Some(due.moment) });
            }
        }
        self.fill();
    }

    fn judge(&mut self, due: &Due) -> Verdict {
        let (persona, slot) = (&due.persona.id, due.moment.slot());
        let ended = self.ledger.ended.get(persona).copied();
        let record = Record {
            begun: self.ledger.begun.contains(&(persona.clone(), slot.clone())),
            played_since: ended.is_some_and(|ended| ended > due.moment.at && ended <= self.now()),
        };
        let verdict = self.plan.judge(due, record);
        match verdict {
            Verdict::Begin | Verdict::Played => {}
            Verdict::Overlapped => self.told.overlapped += 1,
            Verdict::Lapsed => self.told.lapsed += 1,
        }
        verdict
    }

    /// Gives free places to those who wait.
    fn fill(&mut self) {
        while self.running.len() < self.setting.places && !self.line.is_empty() {
            let now = self.now();
            let first =
                (0..self.line.len()).min_by(|a, b| self.line[*a].urgency.order(&self.line[*b].urgency, now));
            let Waiting { persona, slot, .. } = self.line.remove(first.unwrap());
            if slot.is_none() {
                let open = self.ledger.open[&persona].clone();
                self.begin(persona, open.slot, open.tried, None);
                continue;
            }
            // It may have waited long.
            let look = self.plan.look_at(&persona, now);
            self.told.overtaken += look.overtaken;
            let Some(due) = look.due.into_iter().next() else { continue };
            if self.judge(&due) == Verdict::Begin {
                assert!(now - due.moment.at <= TimeDelta::hours(12), "{persona} is begun too late");
                let is_new = self.ledger.begun.insert((persona.clone(), due.moment.slot()));
                assert!(is_new, "{persona} plays {:?} twice", due.moment);
                self.told.begun += 1;
                let waits_since = due.lateness.due_at;
                let before = self.begins.iter().rev().take_while(|begun| **begun > waits_since).count();
                self.most_before = self.most_before.max(before);
                self.begins.push(now);
                self.begin(persona, due.moment.slot(), Tried::default(), Some(due.moment));
            }
        }
    }

    fn begin(&mut self, persona: PersonaId, slot: Slot, tried: Tried, moment: Option<Moment>) {
        let is_busy = self.running.iter().any(|running| running.persona == persona);
        assert!(!is_busy, "{persona} has two turns at once");
        self.note(if moment.is_some() { "begins" } else { "goes on" }, &persona, &slot);
        let now = self.now();
        self.plan.begun(&persona, moment, now);
        let end = match self.random.random_range(0..100) {
            0..85 => TurnEnd::Completed,
            85..95 => TurnEnd::Faulted(Fault::new(Stage::ToolLoop, Code::ClaudeOverloaded, "it went wrong")),
            _ => TurnEnd::Skipped { reason: "a holiday".to_owned(), until: None },
        };
        let ends = self.time + TimeDelta::seconds(self.random.random_range(20..self.setting.longest));
        self.running.push(Running { persona, slot, tried, ends, end });
    }

    fn first_to_end(&self, before: DateTime<Utc>) -> Option<usize> {
        let ends = (0..self.running.len()).filter(|own| self.running[*own].ends <= before);
        ends.min_by_key(|own| self.running[*own].ends)
    }

    fn end(&mut self, number: usize, how: Option<TurnEnd>) {
        let Running { persona, slot, tried, end, .. } = self.running.remove(number);
        let (end, now) = (how.unwrap_or(end), self.now());
        self.note(end.name(), &persona, &slot);
        self.ledger.ended.insert(persona.clone(), now);
        let tried = tried.and(&end);
        match tried.sequel(&end, now) {
            Sequel::Over | Sequel::Parked => drop(self.ledger.open.remove(&persona)),
            Sequel::Again { from } => {
                self.ledger.open.insert(persona, Open { slot, tried, until: from });
            }
        }
    }
}

#[test]
fn a_month_of_a_thousand_personas_is_the_same_each_time() {
    let began = std::time::Instant::now();
    let one = World::new(MONTH).run();
    let took = began.elapsed();
    let again = World::new(MONTH).run();
    let other = World::new(Setting { seed: 2, ..MONTH }).run();
    println!(
        "30 days of 1,000 personas in {took:.1?}: {:?}, {} lines of log",
        one.told,
        one.log.lines().count()
    );
    assert_eq!(one.log.lines().zip(again.log.lines()).find(|(one, again)| one != again), None);
    assert_eq!(one.log.len(), again.log.len());
    assert_ne!(one.log, other.log, "another seed is another month");
    assert!(one.told.begun > 40_000, "{:?}", one.told);
}

/// Without troubles each slot of the month is either played, or told to be left out.
#[test]
fn no_slot_is_left_out_silently() {
    for places in [1, 6] {
        let setting = Setting { troubles: false, places, personas: 300, days: 10, ..MONTH };
        let mut world = World::new(setting).run();
        let mut calendar = Plan::new(rules());
        let mut slots = 0;
        let (start, end) = (START.parse::<DateTime<Utc>>().unwrap(), world.now() - TICK);
        for resident in residents(setting) {
            let id = resident.id.clone();
            calendar.know(resident, None);
            let mut at = start;
            while let Some(next) = calendar.next(&id, at).filter(|next| next.at <= end) {
                slots += 1;
                at = next.at;
            }
        }
        // At the start each persona has one slot more, which came before: it is played or lapsed.
        slots += setting.personas;
        let under_way = world.plan.look(end, &BTreeSet::new()).due.len();
        let Told { begun, overlapped, lapsed, overtaken } = world.told;
        let told = begun + overlapped + lapsed + overtaken + under_way;
        assert_eq!(slots, told, "{places} places: {:?}, {under_way} under way", world.told);
        assert_eq!(places == 1, overtaken > 1000, "one place is too few: {:?}", world.told);
    }
}

/// However far the places fall behind: whoever waits is begun after one turn of each other at most, so within
/// `ceil(N / P)` turns of each place.
#[test]
fn nobody_starves() {
    let setting =
        Setting { personas: 120, hourly: 120, places: 2, days: 5, longest: 200, troubles: false, ..MONTH };
    let world = World::new(setting).run();
    assert!(world.told.overtaken > 100, "it is to fall behind: {:?}", world.told);
    let (most, others) = (world.most_before, setting.personas - 1);
    println!("a persona waited for {most} turns of {others} others at most");
    assert!(most <= others, "one was begun after {most} turns of {others} others");
    let begun: BTreeSet<&PersonaId> = world.ledger.begun.iter().map(|(persona, _)| persona).collect();
    assert_eq!(begun.len(), setting.personas, "everybody is begun");
}

/// What a look takes where few slots have come since the last one; the figure is printed.
#[test]
fn a_look_at_many_personas_finds_those_whose_slot_has_come() {
    let setting = Setting { personas: 100_000, hourly: 1000, ..MONTH };
    let mut plan = Plan::new(rules());
    for resident in residents(setting) {
        plan.know(resident, None);
    }
    let (mut now, nobody) = (START.parse::<DateTime<Utc>>().unwrap(), BTreeSet::new());
    let mut slowest = std::time::Duration::ZERO;
    for minute in 0..12 {
        let began = std::time::Instant::now();
        let look = plan.look(now, &nobody);
        // The first looks are those of a program that has just started.
        slowest = slowest.max(if minute > 1 { began.elapsed() } else { slowest });
        assert!(minute == 0 || look.due.len() < 200, "{} have come within a minute", look.due.len());
        assert_eq!(look.overtaken, 0);
        for due in look.due {
            plan.begun(&due.persona.id, Some(due.moment), now);
        }
        now += TICK;
    }
    println!("the slowest look of ten at {} personas took {slowest:.1?}", plan.len());
}
