//! SIGKILL: the real program between stand-ins, killed at random instants and at named moments and started again,
//! until all turns are over. Then what the neighbours saw is held against the ledger.

mod audit;
mod beside;
mod books;
mod colony;
mod course;
mod doctored;
mod evidence;
mod figures;
mod life;
mod migration;
mod trigger;

use peers::postgres::{self, Database};

use self::audit::audit;
use self::colony::Colony;
use self::course::{Size, live};
use self::evidence::Evidence;
use self::figures::Figures;
use self::trigger::MOMENTS;

const SHORT: Size = Size { personas: 20, days: 10, kills: 60 };
const ON_A_SERVER: Size = Size { personas: 20, days: 10, kills: 50 };
const LONG: Size = Size { personas: 50, days: 100, kills: 1_000 };

/// `PERSONA_HOST_KILLS=long` takes its time and prints its figures; `PERSONA_HOST_KILLS_SEED` is the seed of a run
/// that failed.
#[tokio::test(flavor = "multi_thread")]
async fn however_often_it_is_killed_no_turn_is_lost_none_is_doubled_and_little_is_paid_again() {
    let size = if is_long() { LONG } else { SHORT };
    nothing_is_lost_and_nothing_doubled(size, None).await;
}

/// The same with the ledger on a server, and fewer kills.
#[tokio::test(flavor = "multi_thread")]
async fn nor_is_it_when_the_ledger_is_on_a_server() {
    if let Some(database) = postgres::database() {
        let size = if is_long() { LONG } else { ON_A_SERVER };
        nothing_is_lost_and_nothing_doubled(size, Some(database)).await;
    }
}

async fn nothing_is_lost_and_nothing_doubled(size: Size, database: Option<Database>) {
    let seed = seed();
    let mut colony = Colony::of(size.personas, database).await;
    let course = live(&mut colony, size, seed).await;
    let evidence = Evidence::of(&colony, &course).await;
    let findings = audit(&evidence);
    let figures = Figures::of(&evidence, &course, &colony.books.trigger.kills());
    println!("{figures}");

    assert!(findings.is_empty(), "{}", findings.join("\n"));
    let kills = colony.books.trigger.kills();
    let never: Vec<_> = MOMENTS.iter().filter(|moment| !kills.contains_key(moment.name)).collect();
    assert!(never.is_empty(), "never killed at: {:?}", never.iter().map(|at| at.name).collect::<Vec<_>>());
    colony.stack.stop().await;
}

/// Whether time is no object.
fn is_long() -> bool {
    std::env::var_os("PERSONA_HOST_KILLS").is_some_and(|value| value == "long")
}

/// Where random instants come from: the variable, or anything, which is printed.
fn seed() -> u64 {
    let given = std::env::var("PERSONA_HOST_KILLS_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    println!("PERSONA_HOST_KILLS_SEED={seed}");
    seed
}
