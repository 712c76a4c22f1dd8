//! Exit codes: the reference tells those of the program, and each of them is met.

use std::collections::BTreeSet;
use std::net::TcpListener;

use persona_host::cli::{EXITS, Exit, GATES};

use super::{Shell, catalog, stack};

#[test]
fn the_reference_tells_the_exit_codes_of_the_program() {
    let page = include_str!("../../../../docs/reference/commands.md");
    let section = page.split("\n## ").find(|own| own.starts_with("Exit codes\n")).unwrap();
    let (exits, gates) = section.split_once("have codes of their own").unwrap();
    let told = |text: &str| -> Vec<(u8, String)> {
        let rows =
            text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
        rows.filter_map(|(code, means)| Some((code.parse().ok()?, means.to_owned()))).collect()
    };
    let of_program: Vec<(u8, String)> =
        EXITS.iter().map(|(exit, means)| (exit.code(), (*means).to_owned())).collect();
    let of_gates: Vec<(u8, String)> =
        GATES.iter().map(|(gate, means)| (Exit::Verdict(*gate).code(), (*means).to_owned())).collect();
    assert_eq!(told(exits), of_program);
    assert_eq!(told(gates), of_gates);
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains("(docs/reference/commands.md"), "the README leads there");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exit_code_is_met() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let own = stack().await;
    let nobody = "http://127.0.0.1:1";
    let keys = |shell: Shell| shell.with("MANA_SERVICE_KEY", "a key").with("ANTHROPIC_API_KEY", "a key");
    let mut met = BTreeSet::new();
    let mut meet = |shell: &Shell, line: &str, exit: Exit| {
        let said = shell.call(line);
        assert_eq!(said.code, Some(exit.code().into()), "{line}: {said:?}");
        met.insert(exit.code());
    };
    let shell = Shell::new();
    shell.write("bad.toml", "[runner]\nconcurency = 3\n");
    shell.write("text.db", "a diary, not a database; long enough that nobody takes it for an empty file\n");
    shell.write("catalog.json", "{}");
    meet(&shell, "version", Exit::Done);
    meet(&shell, "tick anna", Exit::Usage);
    meet(&shell, "config show --config bad.toml", Exit::Configuration);
    meet(&shell, "turns list --ledger text.db", Exit::File);
    meet(&shell, "seed --catalog catalog.json --dry-run", Exit::BadInput);
    meet(&shell, "explain banana", Exit::No);
    meet(&shell.with("NODE_ENV", "production"), "run", Exit::Unexpected);
    meet(&keys(Shell::new()).with("PORT", &port), "run", Exit::PortTaken);
    meet(&keys(Shell::new()).with("MANA_AUTH_URL", nobody), "tick", Exit::Unreachable);
    meet(&Shell::beside(&own).with("MANA_SERVICE_KEY", "another"), "tick", Exit::Refused);

    let beside = Shell::beside(&own);
    beside.write("persona-host.toml", "[http]\nport = 0\n");
    let mut daemon = beside.start("run");
    daemon.logged("persona-host listens");
    meet(&beside, "tick", Exit::Busy);
    drop(daemon);

    // A Claude that says nothing keeps a turn from its end: after the first signal the program waits for it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    beside.write("catalog.json", catalog(&["anna"]));
    meet(&beside, "seed --catalog catalog.json", Exit::Done);
    assert!(beside.call("seed --catalog catalog.json").stderr.trim_end().ends_with(" tick"), "the next step");
    let beside = beside.with("ANTHROPIC_BASE_URL", &url).with("TICK_INTERVAL_MS", "50");
    let mut daemon = beside.start("run");
    let call = silent.accept().unwrap();
    daemon.send("-TERM");
    daemon.logged("stopping; a second signal ends persona-host at once");
    assert_eq!(daemon.terminate().code(), Some(Exit::Interrupted.code().into()));
    drop(call);
    met.insert(Exit::Interrupted.code());
    let all: BTreeSet<u8> = EXITS.iter().map(|(exit, _)| exit.code()).collect();
    assert_eq!(met, all);
    own.stop().await;
}
