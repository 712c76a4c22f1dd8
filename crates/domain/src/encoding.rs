//! Content encodings of answers. None is asked for (`accept-encoding: identity`), and none can be decoded.

/// What is wrong with an answer whose `content-encoding` headers have these values.
#[must_use]
pub fn unasked<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let values: Vec<_> =
        values.into_iter().map(|value| String::from_utf8_lossy(value).trim().to_owned()).collect();
    let encodings = values.join(", ").to_ascii_lowercase();
    if encodings.is_empty() || encodings == "identity" {
        return None;
    }
    Some(format!(
        "it is encoded as {encodings:?}, which was not asked for: switch compression off at the server, or at the \
         proxy before it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_that_was_not_asked_for_is_named() {
        for (values, named) in [
            (vec![], None),
            (vec![""], None),
            (vec!["Identity"], None),
            (vec!["gzip"], Some("\"gzip\"")),
            (vec!["br"], Some("\"br\"")),
            (vec!["deflate", "zstd"], Some("\"deflate, zstd\"")),
        ] {
            let said = unasked(values.iter().map(|value| value.as_bytes()));
            assert_eq!(said.is_some(), named.is_some(), "{values:?}");
            assert!(said.is_none_or(|said| named.is_some_and(|named| said.contains(named))), "{values:?}");
        }
    }
}
