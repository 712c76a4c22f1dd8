//! Which tool the API complains of when it refuses a request. It says so in its sentence only:
//! `tools.3.custom.input_schema: …`.

use super::error::ModelError;
use super::failure::Failure;
use super::refusal::Refusal;

/// The place of that tool among those of the request.
#[must_use]
pub fn refused_tool(error: &ModelError) -> Option<usize> {
    match &error.failure {
        Failure::Refused(Refusal { status: Some(400), message, .. }) => place(message),
        _ => None,
    }
}

fn place(message: &str) -> Option<usize> {
    let starts = message.match_indices("tools.").map(|(at, _)| at);
    let mut named = starts
        .filter(|at| !message[..*at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'));
    named.find_map(|at| {
        let rest = &message[at + "tools.".len()..];
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_named_by_its_place_in_a_refusal_of_the_request() {
        for (status, message, expected) in [
            (400, "tools.3.custom.input_schema: JSON schema is invalid.", Some(3)),
            (400, "tools.0: Input should be a valid dictionary", Some(0)),
            (400, "In tools.12.custom.name: String should match pattern", Some(12)),
            (400, "the tools. And tools.x, and tools.4", Some(4)),
            (400, "mcp_tools.1.name", None),
            (400, "tools: Tool names must be unique.", None),
            (400, "messages.1.content.0: no", None),
            (413, "tools.3.custom.input_schema: too large", None),
        ] {
            let refusal = Refusal { status: Some(status), message: message.to_owned(), ..Refusal::default() };
            let error = ModelError { failure: Failure::Refused(refusal), attempts: 1, is_stopped: false };
            assert_eq!(refused_tool(&error), expected, "{message}");
        }
    }
}
