//! Turns of the past judge a new build before it goes live.

use domain::event::Event;
use domain::plugin::ReplayPolicy;

use crate::support::builds::{good, misfit};
use crate::support::house::{Blueprint, House, figures, script};

/// Three personas have had a turn under a good build.
async fn house(policy: ReplayPolicy) -> House {
    let house = Blueprint::of(&["Anna", "Ben", "Marcus"])
        .script(script(3, &[]))
        .own_plugin(good(1))
        .config(move |config| config.plugins.replay = policy)
        .build()
        .await;
    assert_eq!(figures(&house.tick().await), (3, 3, 0, 0));
    house
}

/// What was told of the last build: refused with this cause, or loaded with these warnings.
async fn told(house: &House, build: &[u8]) -> Result<Vec<String>, String> {
    let mut events = house.runner.deps().events.listen();
    house.reload(build).await;
    loop {
        match events.try_recv().unwrap() {
            Event::PluginRefused { stage: "replay", cause, .. } => return Err(cause),
            Event::PluginLoaded { warnings, .. } => return Ok(warnings),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_build_that_does_worse_is_refused_with_the_difference() {
    let house = house(ReplayPolicy::Refuse).await;
    for (misdeed, why) in [
        ("panic", "compose-turn: the plugin broke down"),
        ("loop-forever", "compose-turn: the plugin was stopped: it used up its fuel"),
        ("empty-prompt", "compose-turn: the plugin's answer cannot be used"),
        ("panic-in-parse", "parse-rating: the plugin broke down"),
        ("read-nothing", "parse-rating: the plugin says: I do not feel like reading"),
    ] {
        let refused = told(&house, &misfit(misdeed)).await.unwrap_err();
        assert!(refused.starts_with("it does worse in 3 of 3 turns of the past:\nturn "), "{refused}");
        assert!(refused.contains(why), "{why:?} in {refused}");
        assert_eq!(house.own().serving.unwrap().0, 1);
    }
    assert_eq!(told(&house, &good(2)).await, Ok(vec![]), "another build that does as well");
}

#[tokio::test]
async fn with_the_policy_warn_it_goes_live_and_the_difference_is_told() {
    let house = house(ReplayPolicy::Warn).await;
    let warnings = told(&house, &misfit("read-nothing")).await.unwrap();
    assert!(warnings[0].starts_with("it does worse in 3 of 3 turns"), "{warnings:?}");
    let own = house.own();
    assert_eq!(own.serving.unwrap().0, 2);
    assert_eq!(own.generations[0].why.as_ref(), Some(&warnings[0]), "whoever asks later is told too");
}

#[tokio::test]
async fn with_the_policy_off_nobody_looks() {
    let house = house(ReplayPolicy::Off).await;
    assert_eq!(told(&house, &misfit("read-nothing")).await, Ok(vec![]));
}

#[tokio::test]
async fn what_the_plugin_was_given_is_read_back_as_it_was() {
    let house = house(ReplayPolicy::Refuse).await;
    let strategies = [domain::ids::StrategyName::new("own")];
    let turns = house.ledger().kept_turns(&strategies, 2).await.unwrap();
    assert_eq!(turns.len(), 2, "no more than asked for");
    for kept in turns {
        let recorded = house.ledger().show(&kept.turn).await.unwrap();
        assert_eq!(recorded.summary.persona, kept.persona.email);
        assert_eq!(kept.outcome.unwrap().actions, recorded.actions);
        assert_eq!(kept.ratings, recorded.summary.ratings);
        assert!(kept.context.tools.len() > 10, "with all tools");
        assert_eq!(kept.asked.unwrap().user, "hello");
        assert!(kept.rating_asked.unwrap().user.starts_with("Rate, as JSON"));
        assert!(kept.reply.unwrap().contains("rating"));
    }
}
