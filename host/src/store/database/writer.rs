//! The one way to write. Nothing is told as written before its commit was seen to succeed.
//!
//! What several ask for at once shares a commit, and so does what need not be awaited: it is put off until the next
//! write, or for a moment. What cannot be written stands in no other's way: each is tried by itself then.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io, mem, thread};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::driver::Driver;
use super::order::{Order, Work};
use super::put_off::{PutOff, Unit};
use super::{Connection, Failure, Kind, Statement, advice};
use crate::store::LedgerError;
use domain::clock::Clock;
use domain::ids::TurnId;

/// How long something is put off at most.
const MOMENT: Duration = Duration::from_millis(20);
/// From one look at the database to the next while nobody wants anything.
const IDLE: Duration = Duration::from_secs(2);
/// So many share a commit at most.
const AT_ONCE: usize = 64;
/// How long a failure is told.
const TROUBLE: TimeDelta = TimeDelta::minutes(1);
/// How everything fails, whatever is in it.
const OF_ALL: [Kind; 6] = [Kind::Gone, Kind::Silent, Kind::Taken, Kind::Unsure, Kind::Busy, Kind::Moved];
/// How long a write may take before that is told.
const SLOW: Duration = Duration::from_secs(5);
const PUT_OFF: &str = "write down what was put off";

/// The one connection that writes, on a thread of its own.
pub(in crate::store) struct Writer {
    orders: Mutex<Option<Sender<Asked>>>,
    put_off: Arc<PutOff>,
    health: Arc<Health>,
    ended: tokio::sync::Mutex<Option<oneshot::Receiver<()>>>,
}

/// Why a write failed last, and when.
#[derive(Debug)]
struct Health {
    clock: Clock,
    trouble: Mutex<Option<(Failure, DateTime<Utc>)>>,
    /// Since when the database is asked for something and has not answered.
    asked_since: Mutex<Option<Instant>>,
}

/// A piece of work, and the turn that it is about.
struct Asked {
    about: About,
    work: Box<dyn Work>,
    /// It writes nothing of its own.
    only_catches_up: bool,
}

/// What of that which was put off has to be safe before a piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum About {
    /// What is about this turn.
    Turn(TurnId),
    /// What is about this turn, unless the database refuses it for what is in it: that keeps no turn from going on.
    Day(TurnId),
    /// The same, and what is refused is given up: the attempt is over.
    End(TurnId),
    /// All of it.
    Everything,
    /// None of it.
    Nothing,
}

impl Writer {
    /// Starts the thread.
    pub(in crate::store) fn start(mut driver: Box<dyn Driver>, clock: Clock) -> io::Result<Self> {
        let (orders, asked) = mpsc::channel();
        let (put_off, health) = (Arc::<PutOff>::default(), Arc::new(Health::new(clock)));
        let (end, ended) = oneshot::channel();
        let (put_off_here, health_here) = (Arc::clone(&put_off), Arc::clone(&health));
        let mut desk = Desk { put_off: put_off_here, refused: Vec::new(), health: health_here };
        thread::Builder::new().name("ledger-writer".to_owned()).spawn(move || {
            desk.serve(driver.as_mut(), &asked);
            drop(driver);
            let _ = end.send(());
        })?;
        let ended = tokio::sync::Mutex::new(Some(ended));
        Ok(Self { orders: Mutex::new(Some(orders)), put_off, health, ended })
    }

    /// Does something in one transaction, and returns when it is committed, after what was put off about the same. It may
    /// be done again before it is. It is also done when nobody waits for it any more.
    pub(in crate::store) async fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        about: About,
        work: impl FnMut(&mut Connection<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.ask(what, about, work).await
    }

    /// Writes these with the next write, or in a moment: all of them or none.
    pub(in crate::store) fn put_off(&self, turn: TurnId, statements: Vec<Statement>) {
        if !self.put_off.add(Unit { turn, statements }) {
            return;
        }
        let (put_off, orders) = (Arc::clone(&self.put_off), self.orders());
        tokio::spawn(async move {
            tokio::time::sleep(MOMENT).await;
            put_off.asked_for();
            if put_off.is_empty() {
                return;
            }
            // What cannot be written now is tried again by whoever writes next, who is told.
            let (order, _) = Order::new(PUT_OFF, |_: &mut Connection<'_>| Ok(()));
            if let Some(orders) = orders {
                let _ = orders.send(Asked {
                    about: About::Nothing,
                    work: Box::new(order),
                    only_catches_up: true,
                });
            }
        });
    }

    /// Writes what was put off, and returns when it is committed.
    pub(in crate::store) async fn catch_up(&self) -> Result<(), LedgerError> {
        self.ask(PUT_OFF, About::Everything, |_| Ok(())).await
    }

    /// Claims the database for this process, before it has tables.
    pub(in crate::store) async fn claim(&self) -> Result<(), LedgerError> {
        self.ask("claim it", About::Everything, |connection| connection.hold()).await
    }

    /// Why a write failed in the last minute for a reason that others would fail for, too, or that one takes long. That some succeeded since does
    /// not say that all do: on a full disk there is often room for a small one.
    pub(in crate::store) fn trouble(&self) -> Option<Failure> {
        self.health.trouble()
    }

    /// Writes what was put off and ends the thread.
    pub(in crate::store) async fn close(&self) {
        if self.orders().is_none() {
            return;
        }
        if let Err(error) = self.catch_up().await {
            tracing::error!(%error, "the ledger is closed without what was put off");
        }
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(ended) = self.ended.lock().await.take() {
            let _ = ended.await;
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        about: About,
        work: impl FnMut(&mut Connection<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let only_catches_up = about == About::Everything;
        let (order, told) = Order::new(what, work);
        let closed = || Err(LedgerError::doing(what)(Failure::closed()));
        match self.orders().map(|orders| orders.send(Asked { about, work: Box::new(order), only_catches_up }))
        {
            Some(Ok(())) => told.await.unwrap_or_else(|_| closed()),
            _ => closed(),
        }
    }

    fn orders(&self) -> Option<Sender<Asked>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Writer").field("put_off", &self.put_off).finish_non_exhaustive()
    }
}

/// What the thread works from.
struct Desk {
    put_off: Arc<PutOff>,
    /// What was put off and is refused for what is in it. It is tried again when nobody is kept waiting by that.
    refused: Vec<Unit>,
    health: Arc<Health>,
}

impl Desk {
    fn serve(&mut self, driver: &mut dyn Driver, asked: &Receiver<Asked>) {
        loop {
            match asked.recv_timeout(IDLE) {
                Ok(first) => {
                    let mut all = vec![first];
                    all.extend(asked.try_iter().take(AT_ONCE - 1));
                    self.health.asks(true);
                    self.write(driver, all);
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.health.asks(true);
                    self.be_idle(driver);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.health.asks(false);
        }
    }

    /// Tries again what could not be written before.
    fn be_idle(&mut self, driver: &mut dyn Driver) {
        let refused = mem::take(&mut self.refused);
        if !self.put_off.is_empty() {
            self.refused = refused;
            self.write(driver, Vec::new());
        } else if refused.is_empty() {
            self.health.note(driver.hold().err().as_ref());
        } else {
            self.one_by_one(driver, refused);
        }
    }

    fn write(&mut self, driver: &mut dyn Driver, all: Vec<Asked>) {
        let units = self.take(&all);
        // A commit of nothing would say nothing about the disk.
        let has_caught_up = |asked: &Asked| units.is_empty() && asked.only_catches_up;
        let (caught_up, mut all): (Vec<_>, Vec<_>) = all.into_iter().partition(has_caught_up);
        for mut asked in caught_up {
            let _ = asked.work.attempt(driver);
            asked.work.tell(None);
        }
        if all.is_empty() && units.is_empty() {
            return;
        }
        let mut written = together(driver, &units, works(&mut all));
        if failed_as(&written, &[Kind::Gone]) {
            // Nothing of it is there. The server may have been started anew.
            written = together(driver, &units, works(&mut all));
        }
        let is_alone = units.is_empty() && all.len() == 1;
        let is_of_all = failed_as(&written, &OF_ALL);
        if written.is_ok() || is_alone || is_of_all {
            let failure = written.err().flatten();
            self.health.note(failure.as_ref());
            if failure.is_some() {
                self.put_off.put_back(units);
            }
            all.into_iter().for_each(|asked| asked.work.tell(failure.clone()));
            return;
        }
        let failed = self.one_by_one(driver, units);
        for asked in all {
            self.write_one(driver, asked, &failed);
        }
    }

    /// What was put off, and of what is refused as much as somebody waits for now.
    fn take(&mut self, all: &[Asked]) -> Vec<Unit> {
        let refused = mem::take(&mut self.refused);
        let is_awaited = |unit: &Unit| all.iter().any(|asked| asked.about.includes(unit.turn));
        let (mut units, refused): (Vec<_>, Vec<_>) = refused.into_iter().partition(is_awaited);
        self.refused = refused;
        units.extend(self.put_off.take());
        units
    }

    fn write_one(&mut self, driver: &mut dyn Driver, mut asked: Asked, failed: &[(TurnId, Failure)]) {
        let in_its_way = failed.iter().find(|(turn, why)| asked.about.waits_for(*turn, why));
        let failure = match in_its_way {
            None => together(driver, &[], [&mut asked.work]).err().flatten(),
            Some((_, why)) => Some(why.clone()),
        };
        self.health.note(failure.as_ref());
        if let (About::End(turn), None) = (asked.about, &failure) {
            self.give_up(turn);
        }
        asked.work.tell(failure);
    }

    /// Nobody will ask for it again.
    fn give_up(&mut self, turn: TurnId) {
        let before = self.refused.len();
        self.refused.retain(|unit| unit.turn != turn);
        let given_up = before - self.refused.len();
        if given_up > 0 {
            tracing::error!(%turn, given_up, "the ledger does not take what came of steps of a turn that is over");
        }
    }

    /// Writes each of what was put off by itself, in order: what follows of a turn waits for what comes before. What cannot
    /// be written is put off again; gives why.
    fn one_by_one(&mut self, driver: &mut dyn Driver, units: Vec<Unit>) -> Vec<(TurnId, Failure)> {
        let (mut left, mut failed) = (Vec::new(), Vec::<(TurnId, Failure)>::new());
        for unit in units {
            if failed.iter().any(|(turn, why)| *turn == unit.turn && why.kind != Kind::OfOneRow) {
                left.push(unit);
                continue;
            }
            let written = together(driver, std::slice::from_ref(&unit), []);
            self.health.note(written.as_ref().err().and_then(Option::as_ref));
            if let Err(failure) = written {
                let failure = failure.unwrap_or_else(Failure::closed);
                tracing::debug!(%failure, "what was put off cannot be written now");
                let place = if failure.kind == Kind::OfOneRow { &mut self.refused } else { &mut left };
                failed.push((unit.turn, failure));
                place.push(unit);
            }
        }
        self.put_off.put_back(left);
        failed
    }
}

impl About {
    fn includes(self, turn: TurnId) -> bool {
        match self {
            Self::Turn(own) | Self::Day(own) | Self::End(own) => own == turn,
            Self::Everything => true,
            Self::Nothing => false,
        }
    }

    fn waits_for(self, turn: TurnId, why: &Failure) -> bool {
        let bears_it = matches!(self, Self::Day(_) | Self::End(_)) && why.kind == Kind::OfOneRow;
        self.includes(turn) && !bears_it
    }
}

impl Health {
    fn new(clock: Clock) -> Self {
        Self { clock, trouble: Mutex::default(), asked_since: Mutex::default() }
    }

    fn note(&self, failure: Option<&Failure>) {
        let mut trouble = self.lock();
        match failure {
            // What is refused for what is in it says that the database works.
            Some(failure) if failure.kind != Kind::OfOneRow => {
                let is_told = self.recent(trouble.as_ref()).is_some_and(|told| told.kind == failure.kind);
                *trouble = Some((failure.clone(), self.clock.now()));
                if !is_told {
                    tracing::error!(cause = %failure, hint = advice(failure.kind), "the ledger cannot be written");
                }
            }
            // A server is back then. Of a disk it says little: something larger may not fit.
            _ => {
                if trouble.take_if(|(last, _)| OF_ALL.contains(&last.kind)).is_some() {
                    tracing::info!("the ledger can be written again");
                }
            }
        }
    }

    fn trouble(&self) -> Option<Failure> {
        let trouble = self.lock().clone();
        self.recent(trouble.as_ref()).cloned().or_else(|| self.slowness())
    }

    fn recent<'t>(&self, trouble: Option<&'t (Failure, DateTime<Utc>)>) -> Option<&'t Failure> {
        // Also when the clock was set back.
        trouble.filter(|(_, at)| (self.clock.now() - *at).abs() <= TROUBLE).map(|(failure, _)| failure)
    }

    /// From here on the database is asked for something, or it has answered.
    fn asks(&self, asks: bool) {
        *self.asked_since.lock().unwrap_or_else(PoisonError::into_inner) = asks.then(Instant::now);
    }

    /// That the thread which writes waits for an answer. It cannot say so itself.
    fn slowness(&self) -> Option<Failure> {
        let since = (*self.asked_since.lock().unwrap_or_else(PoisonError::into_inner))?;
        let words = || format!("it has not answered for {} s", since.elapsed().as_secs());
        (since.elapsed() >= SLOW).then(|| Failure::new(Kind::Silent, words()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Failure, DateTime<Utc>)>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn works(all: &mut [Asked]) -> impl Iterator<Item = &mut Box<dyn Work>> {
    all.iter_mut().map(|asked| &mut asked.work)
}

/// Whether it failed, and so.
fn failed_as(written: &Result<(), Option<Failure>>, kinds: &[Kind]) -> bool {
    matches!(written, Err(Some(failure)) if kinds.contains(&failure.kind))
}

/// All of it in one transaction, or nothing. Without a failure it is a piece of work that did not want it.
fn together<'w>(
    driver: &mut dyn Driver,
    units: &[Unit],
    works: impl IntoIterator<Item = &'w mut Box<dyn Work>>,
) -> Result<(), Option<Failure>> {
    let done = in_transaction(driver, units, works);
    if done.is_err() {
        driver.roll_back();
    }
    done
}

fn in_transaction<'w>(
    driver: &mut dyn Driver,
    units: &[Unit],
    works: impl IntoIterator<Item = &'w mut Box<dyn Work>>,
) -> Result<(), Option<Failure>> {
    driver.begin()?;
    for statement in units.iter().flat_map(|unit| &unit.statements) {
        driver.run(statement)?;
    }
    for work in works {
        work.attempt(driver)?;
    }
    Ok(driver.commit()?)
}
