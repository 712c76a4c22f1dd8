//! `/costs`: what turns cost, by whom, under what, and when, and what is left of today's budget.

use axum::extract::{RawQuery, State};
use chrono::NaiveDate;
use maud::{Markup, html};

use super::chart::{Chart, Series, chart};
use super::frame::{NoPage, Page};
use super::words::{line, money, nothing, tokens};
use crate::http::face::Face;
use crate::http::filters::Filters;
use crate::store::{CostRow, Costs, CostsBy};
use domain::budget::Part;

pub(super) async fn page(
    State(face): State<Face>,
    RawQuery(query): RawQuery,
    mut filters: Filters,
) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let since = filters.typed("since").unwrap_or_default().to_owned();
    filters.leave_out_empty();
    let kind = filters.costs_by()?;
    let (by, from) = (kind.name(), filters.since(now)?);
    filters.end()?;
    let costs = deps.ledger.costs(kind, from, deps.settings.time_zone).await?;
    let body = html! {
        h1 { "Costs" }
        form .filters action="/costs" {
            label {
                "By "
                select name="by" { @for (name, _) in CostsBy::ALL { option selected[name == by] { (name) } } }
            }
            label { "Since " input name="since" value=(since) placeholder="7d, 2026-11-29" size="14"; }
            button { "Show" }
        }
        @if by == "day" { (over_time(&costs.costs)) }
        (table(by, &costs))
        (budget(&deps.budget.of_today()))
    };
    let address = query.map_or_else(|| "/costs".to_owned(), |query| format!("/costs?{query}"));
    Ok(Page { title: "Costs".to_owned(), place: "/costs", address, now, body })
}

/// What each day cost, where there are some to compare.
fn over_time(days: &[CostRow]) -> Markup {
    let noon =
        |row: &CostRow| Some(row.of.parse::<NaiveDate>().ok()?.and_hms_opt(12, 0, 0)?.and_utc().timestamp());
    let days: Vec<(i64, Option<f64>)> =
        days.iter().filter_map(|row| Some((noon(row)?, row.cost_usd))).collect();
    if days.len() < 2 {
        return html! {};
    }
    let (times, values) = days.into_iter().unzip();
    let series = vec![Series { name: "US dollars".to_owned(), values }];
    chart(&Chart { says: "What turns cost, day by day", times, series, within: None })
}

fn table(by: &str, Costs { costs, total }: &Costs) -> Markup {
    if costs.is_empty() {
        let next = html! { p { @if by == "arm" { "Only turns of an experiment have an arm: " a href="/costs?by=strategy" { "by strategy" } "." } } };
        return nothing("Nothing was paid for.", &next);
    }
    let most = costs.iter().filter_map(|row| row.cost_usd).fold(0.0, f64::max);
    html! {
        div .wide tabindex="0" role="region" aria-label="Costs" {
            table {
                thead {
                    tr {
                        th { (by) } th .number { "Turns" } th .number { "Calls" } th .number { "Prompt tokens" }
                        th .number { "from cache" } th .number { "to cache" } th .number { "Reply tokens" } th .number { "Cost" } th {}
                    }
                }
                tbody { @for row in costs { (cells(row, most)) } }
                @if costs.len() > 1 { tfoot { (cells(total, 0.0)) } }
            }
        }
        @if total.unpriced > 0 { p { (total.unpriced) " of " (total.calls) " calls have no price and are not in the cost." } }
    }
}

fn cells(row: &CostRow, most: f64) -> Markup {
    html! {
        tr {
            td { (line(&row.of)) }
            td .number { (row.turns) }
            td .number { (row.calls) }
            @for number in [row.tokens.prompt, row.tokens.from_cache, row.tokens.to_cache, row.tokens.reply] {
                td .number title=(number) { (tokens(number)) }
            }
            td .number { (money(row.cost_usd)) }
            td { @if most > 0.0 { meter min="0" max=(most) value=(row.cost_usd.unwrap_or_default()) aria-hidden="true" {} } }
        }
    }
}

fn budget(parts: &[Part]) -> Markup {
    html! {
        section {
            h2 { "Today's budget" }
            @if parts.is_empty() {
                p .faint { "None is set: " code { "[budget]" } " of the configuration limits what may be spent." }
            }
            (limits(parts))
        }
    }
}

/// Each limit, and what is taken of it.
pub(super) fn limits(parts: &[Part]) -> Markup {
    html! {
            @for Part { account, limit, taken, is_full } in parts {
                p .limit {
                    meter min="0" max=(limit.dollars()) value=(taken.dollars()) aria-hidden="true" {}
                    " " (money(Some(taken.dollars()))) " of " (money(Some(limit.dollars()))) " " code { (line(&account.named())) }
                    @if *is_full { " " span .state.odd { "no room" } }
                }
            }
    }
}
