//! What is no plugin is refused at load, in one message that says what, where and what to do.

use domain::ids::GenerationNumber;
use persona_host::behavior::{LoadStage, Refusal, Trust};

use super::{engine, source};
use crate::support::builds;

/// A built-in plugin's bytes.
fn daily() -> Vec<u8> {
    builds::built_in("daily")
}

/// `daily` with every occurrence of `from` overwritten.
fn renamed(from: &str, to: &str) -> Vec<u8> {
    builds::renamed(&daily(), from, to)
}

/// A component that exports a function `run` and nothing else, section by section: a core module with
/// an empty function `f`, an instance of it, a type, an alias of `f`, its lifting, the export.
const OTHER_WORLD: &[u8] = b"\0asm\x0d\0\x01\0\
    \x01\x1f\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a\x04\x01\x02\0\x0b\
    \x02\x04\x01\0\0\0\
    \x07\x05\x01\x40\0\x01\0\
    \x06\x07\x01\0\0\x01\0\x01f\
    \x08\x06\x01\0\0\0\0\0\
    \x0b\x09\x01\0\x03run\x01\0\0";

async fn refusal(bytes: &[u8]) -> Refusal {
    engine()
        .load(&source("anna-v2", bytes), GenerationNumber(4), &Trust::default())
        .await
        .expect_err("it has to be refused")
}

#[tokio::test]
async fn a_file_that_is_no_component_is_refused_before_it_is_compiled() {
    let whole = daily();
    for (bytes, says, fix) in [
        (&b""[..], "the file is empty", "wasm32-wasip2"),
        (b"(component)", "it is text", "wasm32-wasip2"),
        (b"\0asm\x01\0\0\0", "a core WebAssembly module", "wasm-tools component new"),
        (&whole[..whole.len() / 2], "cut off or damaged at byte", "copy the file again"),
        (&whole[..40], "cut off or damaged at byte", "copy the file again"),
        (b"\x7fELF\x02\x01\x01", "compiled machine code", "the component that it was compiled from"),
    ] {
        let refusal = refusal(bytes).await;
        assert_eq!(refusal.stage, LoadStage::Contract, "{refusal}");
        assert!(refusal.message.contains(says), "{says:?} in {refusal}");
        assert!(refusal.hint.contains(fix), "{fix:?} in {refusal}");
    }
}

#[tokio::test]
async fn a_component_for_another_contract_is_told_which_one_is_wanted() {
    let other_version = renamed("persona:behavior/behavior@0.1.0", "persona:behavior/behavior@0.2.0");
    let other_world = renamed("persona:behavior/behavior@0.1.0", "persona:strategy/behavior@0.1.0");
    let other_import = renamed("persona:behavior/log@0.1.0", "persona:behavior/box@0.1.0");
    for (bytes, says) in [
        (&other_version[..], "it exports persona:behavior/behavior@0.2.0; this host accepts 0.1.x"),
        (&other_world, "; a behavior plugin exports persona:behavior/behavior@0.1.x"),
        (&other_import, "it imports persona:behavior/box@0.1.0, which this host does not have"),
        (OTHER_WORLD, "it exports run; a behavior plugin exports persona:behavior/behavior@0.1.x"),
    ] {
        let refusal = refusal(bytes).await;
        assert_eq!(refusal.stage, LoadStage::Contract, "{refusal}");
        assert!(refusal.message.contains(says), "{says:?} in {refusal}");
    }
}

#[tokio::test]
async fn a_later_version_of_the_same_track_is_loaded() {
    let newer = renamed("persona:behavior/behavior@0.1.0", "persona:behavior/behavior@0.1.7");
    let generation = engine()
        .load(&source("daily", &newer), GenerationNumber(2), &Trust::default())
        .await
        .expect("it fits");
    assert_eq!((generation.contract(), generation.number()), ("0.1.7", GenerationNumber(2)));
}

#[tokio::test]
async fn a_type_that_drifted_is_refused_though_every_name_fits() {
    // One case of one enum has another name, as after an edit of the author's copy of the contract.
    let refusal = refusal(&renamed("weekdays", "weekends")).await;
    assert!(matches!(refusal.stage, LoadStage::Link | LoadStage::Describe), "{refusal}");
    assert!(refusal.message.contains("its types are not those of wit/v0.1"), "{refusal}");
    assert!(refusal.hint.contains("wit/v0.1"), "{refusal}");
}

#[tokio::test]
async fn a_damaged_inside_is_refused_and_the_next_plugin_still_loads() {
    let mut bytes = daily();
    let code = bytes.len() / 3;
    bytes[code..code + 64].fill(0xff);
    let refusal = refusal(&bytes).await;
    assert!(matches!(refusal.stage, LoadStage::Contract | LoadStage::Compile), "{refusal}");
    engine()
        .load(&source("daily", &daily()), GenerationNumber(1), &Trust::default())
        .await
        .expect("nothing is wrong with this one");
}

#[tokio::test]
async fn a_refusal_reads_like_a_message_to_a_person() {
    let bytes = renamed("persona:behavior/behavior@0.1.0", "persona:behavior/behavior@0.2.0");
    insta::assert_snapshot!(refusal(&bytes).await.to_string());
}
