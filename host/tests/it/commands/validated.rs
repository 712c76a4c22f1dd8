//! `validate`: everything that is wrong in one run, and nothing begun. `init`: a folder to begin in.

use serde_json::Value;

use super::{Shell, catalog};

fn messages(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|own| own["message"].as_str().unwrap()).collect()
}

#[test]
fn all_that_is_wrong_is_told_in_one_run_and_nothing_is_begun() {
    let shell = Shell::new().with("PORT", "70000").with("PERSONA_CONCURENCY", "3");
    shell.write(
        "persona-host.toml",
        "[runner]\nconcurency = 4\ntime_zone = \"Mars\"\n[strategies.own]\nplugin = \"own\"\n\
         [strategies.daily]\nplugin = \"daily\"\nsettings = { language = \"fr\" }\n\
         [routing]\narchetypes = { \"ceo-busy\" = \"none\" }\n",
    );
    shell.write("experiments/bad.toml", "key = \"bad\"\n");
    shell.write("experiments/worse.toml", "key = [\n");
    let before = shell.files();
    let document = shell.document("validate", 78);
    let told = document["mistakes"].as_array().unwrap();
    for (code, at, says) in [
        ("config-syntax", "persona-host.toml:2:1", "unknown key `concurency`"),
        ("config-value", "", "PORT must be a whole number from 1 to 65535, got \"70000\""),
        ("config-value", "persona-host.toml:3:13", "runner.time_zone must be a time zone"),
        (
            "config-no-strategy",
            "persona-host.toml:10:29",
            "routing.archetypes.ceo-busy names the strategy \"none\"",
        ),
        ("refused-read", "", "plugin \"own\" not loaded"),
        ("settings-refused", "", "the settings of strategy daily are refused: /language"),
        ("config-syntax", "experiments/bad.toml:1:1", "there is no key"),
        ("config-syntax", "experiments/worse.toml:", ""),
    ] {
        let is_it = |own: &&Value| {
            own["message"].as_str().unwrap().contains(says)
                && own["code"].as_str().unwrap_or_default() == code
                && own["at"].as_str().unwrap_or_default().starts_with(at)
        };
        assert_eq!(told.iter().filter(is_it).count(), 1, "{code} {at} {says} in {document:#}");
    }
    assert_eq!(told.len(), 8, "{document:#}");
    assert!(
        messages(&document["warnings"]).iter().any(|told| told.contains("did you mean PERSONA_CONCURRENCY?"))
    );
    let text = shell.call("validate").stdout;
    assert!(text.contains("╭─[persona-host.toml:2:1]") && text.contains("8 mistakes"), "{text}");
    assert_eq!(shell.files(), before, "no ledger was made");

    // The environment of a machine that has no secrets counts for nothing.
    let document = shell.document("validate --no-environment", 78);
    assert_eq!(
        (document["mistakes"].as_array().unwrap().len(), messages(&document["warnings"])),
        (7, vec![])
    );
    // What is left of plugins and experiments has a code of its own.
    shell.write("persona-host.toml", "[strategies.own]\nplugin = \"own\"\n");
    assert_eq!(shell.document("validate --no-environment", 65)["mistakes"].as_array().unwrap().len(), 3);
    assert_eq!(shell.error("validate --config none.toml", 78)["code"], "config-unreadable");
}

#[test]
fn what_is_right_says_what_to_type_next() {
    let shell = Shell::new();
    let said = shell.call("validate --no-environment");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.stdout, "✓ configuration, 2 plugins, 0 experiments: nothing is wrong\n");
    assert!(said.stderr.starts_with("next: ") && said.stderr.ends_with(" run\n"), "{said:?}");
    let warnings = shell.document("validate", 0)["warnings"].clone();
    assert_eq!(
        messages(&warnings),
        ["MANA_SERVICE_KEY is not set: the loop is off", "ANTHROPIC_API_KEY is not set: the loop is off"]
    );
    let production = shell.with("NODE_ENV", "production");
    assert_eq!(production.document("validate", 78)["mistakes"][0]["code"], "config-production");
}

#[test]
fn entries_for_nobody_are_pointed_at() {
    let shell = Shell::new();
    shell.write("catalog.json", catalog(&["anna"]));
    shell.write(
        "persona-host.toml",
        "[routing]\narchetypes = { \"solo-dev\" = \"brief\", \"ceo-bussy\" = \"brief\" }\n\
         [routing.personas]\n\"persona.anna@mana.test\" = \"brief\"\n\"persona.ana@mana.test\" = \"daily\"\n\
         [schedule]\nmode = \"calendar\"\npersonas = { \"persona.tom@mana.test\" = { cadence = \"never\" } }\n",
    );
    let warnings = shell.document("validate --no-environment --catalog catalog.json", 0)["warnings"].clone();
    let told: Vec<String> = warnings
        .as_array()
        .unwrap()
        .iter()
        .map(|own| {
            assert_eq!(own["code"], "config-nobody");
            format!("{} {}", own["at"].as_str().unwrap(), own["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            "persona-host.toml:2:52 routing.archetypes.ceo-bussy is for nobody: catalog.json has no persona of this archetype",
            "persona-host.toml:5:27 routing.personas.persona.ana@mana.test is for nobody: catalog.json has no persona of this address",
            "persona-host.toml:8:14 schedule.personas.persona.tom@mana.test is for nobody: catalog.json has no persona of this address",
        ]
    );
}

#[test]
fn a_catalog_that_cannot_be_used_hides_no_other_mistake() {
    let shell = Shell::new();
    shell.write("catalog.json", "{}");
    shell.write("persona-host.toml", "[runner]\nconcurency = 3\n");
    let document = shell.document("validate --no-environment --catalog catalog.json", 78);
    let told = messages(&document["mistakes"]);
    assert!(told.len() == 2 && told[0].contains("concurency"), "{document:#}");
    assert!(told[1].starts_with("the catalog catalog.json cannot be used"), "{document:#}");
    assert_eq!(
        document["mistakes"][1]["hint"], "correct the file and run it again",
        "nobody was to be created"
    );
}

#[test]
fn a_folder_to_begin_in_is_valid_and_nothing_in_it_is_overwritten() {
    let shell = Shell::new();
    let document = shell.document("init own", 0);
    let names = [
        "own/plugins",
        "own/experiments",
        "own/persona-host.toml",
        "own/persona-host.schema.json",
        "own/experiment.toml",
    ];
    assert_eq!(document["made"].as_array().unwrap().len(), names.len(), "{document}");
    for name in names {
        assert!(document["made"].as_array().unwrap().iter().any(|made| made == name), "{name} in {document}");
    }
    let file = std::fs::read_to_string(shell.path("own/persona-host.toml")).unwrap();
    assert!(file.starts_with("#:schema ./persona-host.schema.json\n"), "{file}");
    shell.document("validate --no-environment --config own/persona-host.toml", 0);
    shell.document("experiment check own/experiment.toml --config own/persona-host.toml", 0);

    shell.write("own/persona-host.toml", "[runner]\nconcurrency = 7\n");
    std::fs::remove_file(shell.path("own/experiment.toml")).unwrap();
    let said = shell.call("init own");
    let made = &said.stdout;
    assert!(
        made.contains("made own/experiment.toml") && made.contains("kept own/persona-host.toml"),
        "{made}"
    );
    assert!(said.stderr.starts_with("next: cd own\nnext: "), "{said:?}");
    let file = std::fs::read_to_string(shell.path("own/persona-host.toml")).unwrap();
    assert_eq!(file, "[runner]\nconcurrency = 7\n");
    shell.write("file", "");
    assert!(
        shell.error("init file", 74)["message"].as_str().unwrap().starts_with("file/plugins cannot be made")
    );
}
