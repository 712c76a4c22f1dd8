//! Bytes that nobody meant: whatever a file holds, the host says what is wrong with it, and loads the next.

use std::panic::AssertUnwindSafe;

use domain::ids::GenerationNumber;
use futures_util::FutureExt as _;
use persona_host::behavior::{Engine, LoadStage, Refusal, Surface, Trust};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{options, source};
use crate::support::{builds, hostile};

/// The same damage in each run.
const SEED: u64 = 48;

/// A panic in the compiler is caught, and any other one is a bug of ours: neither is to happen.
async fn load(engine: &Engine, bytes: &[u8]) -> Result<(), Refusal> {
    let looked = std::panic::catch_unwind(|| Surface::of(bytes).is_ok());
    assert!(looked.is_ok(), "it cannot even be looked at");
    let source = source("own", bytes);
    let trust = Trust::default();
    let loaded = AssertUnwindSafe(engine.load(&source, GenerationNumber(1), &trust)).catch_unwind().await;
    loaded.expect("no panic").map(drop).inspect_err(|refusal| {
        assert!(!refusal.message.is_empty() && !refusal.hint.is_empty(), "{refusal}");
        assert!(!refusal.message.contains("the compiler failed"), "{refusal}");
        assert!(!matches!(refusal.stage, LoadStage::Read | LoadStage::Trust), "{refusal}");
    })
}

/// How many of these pass, are refused at the contract, and later.
async fn count(mutants: impl Iterator<Item = (String, Vec<u8>)>) -> [usize; 3] {
    let engine = Engine::new(&options()).unwrap();
    let mut ends = [0; 3];
    for (damage, bytes) in mutants {
        let loaded = AssertUnwindSafe(load(&engine, &bytes)).catch_unwind().await;
        let loaded = loaded.unwrap_or_else(|_| panic!("seed {SEED}, {damage}"));
        ends[match loaded {
            Ok(()) => 0,
            Err(refusal) if refusal.stage == LoadStage::Contract => 1,
            Err(_) => 2,
        }] += 1;
    }
    assert_eq!(engine.generations(), 0, "nothing is left of any of them");
    ends
}

#[tokio::test]
async fn a_plugin_that_is_cut_off_anywhere_is_refused_before_it_is_compiled() {
    let whole = builds::built_in("brief");
    let mut random = StdRng::seed_from_u64(SEED);
    let ends = (0..24).chain((0..200).map(|_| random.random_range(24..whole.len())).collect::<Vec<_>>());
    let cut = ends.map(|end| (format!("cut at {end}"), whole[..end].to_vec()));
    let [passed, at_contract, later] = count(cut).await;
    // A cut exactly between two sections is a whole component of another kind.
    assert_eq!((passed, at_contract + later), (0, 224));
    assert!(later <= 4, "{later} were compiled");
}

#[tokio::test]
async fn a_plugin_with_bits_turned_over_is_refused_or_works() {
    let whole = builds::built_in("brief");
    let small = hostile::plugin(&hostile::at_start("(drop (i32.const 7))"));
    let mut random = StdRng::seed_from_u64(SEED);
    let mut turned = |whole: &[u8]| {
        let mut bytes = whole.to_vec();
        let places: Vec<usize> =
            (0..random.random_range(1..4)).map(|_| random.random_range(8..whole.len())).collect();
        for place in &places {
            bytes[*place] ^= 1 << random.random_range(0..8);
        }
        (format!("turned over at {places:?}"), bytes)
    };
    let small: Vec<_> = (0..400).map(|_| turned(&small)).collect();
    let large: Vec<_> = (0..60).map(|_| turned(&whole)).collect();
    let of_small = count(small.into_iter()).await;
    let of_large = count(large.into_iter()).await;
    println!("passed, refused at contract, later: {of_small:?} of the small one, {of_large:?} of brief");
    assert!(
        of_small[1] > 0 && of_small[2] > 0 && of_large[0] > 0 && of_large[2] > 0,
        "{of_small:?} {of_large:?}"
    );
}

#[tokio::test]
async fn what_is_made_to_exhaust_whoever_reads_it_is_refused() {
    let laughs: String = (1..64).map(|n| format!("(type $t{n} (tuple $t{0} $t{0}))", n - 1)).collect();
    let lists: String = (1..5000).map(|n| format!("(type $t{n} (list $t{}))", n - 1)).collect();
    let crowd = "(core instance (instantiate $e))".repeat(1001);
    for (what, bytes, stage) in [
        (
            "a type of 2^64 parts",
            hostile::written(&format!("(type $t0 (tuple u8 u8)) {laughs}"), "", &hostile::FUNCTIONS),
            LoadStage::Compile,
        ),
        (
            "a type 5000 levels deep",
            hostile::written(&format!("(type $t0 (list u8)) {lists}"), "", &hostile::FUNCTIONS),
            LoadStage::Compile,
        ),
        (
            "1001 instances",
            hostile::written(&format!("(core module $e) {crowd}"), "", &hostile::FUNCTIONS),
            LoadStage::Compile,
        ),
        (
            "2000 components inside of each other",
            hostile::with_inside(&hostile::plugin(""), "own:odd/inside", &hostile::nested(2000)),
            LoadStage::Contract,
        ),
    ] {
        let engine = Engine::new(&options()).unwrap();
        let refusal = load(&engine, &bytes).await.expect_err(what);
        println!("{what}: {refusal}");
        assert_eq!(refusal.stage, stage, "{what}: {refusal}");
    }
}
