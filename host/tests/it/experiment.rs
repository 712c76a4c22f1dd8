//! Experiments: whether a verdict can be trusted, and everything from a file to a report.

mod held;
mod live;
mod run;
mod shown;
mod words;

/// A plan that compares the two behaviors that are built in.
fn two_arms(key: &str, blocks: u32) -> String {
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
strategy = "brief"
"#
    )
}
