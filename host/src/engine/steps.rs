//! The narrow door between the pipeline and whoever keeps its steps.

use std::error::Error;
use std::fmt;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use domain::step::StepKey;

/// The steps of one turn, in one attempt at it.
///
/// A step is carried out at most once as far as anybody can know: what came of it is kept under its key before it is
/// given, and a later attempt is given the same. What an earlier attempt has begun, and of which nobody knows what
/// came, is told to the work itself: it alone knows whether it may be done again.
pub trait Steps: fmt::Debug + Send + Sync {
    /// What came of a step that was carried out, as JSON; nothing if it was not. Nothing is begun.
    ///
    /// # Errors
    /// When another step than the one that is meant has this key.
    fn known(&self, key: &StepKey, intent: &Intent) -> Result<Option<String>, StepsError>;

    /// Carries a step out, unless that was done. The intent is kept before the work begins, and one that differs from
    /// the kept one does not fit. What came of it is kept before anything else is begun.
    fn step<'a>(
        &'a self,
        key: &'a StepKey,
        intent: Intent,
        work: Work<'a>,
    ) -> BoxFuture<'a, Result<Outcome, StepsError>>;
}

/// What is about to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// This, as JSON.
    Of(String),
    /// Nothing that anybody would notice: the work touches nobody, and may be done again as long as nothing came of it.
    None,
}

impl Intent {
    /// A value.
    pub fn of(value: &impl Serialize) -> Self {
        Self::Of(json(value))
    }
}

/// What a step does.
pub type Work<'a> = Box<dyn FnOnce(Earlier) -> BoxFuture<'a, Outcome> + Send + 'a>;

/// What earlier attempts have left of a step that has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It was surely not carried out.
    Nothing,
    /// It was begun, and may have been carried out.
    Begun,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This, as JSON. It stands for the step from now on.
    Kept(String),
    /// It failed, and the attempt goes no further. The next one carries it out again, or finds another way.
    Failed {
        /// Why.
        why: String,
        /// It was surely not carried out.
        undone: Undone,
    },
}

/// Whether a step that failed was surely not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Surely not.
    Surely,
    /// Nobody knows.
    Unknown,
}

/// A step's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stepped<T> {
    /// What came of it.
    pub value: T,
    /// It was carried out just now, and not in an earlier attempt.
    pub fresh: bool,
}

/// Why a step was not carried out, or its result not kept.
#[derive(Debug, thiserror::Error)]
pub enum StepsError {
    /// The journal is one of another course of things.
    #[error("{0}")]
    Misfit(String),
    /// The journal cannot be kept or read.
    #[error(transparent)]
    Lost(Box<dyn Error + Send + Sync>),
}

impl dyn Steps {
    /// Carries a step out whose outcome is a value, or gives what an earlier attempt was given.
    ///
    /// # Errors
    /// When the journal does not fit or cannot be kept. The inner error is the work's own.
    pub async fn once<'a, T, E, F>(
        &'a self,
        key: &'a StepKey,
        intent: Intent,
        work: impl FnOnce(Earlier) -> F + Send + 'a,
    ) -> Result<Result<Stepped<T>, E>, StepsError>
    where
        T: Serialize + DeserializeOwned + Send + 'a,
        E: Failing + Send + 'a,
        F: Future<Output = Result<T, E>> + Send + 'a,
    {
        let mut fresh: Option<Result<T, E>> = None;
        let outcome = {
            let fresh = &mut fresh;
            let work: Work<'_> = Box::new(move |earlier| {
                Box::pin(async move {
                    let done = work(earlier).await;
                    let outcome = match &done {
                        Ok(value) => Outcome::Kept(json(value)),
                        Err(error) => Outcome::Failed { why: error.to_string(), undone: error.undone() },
                    };
                    *fresh = Some(done);
                    outcome
                })
            });
            self.step(key, intent, work).await?
        };
        match (fresh, outcome) {
            (Some(done), _) => Ok(done.map(|value| Stepped { value, fresh: true })),
            (None, Outcome::Kept(kept)) => read(key, &kept).map(Ok),
            (None, Outcome::Failed { why, .. }) => {
                Err(StepsError::Misfit(format!("{key} failed unseen: {why}")))
            }
        }
    }

    /// The same, where something has to be waited for before the step may begin, such as a place. Nothing is written down
    /// before that has come: who waits, or waited in vain, has begun nothing.
    ///
    /// # Errors
    /// As [`once`](#method.once).
    pub async fn once_ready<'a, P, T, E, R, F>(
        &'a self,
        key: &'a StepKey,
        intent: Intent,
        ready: R,
        work: impl FnOnce(P) -> F + Send + 'a,
    ) -> Result<Result<Stepped<T>, E>, StepsError>
    where
        P: Send + 'a,
        T: Serialize + DeserializeOwned + Send + 'a,
        E: Failing + Send + 'a,
        R: Future<Output = Result<P, E>> + Send,
        F: Future<Output = Result<T, E>> + Send + 'a,
    {
        if let Some(kept) = self.known(key, &intent)? {
            return read(key, &kept).map(Ok);
        }
        match ready.await {
            Ok(ready) => self.once(key, intent, |_| work(ready)).await,
            Err(error) => Ok(Err(error)),
        }
    }
}

fn read<T: DeserializeOwned>(key: &StepKey, kept: &str) -> Result<Stepped<T>, StepsError> {
    let unreadable = |error| StepsError::Misfit(format!("the kept result of {key} cannot be read: {error}"));
    let value = serde_json::from_str(kept).map_err(unreadable)?;
    Ok(Stepped { value, fresh: false })
}

/// Why a step's work failed.
pub trait Failing: fmt::Display {
    /// Whether the work was surely not done.
    fn undone(&self) -> Undone;
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own values have string keys and no failing serializer")
}
