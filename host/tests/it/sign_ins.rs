//! A wrong seed secret, through the real runner and mana-auth's stand-in.

use chrono::TimeDelta;
use domain::event::Event;

use crate::support::house::{Blueprint, failures, figures, held, next, script};

/// A wrong secret costs two personas one failure each, and is told wherever somebody looks; with the right one all play.
#[tokio::test]
async fn a_wrong_seed_secret_stops_sign_ins_until_one_is_let_in() {
    let names = ["Anna", "Ben", "Kai", "Tom"];
    let mut house = Blueprint::of(&names)
        .script(script(1, &[]))
        .config(|config| config.runner.concurrency = 1)
        .build()
        .await;
    let right = std::mem::replace(&mut house.config.mana.seed_secret, "another one".into());
    house = house.restart().await;
    let mut events = house.runner.deps().events.listen();
    let first = house.tick().await;
    assert_eq!(figures(&first), (4, 0, 2, 2), "{first:?}");
    assert!(failures(&first).iter().all(|(_, why)| why.contains("HTTP 401")), "{first:?}");
    let stopped = |event: &Event| match event {
        Event::SignInsStopped { refused, hint, .. } => {
            Some((refused.len(), hint.contains("PERSONA_SEED_SECRET")))
        }
        _ => None,
    };
    assert_eq!(next(&mut events, stopped).await, (2, true));
    house.later(TimeDelta::minutes(2));
    let second = house.tick().await;
    assert_eq!(figures(&second), (4, 0, 0, 4), "{second:?}");
    for (who, why) in held(&second) {
        let says = ["sign-ins are stopped", "one is tried again at 2026-11-23 12:0", "PERSONA_SEED_SECRET"];
        assert!(says.iter().all(|word| why.contains(word)), "{who}: {why}");
    }
    house.later(TimeDelta::minutes(4));
    let probe = house.tick().await;
    assert_eq!((probe.failed.len(), probe.held.len()), (1, 3), "{probe:?}");

    house.config.mana.seed_secret = right;
    let house = house.restart().await;
    house.later(TimeDelta::minutes(5));
    let last = house.tick().await;
    assert_eq!(figures(&last), (4, 4, 0, 0), "{last:?}");
}
