//! Between the generated bindings and [`Behavior`]: reads the settings, and lets a panic be heard.

use std::marker::PhantomData;
use std::sync::Once;

use crate::bindings::exports::persona::behavior::behavior::Guest;
use crate::bindings::persona::behavior::types::Json;
use crate::{
    Behavior, Descriptor, Failure, Persona, Problem, RatingReport, RatingRequest, TurnContext, TurnOutcome,
    TurnRequest, log,
};

/// Makes a type that implements [`Behavior`] the plugin of this crate.
#[macro_export]
macro_rules! export {
    ($behavior:ty) => {
        type PersonaPlugin = $crate::Exported<$behavior>;
        #[cfg(target_family = "wasm")]
        $crate::bindings::export!(PersonaPlugin with_types_in $crate::bindings);
        // On other targets there is nobody to export to, but the crate can be tested there.
        #[cfg(not(target_family = "wasm"))]
        const _: ::core::marker::PhantomData<PersonaPlugin> = ::core::marker::PhantomData;
    };
}

/// A [`Behavior`] as the component model sees it.
pub struct Exported<B>(PhantomData<B>);

impl<B: Behavior> Guest for Exported<B> {
    fn describe() -> Descriptor {
        report_panics();
        B::describe()
    }

    fn check_settings(settings: Json) -> Vec<Problem> {
        report_panics();
        match serde_json::from_str(&settings) {
            Ok(settings) => B::check_settings(&settings),
            Err(error) => vec![Problem::error(None, error.to_string())],
        }
    }

    fn compose_turn(who: Persona, ctx: TurnContext, settings: Json) -> Result<TurnRequest, Failure> {
        report_panics();
        B::compose_turn(&who, &ctx, &read_settings::<B>(&settings)?)
    }

    fn compose_rating(
        who: Persona,
        ctx: TurnContext,
        outcome: TurnOutcome,
        settings: Json,
    ) -> Result<RatingRequest, Failure> {
        report_panics();
        B::compose_rating(&who, &ctx, &outcome, &read_settings::<B>(&settings)?)
    }

    fn parse_rating(
        who: Persona,
        ctx: TurnContext,
        outcome: TurnOutcome,
        reply: String,
        settings: Json,
    ) -> Result<RatingReport, Failure> {
        report_panics();
        B::parse_rating(&who, &ctx, &outcome, &reply, &read_settings::<B>(&settings)?)
    }
}

fn read_settings<B: Behavior>(settings: &str) -> Result<B::Settings, Failure> {
    serde_json::from_str(settings).map_err(|error| Failure::settings(error.to_string()))
}

/// A panic ends the instance with a bare `unreachable`. Its text goes to the log and, by the hook that
/// was there before, to standard error; the host shows both.
pub(crate) fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            log::error(panic.to_string());
            before(panic);
        }));
    });
}
