//! Which tools build a project, with which arguments. Values only: `build.rs` takes the steps.

use std::fs;
use std::path::{Path, PathBuf};

use super::language::Language;
use super::outer_cargo::is_of_an_outer_cargo;
use super::project::{Project, ProjectError};
use super::step::Step;

/// What Rust compiles plugins for.
const TARGET: &str = "wasm32-wasip2";

const INSTALL_RUST: &str = "install Rust 1.95 or newer with rustup (Debian: `apt-get install rustup` and \
                            `rustup default stable`), then `rustup target add wasm32-wasip2`";
const INSTALL_NODE: &str = "install Node.js 20 or newer (Debian: `apt-get install nodejs npm`; elsewhere a version manager such as nvm)";
const INSTALL_PYTHON: &str =
    "install Python 3.11 or newer (Debian: `apt-get install python3 python3-venv`; elsewhere pyenv or uv)";
const NODE_AGAIN: &str = "let package.json ask for componentize-qjs; remove node_modules, and build again";
const PYTHON_AGAIN: &str = "let requirements.txt ask for componentize-py; remove .venv, and build again";

const NODE_EXPORTS: &str =
    "export it from src/plugin.js: wit/behavior.wit has the functions, camelCase in JavaScript";
const PYTHON_CLASSES: &str = "write it in app.py: wit/behavior.wit has the functions, snake_case in Python";

const ADVICE_RUST: [(&str, &str); 3] = [
    ("target may not be installed", "type `rustup target add wasm32-wasip2` and build again"),
    ("Could not find specification for target", "this Rust is too old: type `rustup update`"),
    ("could not find specification for target", "this Rust is too old: type `rustup update`"),
];
const ADVICE_NODE: [(&str, &str); 6] = [
    // What `env` says of npm and of the compiler, which are scripts; its quotes depend on the locale.
    ("node': No such file", INSTALL_NODE),
    ("node\u{2019}: No such file", INSTALL_NODE),
    ("src/plugin.js has no ", NODE_EXPORTS),
    ("src/plugin.js: ", NODE_EXPORTS),
    ("EBADENGINE", "install Node.js 20 or newer"),
    ("ENOTFOUND", "npm cannot reach its registry: check the network, or npm's own settings"),
];
const ADVICE_PYTHON: [(&str, &str); 4] = [
    ("ImportError: app.py has no ", PYTHON_CLASSES),
    ("ImportError: app.py: ", PYTHON_CLASSES),
    ("ensurepip", "install Python's venv (Debian: `apt-get install python3-venv`)"),
    ("No matching distribution", "correct requirements.txt, or use a Python that its packages are made for"),
];

/// What stands between the contract and the author's file, so that mistakes are named: it is what is
/// compiled, and it imports the author's.
const ENTRY_JS: &str = include_str!("entry/entry.js");
const ENTRY_PY: &str = include_str!("entry/entry.py");
/// The name in them that stands for whether the world has a self-test.
const WITH_SELF_TEST: &str = "WITH_SELF_TEST";
/// What the entry is called in Python: not as a module of the author's may be.
const ENTRY_MODULE: &str = "persona_host_entry";

/// How a project becomes a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Fetches what the project stands on.
    pub(super) prepare: Vec<Step>,
    /// Says that this was done, and for what; none where the tool knows it by itself.
    pub(super) prepared: Option<Mark>,
    /// What is compiled, where that is not the author's own file.
    pub(super) entry: Option<Entry>,
    /// Makes the component.
    pub(super) compile: Vec<Step>,
    /// Where the last step puts it.
    pub(super) made: PathBuf,
    /// What is wrong when it is not there.
    pub(super) nothing_made: &'static str,
}

/// A file that stands for something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The file.
    pub(super) path: PathBuf,
    /// What it was done for. Another content, and it has to be done again.
    pub(super) content: String,
}

/// A file of ours that is compiled together with the author's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The file, among what the tools have fetched.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) content: String,
}

/// What of the environment matters to a build.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The names of its variables.
    pub variables: Vec<String>,
    /// Where the user lets cargo build; none: in the project.
    pub target_dir: Option<PathBuf>,
}

/// The plan for a project. `part` is where in the project a component may lie until it is whole.
pub(super) fn plan(project: &Project, around: &Surroundings, part: &Path) -> Result<Plan, ProjectError> {
    match project.language {
        Language::Rust => Ok(rust(project, around)),
        Language::JavaScript => javascript(project, part),
        Language::Python => python(project, part),
    }
}

fn rust(project: &Project, around: &Surroundings) -> Plan {
    let target_dir = around.target_dir.clone().unwrap_or_else(|| "target".into());
    let cargo = Step {
        purpose: "compile",
        program: "cargo".into(),
        arguments: words(&[
            "build",
            "--release",
            "--target",
            TARGET,
            "--target-dir",
            &*target_dir.to_string_lossy(),
        ]),
        folder: project.folder.clone(),
        without: around.variables.iter().filter(|name| is_of_an_outer_cargo(name)).cloned().collect(),
        with: Vec::new(),
        install: INSTALL_RUST,
        advice: &ADVICE_RUST,
    };
    let file = format!("{}.wasm", project.name.replace('-', "_"));
    Plan {
        prepare: Vec::new(),
        prepared: None,
        entry: None,
        compile: vec![cargo],
        made: project.folder.join(target_dir).join(TARGET).join("release").join(file),
        nothing_made: "the crate has to be a library with `crate-type = [\"cdylib\"]`",
    }
}

fn javascript(project: &Project, part: &Path) -> Result<Plan, ProjectError> {
    let step = |program: PathBuf, purpose, arguments: &[&str], install| Step {
        purpose,
        program,
        arguments: words(arguments),
        folder: project.folder.clone(),
        without: Vec::new(),
        with: Vec::new(),
        install,
        advice: &ADVICE_NODE,
    };
    let (world, has_self_test) = world(&read(&project.folder.join("src/plugin.js"))?, "selfTest");
    let entry = "node_modules/.persona-host/entry.js";
    let install =
        ["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    let compiler = project.folder.join("node_modules/.bin/componentize-qjs");
    let part_path = part.to_string_lossy();
    let componentize = ["--wit", "wit", "--world", world, "--js", entry, "--sync", "--output", &*part_path];
    Ok(Plan {
        prepare: vec![step("npm".into(), "fetch what is needed by", &install, INSTALL_NODE)],
        prepared: Some(Mark {
            path: project.folder.join("node_modules/.installed.json"),
            content: read(&project.folder.join("package.json"))?,
        }),
        entry: Some(Entry {
            path: project.folder.join(entry),
            content: ENTRY_JS.replace(WITH_SELF_TEST, if has_self_test { "true" } else { "false" }),
        }),
        compile: vec![step(compiler, "compile", &componentize, NODE_AGAIN)],
        made: project.folder.join(part),
        nothing_made: "componentize-qjs did not write it; look at what package.json asks for",
    })
}

fn python(project: &Project, part: &Path) -> Result<Plan, ProjectError> {
    let home = project.folder.join(".venv");
    let bin = home.join("bin");
    let step = |program: PathBuf, purpose, arguments: &[&str], install| Step {
        purpose,
        program,
        arguments: words(arguments),
        folder: project.folder.clone(),
        without: Vec::new(),
        // Without it, componentize-py does not find the packages of requirements.txt.
        with: vec![
            ("VIRTUAL_ENV", home.to_string_lossy().into_owned()),
            // Its own backtraces would bury the author's.
            ("RUST_BACKTRACE", "0".to_owned()),
        ],
        install,
        advice: &ADVICE_PYTHON,
    };
    let (world, has_self_test) = world(&read(&project.folder.join("app.py"))?, "SelfTest");
    let part_path = part.to_string_lossy();
    let entry = ".venv/persona-host";
    let componentize =
        ["-d", "wit", "-w", world, "componentize", ENTRY_MODULE, "-p", ".", "-p", entry, "-o", &*part_path];
    let fetch = ["-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"];
    Ok(Plan {
        prepare: vec![
            step("python3".into(), "set up a folder for", &["-m", "venv", ".venv"], INSTALL_PYTHON),
            step(bin.join("python"), "fetch what is needed by", &fetch, PYTHON_AGAIN),
        ],
        prepared: Some(Mark {
            path: home.join("installed.txt"),
            content: read(&project.folder.join("requirements.txt"))?,
        }),
        entry: Some(Entry {
            path: project.folder.join(entry).join(ENTRY_MODULE).with_extension("py"),
            content: ENTRY_PY.replace(WITH_SELF_TEST, if has_self_test { "True" } else { "False" }),
        }),
        compile: vec![step(bin.join("componentize-py"), "compile", &componentize, PYTHON_AGAIN)],
        made: project.folder.join(part),
        nothing_made: "componentize-py did not write it; look at what requirements.txt asks for",
    })
}

/// The world that the source is written for, and whether it has a self-test.
fn world(source: &str, self_test: &str) -> (&'static str, bool) {
    if source.contains(self_test) { ("plugin-with-self-test", true) } else { ("plugin", false) }
}

fn read(path: &Path) -> Result<String, ProjectError> {
    fs::read_to_string(path).map_err(|error| ProjectError::file(path, "read", &error))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workshop::template::CONTRACT;

    fn lines(language: Language, files: &[(&str, &str)], target_dir: Option<&str>) -> (Plan, Vec<String>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("it can be written");
        }
        let project = Project { name: "my-mood".to_owned(), language, folder: folder.path().to_owned() };
        let variables = ["RUSTFLAGS", "CARGO_HOME", "CARGO_PKG_NAME", "PATH", "CARGO_TARGET_DIR"];
        let around = Surroundings { variables: words(&variables), target_dir: target_dir.map(Into::into) };
        let plan = plan(&project, &around, Path::new("dist/.my-mood.part")).expect("a plan");
        let lines = plan.prepare.iter().chain(&plan.compile).map(Step::line).collect();
        (plan, lines)
    }

    #[test]
    fn rust_is_built_by_cargo_without_what_an_outer_cargo_has_set() {
        let (plan, lines) = lines(Language::Rust, &[], None);
        assert_eq!(lines, ["cargo build --release --target wasm32-wasip2 --target-dir target"]);
        assert_eq!(plan.compile[0].without, ["RUSTFLAGS", "CARGO_PKG_NAME", "CARGO_TARGET_DIR"]);
        assert!(plan.made.ends_with("target/wasm32-wasip2/release/my_mood.wasm"), "{:?}", plan.made);
    }

    #[test]
    fn rust_is_built_where_the_user_lets_cargo_build() {
        let (plan, lines) = lines(Language::Rust, &[], Some("/shared/target"));
        assert_eq!(lines, ["cargo build --release --target wasm32-wasip2 --target-dir /shared/target"]);
        assert_eq!(plan.made, Path::new("/shared/target/wasm32-wasip2/release/my_mood.wasm"));
    }

    #[test]
    fn javascript_is_built_with_quickjs_inside() {
        for (source, world, self_test) in [
            ("export const behavior = {}", "plugin", "= false ?"),
            ("export const selfTest = {}", "plugin-with-self-test", "= true ?"),
        ] {
            let files = [("src/plugin.js", source), ("package.json", "{\"name\":\"my-mood\"}")];
            let (plan, lines) = lines(Language::JavaScript, &files, None);
            assert_eq!(
                lines,
                [
                    "npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error"
                        .to_owned(),
                    format!(
                        "componentize-qjs --wit wit --world {world} --js node_modules/.persona-host/entry.js \
                         --sync --output dist/.my-mood.part"
                    ),
                ]
            );
            let entry = plan.entry.expect("an entry");
            assert!(entry.path.ends_with("node_modules/.persona-host/entry.js"), "{:?}", entry.path);
            assert!(entry.content.contains(self_test) && entry.content.contains("\"../../src/plugin.js\""));
            assert_eq!(plan.prepared.expect("a mark").content, files[1].1);
        }
    }

    #[test]
    fn python_is_built_by_componentize_py_in_a_folder_of_its_own() {
        let files = [("app.py", "class SelfTest: pass"), ("requirements.txt", "componentize-py==0.25.1\n")];
        let (plan, lines) = lines(Language::Python, &files, None);
        assert_eq!(
            lines,
            [
                "python3 -m venv .venv",
                "python -m pip install --quiet --requirement requirements.txt",
                "componentize-py -d wit -w plugin-with-self-test componentize persona_host_entry -p . \
                 -p .venv/persona-host -o dist/.my-mood.part",
            ]
        );
        assert!(plan.prepare[1].program.ends_with(".venv/bin/python"));
        let entry = plan.entry.expect("an entry");
        assert!(entry.path.ends_with(".venv/persona-host/persona_host_entry.py"), "{:?}", entry.path);
        assert!(entry.content.contains("\nif True:\n    SelfTest"));
        assert_eq!(plan.prepared.expect("a mark").content, "componentize-py==0.25.1\n");
    }

    /// The records of the contract that a plugin hands over, as the entry in JavaScript has to know them.
    fn records() -> Vec<String> {
        const HANDED_OVER: [&str; 7] =
            ["descriptor", "problem", "turn-request", "rating-request", "rating", "rating-report", "failure"];
        let body = |name: &&str| {
            let (_, body) = CONTRACT.split_once(&format!("  record {name} {{\n")).expect("it is there");
            let (body, _) = body.split_once("\n  }").expect("it ends");
            let fields = body.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(": "));
            let fields = fields.filter(|(name, _)| !name.starts_with("///"));
            let fields: String =
                fields.map(|(field, of)| format!("  {}: {},\n", camel(field), shape(of))).collect();
            format!("const {} = record(\"{name}\", {{\n{fields}}});", camel(name))
        };
        HANDED_OVER.iter().map(body).collect()
    }

    fn shape(of: &str) -> String {
        if let Some(inner) = of.strip_prefix("option<").and_then(|of| of.strip_suffix('>')) {
            return format!("option({})", shape(inner));
        }
        if let Some(inner) = of.strip_prefix("list<").and_then(|of| of.strip_suffix('>')) {
            return format!("list({})", shape(inner));
        }
        match of {
            "string" => "text".to_owned(),
            "u8" => "whole(MAX_U8)".to_owned(),
            "u32" => "whole(MAX_U32)".to_owned(),
            name => camel(name),
        }
    }

    fn camel(name: &str) -> String {
        let mut words = name.split('-');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
    }

    #[test]
    fn the_entry_in_javascript_knows_the_records_of_the_contract() {
        for record in records() {
            assert!(ENTRY_JS.contains(&record), "{record}");
        }
        for words in ["severity", "failure-kind"] {
            let (_, body) = CONTRACT.split_once(&format!("  enum {words} {{\n")).expect("it is there");
            let (body, _) = body.split_once("\n  }").expect("it ends");
            let cases = body.lines().filter_map(|line| line.trim().strip_suffix(','));
            let cases: Vec<String> = cases.map(|case| format!("{case:?}")).collect();
            let line = format!("const {} = oneOf({});", camel(words), cases.join(", "));
            assert!(ENTRY_JS.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_project_without_its_source_is_told_which_file_is_missing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (language, file) in [(Language::JavaScript, "src/plugin.js"), (Language::Python, "app.py")] {
            let project = Project { name: "my-mood".to_owned(), language, folder: folder.path().to_owned() };
            let error = plan(&project, &Surroundings::default(), Path::new("part"))
                .expect_err("nothing is there")
                .to_string();
            assert!(error.contains(file) && error.contains("cannot be read"), "{error}");
        }
    }
}
