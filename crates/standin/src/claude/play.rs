//! The main phase: a persona's day, as tool calls over several rounds.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use uuid::Uuid;

use super::draft::{Draft, DraftBlock};
use super::fill::Fill;
use super::language::{Mention, is_german, mentions, range};
use super::request::{Request, hash, module_of};
use super::script::Script;
use super::words;

/// What a persona would do next.
pub(super) fn next_round(request: &Request, script: &Script, now: DateTime<Utc>) -> Draft {
    let conversation = request.conversation(script.seed);
    let mut rng = StdRng::seed_from_u64(hash(&(conversation, request.rounds)));
    let german = is_german(&request.question);
    let left = calls_planned(request, script, conversation).saturating_sub(request.calls.len());
    let at_once = match left {
        0 => 0,
        _ if script.calls_per_turn.is_some() => 1,
        _ => (*[1, 1, 1, 2, 2, 3].choose(&mut rng).unwrap_or(&1)).min(left),
    };
    let calls = choose_calls(request, &mut rng, at_once, now);
    if calls.is_empty() {
        return Draft::text(closing_words(request, german));
    }
    let mut blocks = Vec::new();
    if rng.random_bool(0.5) {
        let lead_in = words::lead_ins(german).choose(&mut rng).unwrap_or(&"…");
        blocks.push(DraftBlock::Text((*lead_in).to_owned()));
    }
    blocks.extend(calls.into_iter().enumerate().map(|(position, (name, input))| DraftBlock::ToolUse {
        id: tool_use_id(conversation, request.rounds, position),
        name,
        input: input.to_string(),
    }));
    Draft::stopping(blocks, "tool_use")
}

/// A call to a tool that nobody offered.
pub(super) fn invented_call(request: &Request, script: &Script) -> Draft {
    let id = tool_use_id(request.conversation(script.seed), request.rounds, 0);
    let call = DraftBlock::ToolUse { id, name: "todo_teleport".to_owned(), input: "{}".to_owned() };
    Draft::stopping(vec![call], "tool_use")
}

/// Calls to the tools that a tool's answer named behind the word `call`, whether somebody offered them or not.
pub(super) fn obedient_calls(request: &Request, script: &Script) -> Draft {
    let told = request.calls.last().map(|call| call.result.as_str()).unwrap_or_default();
    let names = told
        .split("call ")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>());
    let blocks = names.enumerate().map(|(position, name)| DraftBlock::ToolUse {
        id: tool_use_id(request.conversation(script.seed), request.rounds, position),
        name,
        input: "{}".to_owned(),
    });
    Draft::stopping(blocks.collect(), "tool_use")
}

fn calls_planned(request: &Request, script: &Script, conversation: u64) -> usize {
    if script.never_use_tools {
        return 0;
    }
    let planned = script.calls_per_turn.unwrap_or_else(|| {
        let range = range(&request.question).unwrap_or(3..=6);
        StdRng::seed_from_u64(conversation).random_range(range)
    });
    planned as usize
}

fn tool_use_id(conversation: u64, round: usize, position: usize) -> String {
    format!("toolu_01{:016x}{:06x}", conversation, round * 1000 + position)
}

/// Up to `count` calls that can be made, drawn by weight.
fn choose_calls(
    request: &Request,
    rng: &mut StdRng,
    count: usize,
    now: DateTime<Utc>,
) -> Vec<(String, Value)> {
    let ids = visible_ids(request);
    let modules: BTreeSet<String> =
        request.tools().iter().map(|tool| module_of(name_of(tool)).to_owned()).collect();
    let mentioned = mentions(&request.question, &modules);
    let mut candidates: Vec<&Value> = request.tools().iter().collect();
    let mut calls = Vec::new();
    while calls.len() < count {
        let weight = |tool: &&Value| weight(name_of(tool), &mentioned);
        let Ok(tool) = candidates.choose_weighted(rng, weight).copied() else { break };
        let name = name_of(tool);
        let module = module_of(name);
        let fresh = ids_not_yet_given_to(name, ids.get(module).map_or(&[], Vec::as_slice), request, &calls);
        let mut fill = Fill { rng: &mut *rng, module, ids: &fresh, now, schema: &tool["input_schema"] };
        let arguments = fill.arguments();
        // A day has several new tasks, but one look at the list is enough.
        if arguments.is_none() || !is_creating(name) {
            candidates.retain(|candidate| name_of(candidate) != name);
        }
        calls.extend(arguments.map(|arguments| (name.to_owned(), arguments)));
    }
    calls
}

/// Modules that the prompt names draw their percentage; the others are rare, unless none is named.
fn weight(tool: &str, mentioned: &[Mention<'_>]) -> f64 {
    let module = module_of(tool);
    let of_module = match mentioned.iter().find(|mention| mention.module == module) {
        Some(mention) => mention.percent.unwrap_or(25.0),
        None if mentioned.is_empty() => 25.0,
        None => 0.5,
    };
    let verb = tool.rsplit('_').next().unwrap_or_default();
    let of_verb = match verb {
        "create" | "add" => 3.0,
        "complete" => 2.0,
        "archive" | "delete" => 0.5,
        _ => 1.0,
    };
    of_module * of_verb
}

fn is_creating(tool: &str) -> bool {
    tool.ends_with("_create") || tool.ends_with("_add")
}

/// The ids in the results of earlier calls, by module.
fn visible_ids(request: &Request) -> BTreeMap<&str, Vec<String>> {
    let mut ids: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for call in &request.calls {
        if let Ok(result) = serde_json::from_str::<Value>(&call.result) {
            collect_ids(&result, ids.entry(module_of(&call.name)).or_default());
        }
    }
    ids
}

fn collect_ids(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(id) = fields.get("id").and_then(Value::as_str)
                && Uuid::parse_str(id).is_ok()
                && !ids.iter().any(|known| known == id)
            {
                ids.push(id.to_owned());
            }
            fields.values().for_each(|value| collect_ids(value, ids));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        _ => {}
    }
}

fn ids_not_yet_given_to(
    tool: &str,
    ids: &[String],
    request: &Request,
    now_called: &[(String, Value)],
) -> Vec<String> {
    let earlier = request.calls.iter().map(|call| (call.name.as_str(), &call.input));
    let now = now_called.iter().map(|(name, input)| (name.as_str(), input));
    let given: Vec<&str> = earlier
        .chain(now)
        .filter(|(name, _)| *name == tool)
        .filter_map(|(_, input)| input["id"].as_str())
        .collect();
    ids.iter().filter(|id| !given.contains(&id.as_str())).cloned().collect()
}

fn closing_words(request: &Request, german: bool) -> String {
    let modules: BTreeSet<&str> = request.calls.iter().map(|call| module_of(&call.name)).collect();
    let modules: Vec<&str> = modules.into_iter().collect();
    match (modules.is_empty(), german) {
        (true, true) => "Heute habe ich die App nur kurz angesehen und nichts eingetragen.".to_owned(),
        (true, false) => "I only had a short look at the app today and entered nothing.".to_owned(),
        (false, true) => {
            format!("Heute war ich in {} unterwegs. Das meiste ging gut von der Hand.", modules.join(", "))
        }
        (false, false) => {
            format!("Today I spent my time in {}. Most of it went well.", modules.join(", "))
        }
    }
}

fn name_of(tool: &Value) -> &str {
    tool["name"].as_str().unwrap_or_default()
}
