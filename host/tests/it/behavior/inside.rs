//! Components with more in them than a plugin needs: other exports, and components inside.

use domain::ids::GenerationNumber;
use persona_host::behavior::{LoadStage, Surface, Trust};
use serde_json::json;

use super::{anna, context, engine, load, source, strategy};
use crate::support::{builds, hostile};

#[tokio::test]
async fn a_plugin_with_components_inside_and_with_other_exports_is_as_good_as_any() {
    // The two that talk are joined by code that sees two memories. With multi-memory off, wasmtime does not
    // refuse such a component but panics while it compiles ("multiple memories"); so it stays on.
    let plain = builds::built_in("brief");
    let bytes = hostile::with_inside(&plain, "own:extra/thing@1.2.3", &hostile::two_that_talk());
    assert_eq!(
        Surface::of(&bytes).unwrap().exports,
        ["persona:behavior/behavior@0.1.0", "own:extra/thing@1.2.3"]
    );
    let (plain, more) = (load(source("brief", &plain)).await, load(source("brief", &bytes)).await);
    let strategy = strategy("brief", json!({}));
    let [plain, more] = [
        plain.compose_turn(&strategy, &anna(), &context()).await,
        more.compose_turn(&strategy, &anna(), &context()).await,
    ];
    assert_eq!(more.result.unwrap(), plain.result.unwrap());
    assert!(more.memory > plain.memory, "the memories inside count too");
}

#[tokio::test]
async fn the_components_inside_are_held_to_the_same_limits() {
    let plain = builds::built_in("brief");
    let loop_inside = hostile::plugin(&hostile::endless());
    let bytes = hostile::with_inside(&plain, "own:extra/thing@1.2.3", &loop_inside);
    let refusal = engine()
        .load(&source("brief", &bytes), GenerationNumber(1), &Trust::default())
        .await
        .expect_err("it never starts");
    assert_eq!(refusal.stage, LoadStage::Describe, "{refusal}");
    assert!(refusal.message.starts_with("the plugin was stopped: it "), "{refusal}");
}

#[tokio::test]
async fn cases_that_a_plugin_ships_under_the_right_name_and_with_another_type_fail() {
    let cases = hostile::component(
        r#"(core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "f")))"#,
    );
    let bytes = hostile::with_inside(&builds::built_in("brief"), "persona:behavior/self-test@0.1.0", &cases);
    let generation = load(source("brief", &bytes)).await;
    assert!(generation.has_self_test());
    let error = generation.self_test().result.unwrap_err();
    assert_eq!(error.code(), "does-not-fit", "{error}");
    assert!(error.to_string().contains("its types are not those of wit/v0.1"), "{error}");
}
