//! Models that the key may not ask or that there are not: whoever asks one would meet the same, and others would not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::breaker::{Away, Breaker, Standing, Traveller};

/// The models that Claude has refused, and has not answered for since.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<String, Breaker>);

impl Refusals {
    /// Whether this model may be asked. Now and then one turn and one call try it.
    ///
    /// # Errors
    /// When it was refused, and need not be tried yet.
    pub(super) fn admit(&mut self, model: &str, who: Traveller, now: DateTime<Utc>) -> Result<(), Away> {
        self.0.get_mut(model).map_or(Ok(()), |breaker| breaker.admit(who, now))
    }

    /// Claude says that this key has no such model. Gives until when nobody asks for it, if that is new.
    pub(super) fn refused(&mut self, model: &str, why: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let breaker = self.0.entry(model.to_owned()).or_default();
        let is_new = breaker.trip(why, now);
        match breaker.standing(now) {
            Standing::Open { until, .. } if is_new => Some(until),
            _ => None,
        }
    }

    /// The model has answered. Gives whether it had been refused.
    pub(super) fn answered(&mut self, model: &str) -> bool {
        self.0.remove(model).is_some()
    }

    /// A call that was let through says nothing of its model.
    pub(super) fn forget_call(&mut self, model: &str) {
        if let Some(breaker) = self.0.get_mut(model) {
            breaker.forget_call();
        }
    }

    /// Each of them, and how it stands.
    pub(super) fn standings(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&str, Standing)> {
        self.0.iter().map(move |(model, breaker)| (model.as_str(), breaker.standing(now)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_model_that_there_is_not_is_left_alone_and_tried_now_and_then_and_the_others_are_asked() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let mut refusals = Refusals::default();
        assert_eq!(refusals.refused("gone", "HTTP 404", at(0)), Some(at(30)));
        assert_eq!(refusals.refused("gone", "HTTP 404", at(1)), None, "of a call from before");
        let mut admits =
            |model, second| refusals.admit(model, Traveller::Turn, at(second)).map_err(|away| away.why);
        assert_eq!(admits("gone", 29), Err("HTTP 404".to_owned()));
        assert_eq!(admits("here", 29), Ok(()));
        assert_eq!(admits("gone", 30), Ok(()), "one tries it");
        assert!(admits("gone", 30).is_err(), "one is enough");
        assert_eq!(refusals.refused("gone", "HTTP 404", at(31)), Some(at(91)), "twice as long");
        assert!(refusals.answered("gone") && !refusals.answered("gone"));
        assert_eq!(refusals.admit("gone", Traveller::Turn, at(32)), Ok(()));
    }
}
