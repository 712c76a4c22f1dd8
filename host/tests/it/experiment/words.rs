//! What the command line says of experiments: one sentence for each mistake, and nothing computed on garbage.

use crate::commands::Shell;
use crate::support::builds::misfit;

const GOOD: &str = "\
persona,block,module,arm,rating
anna,0,todo,control,3
anna,0,todo,brief,4
anna,1,todo,control,2
anna,1,todo,brief,4
ben,0,todo,control,3
ben,0,todo,brief,3
ben,1,todo,control,4
ben,1,todo,brief,5
";

const PLAN: &str = r#"
key = "brief-1"
question = "Is brief as good?"
[[arms]]
name = "control"
strategy = "daily"
[[arms]]
name = "brief"
strategy = "brief"
"#;

#[test]
fn rows_that_cannot_be_meant_are_one_sentence_each() {
    let shell = Shell::new();
    let mut told = String::new();
    for (name, rows) in [
        ("a rating of 7", GOOD.replace("control,2", "control,7")),
        ("a rating that is not a number", GOOD.replace("control,2", "control,NaN")),
        ("a missing column", GOOD.replace(",rating", ",stars")),
        ("nothing", String::new()),
        (
            "one arm",
            GOOD.lines().filter(|line| !line.contains("brief")).map(|line| format!("{line}\n")).collect(),
        ),
        ("no control", GOOD.replace("control", "old")),
        ("one persona", GOOD.replace("ben,0", "anna,2").replace("ben,1", "anna,3")),
        (
            "no pairs",
            GOOD.replace("anna,1,todo,brief", "anna,5,todo,brief")
                .replace("anna,0,todo,brief", "anna,6,todo,brief")
                .replace("ben,0,todo,brief", "ben,5,todo,brief")
                .replace("ben,1,todo,brief", "ben,6,todo,brief"),
        ),
        (
            "one persona with pairs",
            GOOD.replace("ben,0,todo,brief", "ben,5,todo,brief")
                .replace("ben,1,todo,brief", "ben,6,todo,brief"),
        ),
        ("never the same module", GOOD.replace("todo,brief", "notes,brief")),
        (
            "an arm without any rating",
            GOOD.replace("brief,3", "brief,").replace("brief,4", "brief,").replace("brief,5", "brief,"),
        ),
        ("a block that is too large", GOOD.replace("ben,1", "ben,99999999999")),
        ("the same twice", format!("{GOOD}anna,0,todo,control,3\n")),
    ] {
        shell.write("rows.csv", &rows);
        let ran = shell.call("experiment analyze rows.csv");
        assert_eq!(ran.code, Some(65), "{name}: {ran:?}");
        assert_eq!(ran.stdout, "", "{name}");
        told += &format!("{name}\n{}\n", ran.stderr);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn experiments_that_cannot_be_meant_are_one_sentence_each() {
    let shell = Shell::new();
    let mut told = String::new();
    for (name, plan) in [
        ("an unknown strategy", PLAN.replace("\"daily\"", "\"dialy\"")),
        (
            "a weight that is not positive",
            PLAN.replace("question", "design = \"split\"\nquestion")
                .replace("strategy = \"brief\"", "strategy = \"brief\"\nweight = 0"),
        ),
        ("one arm", PLAN.split("[[arms]]\nname = \"brief\"").next().unwrap().to_owned()),
        ("one persona", PLAN.replace("question", "personas = { emails = [\"a@b.c\"] }\nquestion")),
        ("a missing key", PLAN.replace("question", "# question")),
        ("an unknown key", PLAN.replace("question", "colour = 1\nquestion")),
    ] {
        shell.write("plan.toml", &plan);
        let ran = shell.call("experiment check plan.toml");
        assert!(matches!(ran.code, Some(65 | 78)), "{name}: {ran:?}");
        told += &format!("{name}\n{}\n", ran.stderr);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn plans_that_cannot_run_here_are_one_sentence_each() {
    let shell = Shell::new();
    shell.write(
        "persona-host.toml",
        "[strategies.picky]\nplugin = \"picky\"\n[strategies.gone]\nplugin = \"gone\"\n[strategies.odd]\nplugin = \"odd\"\n",
    );
    shell.write("plugins/picky.wasm", misfit("nothing"));
    shell.write("plugins/odd.wasm", "no component");
    let group = |key: &str, from: f64, to: f64| {
        let exclusive = format!("exclusive = {{ group = \"g\", from = {from}, to = {to} }}\nquestion");
        PLAN.replace("brief-1", key).replacen("question", &exclusive, 1)
    };
    shell.write("experiments/first.toml", group("first", 0.0, 0.5));
    let arm = |settings: &str| {
        let brief = "strategy = \"brief\"";
        let group = group("second", 0.5, 1.0);
        group.replace(brief, settings)
    };
    let mut told = String::new();
    for (name, file, plan) in [
        ("ranges that overlap", "plan.toml", group("second", 0.4, 1.0)),
        ("no exclusive group", "plan.toml", PLAN.to_owned()),
        ("settings that are refused", "plan.toml", arm("strategy = \"picky\"\nsettings = { do = 7 }")),
        ("no plugin", "plan.toml", arm("strategy = \"gone\"")),
        ("no component", "plan.toml", arm("strategy = \"odd\"")),
        ("a key that is taken", "experiments/second.toml", group("first", 0.5, 1.0)),
    ] {
        shell.write(file, plan);
        let ran = shell.call(&format!("experiment check {file}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(65), ""), "{name}: {ran:?}");
        told += &format!("{name}\n{}\n", ran.stderr);
    }
    shell.write("experiments/second.toml", "a file that the daemon leaves out");
    shell.write("plan.toml", group("second", 0.5, 1.0));
    assert_eq!(shell.call("experiment check plan.toml").code, Some(0));
    shell.write("plan.toml", group("first", 0.0, 0.6));
    assert_eq!(
        shell.call("experiment check plan.toml").code,
        Some(0),
        "it is to replace the file of its key"
    );
    insta::assert_snapshot!(told);
}

#[test]
fn a_sound_plan_is_told_what_it_can_find_and_what_not() {
    let shell = Shell::new();
    shell.write("plan.toml", PLAN);
    let ran = shell.call("experiment check plan.toml");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(ran.stdout);
    let five = "personas = { emails = [\"a@b.c\", \"b@b.c\", \"c@b.c\", \"d@b.c\", \"e@b.c\"] }\nquestion";
    shell.write("plan.toml", PLAN.replace("question", five));
    let ran = shell.call("experiment check plan.toml");
    assert!(ran.stdout.contains("5 personas can never reach p < 0.05"), "{ran:?}");
}

#[test]
fn rows_from_anywhere_get_the_whole_report() {
    let shell = Shell::new();
    shell.write("rows.csv", GOOD);
    let ran = shell.call("experiment analyze rows.csv --json");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let report = &document["data"];
    let primary = &report["comparisons"][0]["primary"];
    // anna: +1, +2; ben: 0, +1.
    assert_eq!((&primary["effect"], &primary["n"]), (&1.0.into(), &4.into()));
    assert_eq!(primary["signFlip"]["floor"], 0.5);
    for scope in ["catalogue", "population", "clustered"] {
        assert_eq!(primary[scope]["effect"], 1.0, "{scope}");
    }
    assert_eq!(report["comparisons"][0]["verdict"]["outcome"], "inconclusive", "two rounds");
}

#[test]
fn units_land_where_anybody_can_compute_it() {
    let shell = Shell::new();
    let ran = shell
        .call("experiment assign --key strategy-exp-1 --unit persona.anna@mana.test persona.ben@mana.test");
    insta::assert_snapshot!(ran.stdout);
    let ran = shell.call("experiment assign --key k --unit a --weights 0.5,0.4");
    assert_eq!(ran.code, Some(65), "{ran:?}");
}

#[test]
fn a_plan_of_some_size_is_told_its_power() {
    let shell = Shell::new();
    let ran = shell.call("experiment power --personas 5 --modules 4 --blocks 30 --turn-cost 0.02");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(ran.stdout);
}
