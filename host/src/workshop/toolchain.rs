//! Which tools build a project, with which arguments. Values only: `build.rs` takes the steps.

use std::fs;
use std::path::{Path, PathBuf};

use super::language::Language;
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

const ADVICE_RUST: [(&str, &str); 3] = [
    ("target may not be installed", "type `rustup target add wasm32-wasip2` and build again"),
    ("Could not find specification for target", "this Rust is too old: type `rustup update`"),
    ("could not find specification for target", "this Rust is too old: type `rustup update`"),
];
const ADVICE_NODE: [(&str, &str); 2] = [
    ("EBADENGINE", "install Node.js 20 or newer"),
    ("ENOTFOUND", "npm cannot reach its registry: check the network, or npm's own settings"),
];
const ADVICE_PYTHON: [(&str, &str); 2] = [
    ("ensurepip", "install Python's venv (Debian: `apt-get install python3-venv`)"),
    ("No matching distribution", "correct requirements.txt, or use a Python that its packages are made for"),
];

/// How a project becomes a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Fetches what the project stands on.
    pub(super) prepare: Vec<Step>,
    /// Says that this was done, and for what; none where the tool knows it by itself.
    pub(super) prepared: Option<Mark>,
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

/// The plan for a project. `variables` are the names of the environment's variables; `part` is where
/// in the project a component may lie until it is whole.
pub(super) fn plan(project: &Project, variables: &[String], part: &Path) -> Result<Plan, ProjectError> {
    match project.language {
        Language::Rust => Ok(rust(project, variables)),
        Language::JavaScript => javascript(project, part),
        Language::Python => python(project, part),
    }
}

fn rust(project: &Project, variables: &[String]) -> Plan {
    let cargo = Step {
        purpose: "compile",
        program: "cargo".into(),
        arguments: words(&["build", "--release", "--target", TARGET, "--target-dir", "target"]),
        folder: project.folder.clone(),
        without: variables.iter().filter(|name| is_of_an_outer_cargo(name)).cloned().collect(),
        with: Vec::new(),
        install: INSTALL_RUST,
        advice: &ADVICE_RUST,
    };
    let file = format!("{}.wasm", project.name.replace('-', "_"));
    Plan {
        prepare: Vec::new(),
        prepared: None,
        compile: vec![cargo],
        made: project.folder.join("target").join(TARGET).join("release").join(file),
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
    let world = world(&read(&project.folder.join("src/plugin.js"))?, "selfTest");
    let install =
        ["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    let compiler = project.folder.join("node_modules/.bin/componentize-qjs");
    let part_path = part.to_string_lossy();
    let componentize =
        ["--wit", "wit", "--world", world, "--js", "src/plugin.js", "--sync", "--output", &*part_path];
    Ok(Plan {
        prepare: vec![step("npm".into(), "fetch what is needed by", &install, INSTALL_NODE)],
        prepared: Some(Mark {
            path: project.folder.join("node_modules/.installed.json"),
            content: read(&project.folder.join("package.json"))?,
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
    let world = world(&read(&project.folder.join("app.py"))?, "SelfTest");
    let part_path = part.to_string_lossy();
    let componentize = ["-d", "wit", "-w", world, "componentize", "app", "-o", &*part_path];
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
        compile: vec![step(bin.join("componentize-py"), "compile", &componentize, PYTHON_AGAIN)],
        made: project.folder.join(part),
        nothing_made: "componentize-py did not write it; look at what requirements.txt asks for",
    })
}

/// The world that the source is written for.
fn world(source: &str, self_test: &str) -> &'static str {
    if source.contains(self_test) { "plugin-with-self-test" } else { "plugin" }
}

/// What the cargo that started us, or a lint or coverage tool, has set for its own build; as in
/// `host/build.rs`. What the user has set about where crates come from stays.
fn is_of_an_outer_cargo(variable: &str) -> bool {
    const KEPT: [&str; 8] = [
        "CARGO_HOME",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_HTTP_",
        "CARGO_REGISTRY_",
        "CARGO_REGISTRIES_",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
    ];
    let of_cargo = variable.starts_with("CARGO") && !KEPT.iter().any(|kept| variable.starts_with(kept));
    let of_compiler =
        ["RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"].contains(&variable);
    of_cargo || of_compiler || variable.starts_with("__CARGO") || variable.starts_with("CLIPPY_")
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

    fn lines(language: Language, files: &[(&str, &str)]) -> (Plan, Vec<String>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("it can be written");
        }
        let project = Project { name: "my-mood".to_owned(), language, folder: folder.path().to_owned() };
        let variables = ["RUSTFLAGS", "CARGO_HOME", "CARGO_PKG_NAME", "PATH", "CARGO_TARGET_DIR"];
        let plan = plan(&project, &words(&variables), Path::new("dist/.my-mood.part")).expect("a plan");
        let lines = plan.prepare.iter().chain(&plan.compile).map(Step::line).collect();
        (plan, lines)
    }

    #[test]
    fn rust_is_built_by_cargo_without_what_an_outer_cargo_has_set() {
        let (plan, lines) = lines(Language::Rust, &[]);
        assert_eq!(lines, ["cargo build --release --target wasm32-wasip2 --target-dir target"]);
        assert_eq!(plan.compile[0].without, ["RUSTFLAGS", "CARGO_PKG_NAME", "CARGO_TARGET_DIR"]);
        assert!(plan.made.ends_with("target/wasm32-wasip2/release/my_mood.wasm"), "{:?}", plan.made);
    }

    #[test]
    fn javascript_is_built_with_quickjs_inside() {
        for (source, world) in [
            ("export const behavior = {}", "plugin"),
            ("export const selfTest = {}", "plugin-with-self-test"),
        ] {
            let files = [("src/plugin.js", source), ("package.json", "{\"name\":\"my-mood\"}")];
            let (plan, lines) = lines(Language::JavaScript, &files);
            assert_eq!(
                lines,
                [
                    "npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error"
                        .to_owned(),
                    format!(
                        "componentize-qjs --wit wit --world {world} --js src/plugin.js --sync \
                         --output dist/.my-mood.part"
                    ),
                ]
            );
            assert_eq!(plan.prepared.expect("a mark").content, files[1].1);
        }
    }

    #[test]
    fn python_is_built_by_componentize_py_in_a_folder_of_its_own() {
        let files = [("app.py", "class SelfTest: pass"), ("requirements.txt", "componentize-py==0.25.1\n")];
        let (plan, lines) = lines(Language::Python, &files);
        assert_eq!(
            lines,
            [
                "python3 -m venv .venv",
                "python -m pip install --quiet --requirement requirements.txt",
                "componentize-py -d wit -w plugin-with-self-test componentize app -o dist/.my-mood.part",
            ]
        );
        assert!(plan.prepare[1].program.ends_with(".venv/bin/python"));
        assert_eq!(plan.prepared.expect("a mark").content, "componentize-py==0.25.1\n");
    }

    #[test]
    fn a_project_without_its_source_is_told_which_file_is_missing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (language, file) in [(Language::JavaScript, "src/plugin.js"), (Language::Python, "app.py")] {
            let project = Project { name: "my-mood".to_owned(), language, folder: folder.path().to_owned() };
            let error = plan(&project, &[], Path::new("part")).expect_err("nothing is there").to_string();
            assert!(error.contains(file) && error.contains("cannot be read"), "{error}");
        }
    }
}
