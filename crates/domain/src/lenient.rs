//! JSON as others write it. JavaScript writes half a character as `\ud83d`, which no Rust text can hold: it becomes
//! U+FFFD here, where it would otherwise cost all that stands beside it.

use serde::de::DeserializeOwned;

/// Reads `json`, with U+FFFD for each half of a character that stands alone.
///
/// # Errors
/// When it is no JSON otherwise either.
pub fn read<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    serde_json::from_str(json).or_else(|error| match mended(json) {
        Some(mended) => serde_json::from_str(&mended),
        None => Err(error),
    })
}

/// The same text without halves that stand alone; nothing, if it has none.
fn mended(json: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(escape) = json[at..].find('\\').map(|found| at + found) {
        let unit = |at: usize| u16::from_str_radix(json.get(at..at + 6)?.strip_prefix("\\u")?, 16).ok();
        at = match unit(escape) {
            Some(0xD800..0xDC00) if unit(escape + 6).is_some_and(|next| (0xDC00..0xE000).contains(&next)) => {
                escape + 12
            }
            Some(0xD800..0xE000) => {
                mended.push_str(&json[kept..escape]);
                mended.push_str("\\ufffd");
                kept = escape + 6;
                kept
            }
            // The character behind the backslash may be a backslash, or of any length.
            _ => escape + 1 + json[escape + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    if kept == 0 {
        return None;
    }
    mended.push_str(&json[kept..]);
    Some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_costs_itself_and_nothing_beside_it() {
        for (json, text) in [
            (r#""a\ud83db""#, Some("a\u{FFFD}b")),
            (r#""a\ude00b""#, Some("a\u{FFFD}b")),
            (r#""\uD83D\uDE00""#, Some("😀")),
            (r#""\ud83d\ud83d\ude00""#, Some("\u{FFFD}😀")),
            (r#""\ude00\ud83d""#, Some("\u{FFFD}\u{FFFD}")),
            (r#""\ud83d""#, Some("\u{FFFD}")),
            (r#""\ud83d\n""#, Some("\u{FFFD}\n")),
            (r#""\\ud83d""#, Some(r"\ud83d")),
            (r#""\\\ud83d""#, Some("\\\u{FFFD}")),
            (r#""\ud83dü\u00e4""#, Some("\u{FFFD}üä")),
            (r#""\ud8""#, None),
            (r#""\ud83d"#, None),
            (r#""\ü""#, None),
            ("\"\\", None),
        ] {
            assert_eq!(read::<String>(json).ok().as_deref(), text, "{json}");
        }
    }
}
