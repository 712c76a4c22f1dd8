//! Takes secrets out of what is recorded. What stands for one is as long as it was, so that bytes stay in their places,
//! and the same for the same secret, so that a replay can tell one persona's cookie from another's.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// What everything begins with that stands for a secret.
const MASK: &str = "masked";
/// A shorter one is no secret that could be told from a word.
const SHORTEST: usize = 6;
/// So long it has to be for a number to have room; a shorter one is told from no other.
const NUMBERED: usize = 11;
/// How every JSON Web Token begins: `{"` in Base64.
const TOKEN: &[u8] = b"eyJ";
/// Headers whose values are secret as a whole.
const SECRET_HEADERS: [&str; 3] = ["x-api-key", "x-service-key", "mcp-session-id"];
/// Fields of JSON whose texts are secret, without case and marks.
const SECRET_FIELDS: [&str; 12] = [
    "token",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "sessiontoken",
    "password",
    "secret",
    "apikey",
    "masterkey",
    "privatekey",
    "sessionid",
    "jwt",
];

/// Knows what is secret, and what stands for it.
#[derive(Debug, Default)]
pub(super) struct Mask {
    /// Those that are looked for in everything: keys of the configuration.
    everywhere: Vec<Secret>,
    names: HashMap<Vec<u8>, String>,
}

/// One of them, and what stands in its place.
#[derive(Clone)]
pub(super) struct Secret(Vec<u8>, String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl Mask {
    /// Looks for these in everything.
    pub(super) fn of(secrets: &[SecretString]) -> Self {
        let mut mask = Self::default();
        for secret in secrets.iter().map(SecretString::expose_secret) {
            // As it is, and as it is written in JSON.
            let quoted = Value::from(secret).to_string();
            for text in [secret, &quoted[1..quoted.len() - 1]] {
                let found = mask.secret(text);
                mask.everywhere.extend(found);
            }
        }
        mask
    }

    /// The secrets of one exchange, as its headers and its JSON have them; whoever was sent one may say it back.
    pub(super) fn secrets_of(&mut self, headers: &HeaderMap, body: &[u8]) -> Vec<Secret> {
        let mut texts = Vec::new();
        for (name, value) in headers {
            let Ok(value) = value.to_str() else { continue };
            match name.as_str() {
                name if name == COOKIE.as_str() => texts.extend(value.split(';').filter_map(cookie)),
                name if name == SET_COOKIE.as_str() => texts.extend(value.split(';').next().and_then(cookie)),
                name if name == AUTHORIZATION.as_str() => {
                    texts.push(value.trim_start_matches("Bearer ").to_owned())
                }
                name if SECRET_HEADERS.contains(&name) => texts.push(value.to_owned()),
                _ => {}
            }
        }
        find_texts(body, false, &mut texts);
        // A token's own words stay readable.
        texts.retain(|text| !is_token(text));
        // One that is a part of another must not take that apart.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.iter().filter_map(|text| self.secret(text)).collect()
    }

    /// The same for an answer of which nobody reads anything, and all may be secret.
    pub(super) fn all_texts_of(&mut self, body: &[u8]) -> Vec<Secret> {
        let mut texts = Vec::new();
        find_texts(body, true, &mut texts);
        texts.iter().filter_map(|text| self.secret(text)).collect()
    }

    /// Puts what stands for them into the place of all secrets.
    pub(super) fn cover(&mut self, bytes: &mut [u8], own: &[Secret]) {
        for Secret(secret, name) in own.iter().chain(&self.everywhere) {
            let mut from = 0;
            while let Some(at) = find(&bytes[from..], secret) {
                let at = from + at;
                bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
                from = at + name.len();
            }
        }
        self.cover_tokens(bytes);
    }

    /// The same in a text.
    pub(super) fn covered(&mut self, text: &str, own: &[Secret]) -> String {
        let mut bytes = text.as_bytes().to_vec();
        self.cover(&mut bytes, own);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whose a request is: the subject of its token, or what stands for its cookie or its other token.
    pub(super) fn whose(&mut self, headers: &HeaderMap) -> String {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let Some(token) = text(AUTHORIZATION) {
            let token = token.trim_start_matches("Bearer ");
            return subject(token).unwrap_or_else(|| self.name(token));
        }
        let Some(cookies) = text(COOKIE) else { return String::new() };
        let named: Vec<String> =
            cookies.split(';').filter_map(cookie).map(|value| self.name(&value)).collect();
        named.join(" ")
    }

    /// A token's signature makes it a secret; what it says is needed to go on with it.
    fn cover_tokens(&mut self, bytes: &mut [u8]) {
        let mut from = 0;
        while let Some(at) = find(&bytes[from..], TOKEN) {
            let start = from + at;
            let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            let end =
                bytes[start..].iter().position(|byte| !is_inside(byte)).map_or(bytes.len(), |at| start + at);
            let dots: Vec<usize> = (start..end).filter(|at| bytes[*at] == b'.').collect();
            if let [_, second, ..] = dots[..] {
                let signature = String::from_utf8_lossy(&bytes[second + 1..end]).into_owned();
                let name = self.name(&signature);
                bytes[second + 1..end].copy_from_slice(name.as_bytes());
            }
            from = end.max(start + TOKEN.len());
        }
    }

    fn secret(&mut self, text: &str) -> Option<Secret> {
        (text.len() >= SHORTEST).then(|| Secret(text.as_bytes().to_vec(), self.name(text)))
    }

    /// What stands for a text. For what stands for one already it is the same.
    fn name(&mut self, text: &str) -> String {
        if is_mask(text) {
            return text.to_owned();
        }
        if text.len() < NUMBERED {
            return "*".repeat(text.len());
        }
        let number = self.names.len() + 1;
        let named = self.names.entry(text.as_bytes().to_vec()).or_insert_with(|| {
            let name = format!("{MASK}{number:05}");
            format!("{name:x<width$}", width = text.len())
        });
        named.clone()
    }
}

fn is_mask(text: &str) -> bool {
    let number = text.strip_prefix(MASK).map(|rest| rest.trim_end_matches('x'));
    number.is_some_and(|number| number.len() >= 5 && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// The value of a cookie.
fn cookie(pair: &str) -> Option<String> {
    Some(pair.split_once('=')?.1.trim().to_owned())
}

fn is_token(text: &str) -> bool {
    text.as_bytes().starts_with(TOKEN) && text.matches('.').count() >= 2
}

fn subject(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims["sub"].as_str().map(str::to_owned)
}

/// The texts of secret fields in JSON, or all that it has. Nothing else of it is kept, however long it is; what is no JSON
/// has none.
fn find_texts(json: &[u8], all: bool, texts: &mut Vec<String>) {
    let mut reader = serde_json::Deserializer::from_slice(json);
    // What was found before it broke off is as secret.
    let _ = Finder { texts, all, is_secret: all }.deserialize(&mut reader);
}

/// Looks through one value.
struct Finder<'a> {
    texts: &'a mut Vec<String>,
    all: bool,
    is_secret: bool,
}

impl<'de> DeserializeSeed<'de> for Finder<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Finder<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let is_secret = self.all || is_secret_field(&name);
            map.next_value_seed(Finder { texts: self.texts, all: self.all, is_secret })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let (all, is_secret) = (self.all, self.all);
        while items.next_element_seed(Finder { texts: &mut *self.texts, all, is_secret })?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.texts.extend(self.is_secret.then(|| text.to_owned()));
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

fn is_secret_field(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    SECRET_FIELDS.contains(&plain.to_ascii_lowercase().as_str())
}

/// Where `part` is in `bytes` for the first time.
fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let (first, rest) = part.split_first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        let at = from + at;
        if bytes[at + 1..].starts_with(rest) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
            .collect()
    }

    fn jwt(claims: &Value) -> String {
        format!("eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJlLW9m", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn what_is_secret_is_covered_in_its_place_wherever_it_is_said() {
        let mut mask =
            Mask::of(&["nightingale-key".into(), "".into(), "tiny".into(), "wren-\"quoted\"".into()]);
        let sent = headers(&[
            ("cookie", "mana.session_token=robin-of-anna; mode=x"),
            ("x-service-key", "nightingale-key"),
            ("mcp-session-id", "a-session-of-mana-mcp"),
        ]);
        let own = mask.secrets_of(&sent, br#"{"email": "a@mana.test", "password": "sparrow-of-anna"}"#);
        for (said, covered) in [
            ("no secret in it", "no secret in it"),
            ("tiny x nightingale-key!", "tiny x masked00001xxxx!"),
            (r#"{"q":"wren-\"quoted\""}"#, r#"{"q":"masked00003xxxx"}"#),
            ("robin-of-anna sparrow-of-anna", "masked00006xx masked00005xxxx"),
            ("a-session-of-mana-mcp", "masked00004xxxxxxxxxx"),
        ] {
            assert_eq!(mask.covered(said, &own), covered);
            assert_eq!(mask.covered(covered, &own), covered, "twice is as good as once");
        }
    }

    #[test]
    fn secret_fields_are_found_wherever_they_are_and_whatever_is_around_them() {
        let found = |json: &str, all| {
            let mut texts = Vec::new();
            find_texts(json.as_bytes(), all, &mut texts);
            texts.join(" ")
        };
        for (json, fields, all) in [
            (r#"{"access_token":"a","user":{"id":"b","Session-Token":"c"}}"#, "a c", "a b c"),
            (r#"[{"token":"a"},1,null,true,-1,1.5,{"token":{"deep":"b"}}]"#, "a", "a b"),
            (r#"{"token":["a"],"secret":null,"masterKey":"b"}"#, "b", "a b"),
            (r#"{"token":"a","broken"#, "a", "a"),
            ("no JSON", "", ""),
            ("", "", ""),
        ] {
            assert_eq!((found(json, false).as_str(), found(json, true).as_str()), (fields, all), "{json}");
        }
    }

    #[test]
    fn a_token_says_what_it_said_and_is_signed_by_nobody() {
        let mut mask = Mask::default();
        let token = jwt(&json!({"sub": "user-1", "exp": 7}));
        let covered = mask.covered(&format!("Bearer {token}\n"), &[]);
        assert!(covered.ends_with(".masked00001xxxxx\n") && covered.len() == token.len() + 8, "{covered}");
        let value = HeaderValue::from_str(covered.trim()).expect("a value");
        let sent = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        assert_eq!(mask.whose(&sent), "user-1");
        assert_eq!(mask.covered(&covered, &[]), covered);
        assert_eq!(mask.covered("eyJ is how they begin, eyJa.b", &[]), "eyJ is how they begin, eyJa.b");
    }

    #[test]
    fn one_personas_cookie_is_told_from_anothers() {
        let mut mask = Mask::default();
        let anna = mask.whose(&headers(&[("cookie", "s=robin-of-anna")]));
        let ben = mask.whose(&headers(&[("cookie", "s=robin-of-bennie")]));
        assert!(anna != ben && anna.starts_with(MASK), "{anna} {ben}");
        assert_eq!(mask.whose(&headers(&[("cookie", "s=robin-of-anna")])), anna);
        assert_eq!(
            mask.whose(&headers(&[("authorization", "Bearer opaque-robin")])).len(),
            "opaque-robin".len()
        );
        assert_eq!(mask.whose(&HeaderMap::new()), "");
    }
}
