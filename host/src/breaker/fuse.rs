//! A breaker that many share, by the daemon's clock, and that tells when it changes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::state::{Away, Breaker, Standing, Traveller};
use domain::clock::Clock;
use domain::event::Event;
use domain::fault::Fault;
use domain::upstream::Upstream;

/// Is told what changes.
type Tell = Arc<dyn Fn(Event) + Send + Sync>;

/// The breaker of one upstream. Clones share it.
#[derive(Clone)]
pub struct Fuse(Arc<Inside>);

struct Inside {
    upstream: Upstream,
    clock: Clock,
    breaker: Mutex<Breaker>,
    changed: Notify,
    tell: Tell,
    /// Hears nothing, so that it never opens.
    is_inert: bool,
}

/// Those of all upstreams.
#[derive(Clone, Debug)]
pub struct Fuses([Fuse; 3]);

impl Fuses {
    /// Closed ones, which tell of their changes.
    #[must_use]
    pub fn new(clock: &Clock, tell: impl Fn(Event) + Send + Sync + 'static) -> Self {
        let tell: Tell = Arc::new(tell);
        Self(Upstream::ALL.map(|upstream| Fuse::new(upstream, clock.clone(), Arc::clone(&tell))))
    }

    /// That of one upstream.
    #[must_use]
    pub fn of(&self, upstream: Upstream) -> &Fuse {
        let [claude, mana_auth, mana_mcp] = &self.0;
        match upstream {
            Upstream::Claude => claude,
            Upstream::ManaAuth => mana_auth,
            Upstream::ManaMcp => mana_mcp,
        }
    }

    /// Whether a turn may begin, which needs all of them.
    ///
    /// # Errors
    /// With the first one that lets no turn through.
    pub fn admit_turn(&self) -> Result<(), (Upstream, Away)> {
        // Nobody is sent to try one while another is known to be away.
        let standing = |fuse: &Fuse| fuse.standing();
        let is_open = |fuse: &&Fuse| matches!(standing(fuse), Standing::Open { .. });
        let (open, others): (Vec<_>, Vec<_>) = self.0.iter().partition(is_open);
        for fuse in open.into_iter().chain(others) {
            fuse.admit(Traveller::Turn).map_err(|away| (fuse.0.upstream, away))?;
        }
        Ok(())
    }

    /// How each stands.
    pub fn standings(&self) -> impl Iterator<Item = (Upstream, Standing)> {
        self.0.iter().map(|fuse| (fuse.0.upstream, fuse.standing()))
    }

    /// Waits until one of them changes.
    pub async fn change(&self) {
        let [claude, mana_auth, mana_mcp] = &self.0;
        tokio::select! {
            () = claude.0.changed.notified() => {}
            () = mana_auth.0.changed.notified() => {}
            () = mana_mcp.0.changed.notified() => {}
        }
    }

    /// The same fault, which is nobody's if it is that of an outage that is known as one.
    #[must_use]
    pub fn excuse(&self, fault: Fault) -> Fault {
        let Some(upstream) = fault.outage else { return fault };
        match self.of(upstream).standing() {
            Standing::Open { .. } => fault.excused(),
            Standing::Closed | Standing::HalfOpen { .. } => fault,
        }
    }
}

impl Fuse {
    fn new(upstream: Upstream, clock: Clock, tell: Tell) -> Self {
        let (breaker, changed) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inside { upstream, clock, breaker, changed, tell, is_inert: false }))
    }

    /// One that never opens, for who asks by the way and begins nothing.
    #[must_use]
    pub fn inert(upstream: Upstream) -> Self {
        let (breaker, changed) = (Mutex::default(), Notify::new());
        let (clock, tell): (Clock, Tell) = (Clock::system(), Arc::new(|_| {}));
        Self(Arc::new(Inside { upstream, clock, breaker, changed, tell, is_inert: true }))
    }

    /// Whether a call may be made.
    ///
    /// # Errors
    /// When none may be, or another one tries it.
    pub fn admit_call(&self) -> Result<(), Away> {
        self.admit(Traveller::Call)
    }

    /// A call was answered, or failed so that others would meet it, too.
    pub fn hear(&self, failed: Option<&str>) {
        self.change(|breaker, now| match failed {
            None => breaker.succeeded(now),
            Some(why) => breaker.failed(why, now),
        });
    }

    /// Every call would fail so.
    pub fn trip(&self, why: &str) {
        self.change(|breaker, now| breaker.trip(why, now));
    }

    /// A call that was let through says nothing.
    pub fn forget_call(&self) {
        self.lock().forget_call();
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.lock().standing(self.now())
    }

    /// The time of day that it goes by.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    fn admit(&self, who: Traveller) -> Result<(), Away> {
        let now = self.now();
        let (was, admitted) = {
            let mut breaker = self.lock();
            (breaker.standing(now), breaker.admit(who, now))
        };
        if admitted.is_ok() && was != Standing::Closed {
            self.tell(was);
        }
        admitted
    }

    fn change(&self, hear: impl FnOnce(&mut Breaker, DateTime<Utc>) -> bool) {
        if self.0.is_inert {
            return;
        }
        let now = self.now();
        let standing = {
            let mut breaker = self.lock();
            if !hear(&mut breaker, now) {
                return;
            }
            breaker.standing(now)
        };
        self.0.changed.notify_waiters();
        self.tell(standing);
    }

    fn tell(&self, standing: Standing) {
        let state = standing.name();
        let (until, why) = match standing {
            Standing::Closed => (None, String::new()),
            Standing::Open { until, why } => (Some(until), why),
            Standing::HalfOpen { why, .. } => (None, why),
        };
        (self.0.tell)(Event::UpstreamChanged { upstream: self.0.upstream, state, until, why });
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fuse").field(&self.0.upstream).field(&self.standing()).finish()
    }
}
