//! `costs`: what turns cost, by whom, under what, and when, and what is left of today's budget.

use std::collections::BTreeSet;
use std::path::Path;

use comfy_table::Cell;
use serde_json::{Map, json};

use super::turns::open;
use crate::cli::output::Column::{Number, Whole};
use crate::cli::output::{Output, table};
use crate::cli::text::{grouped, printable};
use crate::cli::tick_view::cost;
use crate::cli::{Failure, load};
use crate::model::price::{self, Rate};
use crate::since::Since;
use crate::store::{CostRow, Costs, CostsBy};
use crate::turn::Budget;
use domain::budget::Part;
use domain::clock::Clock;

/// Adds up what turns cost.
///
/// # Errors
/// When there is no ledger.
pub async fn costs(
    by: CostsBy,
    since: Option<Since>,
    ledger: Option<&Path>,
    file: Option<&Path>,
    output: Output,
) -> Result<(), Failure> {
    let (config, clock) = (load::config(file)?, Clock::system());
    let (zone, is_configured) = (config.runner.time_zone, ledger.is_none());
    let ledger = open(ledger, file).await?;
    let since = since.map(|since| since.seen_from(clock.now()));
    let costs = ledger.costs(by, since, zone).await?;
    let of_strategies = config.strategies.iter().filter_map(|own| own.model.clone());
    let models: BTreeSet<String> = of_strategies.chain([config.model.name.clone()]).collect();
    // The budget is none of another ledger's.
    let budget = match is_configured {
        true => {
            let max_tokens = config.model.max_tokens;
            Budget::of_ledger(config.budget, clock.clone(), zone, &ledger, max_tokens).await?.of_today()
        }
        false => Vec::new(),
    };
    let name = by.name();
    let document = json!({
        "by": name,
        "since": since,
        "costs": costs.costs,
        "total": costs.total,
        "budgetOfToday": budget.iter().map(Part::shown).collect::<Vec<_>>(),
        "prices": {
            "asOf": price::TABLE,
            "usdPerMillionTokens": models.iter().map(|own| (own.clone(), json!(price::rates(own)))).collect::<Map<_, _>>(),
        },
    });
    output.print(&document, || told(name, &costs) + &left(&budget) + &prices(&models))
}

fn told(name: &'static str, Costs { costs, total }: &Costs) -> String {
    if costs.is_empty() {
        return match name {
            "arm" => "no turn of an experiment was paid for; --by strategy tells of all turns\n".to_owned(),
            _ => "nothing was paid for\n".to_owned(),
        };
    }
    let mut table = table([
        Whole(name),
        Number("turns"),
        Number("calls"),
        Number("prompt tokens"),
        Number("from cache"),
        Number("to cache"),
        Number("reply tokens"),
        Number("cost"),
    ]);
    let all = Some(total).filter(|_| costs.len() > 1);
    for CostRow { of, turns, calls, tokens, cost_usd, .. } in costs.iter().chain(all) {
        let figures = [*turns, *calls, tokens.prompt, tokens.from_cache, tokens.to_cache, tokens.reply];
        let mut cells = vec![Cell::new(printable(of))];
        cells.extend(figures.map(|figure| Cell::new(grouped(figure))));
        cells.push(Cell::new(cost(*cost_usd)));
        table.add_row(cells);
    }
    let without = match total.unpriced {
        0 => String::new(),
        unpriced => format!("{unpriced} of {} calls have no price and are not in the cost\n", total.calls),
    };
    format!("{}\n{without}", table.trim_fmt())
}

/// What is left of today's budget.
fn left(budget: &[Part]) -> String {
    let line = |Part { account, limit, taken, is_full }: &Part| {
        let full = if *is_full { ", which leaves no room for another call" } else { "" };
        format!("today {taken} of {limit} ({}){full}\n", printable(&account.named()))
    };
    budget.iter().map(line).collect()
}

/// What the configured models cost: a line each.
fn prices(models: &BTreeSet<String>) -> String {
    let line = |model: &String| {
        let rates = price::rates(model).into_iter().map(
            |Rate { up_to_prompt, prompt, reply, from_cache, to_cache }| {
                let most = up_to_prompt
                    .map_or_else(String::new, |most| format!(" (prompts up to {} tokens)", grouped(most)));
                format!(
                    "${prompt} prompt, ${from_cache} from cache, ${to_cache} to cache, ${reply} reply{most}"
                )
            },
        );
        let rates: Vec<String> = rates.collect();
        match rates.is_empty() {
            true => format!("{}: its price is not known\n", printable(model)),
            false => format!(
                "{} a million tokens, as of {}: {}\n",
                printable(model),
                price::TABLE,
                rates.join("; above ")
            ),
        }
    };
    models.iter().map(line).collect()
}
