//! The neighbours as a process of their own: the stand-ins, and the way to them. For each line that they are told they
//! answer with one.

use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use domain::clock::Clock;
use domain::persona::{Cadence, ModuleWeight};
use persona_host::mana::admin::Admin;
use persona_host::mana::catalog::Entry;
use persona_host::mana::password;
use persona_host::outbound;
use secrecy::SecretString;
use serde_json::Value;
use standin::witness::{Point, Sight};
use standin::{DatabaseUrl, Stack, StackOptions, Witness, claude};

use crate::site::Addresses;

/// Tool calls in each turn's day.
pub(crate) const CALLS: u32 = 4;

const NEXT_DAY: &str = "the next day";
const BOOKS: &str = "the books";
/// Says that books are to be kept. It costs the neighbours something, and changes the form of their answers.
const COUNTING: &str = "--counting";

/// How often what was asked, and how many rows arrived.
pub(crate) type Books = BTreeMap<String, u64>;

/// How a process of neighbours behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// How long the model thinks.
    pub(crate) model_latency: Duration,
    /// They keep books.
    pub(crate) count: bool,
}

/// The stand-ins, until nobody tells them anything any more.
pub(crate) async fn be(mut arguments: impl Iterator<Item = String>) {
    let model_latency = arguments.next().and_then(|millis| millis.parse().ok()).expect("milliseconds");
    let count = arguments.next().is_some_and(|argument| argument == COUNTING);
    let books = Arc::new(Mutex::new(Books::new()));
    let (clock, folder) = (Clock::system(), tempfile::tempdir().expect("a temporary folder"));
    let script = claude::Script {
        first_byte_after: Duration::from_millis(model_latency),
        calls_per_turn: Some(CALLS),
        ..claude::Script::default()
    };
    let database = DatabaseUrl::File(folder.path().join("mana.db"));
    let witness = if count { witness(&books) } else { Witness::nobody() };
    let options = StackOptions { database, script, witness, ..StackOptions::on_free_ports(clock.clone()) };
    let stack = Stack::start(options).await.expect("the stand-ins start");
    println!("{}", serde_json::to_string(&Addresses::of(&stack)).expect("JSON"));
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(tokio::io::stdin()));
    while let Ok(Some(line)) = lines.next_line().await {
        if line == BOOKS {
            let books = std::mem::take(&mut *books.lock().expect("no panic"));
            println!("{}", serde_json::to_string(&books).expect("JSON"));
        } else {
            clock.advance(TimeDelta::days(1));
            println!("a day has passed");
        }
    }
    stack.stop().await;
}

/// Enters each request, and each row that it brings.
fn witness(books: &Arc<Mutex<Books>>) -> Witness {
    let books = Arc::clone(books);
    Witness::new(move |sight, point| {
        if point == Point::Arrived {
            let mut books = books.lock().expect("no panic");
            for (what, times) in entries(sight) {
                *books.entry(what).or_default() += times;
            }
        }
    })
}

fn entries(sight: &Sight) -> Vec<(String, u64)> {
    let body: Value = serde_json::from_slice(&sight.body).unwrap_or_default();
    let what = match body["method"].as_str() {
        Some(method) => method,
        None => sight.path.rsplit('/').next().unwrap_or_default(),
    };
    let mut entries = vec![(format!("{} {} {what}", sight.stand_in, sight.method), 1)];
    for kind in ["actions", "feedback"] {
        if let Some(rows) = body[kind].as_array() {
            entries.push((format!("rows of {kind}"), rows.len().try_into().expect("not that many")));
        }
    }
    entries
}

/// The process, and the way to it.
pub(crate) struct Neighbours {
    pub(crate) addresses: Addresses,
    child: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
}

impl Neighbours {
    pub(crate) fn start(Manners { model_latency, count }: Manners) -> Self {
        let itself = std::env::current_exe().expect("a program");
        let mut child = Command::new(itself)
            .args(["--neighbours", &model_latency.as_millis().to_string()])
            .args(count.then_some(COUNTING))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut says = BufReader::new(child.stdout.take().expect("it is piped"));
        let hears = child.stdin.take().expect("it is piped");
        let addresses = serde_json::from_str(&heard(&mut says)).expect("addresses");
        Self { addresses, child, says, hears }
    }

    /// The day after: everybody is due again.
    pub(crate) fn next_day(&mut self) {
        self.ask(NEXT_DAY);
    }

    /// What was asked and delivered since this was asked last.
    pub(crate) fn books(&mut self) -> Books {
        serde_json::from_str(&self.ask(BOOKS)).expect("books")
    }

    /// So many personas, all due.
    pub(crate) async fn settle(&self, personas: usize, seed_secret: &SecretString) {
        let url = format!("{}/api/v1/admin/personas", self.addresses.auth);
        let jwt = self.addresses.admin_jwt.clone().into();
        let admin = Admin::new(outbound::client().expect("a client"), url, jwt);
        for number in 0..personas {
            let entry = entry(number);
            let password = password(seed_secret, &entry.email).expect("there is a secret");
            admin.create(&entry, &password).await.expect("it is created");
        }
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.hears, "{line}").expect("it listens");
        heard(&mut self.says)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of another process.
pub(crate) fn heard(says: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    says.read_line(&mut line).expect("a line");
    line
}

fn entry(number: usize) -> Entry {
    Entry {
        name: format!("Anna {number}"),
        email: format!("persona.anna{number}@mana.test"),
        archetype: "adhd-student".to_owned(),
        system_prompt: "Du bist Anna, 23, studierst in Leipzig und verlierst leicht den Faden.".to_owned(),
        module_mix: [("todo", 0.5), ("journal", 0.3), ("notes", 0.2)]
            .map(|(module, weight)| ModuleWeight { module: module.to_owned(), weight })
            .into(),
        cadence: Cadence::Daily,
    }
}
