//! A new build is tried with a share of the personas before everybody gets it.

use chrono::TimeDelta;
use domain::event::Event;
use domain::ids::{GenerationNumber, PluginName, Sha256Hex};
use domain::plugin::CanaryPlan;
use persona_host::behavior::{BuildState, Builds};
use persona_host::reload::Reloaded;

use crate::support::builds::{good, misfit};
use crate::support::house::{Blueprint, House, eventually, figures, script};

const NAMES: [&str; 6] = ["Anna", "Ben", "Marcus", "Lena", "Sofia", "Tom"];

async fn house() -> House {
    Blueprint::of(&NAMES)
        .script(script(1, &[]))
        .own_plugin(good(1))
        .config(|config| {
            config.plugins.canary = Some(CanaryPlan { share: 0.6, clean_turns: 3 });
            config.plugins.replay_turns = 0;
        })
        .build()
        .await
}

/// How many of the last turns were served as what.
async fn served_as(house: &House, word: &str) -> usize {
    let mut count = 0;
    for name in NAMES {
        let turn = house.turns(name).await.remove(0).summary;
        count += usize::from(turn.served_as.as_deref() == Some(word));
    }
    count
}

fn states(house: &House) -> Vec<BuildState> {
    house.own().generations.iter().map(|build| build.state).collect()
}

#[tokio::test]
async fn after_enough_clean_turns_everybody_gets_it() {
    let house = house().await;
    house.reload(&good(2)).await;
    assert_eq!(states(&house), [BuildState::Canary, BuildState::Serving]);
    let mut events = house.runner.deps().events.listen();
    house.tick().await;
    let (tried, others) = (served_as(&house, "canary").await, served_as(&house, "live").await);
    assert!(tried > 0 && others > 0, "a share: {tried} and {others}");
    for _ in 0..3 {
        house.later(TimeDelta::days(1));
        house.tick().await;
    }
    assert_eq!(states(&house), [BuildState::Serving, BuildState::Retired]);
    assert_eq!(served_as(&house, "canary").await, 0);
    // No turn waits until that is done.
    eventually(async || house.own().kept.len() == 2).await;
    let promoted = |event| matches!(event, Event::PluginRecovered { after_trial: true, .. });
    assert!(std::iter::from_fn(|| events.try_recv().ok()).any(promoted));
}

#[tokio::test]
async fn at_its_first_breakdown_the_build_before_serves_everybody_again() {
    for (misdeed, why) in [
        ("panic-in-parse", "it broke down in a turn, after 0 of 3 clean turns"),
        ("read-nothing", "it could read nothing in the replies of two turns, after 0 of 3 clean turns"),
        ("empty-prompt", "its answers were of no use in two turns, after 0 of 3 clean turns"),
    ] {
        let house = house().await;
        house.reload(&misfit(misdeed)).await;
        house.tick().await;
        house.later(TimeDelta::days(1));
        house.tick().await;
        assert_eq!(states(&house), [BuildState::Refused, BuildState::Serving], "{misdeed}");
        assert_eq!(house.own().generations[0].why.as_deref(), Some(why));
        house.reload(&misfit(misdeed)).await;
        assert_eq!(states(&house), [BuildState::Refused, BuildState::Serving], "it is not tried again");
        house.later(TimeDelta::days(1));
        house.tick().await;
        assert_eq!(served_as(&house, "live").await, NAMES.len(), "{misdeed}");

        // No turn waits until that is written down.
        let builds = Builds::new(house.ledger_path().with_extension("db.builds"));
        let (own, digest) = (PluginName::new("own"), Sha256Hex::of(&misfit(misdeed)));
        eventually(async || builds.index(&own).set_aside.contains(&digest)).await;
        let house = house.restart().await;
        let serving = house.runner.deps().registry.current(&own).unwrap();
        assert_eq!(*serving.digest(), Sha256Hex::of(&good(1)), "{misdeed}: also after a restart");
        let again = house.runner.reloader().reload(&own).await.unwrap();
        assert!(matches!(again, Reloaded::OnTrial(_)), "whoever asks for it has it tried again: {again:?}");
    }
}

#[tokio::test]
async fn a_build_that_mends_what_the_start_refused_gets_turns_and_then_all_of_them() {
    // Nobody is in the share: whom nothing else serves need not be.
    let house = Blueprint::of(&NAMES)
        .script(script(1, &[]))
        .own_plugin(misfit("refuse"))
        .config(|config| {
            config.plugins.canary = Some(CanaryPlan { share: 1e-9, clean_turns: 3 });
            config.plugins.replay_turns = 0;
        })
        .build_with_complaints()
        .await;
    assert!(
        house.complaints[0].contains("the settings of strategy own are refused"),
        "{:?}",
        house.complaints
    );
    assert_eq!(figures(&house.tick().await), (6, 0, 6, 0));
    house.reload(&good(1)).await;
    assert_eq!(states(&house), [BuildState::Canary, BuildState::Serving]);
    for _ in 0..2 {
        house.later(TimeDelta::days(1));
        assert_eq!(figures(&house.tick().await), (6, 6, 0, 0));
    }
    assert_eq!(states(&house), [BuildState::Serving, BuildState::Retired]);
    assert_eq!(served_as(&house, "live").await, NAMES.len());
}

#[tokio::test]
async fn a_build_that_is_taken_away_again_is_never_promoted() {
    let house = house().await;
    house.reload(&good(2)).await;
    house.reload(&good(1)).await;
    assert_eq!(states(&house), [BuildState::Retired, BuildState::Serving]);
    for _ in 0..3 {
        house.later(TimeDelta::days(1));
        house.tick().await;
        assert_eq!(served_as(&house, "live").await, NAMES.len());
    }
    assert_eq!(house.own().kept.len(), 1, "only the first one was ever live");
    house.reload(&good(2)).await;
    assert_eq!(states(&house)[0], BuildState::Canary, "nothing is said against it");
}

#[tokio::test]
async fn a_rollback_takes_back_what_is_on_trial_and_leaves_the_live_build_alone() {
    let house = house().await;
    house.reload(&good(2)).await;
    let own = PluginName::new("own");
    let rolled = house.runner.reloader().rollback(&own).await.unwrap();
    assert_eq!(rolled, Reloaded::Live(GenerationNumber(1)));
    assert_eq!(states(&house), [BuildState::Retired, BuildState::Serving]);
    let house = house.restart().await;
    assert_eq!(house.own().generations[0].sha256, Some(Sha256Hex::of(&good(1))), "also after a restart");
}

#[tokio::test]
async fn whoever_asks_for_a_trial_that_was_rolled_back_has_it_also_after_a_restart() {
    let house = house().await;
    let own = PluginName::new("own");
    house.reload(&good(2)).await;
    house.runner.reloader().rollback(&own).await.unwrap();
    let again = house.runner.reloader().reload(&own).await.unwrap();
    assert!(matches!(again, Reloaded::OnTrial(_)), "{again:?}");
    let house = house.restart().await;
    let serving = house.runner.deps().registry.current(&own).unwrap();
    assert_eq!(*serving.digest(), Sha256Hex::of(&good(2)));
}
