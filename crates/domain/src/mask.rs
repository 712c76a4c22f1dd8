//! Secrets in the words of others: whoever was sent one may say it back, and what they say is kept and shown.

use std::borrow::Cow;

/// What stands where a secret stood.
pub const MASK: &str = "[secret]";

/// A shorter one is no secret that could be told from a word.
const SHORTEST: usize = 6;
/// How every JSON Web Token begins: `{"` in Base64.
const TOKEN: &str = "eyJ";

/// `text` without these secrets, and without anything that looks like a JSON Web Token.
#[must_use]
pub fn masked<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = Cow::Borrowed(text);
    for secret in secrets.into_iter().filter(|secret| secret.len() >= SHORTEST) {
        if text.contains(secret) {
            text = Cow::Owned(text.replace(secret, MASK));
        }
    }
    without_tokens(&text)
}

fn without_tokens(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find(TOKEN) {
        let (before, from) = rest.split_at(start);
        let end =
            from.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(from.len());
        let (token, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(if token.matches('.').count() >= 2 { MASK } else { token });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_and_what_looks_like_a_token_is_not_said_again() {
        let secrets = ["nightingale", "me"];
        for (text, shown) in [
            ("no secret in it", "no secret in it"),
            ("key nightingale, nightingale!", "key [secret], [secret]!"),
            ("me and you", "me and you"),
            (r#"{"token":"eyJhbGciOiJ.eyJzdWIi.c2ln-_"}"#, r#"{"token":"[secret]"}"#),
            ("Bearer eyJa.b.c", "Bearer [secret]"),
            ("eyJa.b.c eyJa.b.c", "[secret] [secret]"),
            ("eyJ is how they begin", "eyJ is how they begin"),
            ("eyJ", "eyJ"),
            ("", ""),
        ] {
            assert_eq!(masked(text, secrets), shown);
        }
    }
}
