//! Experiments in the ledger: plans, who takes part, which arm, made of what, and for how much.

use chrono::TimeDelta;
use domain::delivery::feedback_requests;
use domain::experiment::{ArmName, Assignment, Experiment, Exposure, PhaseArm};
use domain::ids::{GenerationNumber, Sha256Hex, StrategyName};
use domain::persona::Persona;
use domain::rating::{Rating, Score};
use domain::turn_end::TurnEnd;
use persona_host::store::{KeptRatings, Ledger, LedgerError};
use serde_json::json;

use super::{Home, Shelf, answer, begin, on_both_databases, persona, pin, turn_id};

on_both_databases! {
    a_plan_is_registered_once_under_its_version
    who_takes_part_stays_as_they_were_when_they_were_enlisted
    a_phase_ends_when_an_arm_is_made_of_something_else
    what_turns_of_an_experiment_and_of_a_strategy_cost_is_known_when_every_price_is
    a_persona_has_a_mean_of_what_it_rated_outside_of_experiments
}

fn plan(version: u32) -> Experiment {
    serde_json::from_value(json!({
        "plan": {
            "key": "tone", "question": "Which one?", "design": "crossover", "arms": ["plain", "warm"],
            "weights": [0.5, 0.5], "primary": "rating", "secondary": [], "guardrails": [], "margin": 0.5,
            "alpha": 0.05, "plannedBlocks": 2, "stopping": "sequential",
        },
        "arms": [
            { "name": "plain", "strategy": "daily", "settings": {} },
            { "name": "warm", "strategy": "brief", "settings": {} },
        ],
        "who": "all", "seed": "tone", "version": version, "minimumVersion": 1, "traffic": 1.0,
        "exclusive": null, "budget": null, "starts": null, "ends": null,
    }))
    .unwrap()
}

fn place(block: u32, place: u32, arm: &str) -> Assignment {
    Assignment { experiment: "tone".to_owned(), version: 1, block, place, arm: ArmName::new(arm) }
}

/// A turn of a persona that plays the arm `plain`.
async fn assigned(ledger: &Ledger, who: &Persona) {
    begin(ledger, who).await;
    ledger.assign(turn_id(who), &who.email, &place(0, 0, "plain")).await.unwrap();
}

async fn a_plan_is_registered_once_under_its_version(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    for version in [1, 2, 1] {
        ledger.register(&plan(version)).await.unwrap();
    }
    let other = Experiment { seed: "another".to_owned(), ..plan(1) };
    let refused = ledger.register(&other).await.unwrap_err();
    assert!(matches!(refused, LedgerError::OtherPlan { version: 1, .. }), "{refused}");
    let known = async |key: &str, version| {
        let registered = ledger.experiment(key, version).await.unwrap();
        registered.map(|own| (own.experiment.version, own.sha256))
    };
    assert_eq!(known("tone", None).await, Some((2, plan(2).sha256())), "the newest");
    assert_eq!(known("tone", Some(1)).await, Some((1, plan(1).sha256())));
    assert_eq!((known("tone", Some(3)).await, known("voice", None).await), (None, None));
    assert_eq!(ledger.experiment_keys().await.unwrap(), ["tone"]);
}

async fn who_takes_part_stays_as_they_were_when_they_were_enlisted(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    ledger.register(&plan(1)).await.unwrap();
    // By address, and in no language's order.
    let [anna, zoe, other] = ["anna", "Zoe", "über"].map(persona);
    ledger.enlist(&plan(1), &[other.clone(), anna.clone(), zoe.clone()]).await.unwrap();
    let older = Persona { system_prompt: "Du bist jetzt älter.".to_owned(), ..anna.clone() };
    ledger.enlist(&plan(1), &[older]).await.unwrap();
    assert_eq!(ledger.participants(&plan(1)).await.unwrap(), [zoe, anna, other]);
}

async fn a_phase_ends_when_an_arm_is_made_of_something_else(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    ledger.register(&plan(1)).await.unwrap();
    let digest = |text: &str| Sha256Hex::of(text.as_bytes());
    let mut phases = Vec::new();
    for (number, build) in ["one", "one", "two"].into_iter().enumerate() {
        let who = persona(&format!("anna{number}"));
        assigned(&ledger, &who).await;
        let arm = PhaseArm {
            arm: ArmName::new("plain"),
            strategy: "daily".to_owned(),
            plugin: "daily".to_owned(),
            plugin_sha256: digest(build).as_str().to_owned(),
            settings_hash: digest("{}").as_str().to_owned(),
            model: "claude-somebody".to_owned(),
            tools_sha256: Some(digest("[]").as_str().to_owned()),
        };
        let (generation, persona_sha256) = (GenerationNumber(1), digest(&anna.system_prompt));
        let exposure = Exposure { arm, generation, persona_sha256 };
        let phase = ledger.expose(turn_id(&who), &place(0, 0, "plain"), &exposure).await.unwrap();
        let again = ledger.expose(turn_id(&who), &place(0, 0, "plain"), &exposure).await.unwrap();
        assert_eq!(phase, again, "a turn that goes on is exposed once");
        phases.push(phase);
        shelf.clock.advance(TimeDelta::minutes(1));
        ledger.end(turn_id(&who), &TurnEnd::Completed).await.unwrap();
    }
    assert_eq!(phases, [1, 1, 2]);
    let kept = ledger.phases("tone", 1).await.unwrap();
    let turns: Vec<_> = kept.iter().map(|phase| (phase.number, phase.turns, phase.arms.len())).collect();
    assert_eq!(turns, [(1, 2, 1), (2, 1, 1)]);
    assert_eq!(kept[0].why, "the first turn");
    assert!(kept[1].why.starts_with("arm plain: build of the plugin "), "{}", kept[1].why);
    let played = ledger.played("tone", 1).await.unwrap().played;
    assert!(played.iter().all(|own| own.exposed.is_some() && own.persona_sha256.is_some()), "{played:?}");
    let own = ledger.assignments("tone", Some("persona.anna1@mana.test")).await.unwrap();
    let [own] = own.as_slice() else { panic!("{own:?}") };
    let of_turn = ledger.assignment(turn_id(&persona("anna1"))).await.unwrap();
    assert_eq!(of_turn.as_ref(), Some(&own.assignment));
    assert_eq!(ledger.assignments("tone", None).await.unwrap().len(), 3);
    assert_eq!(ledger.assignment(turn_id(&anna)).await.unwrap(), None);
}

async fn what_turns_of_an_experiment_and_of_a_strategy_cost_is_known_when_every_price_is(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    ledger.register(&plan(1)).await.unwrap();
    let daily = [StrategyName::new("daily"), StrategyName::new("brief")];
    assert_eq!(ledger.spent("tone", 1).await.unwrap(), Some(0.0));
    assert_eq!(ledger.usual_cost(&daily).await.unwrap(), None, "nothing is usual yet");
    for (name, cost, spent, usual) in [
        ("anna", Some(1_000_000_000), Some(1.0), Some(1.0)),
        ("ben", Some(2_000_000_000), Some(3.0), Some(1.5)),
        ("kai", None, None, Some(1.5)),
    ] {
        let who = persona(name);
        assigned(&ledger, &who).await;
        ledger.pin(turn_id(&who), &pin("daily"));
        answer(&ledger, turn_id(&who), 1, cost).await;
        ledger.end(turn_id(&who), &TurnEnd::Completed).await.unwrap();
        let costs = (ledger.spent("tone", 1).await.unwrap(), ledger.usual_cost(&daily).await.unwrap());
        assert_eq!(costs, (spent, usual), "{name}");
    }
}

async fn a_persona_has_a_mean_of_what_it_rated_outside_of_experiments(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    ledger.register(&plan(1)).await.unwrap();
    let [anna, ben] = ["anna", "ben"].map(persona);
    begin(&ledger, &anna).await;
    assigned(&ledger, &ben).await;
    for who in [&anna, &ben] {
        let ratings = [("todo", 5), ("habits", 2), ("__parse", 1)].map(|(module, score)| Rating {
            module: module.to_owned(),
            score: Score::try_from(score).unwrap(),
            notes: None,
        });
        let requests = feedback_requests(turn_id(who), &ratings);
        let kept = KeptRatings { persona: &who.id, ratings: &ratings, requests, memory: None };
        ledger.keep_ratings(turn_id(who), kept).await.unwrap();
    }
    let means = ledger.mean_ratings(None).await.unwrap();
    assert_eq!(means.into_iter().collect::<Vec<_>>(), [(anna.email, 3.5)]);
    assert!(ledger.mean_ratings(Some(0)).await.unwrap().is_empty(), "nobody played before");
    let rated = &ledger.played("tone", 1).await.unwrap().played[0].observation;
    assert_eq!(rated.modules.keys().collect::<Vec<_>>(), ["habits", "todo"]);
}
