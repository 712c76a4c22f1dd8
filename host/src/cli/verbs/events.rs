//! `events tail`: what happens, a line each.

use std::path::Path;

use serde_json::Value;

use super::tailing::{follow, when, whose};
use crate::cli::Failure;
use crate::cli::args::Events;
use crate::cli::output::{BAD, FAINT, Output, styled};
use crate::cli::text::{in_a_line, printable};
use domain::kind::GAP;

/// What is said of one field, in characters; `--json` says all of it.
const SAID: usize = 120;
/// What has a place of its own in a line.
const PLACED: [&str; 5] = ["id", "at", "kind", "persona", "turn"];

/// Looks at what happens.
///
/// # Errors
/// When neither a daemon answers nor there is a ledger.
pub async fn look(Events::Tail(args): Events, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    follow(&args.tail, &args.kind, file, output, |event| Some(line(event))).await
}

/// An event in a line: when, which, whose, and what it says beside that.
fn line(event: &Value) -> String {
    let kind = event["kind"].as_str().unwrap_or_default();
    let named = format!("{kind:<15}");
    let kind = if kind == GAP { styled(BAD, named) } else { named };
    let fields = event.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| !PLACED.contains(&name.as_str()));
    let said: Vec<String> = fields.filter_map(|(name, value)| field(name, value)).collect();
    let number = styled(FAINT, format!("#{}", event["id"]));
    format!("{} {number} {kind} {}{}", when(event), whose(event), said.join("  ")).trim_end().to_owned()
}

/// A field with its name; one that says nothing is left out.
fn field(name: &str, value: &Value) -> Option<String> {
    let said = match value {
        Value::Null => return None,
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => in_a_line(text, SAID),
        Value::Array(all) if all.is_empty() => return None,
        other => in_a_line(&other.to_string(), SAID),
    };
    Some(format!("{}={said}", styled(FAINT, printable(name))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_a_line_in_which_nothing_acts() {
        let event = json!({
            "id": 7, "at": "2026-11-29T08:30:01.250Z", "kind": "plugin-refused", "plugin": "own",
            "cause": "line\nbreak \u{1b}[31m", "hint": null, "warnings": [], "tookMs": 12,
        });
        let plain = anstream::adapter::strip_str(&line(&event)).to_string();
        assert_eq!(
            plain,
            "11-29 08:30:01 #7 plugin-refused  plugin=own  cause=line / break \u{fffd}[31m  tookMs=12"
        );
    }
}
