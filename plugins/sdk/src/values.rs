//! What makes the contract's records short to write and to read.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Descriptor, Failure, FailureKind, Persona, Problem, RatingReport, RatingRequest, Severity, TurnContext,
    TurnRequest,
};

impl Descriptor {
    /// A plugin without settings.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            settings_schema: None,
            extras: Vec::new(),
        }
    }

    /// Adds the JSON Schema (2020-12) of the settings document.
    #[must_use]
    pub fn with_settings_schema(mut self, schema: &Value) -> Self {
        self.settings_schema = Some(schema.to_string());
        self
    }
}

impl Persona {
    /// The module mix in whole percent of its sum, in the order in which it came. Without entries of
    /// weight 0, and empty if there are no others.
    #[must_use]
    pub fn mix_in_percent(&self) -> Vec<(&str, u32)> {
        let counted =
            || self.module_mix.iter().filter(|entry| entry.weight.is_finite() && entry.weight > 0.0);
        let sum: f64 = counted().map(|entry| entry.weight).sum();
        counted()
            // A share is between 0 and 1, so its percentage fits.
            .map(|entry| (entry.module.as_str(), (entry.weight / sum * 100.0).round() as u32))
            .collect()
    }
}

impl TurnContext {
    /// What the previous turn returned as memory; `None` if there is none, or if it was written in
    /// another form (by an older version of the plugin, say).
    ///
    /// ```
    /// # use persona_plugin::TurnContext;
    /// #[derive(serde::Deserialize)]
    /// struct Memory {
    ///     visits: u32,
    /// }
    ///
    /// # let context = |memory: Option<&str>| TurnContext {
    /// #     turn_id: String::new(),
    /// #     now_ms: 0,
    /// #     local_date: "2026-03-02".to_owned(),
    /// #     last_active_ms: None,
    /// #     seed: 1,
    /// #     tools: Vec::new(),
    /// #     memory: memory.map(str::to_owned),
    /// #     extras: Vec::new(),
    /// # };
    /// let visits = |ctx: &TurnContext| ctx.memory_as::<Memory>().map_or(0, |memory| memory.visits);
    /// assert_eq!(visits(&context(Some(r#"{"visits":3}"#))), 3);
    /// assert_eq!(visits(&context(Some(r#"["another form"]"#))), 0);
    /// assert_eq!(visits(&context(None)), 0);
    /// ```
    #[must_use]
    pub fn memory_as<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.memory.as_deref()?).ok()
    }
}

impl TurnRequest {
    /// A question with every tool and as many rounds as the host allows.
    pub fn new(system: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            system: system.into(),
            user: user.into(),
            allowed_tools: None,
            max_rounds: None,
            extras: Vec::new(),
        }
    }

    /// Allows these tools only.
    #[must_use]
    pub fn with_tools<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.allowed_tools = Some(tools.into_iter().map(Into::into).collect());
        self
    }

    /// Allows this many model replies at most.
    #[must_use]
    pub fn with_max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = Some(rounds);
        self
    }
}

impl RatingRequest {
    /// A question whose answer has no prescribed form.
    pub fn new(system: impl Into<String>, user: impl Into<String>) -> Self {
        Self { system: system.into(), user: user.into(), extras: Vec::new() }
    }

    /// Holds the model to a JSON Schema, where it can be held (`extras["reply-schema"]`).
    ///
    /// ```
    /// use persona_plugin::{RatingRequest, rating};
    ///
    /// let request = RatingRequest::new("You are Anna.", "Rate todo from 1 to 5, as JSON.")
    ///     .with_reply_schema(&rating::reply_schema());
    /// assert_eq!(request.extras[0].0, "reply-schema");
    /// ```
    ///
    /// A schema of your own needs `additionalProperties: false` in every object, and `enum` where you
    /// would write `minimum` or `maximum`.
    #[must_use]
    pub fn with_reply_schema(mut self, schema: &Value) -> Self {
        self.extras.push(("reply-schema".to_owned(), schema.to_string()));
        self
    }
}

impl RatingReport {
    /// Adds what the persona's next turn under this strategy should know, in at most 64 KiB.
    ///
    /// ```
    /// use persona_plugin::rating;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Memory<'a> {
    ///     date: &'a str,
    /// }
    ///
    /// let used = ["todo".to_owned()];
    /// let report = rating::read(r#"{"ratings":[{"module":"todo","rating":4}]}"#, &used)
    ///     .and_then(|report| report.with_memory(&Memory { date: "2026-03-02" }))
    ///     .expect("both can be done");
    /// assert_eq!(report.memory.as_deref(), Some(r#"{"date":"2026-03-02"}"#));
    /// ```
    ///
    /// # Errors
    /// When `memory` cannot be written as JSON.
    pub fn with_memory(mut self, memory: &impl Serialize) -> Result<Self, Failure> {
        let text = serde_json::to_string(memory)
            .map_err(|error| Failure::internal(format!("the memory cannot be written as JSON: {error}")))?;
        self.memory = Some(text);
        Ok(self)
    }
}

impl Problem {
    /// Something worth knowing.
    pub fn info(path: Option<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Info, path, message: message.into() }
    }

    /// Something was lost or changed.
    pub fn warning(path: Option<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, path, message: message.into() }
    }

    /// It cannot go on like this.
    pub fn error(path: Option<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path, message: message.into() }
    }
}

/// How a plugin says no. What the host makes of it depends on the kind.
///
/// ```
/// use persona_plugin::{Failure, FailureKind, Persona};
///
/// fn check(who: &Persona) -> Result<(), Failure> {
///     if who.module_mix.is_empty() {
///         return Err(Failure::input(format!("{} likes nothing", who.email)).with_code("no-mix"));
///     }
///     Ok(())
/// }
///
/// // `skip` leaves the turn out, and is no fault.
/// let day_off = Failure::skip("the persona has the day off").with_code("day-off");
/// assert_eq!((day_off.kind, day_off.code.as_deref()), (FailureKind::Skip, Some("day-off")));
/// ```
impl Failure {
    /// The settings do not do.
    pub fn settings(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Settings, message)
    }

    /// The persona or the context does not do.
    pub fn input(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Input, message)
    }

    /// The model's reply cannot be read at all.
    pub fn output(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Output, message)
    }

    /// Nothing is wrong; this turn should not take place.
    pub fn skip(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Skip, message)
    }

    /// A bug in the plugin that it noticed itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Internal, message)
    }

    /// Adds a short word for programs.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    fn of(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), detail: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cadence, ModuleWeight};

    #[test]
    fn a_mix_is_shown_in_percent_of_its_sum() {
        for (weights, expected) in [
            (vec![3.0, 1.0], vec![("m0", 75), ("m1", 25)]),
            (vec![0.1, 0.2, 0.0], vec![("m0", 33), ("m1", 67)]),
            (vec![0.0, -1.0, f64::NAN], vec![]),
            (vec![], vec![]),
        ] {
            let module_mix = weights
                .iter()
                .enumerate()
                .map(|(index, weight)| ModuleWeight { module: format!("m{index}"), weight: *weight })
                .collect();
            let persona = Persona {
                id: String::new(),
                email: String::new(),
                archetype: String::new(),
                system_prompt: String::new(),
                module_mix,
                cadence: Cadence::Daily,
                extras: Vec::new(),
            };
            assert_eq!(persona.mix_in_percent(), expected, "{weights:?}");
        }
    }
}
