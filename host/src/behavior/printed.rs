//! What a plugin printed before it broke down, as its author would read it: the runtimes of JavaScript
//! and Python wrap an author's error in one of their own.

/// How Rust begins to tell a panic. A runtime that is written in Rust ends so, whoever made the mistake.
const PANIC: &str = "thread '";
/// What Rust says below it: there is no such variable for a plugin.
const ADVICE: &str = "note: run with `RUST_BACKTRACE=1`";
/// What stands before and between an error's words and its stack in what QuickJS's runtime prints.
const WORDS: &str = "Exception { message: Some(\"";
const STACK: &str = "), stack: Some(\"";
/// What the runtime of Python says after a traceback.
const UNCAUGHT: &str = "Python function threw an unexpected exception";

/// The author's part of what was printed. What has another form stays as it is.
pub(super) fn plain(printed: &str) -> String {
    let lines = printed.lines().filter(|line| !line.starts_with(ADVICE));
    let text = lines.collect::<Vec<_>>().join("\n");
    of_javascript(&text).or_else(|| of_python(&text)).unwrap_or(text)
}

/// The words of an error and its stack, without the panic around them.
fn of_javascript(text: &str) -> Option<String> {
    let begins = text.find(WORDS)?;
    let before = &text[..text[..begins].rfind(PANIC)?];
    let (words, rest) = unquoted(&text[begins + WORDS.len()..])?;
    let (stack, _) = rest.strip_prefix(STACK).and_then(unquoted).unwrap_or_default();
    Some(format!("{before}{words}\n{}", stack.trim_end()).trim_end().to_owned())
}

/// The traceback, without the panic below it.
fn of_python(text: &str) -> Option<String> {
    let panic = text[..text.find(UNCAUGHT)?].rfind(PANIC)?;
    Some(text[..panic].trim_end().to_owned())
}

/// The text up to the quote that ends it, as it was before Rust's `Debug` escaped it, and what follows.
fn unquoted(escaped: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = escaped.chars();
    loop {
        match rest.next()? {
            '"' => return Some((text, rest.as_str())),
            '\\' => text.push(match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let (code, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                    rest = after.chars();
                    char::from_u32(u32::from_str_radix(code, 16).ok()?)?
                }
                other => other,
            }),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_reads_the_own_error_and_not_the_one_around_it() {
        for (printed, plainly) in [
            (
                "thread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:\n\
                 Failed to call 'composeTurn': Value(Exception(\nException { message: Some(\"Error: it is \\\"six\\\"\
                 \\u{7f}\"), stack: Some(\"    at f (/src/plugin.js:42:15)\\n    at g\\n\") })\n)\n\
                 note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
                "Error: it is \"six\"\u{7f}\n    at f (/src/plugin.js:42:15)\n    at g",
            ),
            (
                "said\nthread 'a' panicked at x:\nException { message: Some(\"boom\"), stack: None }",
                "said\nboom",
            ),
            (
                "Traceback (most recent call last):\n  File \"/0/app.py\", line 56, in compose_turn\n\
                 ValueError: boom\n\nthread '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:\n\
                 Python function threw an unexpected exception\n\
                 note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
                "Traceback (most recent call last):\n  File \"/0/app.py\", line 56, in compose_turn\n\
                 ValueError: boom",
            ),
            // A panic of the author's own says where it was.
            (
                "thread '<unnamed>' panicked at src/lib.rs:42:5:\nboom\nnote: run with `RUST_BACKTRACE=1` …",
                "thread '<unnamed>' panicked at src/lib.rs:42:5:\nboom",
            ),
            // What was cut off, and what only looks so.
            ("… { message: Some(\"boom\"), stack", "… { message: Some(\"boom\"), stack"),
            (
                "thread 'a' panicked at x:\nException { message: Some(\"bo",
                "thread 'a' panicked at x:\nException { message: Some(\"bo",
            ),
            ("", ""),
        ] {
            assert_eq!(plain(printed), plainly);
        }
    }
}
