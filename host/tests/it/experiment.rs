//! Experiments: whether a verdict can be trusted, and everything from a file to a report.

mod held;
mod live;
mod run;
mod shown;
mod words;

/// A plan that compares another behavior with `daily`.
pub(crate) fn two_arms(key: &str, treatment: &str, blocks: u32) -> String {
    format!(
        r#"
key = "{key}"
question = "Which one?"
blocks = {blocks}
[[arms]]
name = "control"
strategy = "daily"
[[arms]]
name = "treatment"
strategy = "{treatment}"
"#
    )
}
