//! `doctor`: set-ups that are broken in one way each, and what is named in each: what is wrong, why, and what to do.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use chrono::TimeDelta;
use domain::clock::Clock;
use serde_json::{Value, json};
use standin::claude::Fault;
use standin::mana_mcp::Faults;
use standin::{Stack, StackOptions};

use super::{Shell, catalog, stack};
use crate::support::builds;
use crate::support::http::client;
use crate::support::meddling::meddle;

/// How a shell is changed, what its configuration is, and what is to be found.
type Row = (fn(Shell) -> Shell, &'static str, [&'static str; 4]);

/// A set-up that is sound, until a row breaks it.
struct Site {
    stack: Stack,
    shell: Shell,
}

impl Site {
    /// Neighbours with a persona who is due, on a clock of theirs, and a port that is free.
    async fn new(clock: Clock) -> Self {
        let stack = Stack::start(StackOptions::on_free_ports(clock)).await.unwrap();
        let shell = Shell::beside(&stack).with("PORT", &free_port().to_string());
        shell.write("catalog.json", catalog(&["anna"]));
        shell.document("seed --catalog catalog.json", 0);
        Self { stack, shell }
    }

    fn with(self, name: &'static str, value: &str) -> Self {
        Self { shell: self.shell.with(name, value), ..self }
    }

    fn file(self, text: &str) -> Self {
        self.shell.write("persona-host.toml", text);
        self
    }

    /// The same after a tick, with this done to its ledger.
    async fn ledger(self, sql: &str) -> Self {
        self.shell.document("tick", 0);
        meddle(&self.shell.path("persona-host.db"), sql).await;
        self
    }
}

/// A port that nobody listens at, as far as anybody knows.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn site() -> Site {
    Site::new(Clock::system()).await
}

/// The one finding that says this, which names a cause and a fix with these words.
fn check(document: &Value, [looked_at, what, cause, fix]: [&str; 4]) {
    let found = document["findings"].as_array().unwrap();
    let text = |own: &Value, name: &str| own[name].as_str().unwrap_or_default().to_owned();
    let is_it = |own: &&Value| own["check"] == looked_at && text(own, "what").contains(what);
    let own = found.iter().find(is_it).unwrap_or_else(|| panic!("{looked_at}, {what}: {document:#}"));
    assert!(
        !text(own, "cause").is_empty() && text(own, "cause").contains(cause),
        "{what}: {cause:?} in {own:#}"
    );
    assert!(!text(own, "fix").is_empty() && text(own, "fix").contains(fix), "{what}: {fix:?} in {own:#}");
    assert!(!text(own, "at").is_empty(), "{what}: where? {own:#}");
    assert_eq!(document["sound"], false);
}

/// The visit of a site that a row broke.
fn visit(site: &Site) -> Value {
    site.shell.document("doctor", 100)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_set_up_is_told_to_be_sound_and_nothing_of_it_is_changed() {
    let site = site().await;
    let files = site.shell.files();
    let document = site.shell.document("doctor", 0);
    assert_eq!((&document["sound"], &document["findings"]), (&true.into(), &json!([])), "{document:#}");
    let checks = document["checks"].as_array().unwrap();
    let says = |check: &str, words: &str| {
        let own = checks
            .iter()
            .find(|own| own["check"] == check)
            .unwrap_or_else(|| panic!("{check}: {document:#}"));
        assert!(own["sound"].to_string().contains(words), "{check}: {words} in {own}");
    };
    says("mana-auth", "it takes the service key; 1 is due");
    says("sign-in", "persona.anna@mana.test can sign in");
    says("mana-mcp", "it takes the token, and offers");
    says("clocks", "the clock of mana-mcp agrees");
    says("claude", "it takes the key, and knows claude-");
    says("ledger", "there is none yet");
    says("disk", "are free for the ledger");
    says("port", "is free");
    assert_eq!(site.shell.files(), files, "nothing was made");
    assert_eq!(site.stack.claude().books().by_system.len(), 0, "nothing was paid for");
    assert_eq!(site.stack.mcp().open_sessions().await, 0);

    // A daemon of our own that has port and ledger is asked, and is no fault.
    let mut daemon = site.shell.start("run");
    daemon.logged("persona-host listens");
    let document = site.shell.document("doctor", 0);
    assert!(
        document["checks"].to_string().contains("a persona-host runs at http://127.0.0.1:"),
        "{document:#}"
    );
    assert!(document["checks"].to_string().contains("the persona-host that runs has it"), "{document:#}");
    assert_eq!(daemon.terminate().code(), Some(0));
    site.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_neighbours_refuse_is_named_with_its_cause_and_what_to_do() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let refused = [
        (Fault::KeyRefused, ["claude", "authentication_error", "", "ANTHROPIC_API_KEY"]),
        (
            Fault::Error { status: 402, kind: "billing_error" },
            ["claude", "billing_error", "", "payment details"],
        ),
        (
            Fault::Error { status: 403, kind: "permission_error" },
            ["claude", "permission_error", "", "another key or another model"],
        ),
    ];
    for (fault, told) in refused {
        let site = site().await;
        site.stack.claude().plan_fault(fault);
        check(&visit(&site), told);
        site.stack.stop().await;
    }
    for (site, told) in [
        (
            site().await.with("ANTHROPIC_MODEL", "gpt-9"),
            ["claude", "model: gpt-9", "", "check the model's name"],
        ),
        (
            site().await.with("ANTHROPIC_BASE_URL", &nowhere),
            ["claude", "cannot reach Claude", "", "ANTHROPIC_BASE_URL"],
        ),
        (
            site().await.with("MANA_SERVICE_KEY", "wrong"),
            ["mana-auth", "HTTP 401", "", "MANA_SERVICE_KEY must be the one"],
        ),
        (
            site().await.with("MANA_AUTH_URL", &nowhere),
            ["mana-auth", "cannot connect", "", "Check MANA_AUTH_URL"],
        ),
        (
            site().await.with("PERSONA_SEED_SECRET", "another"),
            ["sign-in", "one of the five failures", "", "the one that this persona was seeded with"],
        ),
        (
            site().await.with("MANA_MCP_URL", &nowhere),
            ["mana-mcp", "cannot connect", "", "Check MANA_MCP_URL"],
        ),
    ] {
        check(&visit(&site), told);
        site.stack.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_persona_a_token_that_is_refused_and_a_wrong_clock_are_told_apart() {
    let locked = site().await.file("[mana]\nsign_in = \"bearer\"\n");
    let wrong = json!({ "email": "persona.anna@mana.test", "password": "wrong" });
    for _ in 0..5 {
        let login = format!("{}/api/v1/auth/login", locked.stack.auth_url());
        client().post(login).json(&wrong).send().await.unwrap();
    }
    check(&visit(&locked), ["sign-in", "HTTP 429", "", "Wait until the lock ends"]);

    let refused = site().await;
    let tokens_since = Some(Clock::system().now() + TimeDelta::hours(1));
    refused.stack.mcp().set_faults(Faults { tokens_since, ..Faults::default() });
    check(&visit(&refused), ["mana-mcp", "refused the token", "", "mana-mcp must know this mana-auth"]);

    let late = Site::new(Clock::starting_at(Clock::system().now() - TimeDelta::hours(2))).await;
    check(
        &visit(&late),
        ["clocks", "behind this machine's", "tokens end too early", "timedatectl set-ntp true"],
    );
    for site in [locked, refused, late] {
        site.stack.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_files_and_variables_is_named_with_its_place() {
    let contract = "persona:behavior/behavior@0.1.0";
    let other = builds::renamed(&builds::built_in("daily"), contract, "persona:behavior/behavior@0.2.0");
    let own = "[plugins]\ndir = \"own\"\n";
    let rows: [Row; 11] = [
        (
            |own| own.with("NODE_ENV", "production"),
            "",
            ["configuration", "PERSONA_SEED_SECRET (dev fallback", "", "a secret of its own"],
        ),
        (
            |own| own.with("ANTHROPIC_API_KEY", ""),
            "",
            ["configuration", "ANTHROPIC_API_KEY is not set: the loop is off", "", "set ANTHROPIC_API_KEY"],
        ),
        (
            |own| own.with("PERSONA_CONCURENCY", "3"),
            "",
            [
                "configuration",
                "PERSONA_CONCURENCY counts for nothing",
                "looks like one",
                "did you mean PERSONA_CONCURRENCY?",
            ],
        ),
        (
            |own| own.with("MANA_SERVICE_KEY_FILE", "key"),
            "",
            ["configuration", "so is MANA_SERVICE_KEY_FILE", "", "unset one"],
        ),
        (
            |own| own,
            "[runner]\nconcurency = 3\n",
            ["configuration", "unknown key `concurency`", "", "did you mean `concurrency`?"],
        ),
        (
            |own| own.with("RUNNER_PAUSED", "1"),
            "",
            ["ledger", "paused from the start", "the configuration says so", "unset RUNNER_PAUSED"],
        ),
        (
            |own| own.with("PERSONA_STORE_URL", "sqlite:none/ledger.db"),
            "",
            ["ledger", "the folder none of the ledger does not exist", "", "mkdir -p -m 700 none"],
        ),
        (
            |own| own.with("PERSONA_STORE_URL", "sqlite:catalog.json"),
            "",
            ["ledger", "cannot be opened", "", "put back a copy of it"],
        ),
        (|own| own, own, ["configuration", "the folder own does not exist", "", "mkdir -p -m 700 own"]),
        (
            |own| own,
            "[strategies.own]\nplugin = \"daily\"\n",
            ["configuration", "nobody plays the strategy own", "no entry of [routing]", "default = \"own\""],
        ),
        (
            |own| {
                own.write("experiments/bad.toml", "key = \"bad\"\n");
                own
            },
            "",
            ["experiments", "there is no key", "", ""],
        ),
    ];
    for (arrange, file, told) in rows {
        let site = site().await;
        if !file.is_empty() {
            site.shell.write("persona-host.toml", file);
        }
        let site = Site { shell: arrange(site.shell), ..site };
        // Only an unset ledger is where `paused` is not looked for.
        if told[0] == "ledger" && told[1].contains("paused") {
            site.shell.call("tick");
        }
        check(&visit(&site), told);
        site.stack.stop().await;
    }

    let site = site().await.file(own);
    site.shell.write("own/daily.wasm", other);
    check(&visit(&site), ["plugins", "it exports persona:behavior/behavior@0.2.0", "", "wit/v0.1"]);
    site.shell.write("own/daily.wasm", b"half a file");
    check(&visit(&site), ["plugins", "daily.wasm", "", ""]);
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let keyless = site.shell.with("MANA_SERVICE_KEY", "").with("MANA_AUTH_URL", &nowhere);
    let told = ["mana-auth", "nobody answers at http", "", "Is mana-auth running"];
    check(&keyless.document("doctor", 100), told);
    let unreadable = keyless.document("doctor --config none.toml", 100);
    check(&unreadable, ["configuration", "none.toml cannot be read", "", "--config"]);
    site.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_the_port_or_the_ledger_and_what_waits_in_it_is_named() {
    let taken = site().await;
    let _other = TcpListener::bind(format!("127.0.0.1:{}", taken.shell.value("PORT"))).unwrap();
    check(
        &visit(&taken),
        ["port", "another program has port", "does not answer /health", "choose another port"],
    );

    let used = site().await;
    used.shell.document("tick", 0);
    let lock = std::fs::File::open(used.shell.path("persona-host.db.lock")).unwrap();
    lock.lock().unwrap();
    check(
        &visit(&used),
        ["ledger", "is in use by another persona-host", "listens elsewhere", "wait for that to end"],
    );

    let hours = 3 * 60 * 60 * 1000;
    for (sql, told) in [
        ("UPDATE _sqlx_migrations SET version = version + 100".to_owned(), ["ledger", "was written by a newer persona-host", "", "version"]),
        (
            format!("UPDATE turns SET started_at = started_at - {hours}; UPDATE outbox SET state = 'waiting', last_error = 'HTTP 503'"),
            ["ledger", "deliveries to mana-auth wait", "HTTP 503", "nothing is lost"],
        ),
        (
            "UPDATE turns SET held_until = NULL, parked_at = started_at, fault_message = 'it broke'".to_owned(),
            ["ledger", "1 turn is parked, and waits", "it broke", "persona-host turns resume "],
        ),
        (
            "INSERT INTO pauses (email, since, asked_by, reason) VALUES ('', 0, 'command', 'moving house')".to_owned(),
            ["ledger", "nobody plays", "moving house", "persona-host resume"],
        ),
        (
            "INSERT INTO pauses (email, since, asked_by, reason) VALUES ('ben@mana.test', 0, 'command', NULL)".to_owned(),
            ["ledger", "1 persona does not play", "ben@mana.test is paused since", "persona-host resume --persona ben@mana.test"],
        ),
        (
            "UPDATE outbox SET state = 'refused', last_error = 'HTTP 400: no such module'".to_owned(),
            ["ledger", "refused by mana-auth for good", "HTTP 400: no such module", "persona-host turns show "],
        ),
    ] {
        let site = site().await.ledger(&sql).await;
        check(&visit(&site), told);
        site.stack.stop().await;
    }
    let spent = site().await.ledger("SELECT 1").await.file("[budget]\nday = 0.000001\n");
    check(
        &visit(&spent),
        ["ledger", "today's budget is spent", "are spent or promised", "raise the limit in [budget]"],
    );
    for site in [taken, used, spent] {
        site.stack.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_port_hears_no_token() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    // It says that it is one of ours, so that it is asked for all that is asked.
    let ours = r#"{"service": "mana-persona-runner", "ready": true}"#;
    let stranger = thread::spawn(move || {
        let mut heard = String::new();
        while !heard.contains("/health/ready") {
            let (mut caller, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                caller.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            heard += &String::from_utf8(request).unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            write!(caller, "{head}content-length: {}\r\n\r\n{ours}", ours.len()).unwrap();
        }
        heard
    });
    let site = site().await;
    let shell = site.shell.with("PORT", &port);
    let shell = shell.with("PERSONA_ADMIN_TOKEN", "canary-of-the-admin-token");
    let shell = shell.with("PERSONA_VIEW_TOKEN", "canary-of-the-view-token");
    shell.document("doctor --no-sign-in", 0);
    let heard = stranger.join().unwrap();
    assert!(heard.contains("GET /health ") && !heard.to_lowercase().contains("authorization"), "{heard}");
    assert!(!heard.contains("canary"), "{heard}");
    site.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_and_is_worth_knowing_is_told_as_that_and_not_as_sound() {
    let held = "UPDATE turns SET state = 'faulted', held_until = started_at + 86400000, parked_at = NULL";
    let site = site().await.ledger(held).await;
    let mut daemon = site.shell.start("run");
    daemon.logged("persona-host listens");
    site.shell.document("pause --persona persona.anna@mana.test", 0);
    let document = site.shell.document("doctor", 100);
    let of = |check: &str| {
        let all = document["checks"].as_array().unwrap();
        all.iter().find(|own| own["check"] == check).unwrap().clone()
    };
    for (check, words) in
        [("ledger", "1 turn is held; `persona-host personas list`"), ("port", "it says (pausedPersonas)")]
    {
        let own = of(check);
        assert!(own["notes"].to_string().contains(words), "{check}: {words} in {own}");
        assert!(!own["sound"].to_string().contains(words), "{check}: {words} in {own}");
    }
    let screen = site.shell.call("doctor").stdout;
    assert!(screen.contains("! ledger") && screen.contains("! port"), "{screen}");
    assert_eq!(daemon.terminate().code(), Some(0));
    site.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fix_makes_folders_and_closes_secrets_when_it_is_told_to_and_nothing_else() {
    let site = site().await.file("[plugins]\ndir = \"own/plugins\"\n");
    site.shell.write("key", site.stack.service_key());
    let key = site.shell.path("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let names = [
        "HOME",
        "XDG_CACHE_HOME",
        "COLUMNS",
        "PORT",
        "MANA_AUTH_URL",
        "MANA_MCP_URL",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_API_KEY",
    ];
    let shell = site.shell.only(&names).with("MANA_SERVICE_KEY_FILE", "key");
    let mode = || key.metadata().unwrap().permissions().mode() & 0o777;

    check(
        &shell.document("doctor", 100),
        ["configuration", "may read the secret in key", "mode", "chmod 600 key"],
    );
    // Nobody sits at a terminal to say yes.
    let said = shell.call("doctor --fix");
    assert_eq!((said.code, mode()), (Some(100), 0o644), "{said:?}");
    assert!(said.stderr.contains("chmod 600 key") && said.stderr.contains("nothing was changed"), "{said:?}");

    let document = shell.document("doctor --fix --yes", 0);
    let found = document["findings"].as_array().unwrap();
    assert!(found.len() == 2 && found.iter().all(|own| own["mended"] == true), "{document:#}");
    assert_eq!((mode(), shell.path("own/plugins").is_dir()), (0o600, true));
    assert_eq!(shell.document("doctor", 0)["findings"], json!([]));
    site.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_a_line_for_what_is_where_why_and_what_to_do() {
    let stack = stack().await;
    let shell =
        Shell::beside(&stack).with("MANA_SERVICE_KEY", "wrong").with("PORT", &free_port().to_string());
    let said = shell.call("doctor --no-sign-in");
    assert_eq!(said.code, Some(100));
    for words in ["✗ mana-auth", "where", "cause", "fix", "not looked at: a sign-in", "1 fault found"] {
        assert!(said.stdout.contains(words), "{words} in {}", said.stdout);
    }
    assert!(!said.stdout.contains("wrong\n"), "no secret is told: {}", said.stdout);
    stack.stop().await;
}
