//! A Cargo.toml that leans on the workspace of `plugins/`, as one that stands alone. Text to text:
//! comments and order stay.

/// A member's manifest with the workspace's values written out. What only the workspace needs is
/// left out.
pub(super) fn standalone(member: &str, workspace: &str) -> String {
    let lines = member.replace("[lints]\nworkspace = true\n\n", "");
    let lines = lines.lines().map(|line| {
        let key = line.strip_suffix(".workspace = true").or(line.strip_suffix(" = { workspace = true }"));
        key.and_then(|key| inherited(key, workspace)).unwrap_or(line)
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The profile of the workspace, with the comment above it.
pub(super) fn profile(workspace: &str) -> &str {
    let table = workspace.find("[profile.release]").unwrap_or(workspace.len());
    let paragraph = workspace[..table].rfind("\n\n").map_or(0, |end| end + 2);
    &workspace[paragraph..]
}

/// The lock file of the workspace with `name` in the place of the member `member`, and without the
/// other members but for `kept`.
pub(super) fn lock(workspace: &str, member: &str, name: &str, kept: &str) -> String {
    let own = |name: &str| format!("name = \"{name}\"\n");
    let blocks = workspace.split("\n\n").filter(|block| {
        let foreign = !block.contains("[[package]]") || block.contains("\nsource = ");
        foreign || block.contains(&own(member)) || block.contains(&own(kept))
    });
    let blocks = blocks.map(|block| block.replace(&own(member), &own(name)));
    blocks.collect::<Vec<_>>().join("\n\n").trim_end().to_owned() + "\n"
}

/// The line of the workspace that sets `key`.
fn inherited<'w>(key: &str, workspace: &'w str) -> Option<&'w str> {
    workspace.lines().find(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "[workspace]\nmembers = [\"a\", \"b\"]\n\n[workspace.package]\nversion = \"0.1.0\"\n\n\
                             [workspace.dependencies]\nserde = \"1\"\nserde_json = \"1.2\"\n\n# Small.\n\
                             [profile.release]\nlto = true\n";

    #[test]
    fn what_a_member_inherits_is_written_out() {
        let member = "[package]\nname = \"a\"\nversion.workspace = true\n\n[lints]\nworkspace = true\n\n\
                      [dependencies]\n# Why.\nserde_json = { workspace = true }\nown = \"3\"\n";
        let alone = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n\n[dependencies]\n# Why.\n\
                     serde_json = \"1.2\"\nown = \"3\"\n";
        assert_eq!(standalone(member, WORKSPACE), alone);
        assert_eq!(profile(WORKSPACE), "# Small.\n[profile.release]\nlto = true\n");
    }

    #[test]
    fn a_lock_file_keeps_what_is_fetched_and_the_one_member() {
        let block =
            |name: &str, rest: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\n{rest}");
        let text = format!(
            "version = 4\n\n{}\n\n{}\n\n{}\n\n{}",
            block("a", "dependencies = [\n \"sdk\",\n]"),
            block("b", ""),
            block("sdk", ""),
            block("serde", "source = \"x\"\n"),
        );
        let locked = lock(&text, "a", "mood", "sdk");
        assert!(!locked.contains("\"b\"") && !locked.contains("name = \"a\""), "{locked}");
        for name in ["mood", "sdk", "serde"] {
            assert!(locked.contains(&format!("name = \"{name}\"")), "{name} in {locked}");
        }
    }
}
