//! Write a behavior plugin for persona-host in Rust.
//!
//! Implement [`Behavior`], name it in [`export!`], build for `wasm32-wasip2`:
//!
//! ```
//! use persona_plugin::{Behavior, Descriptor, Failure, Persona, RatingRequest, TurnContext, TurnOutcome, TurnRequest};
//!
//! struct Polite;
//!
//! impl Behavior for Polite {
//!     type Settings = persona_plugin::NoSettings;
//!
//!     fn describe() -> Descriptor {
//!         Descriptor::new("polite", env!("CARGO_PKG_VERSION"), "Asks nicely")
//!     }
//!
//!     fn compose_turn(who: &Persona, ctx: &TurnContext, _: &Self::Settings) -> Result<TurnRequest, Failure> {
//!         Ok(TurnRequest::new(&who.system_prompt, format!("It is {}. Please use your app.", ctx.local_date)))
//!     }
//!
//!     fn compose_rating(who: &Persona, _: &TurnContext, outcome: &TurnOutcome, _: &Self::Settings) -> Result<RatingRequest, Failure> {
//!         let modules = outcome.modules_used.join(", ");
//!         Ok(RatingRequest::new(&who.system_prompt, format!(
//!             r#"Rate {modules} from 1 to 5, as JSON: {{"ratings":[{{"module":"…","rating":3,"notes":"…"}}]}}"#
//!         )))
//!     }
//! }
//!
//! persona_plugin::export!(Polite);
//! ```
//!
//! Every call is made on a fresh instance, so nothing can be kept in a static; what the next turn
//! should know goes into [`RatingReport::memory`]. Time and randomness are [`TurnContext::now_ms`] and
//! [`TurnContext::seed`]; the clock and the random numbers of the standard library are fixed.
//!
//! Cases that the host should run before a new build goes live: [`SelfTest`].

mod behavior;
#[doc(hidden)]
pub mod bindings {
    //! Generated from `wit/v0.1`.

    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        world: "plugin",
        pub_export_macro: true,
        additional_derives: [PartialEq],
    });
}
#[doc(hidden)]
pub mod self_test_bindings {
    //! What the world `plugin-with-self-test` has beyond `plugin`. wit-bindgen generates every export
    //! of a world anew, so this is a world of the remainder; the linker unites the two into one.

    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        inline: "
            package persona:sdk;
            world self-test-alone {
                export persona:behavior/self-test@0.1.0;
            }
        ",
        pub_export_macro: true,
        with: { "persona:behavior/types@0.1.0": crate::bindings::persona::behavior::types },
    });
}
mod export;
pub mod log;
pub mod rating;
mod self_test;
mod values;

pub use behavior::{Behavior, NoSettings};
pub use bindings::persona::behavior::types::{
    Action, ActionStatus, Cadence, Descriptor, Failure, FailureKind, ModuleWeight, Persona, Problem, Rating,
    RatingReport, RatingRequest, Severity, Tool, TurnContext, TurnOutcome, TurnRequest,
};
#[doc(hidden)]
pub use export::Exported;
pub use self_test::SelfTest;
