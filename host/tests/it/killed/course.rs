//! The course of a colony: lives that end by SIGKILL until there were enough of them, or as an operator ends them, and all
//! turns over at the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::beside::Left;
use super::colony::{Colony, Standing};
use super::life::Life;
use super::trigger::{AT_RANDOM, Plan, Plans};

/// Long enough for a tick to come, whatever it waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much a colony has to go through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) personas: usize,
    /// At least so many; each persona has one turn a day.
    pub(super) days: usize,
    /// At least so many.
    pub(super) kills: usize,
}

/// What happened, as far as neither the books nor the ledger tell it.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) days: usize,
    /// How often turns were interrupted, by the turn's id.
    pub(super) interrupted: BTreeMap<String, usize>,
    /// What was under way at the kills.
    pub(super) model_calls_under_way: usize,
    pub(super) tool_calls_under_way: usize,
    /// How often somebody had to let turns go on.
    pub(super) held: usize,
    pub(super) parked: usize,
    /// How often a process was told to stop in the middle of its life.
    pub(super) stops: usize,
    pub(super) took: Duration,
}

/// Lets a colony live until it has been through `size`.
pub(super) async fn live(colony: &mut Colony, size: Size, seed: u64) -> Course {
    let begun = Instant::now();
    let course = Course { days: 1, ..Course::default() };
    let mut stretch = Stretch { colony, course, size, plans: Plans::of(seed), armed: None };
    loop {
        match stretch.one_life().await {
            End::Killed => {
                let left = stretch.colony.ledger().left().await;
                stretch.colony.books.trigger.was_true(&left);
                stretch.course.add(&left);
            }
            End::Stopped => stretch.nothing_was_broken_off().await,
            End::Complete => break,
        }
    }
    Course { took: begun.elapsed(), ..stretch.course }
}

/// Why a life is over.
#[derive(PartialEq, Eq)]
enum End {
    Killed,
    /// It was told to.
    Stopped,
    /// All turns are over, and there were enough kills.
    Complete,
}

/// A colony on its way.
struct Stretch<'a> {
    colony: &'a mut Colony,
    course: Course,
    size: Size,
    plans: Plans,
    /// What is to end this life.
    armed: Option<Plan>,
}

impl Stretch<'_> {
    /// One process, from its start to its end.
    async fn one_life(&mut self) -> End {
        let mut ticks = self.colony.books.ticks();
        let mut life = self.colony.wake();
        self.armed = None;
        let mut instant = self.take_aim(&life);
        let mut is_told = false;
        loop {
            tokio::select! {
                biased;
                status = life.ended() => {
                    if is_told {
                        assert!(status.success(), "told to stop, it ended with {status}:\n{}", life.said());
                        return End::Stopped;
                    }
                    let killed = self.colony.books.trigger.has_fired();
                    assert!(killed, "it ended by itself, {status}:\n{}", life.said());
                    return End::Killed;
                }
                () = wait(&mut instant) => {
                    instant = None;
                    if let Some(Plan::Stop(_)) = self.armed {
                        is_told = true;
                        // Before that it has no turns, and hears no signal.
                        life.address().await.expect("nobody has ended it");
                        life.terminate();
                    } else {
                        self.colony.books.trigger.fire(AT_RANDOM);
                    }
                }
                tick = tokio::time::timeout(PATIENCE, ticks.changed()), if !is_told => {
                    tick.unwrap_or_else(|_| panic!("no tick for {PATIENCE:?}:\n{}", life.said())).unwrap();
                    match self.look(&life).await {
                        Next::Wait => {}
                        Next::Day => {
                            self.course.days += 1;
                            self.colony.next_day();
                            instant = self.take_aim(&life);
                        }
                        Next::End => return self.end(life).await,
                    }
                }
            }
        }
    }

    /// At the beginning of a tick.
    async fn look(&mut self, life: &Life) -> Next {
        match self.colony.standing().await {
            Standing::UnderWay => Next::Wait,
            Standing::KeptBack(kept) => {
                let parked = kept.iter().filter(|kept| kept.is_parked()).count();
                self.course.parked += parked;
                self.course.held += kept.len() - parked;
                self.colony.let_go_on(life, &kept).await;
                Next::Wait
            }
            Standing::Over if self.course.days >= self.size.days && self.kills() >= self.size.kills => {
                Next::End
            }
            Standing::Over => Next::Day,
        }
    }

    /// Plans the life's end, if it may have one by now. Kills are spread over the days. What has not come to pass on
    /// one day may never do so in this life (nobody signs in twice), and is put off to the next.
    fn take_aim(&mut self, life: &Life) -> Option<Instant> {
        if self.kills() >= self.size.kills * self.course.days / self.size.days {
            return None;
        }
        let plan = self.plans.next(self.armed);
        self.armed = Some(plan);
        self.colony.books.trigger.arm(life.pid(), plan);
        match plan {
            Plan::After(after) | Plan::Stop(after) => Some(Instant::now() + after),
            Plan::At { .. } => None,
        }
    }

    /// Stops the last process as an operator would.
    async fn end(&self, mut life: Life) -> End {
        if self.colony.books.trigger.has_fired() {
            return End::Killed;
        }
        life.terminate();
        let status = life.ended().await;
        assert!(status.success(), "told to stop, it ended with {status}:\n{}", life.said());
        End::Complete
    }

    /// An orderly stop leaves no step without its result and no turn that runs, and counts as no attempt: whoever was
    /// stopped goes on at the next start.
    async fn nothing_was_broken_off(&mut self) {
        self.course.stops += 1;
        let left = self.colony.ledger().left().await;
        assert!(left.turns.is_empty(), "told to stop, it has left {left:?}");
        let kept_back = self.colony.ledger().kept_back_by_a_stop().await;
        assert!(kept_back.is_empty(), "they were stopped, and do not go on: {kept_back:?}");
    }

    fn kills(&self) -> usize {
        self.colony.books.trigger.kills().values().sum()
    }
}

/// What a look at the day says.
enum Next {
    Wait,
    Day,
    End,
}

async fn wait(instant: &mut Option<Instant>) {
    match instant {
        Some(at) => tokio::time::sleep_until((*at).into()).await,
        None => std::future::pending().await,
    }
}

impl Course {
    fn add(&mut self, left: &Left) {
        for turn in &left.turns {
            *self.interrupted.entry(turn.clone()).or_default() += 1;
        }
        self.model_calls_under_way += left.model_calls;
        self.tool_calls_under_way += left.tool_calls;
    }
}
