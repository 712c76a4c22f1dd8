//! Walks through the table of which nobody knows the way, and what is so after each of their steps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::story::{PARSE, PLAN, Story, letter, own, sha256};
use super::{Build, Choice, Does, Happens, Lasts, Verdict};
use crate::behavior::health::Answer;
use crate::behavior::record::Occasion;
use domain::ids::{GenerationNumber, PersonaId, Sha256Hex};
use domain::plugin::CanaryPlan;

/// One step of a walk; what it leads to depends on what was before.
#[derive(Clone, Debug)]
enum Step {
    Save(usize, bool, bool),
    Remove,
    Reload(bool),
    Judge(Verdict),
    RollBack,
    Call(bool),
    Later,
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![Just(Verdict::Clean), Just(Verdict::Unusable), Just(Verdict::BrokeDown)];
    prop_oneof![
        4 => (0..4_usize, any::<bool>(), any::<bool>()).prop_map(|(build, good, takes)| Step::Save(build, good, takes)),
        1 => Just(Step::Remove),
        1 => any::<bool>().prop_map(Step::Reload),
        4 => verdict.prop_map(Step::Judge),
        1 => Just(Step::RollBack),
        3 => any::<bool>().prop_map(Step::Call),
        1 => Just(Step::Later),
    ]
}

/// What a walk knows of the world, apart from the table.
#[derive(Default)]
struct World {
    in_folder: Option<Sha256Hex>,
    builds: BTreeMap<GenerationNumber, Build>,
    live: Option<GenerationNumber>,
    trial: Option<GenerationNumber>,
    kept: Vec<Sha256Hex>,
    aside: Vec<Sha256Hex>,
    refused: Vec<Sha256Hex>,
}

struct Walk {
    story: Story,
    world: World,
    plan: Option<CanaryPlan>,
}

impl Walk {
    fn take(&mut self, step: &Step) {
        let letters = ["A", "B", "C", "D"];
        match step {
            Step::Save(build, good, takes_own) => {
                self.found(letters[*build], Occasion::File, *good, *takes_own)
            }
            Step::Reload(good) => {
                if let Some(sha256) = self.world.in_folder.clone() {
                    self.found(letter(&sha256), Occasion::Reload, *good, true);
                }
            }
            Step::Remove => {
                self.world.in_folder = None;
                self.happens(Happens::Gone);
            }
            Step::Judge(verdict) => {
                let number = self.world.trial.unwrap_or(GenerationNumber(1));
                self.happens(Happens::Judged { number, verdict: *verdict });
            }
            Step::RollBack => {
                let does = self.happens(Happens::RolledBack);
                if let Some(kept) = does.iter().find_map(|does| match does {
                    Does::LoadKept(kept) => kept.first().cloned(),
                    _ => None,
                }) {
                    let build = self.story.build(letter(&kept), true);
                    self.admitted(build, Occasion::Rollback);
                }
            }
            Step::Call(good) => {
                let number = self.world.live.unwrap_or(GenerationNumber(1));
                let answer = if *good { Answer::Usable } else { Answer::BrokeDown("trap".to_owned()) };
                let ticket = self.story.ticket;
                self.happens(Happens::Called { number, function: PARSE, answer, ticket });
            }
            Step::Later => self.story.minutes += 70,
        }
        self.holds();
    }

    fn found(&mut self, letter: &str, occasion: Occasion, good: bool, takes_own: bool) {
        let sha256 = sha256(letter);
        self.world.in_folder = Some(sha256.clone());
        let does = self.happens(Happens::Found { sha256: sha256.clone(), occasion });
        if !does.contains(&Does::Load) {
            return;
        }
        if occasion == Occasion::File {
            assert!(!self.world.refused.contains(&sha256), "what was refused is loaded again");
            assert!(!self.world.aside.contains(&sha256), "what was rolled back is loaded again");
        }
        if good {
            let build = self.story.build(letter, takes_own);
            self.admitted(build, occasion);
        } else {
            self.world.refused.push(sha256.clone());
            self.happens(Happens::Refused { sha256: Some(sha256), lasts: Lasts::ForTheBytes, of_file: true });
        }
    }

    fn admitted(&mut self, build: Build, occasion: Occasion) {
        self.world.builds.insert(build.number, build.clone());
        self.world.refused.retain(|refused| *refused != build.sha256);
        self.world.aside.retain(|aside| *aside != build.sha256);
        self.happens(Happens::Admitted { build, occasion, plan: self.plan });
    }

    /// Does what the table says, as its hands would.
    fn happens(&mut self, happens: Happens) -> Vec<Does> {
        let is_judged = matches!(happens, Happens::Judged { .. });
        let does = self.story.life.after(happens, self.story.now());
        for done in &does {
            match done {
                Does::GoesLive(number) => {
                    let replaced = self.world.live.replace(*number);
                    let is_told = replaced.is_none_or(|before| does.contains(&Does::Retires(before)));
                    assert!(is_told, "a live generation disappears");
                    if is_judged {
                        let sha256 = &self.world.builds[number].sha256;
                        assert_eq!(
                            Some(sha256),
                            self.world.in_folder.as_ref(),
                            "a removed build is promoted"
                        );
                    }
                    self.world.trial = None;
                }
                Does::GoesOnTrial(number) => self.world.trial = Some(*number),
                Does::Withdraws(_) => {
                    let trial = self.world.trial.take().expect("one is on trial");
                    self.world.refused.push(self.world.builds[&trial].sha256.clone());
                }
                Does::Retires(number) if self.world.trial == Some(*number) => self.world.trial = None,
                Does::SetsAside(sha256) => self.world.aside.push(sha256.clone()),
                Does::Keeps(number) => {
                    let sha256 = self.world.builds[number].sha256.clone();
                    self.world.kept.retain(|kept| *kept != sha256);
                    self.world.kept.insert(0, sha256);
                    let (kept, set_aside) = (self.world.kept.clone(), self.world.aside.clone());
                    self.story.life.after(Happens::Indexed { kept, set_aside }, self.story.now());
                }
                _ => {}
            }
        }
        does
    }

    /// What is so after every step.
    fn holds(&mut self) {
        let World { in_folder, builds, live, trial, .. } = &self.world;
        assert_eq!(self.story.life.live(), *live, "a live generation stays until another takes its place");
        for number in builds.keys() {
            let is_named = Some(number) == live.as_ref() || Some(number) == trial.as_ref();
            assert_eq!(self.story.life.holds(*number), is_named, "generation {number}");
        }
        if let Some(trial) = trial {
            assert_eq!(
                Some(&builds[trial].sha256),
                in_folder.as_ref(),
                "a trial is of what is in the folder"
            );
        }
        let takes = |number: &Option<GenerationNumber>| {
            number.is_some_and(|number| !builds[&number].left_out.contains_key(&own()))
        };
        let (by_trial, by_live) = (takes(trial), takes(live));
        let now = self.story.now();
        let mut turn = || self.story.life.choose(&own(), &PersonaId::new("anna"), now);
        let (first, second) = (turn(), turn());
        let is_one_trial = !matches!((&first, &second), (Choice::Live(_, Some(_)), Choice::Live(_, Some(_))));
        assert!(is_one_trial, "two turns try what is quarantined");
        let is_served = match &first {
            Choice::Trial(_) => by_trial,
            Choice::Live(_, ticket) => {
                self.story.ticket = ticket.or(self.story.ticket);
                by_live && !by_trial
            }
            Choice::Quarantined(_) => by_live && !by_trial,
            Choice::LeftOut(_) => live.is_some() && !by_live && !by_trial,
            Choice::Nothing => live.is_none(),
        };
        assert!(is_served, "{first:?}, though the trial takes it: {by_trial}, the live one: {by_live}");
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_these_things_hold(
        steps in prop::collection::vec(step(), 1..60),
        with_trials in any::<bool>(),
    ) {
        let plan = with_trials.then_some(PLAN);
        let mut walk = Walk { story: Story::default(), world: World::default(), plan };
        for step in &steps {
            walk.take(step);
        }
    }
}
