//! `experiment run` on the stand-ins, with a Claude whose taste is known: from the file to the verdict.

use serde_json::Value;

use super::two_arms;
use crate::commands::{Said, Shell, stack};
use crate::support::builds::misfit;

/// Only brief's question for ratings has this word in it.
const WORD: &str = "gladly";
const LEDGER: &str = "--ledger persona-host-experiments/e/ledger.db";

fn shell(treatment: &str, blocks: u32) -> Shell {
    let shell = Shell::new();
    shell.write("e.toml", two_arms("e", treatment, blocks));
    shell
}

/// A treatment that misbehaves in this way, and that nobody stands in for.
fn misbehaving(misdeed: &str, blocks: u32) -> Shell {
    let shell = shell("odd", blocks);
    let settings = format!("settings = {{ do = \"{misdeed}\" }}");
    shell.write(
        "persona-host.toml",
        format!("[strategies.odd]\nplugin = \"odd\"\n{settings}\nfallback = []\n"),
    );
    shell.write("plugins/odd.wasm", misfit("nothing"));
    shell
}

fn ran(shell: &Shell, line: &str) -> Said {
    let said = shell.call(line);
    assert_eq!(said.code, Some(0), "{line}: {said:?}");
    said
}

fn report(shell: &Shell) -> Value {
    shell.document(&format!("experiment report e {LEDGER}"), 0)
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut checks = report["health"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

#[test]
fn a_known_taste_is_found_and_one_that_is_not_there_is_not() {
    let liked = shell("brief", 16);
    ran(&liked, &format!("experiment run e.toml --stand-ins --taste {WORD}=0.9"));
    let report = report(&liked);
    let comparison = &report["comparisons"][0];
    assert_eq!(comparison["verdict"]["outcome"], "better", "{:#}", comparison["verdict"]);
    let anytime = &comparison["primary"]["anytime"];
    let (low, high) = (anytime["low"].as_f64().unwrap(), anytime["high"].as_f64().unwrap());
    assert!(low < 0.9 && 0.9 < high, "the known amount is in the interval {low} to {high}");
    assert_eq!(check(&report, "audit")["status"], "ok");
    let gate = ran(&liked, &format!("experiment gate e {LEDGER}"));
    assert!(gate.stdout.ends_with(" (on stand-ins: these ratings mean nothing)\n"), "{gate:?}");
    assert_eq!(report["identity"]["standIns"], true);
    let (files, open) = liked.below("persona-host-experiments");
    assert!(files.iter().any(|file| file.ends_with("mana.db")) && open.is_empty(), "{files:?} {open:?}");
    let page = ran(&liked, &format!("experiment report e {LEDGER} --form markdown")).stdout;
    assert!(page.contains("**⚠ Stand-ins.** A scripted Claude gave these ratings"), "{page}");
    let disagreement = &comparison["disagreements"][0];
    for turn in ["controlTurn", "treatmentTurn"] {
        let said = ran(&liked, &format!("turns show {} {LEDGER}", disagreement[turn].as_str().unwrap()));
        assert!(said.stdout.contains("of the experiment e, version 1, block"), "{said:?}");
    }
    assert_eq!(report["arms"][1]["reliability"][3], serde_json::json!({ "turns": 8, "chance": 1.0 }));

    let even = shell("daily", 12);
    let said = ran(&even, &format!("experiment run e.toml --stand-ins --taste {WORD}=0.9"));
    assert!(said.stderr.contains("no question for ratings had that text"), "{said:?}");
    let report = self::report(&even);
    let outcome = report["comparisons"][0]["verdict"]["outcome"].as_str().unwrap();
    assert!(["equivalent", "inconclusive"].contains(&outcome), "{outcome}");
}

#[test]
fn a_run_that_was_stopped_goes_on_and_is_the_same_in_the_end() {
    let (at_once, in_parts) = (shell("brief", 4), shell("brief", 4));
    ran(&at_once, "experiment run e.toml --stand-ins");
    for _ in 0..3 {
        ran(&in_parts, "experiment run e.toml --stand-ins --blocks 2");
    }
    let arms = |shell: &Shell| {
        let rows = ran(shell, &format!("experiment export e {LEDGER}")).stdout;
        let places =
            rows.lines().skip(1).map(|row| row.split(',').take(6).map(str::to_owned).collect::<Vec<_>>());
        // Who, which block, which arm, in which place; ratings depend on ids that mana-auth gives.
        let mut places: Vec<_> =
            places.map(|row| (row[0].clone(), row[1].clone(), row[3].clone(), row[5].clone())).collect();
        places.dedup();
        places
    };
    assert_eq!(arms(&in_parts), arms(&at_once));
    assert_eq!(arms(&in_parts).len(), 80, "ten personas, four blocks, two arms, each once");
    let before = ran(&in_parts, &format!("experiment report e {LEDGER} --json")).stdout;
    assert_eq!(
        ran(&in_parts, &format!("experiment report e {LEDGER} --json")).stdout,
        before,
        "to the last byte"
    );
}

#[test]
fn turns_that_run_at_ctrl_c_are_finished_and_count_against_nobody() {
    let shell = shell("brief", 40);
    let mut running = shell.start("experiment run e.toml --stand-ins");
    running.said("round 2 of 40");
    assert!(running.interrupt().success());
    let rows = ran(&shell, &format!("experiment export e {LEDGER} --form json-lines")).stdout;
    let turns: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!((40..800).contains(&turns.len()), "it stopped in the middle: {}", turns.len());
    let cut: Vec<&Value> = turns.iter().filter(|turn| turn["reached"] == "started").collect();
    assert_eq!(cut, Vec::<&Value>::new());
    assert!(turns.iter().all(|turn| turn["faulted"] == false));
}

#[test]
fn a_budget_ends_a_run() {
    let shell = shell("brief", 4);
    let said = ran(&shell, "experiment run e.toml --stand-ins --budget 0.004");
    assert!(said.stderr.contains("raise --budget"), "{said:?}");
    assert!(said.stderr.contains("the budget is used up"), "{said:?}");
    let spent = report(&shell)["progress"]["cost"].as_f64().unwrap();
    // Turns that run when the money is gone are finished: two at a time, of less than a tenth of a cent.
    assert!((0.004..0.006).contains(&spent), "{spent}");
}

#[test]
fn a_strategy_that_crashes_often_is_uneven_where_turns_end_and_not_where_they_begin() {
    // Half of its turns: so many blocks that no accident hides it.
    let shell = misbehaving("panic-at-times", 16);
    ran(&shell, "experiment run e.toml --stand-ins");
    let report = report(&shell);
    assert_eq!(check(&report, "srm-assigned")["status"], "ok");
    assert_eq!(check(&report, "srm-completed")["status"], "unhealthy", "{report:#}");
    let gate = shell.call(&format!("experiment gate e {LEDGER}"));
    assert_eq!(gate.code, Some(3), "{gate:?}");
}

#[test]
fn a_strategy_that_never_comes_to_its_ratings_is_reported_as_unhealthy() {
    let shell = misbehaving("panic", 4);
    let said = ran(&shell, "experiment run e.toml --stand-ins");
    assert!(said.stdout.contains("nothing can be said of treatment"), "{said:?}");
    let report = report(&shell);
    assert_eq!(check(&report, "srm-parsed")["status"], "unhealthy", "{report:#}");
    let verdict = &report["comparisons"][0]["verdict"];
    assert_eq!(verdict["outcome"], "inconclusive");
    assert_eq!(verdict["because"], "control and treatment have no rating in one block of one persona");
    assert_eq!(shell.call(&format!("experiment gate e {LEDGER}")).code, Some(3));
    ran(&shell, &format!("experiment report e {LEDGER} --form html --out e.html"));
    ran(&shell, &format!("experiment report e {LEDGER}"));
}

#[test]
fn another_build_in_the_middle_opens_a_phase_and_phases_are_not_merged() {
    let shell = shell("own", 4);
    shell.write("persona-host.toml", "[strategies.own]\nplugin = \"own\"\n");
    shell.write("plugins/own.wasm", crate::support::builds::good(1));
    ran(&shell, "experiment run e.toml --stand-ins --blocks 2");
    shell.write("plugins/own.wasm", crate::support::builds::good(2));
    ran(&shell, "experiment run e.toml --stand-ins");
    let newest = report(&shell);
    let phases = newest["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 2, "{phases:#?}");
    assert!(
        phases[1]["why"].as_str().unwrap().starts_with("arm treatment: build of the plugin"),
        "{phases:#?}"
    );
    // Who played the control before the first treatment of the new build has that block in two phases: its
    // pair is nowhere.
    let rounds = newest["progress"]["rounds"].as_u64().unwrap();
    assert!(newest["phase"] == 2 && (1..=2).contains(&rounds), "{rounds}");
    let turns: u64 = phases.iter().map(|phase| phase["turns"].as_u64().unwrap()).sum();
    assert_eq!(turns, 80, "each turn is in one phase");
    assert_eq!(check(&newest, "phases")["status"], "warning");
    let first = shell.document(&format!("experiment report e --phase 1 {LEDGER}"), 0);
    assert_eq!((&first["phase"], &first["progress"]["rounds"]), (&1.into(), &2.into()));
}

#[test]
fn a_build_that_is_saved_while_it_runs_opens_a_phase() {
    let shell = shell("own", 12);
    shell.write("persona-host.toml", "[strategies.own]\nplugin = \"own\"\n");
    shell.write("plugins/own.wasm", crate::support::builds::good(1));
    let mut running = shell.start("experiment run e.toml --stand-ins");
    running.said("round 1 of 12");
    shell.write("plugins/own.wasm", crate::support::builds::good(2));
    running.said("round 12 of 12");
    assert!(running.ended().success());
    let report = report(&shell);
    let phases = report["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 2, "{phases:#?}");
    assert_eq!(report["progress"]["over"], true, "all planned blocks are played, in two phases");
}

#[test]
fn a_plan_that_has_begun_is_not_changed_in_secret() {
    let shell = shell("brief", 4);
    ran(&shell, "experiment run e.toml --stand-ins --blocks 1");
    shell.write("e.toml", two_arms("e", "brief", 5));
    let said = shell.call("experiment run e.toml --stand-ins");
    assert_eq!(said.code, Some(65), "{said:?}");
    assert!(said.stderr.contains("is registered with another plan"), "{said:?}");
    shell.write("e.toml", format!("budget = 7\n{}", two_arms("e", "brief", 4)));
    ran(&shell, "experiment run e.toml --stand-ins --blocks 1");
    shell.write("e.toml", format!("version = 2\n{}", two_arms("e", "brief", 5)));
    ran(&shell, "experiment run e.toml --stand-ins --blocks 1");
    assert_eq!(report(&shell)["progress"]["rounds"], 1, "the new version begins anew");
    let first = shell.document(&format!("experiment report e --plan-version 1 {LEDGER}"), 0);
    assert_eq!(first["progress"]["rounds"], 2);
}

#[test]
fn a_split_is_told_the_fairest_seed_for_the_personas_that_are_known() {
    let shell = shell("brief", 4);
    ran(&shell, "experiment run e.toml --stand-ins --blocks 1");
    // The next experiment on the same personas.
    let split = two_arms("e", "brief", 4).replace("key = \"e\"", "key = \"next\"\ndesign = \"split\"");
    shell.write("persona-host.toml", "[store]\nurl = \"sqlite://persona-host-experiments/e/ledger.db\"\n");
    shell.write("next.toml", &split);
    let told = shell.document("experiment check next.toml", 0);
    let balance = &told["balance"];
    let (own, fairest) = (balance["imbalance"].as_f64(), balance["fairestImbalance"].as_f64().unwrap());
    assert!(own.is_none_or(|own| fairest < own) && fairest < 5.0, "{balance:#}");
    let seed = balance["fairestSeed"].as_str().unwrap();
    shell.write("next.toml", split.replace("question", &format!("seed = \"{seed}\"\nquestion")));
    let told = shell.document("experiment check next.toml", 0);
    assert_eq!(told["balance"]["imbalance"], fairest);
    let mut warnings = told["warnings"].as_array().unwrap().iter();
    assert!(warnings.all(|warning| !warning.as_str().unwrap().contains("seed")), "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_real_neighbours_dates_other_experiments_and_prices_count() {
    let stack = stack().await;
    let shell = Shell::beside(&stack).with("ANTHROPIC_API_KEY", "sk-test");
    let mut told = String::new();
    for (name, plan, code) in [
        ("it has ended", format!("ends = 2020-01-01\n{}", two_arms("e", "brief", 4)), 77),
        ("no price", format!("budget = 1\n{}", two_arms("e", "brief", 4)), 77),
        ("another experiment", two_arms("e", "brief", 4), 65),
    ] {
        shell.write("e.toml", plan);
        if name == "another experiment" {
            shell.write(
                "experiments/other.toml",
                two_arms("e", "brief", 4).replace("key = \"e\"", "key = \"other\""),
            );
        }
        if name == "no price" {
            shell.write("persona-host.toml", "[model]\nname = \"claude-unheard-of\"\n");
        }
        let ran = shell.call("experiment run e.toml");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{name}: {ran:?}");
        told += &format!("{name}\n{}\n", ran.stderr);
    }
    insta::assert_snapshot!(told);
}
