//! Proofs on disk: one that is still what was written spares a start the compiler, and any other is as good as
//! none, and is written anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::ids::GenerationNumber;
use persona_host::behavior::{Engine, EngineOptions, Generation, Trust};
use serde_json::json;
use tempfile::TempDir;

use super::{anna, context, options, source, strategy};
use crate::support::builds;

fn engine(cache: &TempDir) -> Engine {
    Engine::new(&EngineOptions { cache_dir: Some(cache.path().to_owned()), ..options() }).unwrap()
}

async fn load(engine: &Engine, name: &str) -> Generation {
    let source = source(name, &builds::built_in(name));
    engine.load(&source, GenerationNumber(1), &Trust::default()).await.unwrap()
}

/// What it asks.
async fn asks(generation: &Generation, name: &str) -> String {
    let strategy = strategy(name, json!({}));
    generation.compose_turn(&strategy, &anna(), &context()).await.result.unwrap().user
}

fn entries(cache: &TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(cache.path()).unwrap();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

#[tokio::test]
async fn an_entry_that_was_damaged_anywhere_is_a_miss_and_heals() {
    let cache = tempfile::tempdir().unwrap();
    let asked = asks(&load(&engine(&cache), "brief").await, "brief").await;
    let [entry] = &entries(&cache)[..] else { panic!("one entry") };
    let whole = std::fs::read(entry).unwrap();
    let last = whole.len() - 1;
    let turned = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let places = [0, 33, 40, 200, whole.len() / 3, whole.len() / 2, last];
    let mut damaged: Vec<Vec<u8>> = places.map(turned).into();
    damaged.extend([vec![], whole[..20].to_vec(), whole[..whole.len() / 2].to_vec()]);
    damaged.push([&whole[..], b"more"].concat());
    for (number, bytes) in damaged.iter().enumerate() {
        std::fs::write(entry, bytes).unwrap();
        let engine = engine(&cache);
        assert_eq!(asks(&load(&engine, "brief").await, "brief").await, asked, "{number}");
        assert_eq!(engine.cache_uses(), (0, 1), "{number}: it was taken");
        load(&engine, "brief").await;
        assert_eq!(engine.cache_uses(), (1, 1), "{number}: it was not written anew");
    }
}

#[tokio::test]
async fn an_entry_in_the_place_of_another_is_a_miss() {
    let cache = tempfile::tempdir().unwrap();
    load(&engine(&cache), "brief").await;
    let of_brief = entries(&cache);
    load(&engine(&cache), "daily").await;
    let of_daily: Vec<PathBuf> =
        entries(&cache).into_iter().filter(|entry| !of_brief.contains(entry)).collect();
    std::fs::copy(&of_daily[0], &of_brief[0]).unwrap();
    let engine = engine(&cache);
    let brief = load(&engine, "brief").await;
    assert_eq!((brief.descriptor().name.as_str(), engine.cache_uses()), ("brief", (0, 1)));
}

#[tokio::test]
async fn settings_that_come_later_are_tried_without_the_compiler_and_remembered() {
    let cache = tempfile::tempdir().unwrap();
    let first = engine(&cache);
    load(&first, "brief").await;
    let strategies = [json!({}), json!({"minutes": "many"})].map(|own| Arc::new(strategy("brief", own)));
    let (source, trust) = (source("brief", &builds::built_in("brief")), Trust::default());
    for _start in 0..2 {
        let engine = engine(&cache);
        let brief = engine.load_for(&source, GenerationNumber(1), &trust, &strategies).await.unwrap();
        assert_eq!(engine.cache_uses(), (1, 0));
        let [good, bad] = strategies.each_ref().map(|own| brief.check_settings(own));
        assert_eq!(good.await.result.unwrap(), []);
        assert_eq!(bad.await.result.unwrap()[0].path.as_deref(), Some("/minutes"));
    }
    // No child is started for what is known.
    let unable = EngineOptions { prover: Some(Path::new("/nowhere").into()), ..options() };
    let unable = EngineOptions { cache_dir: Some(cache.path().to_owned()), ..unable };
    let engine = Engine::new(&unable).unwrap();
    let brief = engine.load_for(&source, GenerationNumber(1), &trust, &strategies).await.unwrap();
    assert_eq!(brief.check_settings(&strategies[0]).await.result.unwrap(), []);
}
