//! The one trait that a plugin implements.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::rating;
use crate::{
    Descriptor, Failure, Persona, Problem, RatingReport, RatingRequest, TurnContext, TurnOutcome, TurnRequest,
};

/// A strategy: how a persona is asked to act and to rate, and how its rating is read.
///
/// All functions are pure. They have no `self`, because every call gets a fresh instance. The settings
/// are a type of yours, and `#[serde(default)]` lets a strategy leave them out:
///
/// ```
/// use persona_plugin::{Behavior, Descriptor, Failure, Persona, Problem, RatingRequest, TurnContext, TurnOutcome, TurnRequest, rating};
///
/// #[derive(serde::Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Settings {
///     tone: String,
/// }
///
/// impl Default for Settings {
///     fn default() -> Self {
///         Self { tone: "dry".to_owned() }
///     }
/// }
///
/// struct Toned;
///
/// impl Behavior for Toned {
///     type Settings = Settings;
///
///     fn describe() -> Descriptor {
///         Descriptor::new("toned", "0.1.0", "Asks in a tone of your choice")
///     }
///
///     fn check_settings(settings: &Settings) -> Vec<Problem> {
///         if settings.tone.trim().is_empty() {
///             return vec![Problem::error(Some("/tone".to_owned()), "a tone needs a word")];
///         }
///         Vec::new()
///     }
///
///     fn compose_turn(who: &Persona, ctx: &TurnContext, settings: &Settings) -> Result<TurnRequest, Failure> {
///         let user = format!("It is {}. Use your app, in a {} mood.", ctx.local_date, settings.tone);
///         Ok(TurnRequest::new(&who.system_prompt, user).with_max_rounds(6))
///     }
///
///     fn compose_rating(who: &Persona, _: &TurnContext, outcome: &TurnOutcome, _: &Settings) -> Result<RatingRequest, Failure> {
///         let user = format!("Rate {} from 1 to 5, as JSON.", outcome.modules_used.join(", "));
///         Ok(RatingRequest::new(&who.system_prompt, user).with_reply_schema(&rating::reply_schema()))
///     }
///     // `parse_rating` is left as it is: `rating::read` reads the reply.
/// }
///
/// assert_eq!(Toned::check_settings(&Settings { tone: " ".to_owned() }).len(), 1);
/// ```
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

/// Settings of a plugin that has none: an empty object, and nothing else.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}
