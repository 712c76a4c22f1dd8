//! The one trait that a plugin implements.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::rating;
use crate::{
    Descriptor, Failure, Persona, Problem, RatingReport, RatingRequest, TurnContext, TurnOutcome, TurnRequest,
};

/// A strategy: how a persona is asked to act and to rate, and how its rating is read.
///
/// All functions are pure. They have no `self`, because every call gets a fresh instance.
pub trait Behavior {
    /// The settings document. It is read with serde before each call; what cannot be read becomes a
    /// failure of kind `settings`.
    type Settings: DeserializeOwned;

    /// Says what this plugin is.
    fn describe() -> Descriptor;

    /// Finds what is wrong with settings that the schema and serde let pass. Nothing, by default.
    fn check_settings(_settings: &Self::Settings) -> Vec<Problem> {
        Vec::new()
    }

    /// Builds the question that opens the turn.
    ///
    /// # Errors
    /// When this turn cannot or should not take place.
    fn compose_turn(
        who: &Persona,
        ctx: &TurnContext,
        settings: &Self::Settings,
    ) -> Result<TurnRequest, Failure>;

    /// Builds the question for the ratings.
    ///
    /// # Errors
    /// When this turn cannot or should not be rated.
    fn compose_rating(
        who: &Persona,
        ctx: &TurnContext,
        outcome: &TurnOutcome,
        settings: &Self::Settings,
    ) -> Result<RatingRequest, Failure>;

    /// Reads the ratings out of the model's reply. By default with [`rating::read`].
    ///
    /// # Errors
    /// When nothing at all can be read.
    fn parse_rating(
        _who: &Persona,
        _ctx: &TurnContext,
        outcome: &TurnOutcome,
        reply: &str,
        _settings: &Self::Settings,
    ) -> Result<RatingReport, Failure> {
        rating::read(reply, &outcome.modules_used)
    }
}

/// Settings of a plugin that has none: an empty object.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}
