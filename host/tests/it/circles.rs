//! No two files import each other, over however many others: what ties them is a noun of its own, and gets a file.
//!
//! Names are followed as text: `use` lines and whole paths, through the re-exports of the folders' front doors.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{code, sources};

/// The files of one crate: module path to text, `""` for its `lib.rs`.
type Crate = BTreeMap<String, String>;

#[test]
fn no_files_import_each_other_in_a_circle() {
    for root in [
        "crates/domain/src",
        "crates/experiment/src",
        "crates/peers/src",
        "crates/schedule/src",
        "crates/standin/src",
        "host/src",
    ] {
        let files = sources(&[root]);
        let files =
            files.into_iter().map(|(path, text)| (module(path.trim_start_matches(root)), text)).collect();
        assert_eq!(circle(&files), None, "{root}: the files of a circle; part them at what ties them");
    }
}

#[test]
fn circles_are_found() {
    for (files, found) in [
        (&[("a", "use crate::b::B;"), ("b", "use crate::c::C;"), ("c", "")][..], None),
        (&[("a", "use crate::b::B;"), ("b", "    let a = super::a::A;")], Some("a b")),
        (&[("a", "use super::{b, c::{self, C}};"), ("b", ""), ("c", "use crate::a;")], Some("a c")),
        (&[("a", "use crate::b::B;"), ("b", ""), ("b::deep", "use crate::a::A;")], None),
        (
            &[("a", "use crate::b::B;"), ("b", "pub use deep::B;"), ("b::deep", "use crate::a::A;")],
            Some("a b::deep"),
        ),
        (&[("a", "use crate::b::B;"), ("b", "#[cfg(test)]\nmod tests {\n use crate::a::A;\n}")], None),
        (&[("a", "use crate::b::B;"), ("b", "// crate::a::A")], None),
    ] {
        let files = files.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned())).collect();
        assert_eq!(circle(&files).map(|circle| circle.join(" ")).as_deref(), found, "{files:?}");
    }
}

/// The modules of a circle, sorted, if there is one.
fn circle(files: &Crate) -> Option<Vec<String>> {
    let imports: BTreeMap<&str, BTreeSet<String>> =
        files.iter().map(|(module, text)| (module.as_str(), imports(files, module, text))).collect();
    let reached = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = open.pop() {
            let next = imports[module.as_str()].iter().filter(|next| seen.insert((*next).clone()));
            open.extend(next.cloned().collect::<Vec<_>>());
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        files.keys().map(|own| (own.as_str(), reached(own))).collect();
    let (own, others) = reached.iter().find(|(own, others)| others.contains(**own))?;
    Some(others.iter().filter(|other| reached[other.as_str()].contains(*own)).cloned().collect())
}

/// The modules that a module names, without itself.
fn imports(files: &Crate, module: &str, text: &str) -> BTreeSet<String> {
    let (taken, rest) = uses(text);
    let whole = ["crate::", "super::"].into_iter().flat_map(|root| {
        rest.match_indices(root).map(|(at, _)| {
            rest[at..]
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || "_:".contains(*letter))
                .collect()
        })
    });
    let paths = taken.into_iter().filter(|(public, _)| !public).map(|(_, path)| path).chain(whole);
    let named = paths.filter_map(|path: String| resolved(files, &absolute(module, &path)?, 0));
    named.filter(|named| named != module).collect()
}

/// The file in which a path ends: the longest module of it, through re-exports.
fn resolved(files: &Crate, path: &[String], depth: usize) -> Option<String> {
    let known = (0..=path.len()).rev().find(|length| files.contains_key(&path[..*length].join("::")))?;
    let module = path[..known].join("::");
    let Some(name) = path.get(known).filter(|_| depth < 5) else { return Some(module) };
    let (taken, _) = uses(&files[&module]);
    let exported = taken.into_iter().find_map(|(public, path)| {
        let target = absolute(&module, &path)?;
        (public && target.last() == Some(name)).then_some(target)
    });
    exported.map_or(Some(module), |target| resolved(files, &target, depth + 1))
}

/// A path from the crate's root; a path that begins elsewhere is taken as one of a module below.
fn absolute(module: &str, path: &str) -> Option<Vec<String>> {
    let own = module.split("::").filter(|part| !part.is_empty()).map(str::to_owned);
    let mut absolute: Vec<String> = own.collect();
    for (at, part) in path.split("::").filter(|part| !part.is_empty()).enumerate() {
        match part {
            "crate" if at == 0 => absolute.clear(),
            "super" => drop(absolute.pop()?),
            "self" => {}
            name => absolute.push(name.to_owned()),
        }
    }
    Some(absolute)
}

/// The paths that `use` lines take, each with whether it is passed on; and the code without them. What is only for
/// tests does not count.
fn uses(text: &str) -> (Vec<(bool, String)>, String) {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let (mut taken, mut rest) = (Vec::new(), String::new());
    let code: Vec<&str> = code(text).collect();
    let code = code.join("\n");
    for statement in code.split_inclusive(';') {
        let line = statement.find("use ").filter(|at| {
            let before = statement[..*at].rsplit('\n').next().unwrap_or_default().trim();
            before.is_empty() || before.starts_with("pub")
        });
        let Some(begin) = line else {
            rest.push_str(statement);
            continue;
        };
        let public = statement[..begin].rsplit('\n').next().unwrap_or_default().trim().starts_with("pub");
        rest.push_str(&statement[..begin]);
        let tree = statement[begin + "use ".len()..].trim_end_matches(';');
        taken.extend(spread(tree).into_iter().map(|path| (public, path)));
    }
    (taken, rest)
}

/// `a::{b, c::{self, d}}` as `a::b`, `a::c::self`, `a::c::d`; what it is renamed to is left out.
fn spread(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, group)) = tree.split_once('{') else {
        return vec![tree.split_whitespace().next().unwrap_or_default().to_owned()];
    };
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for letter in group.chars() {
        match letter {
            ',' if depth == 0 => parts.push(String::new()),
            _ => {
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                parts.last_mut().unwrap().push(letter);
            }
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| spread(part)).map(|part| format!("{before}{part}")).collect()
}

/// `mana::due` for `/mana/due.rs`.
fn module(path: &str) -> String {
    let inside = path.trim_start_matches('/').trim_end_matches(".rs");
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    if ["lib", "mod"].contains(&inside) { String::new() } else { inside.replace('/', "::") }
}
