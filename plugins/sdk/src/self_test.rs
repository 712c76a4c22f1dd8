//! The optional self-test: cases that travel inside the component and run before it goes live.

use crate::export::report_panics;
use crate::self_test_bindings::exports::persona::behavior::self_test::Guest;
use crate::{Behavior, Exported, Problem};

/// Cases that the host runs on a new build before it serves a turn. Implement it beside
/// [`Behavior`], and use [`export_with_self_test!`](crate::export_with_self_test) instead of
/// [`export!`](crate::export!).
///
/// A self-test has no persona, no turn and no settings but those it makes up, and it runs under the
/// same limits as every other call. Test what is pure and small: a reply that has to be read, a
/// settings document that has to be refused. What takes longer belongs in `cargo test`.
///
/// ```
/// # use persona_plugin::{Behavior, Descriptor, Failure, NoSettings, Persona, RatingRequest, TurnContext, TurnOutcome, TurnRequest};
/// use persona_plugin::{Problem, SelfTest, rating};
///
/// struct Polite;
/// # impl Behavior for Polite {
/// #     type Settings = NoSettings;
/// #     fn describe() -> Descriptor {
/// #         Descriptor::new("polite", "0.1.0", "Asks nicely")
/// #     }
/// #     fn compose_turn(who: &Persona, _: &TurnContext, _: &NoSettings) -> Result<TurnRequest, Failure> {
/// #         Ok(TurnRequest::new(&who.system_prompt, "Please use your app."))
/// #     }
/// #     fn compose_rating(who: &Persona, _: &TurnContext, _: &TurnOutcome, _: &NoSettings) -> Result<RatingRequest, Failure> {
/// #         Ok(RatingRequest::new(&who.system_prompt, "Please rate."))
/// #     }
/// # }
///
/// impl SelfTest for Polite {
///     fn run() -> Vec<Problem> {
///         let used = ["todo".to_owned()];
///         let read = rating::read(r#"Gladly! {"ratings":[{"module":"todo","rating":4}]}"#, &used);
///         match read {
///             Ok(report) if report.ratings.len() == 1 => Vec::new(),
///             _ => vec![Problem::error(None, "a rating with words before it is not read")],
///         }
///     }
/// }
///
/// persona_plugin::export_with_self_test!(Polite);
/// # assert_eq!(Polite::run(), []);
/// ```
pub trait SelfTest {
    /// Runs every case, and gives a problem for each that fails.
    fn run() -> Vec<Problem>;
}

/// Makes a type that implements [`Behavior`](crate::Behavior) and [`SelfTest`] the plugin of this
/// crate. The component then also exports `persona:behavior/self-test`.
#[macro_export]
macro_rules! export_with_self_test {
    ($behavior:ty) => {
        $crate::export!($behavior);
        #[cfg(target_family = "wasm")]
        $crate::self_test_bindings::export!(PersonaPlugin with_types_in $crate::self_test_bindings);
        // On other targets nothing is exported, and what is missing should still be noticed.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> ::std::vec::Vec<$crate::Problem> = <$behavior as $crate::SelfTest>::run;
    };
}

impl<B: Behavior + SelfTest> Guest for Exported<B> {
    fn run() -> Vec<Problem> {
        report_panics();
        B::run()
    }
}
