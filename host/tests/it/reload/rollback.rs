//! The way back, and that it lasts.

use domain::event::Event;
use domain::ids::{GenerationNumber, PluginName, Sha256Hex};
use persona_host::behavior::Occasion;
use persona_host::reload::{ReloadError, Reloaded};

use crate::support::builds::good;
use crate::support::house::{Blueprint, House, damage, next};

fn own() -> PluginName {
    PluginName::new("own")
}

fn digest(house: &House) -> String {
    let own = house.own();
    let serving = own.generations.iter().find(|build| build.number == own.serving).unwrap();
    serving.sha256.as_ref().unwrap().to_string()
}

async fn house() -> House {
    Blueprint::of(&[]).own_plugin(good(1)).build().await
}

#[tokio::test]
async fn a_rollback_serves_the_build_before_and_stays_there_until_the_file_changes() {
    let house = house().await;
    let first = digest(&house);
    house.reload(&good(2)).await;
    let second = digest(&house);
    let rolled = house.runner.reloader().rollback(&own()).await.unwrap();
    assert_eq!(rolled, Reloaded::Live(GenerationNumber(3)));
    assert_eq!(digest(&house), first);
    assert_eq!(house.own().generations[0].occasion, Occasion::Rollback);

    house.reload(&good(2)).await;
    assert_eq!(digest(&house), first, "the file is still the one that was rolled back");
    let house = house.restart().await;
    assert_eq!(digest(&house), first, "also after a restart");
    assert_eq!(house.complaints, [] as [String; 0]);

    house.reload(&good(3)).await;
    assert_ne!(digest(&house), first, "a new build is another matter");
    house.save(&good(2));
    house.runner.reloader().reload(&own()).await.unwrap();
    assert_eq!(digest(&house), second, "whoever asks for it gets it");
}

#[tokio::test]
async fn rollbacks_go_further_back_and_end_with_the_oldest_kept_build() {
    let house = house().await;
    for number in 2..=4 {
        house.reload(&good(number)).await;
    }
    assert_eq!(house.own().kept.len(), 3, "three builds are kept");
    for _ in 0..2 {
        house.runner.reloader().rollback(&own()).await.unwrap();
    }
    let nothing = house.runner.reloader().rollback(&own()).await.unwrap_err();
    assert_eq!(nothing, ReloadError::NothingBefore { plugin: own() });
}

#[tokio::test]
async fn a_kept_build_that_is_damaged_is_named_and_mended_when_it_is_live_again() {
    let house = house().await;
    for number in 2..=3 {
        house.reload(&good(number)).await;
    }
    let mut events = house.runner.deps().events.listen();
    damage(&house, &good(2));
    let rolled = house.runner.reloader().rollback(&own()).await.unwrap();
    assert_eq!(
        (rolled, digest(&house)),
        (Reloaded::Live(GenerationNumber(4)), Sha256Hex::of(&good(1)).to_string())
    );
    let named = next(&mut events, |event| match event {
        Event::PluginRefused { cause, .. } => Some(cause.clone()),
        _ => None,
    });
    let named = named.await;
    assert!(named.contains(Sha256Hex::of(&good(2)).as_str()) && named.contains("has changed"), "{named}");

    let Err(ReloadError::Refused(refusal)) = house.runner.reloader().rollback(&own()).await else {
        panic!("there is nothing else to go back to")
    };
    assert!(refusal.message.contains("has changed the kept build"), "{refusal}");
    house.reload(&good(2)).await;
    house.reload(&good(4)).await;
    house.runner.reloader().rollback(&own()).await.unwrap();
    assert_eq!(digest(&house), Sha256Hex::of(&good(2)).to_string(), "it is whole again");
}

#[tokio::test]
async fn a_plugin_that_no_strategy_uses_cannot_be_reloaded() {
    let error = house().await.runner.reloader().reload(&PluginName::new("ghost")).await.unwrap_err();
    assert_eq!(error.to_string(), "no strategy uses a plugin \"ghost\" (there are: brief, daily, own)");
}
