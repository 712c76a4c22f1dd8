//! Metrics for Prometheus. Labels are closed lists or names from the configuration: never a
//! persona, never text.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::exposition::classic;
use super::upstreams::Upstreams;

use domain::budget::{Account, Part};
use domain::event::Event;
use domain::ids::PluginName;
use domain::state::State;
use domain::strategy::{Limits, Strategy};
use domain::upstream::Upstream;
use domain::usage::Usage;

mod register;

/// How a turn stands that is not over.
const OPEN: [State; 5] = [State::Running, State::Held, State::Paused, State::Stopped, State::Parked];

/// How a tick ends.
const TICKS: [&str; 2] = ["completed", "failed"];

type Labels<const N: usize> = [(&'static str, String); N];

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    turns: Family<Labels<1>, Counter>,
    faults: Family<Labels<2>, Counter>,
    stops: Family<Labels<2>, Counter>,
    held: Counter,
    in_flight: Gauge,
    stages: Family<Labels<1>, Histogram>,
    tool_calls: Family<Labels<2>, Counter>,
    model_calls: Family<Labels<2>, Counter>,
    model_time: Family<Labels<2>, Histogram>,
    tokens: Family<Labels<2>, Counter>,
    cost: Family<Labels<1>, Counter<f64, AtomicU64>>,
    unpriced: Family<Labels<1>, Counter>,
    upstreams: Upstreams,
    plugin_calls: Family<Labels<3>, Counter>,
    plugin_time: Family<Labels<2>, Histogram>,
    plugin_fuel: Family<Labels<2>, Histogram>,
    plugin_memory: Family<Labels<2>, Histogram>,
    plugin_builds: Family<Labels<2>, Counter>,
    plugin_load_time: Family<Labels<1>, Histogram>,
    plugin_quarantines: Family<Labels<1>, Counter>,
    plugin_quarantined: Family<Labels<1>, Gauge>,
    plugin_log_lines: Family<Labels<2>, Counter>,
    plugin_limits: Family<Labels<2>, Gauge<f64, AtomicU64>>,
    plugin_generations: Gauge,
    deliveries: Family<DeliveryLabels, Counter>,
    outbox: Gauge,
    ledger: Gauge,
    ticks: Counter,
    ticks_ended: Family<Labels<1>, Counter>,
    tick_lag: Gauge<f64, AtomicU64>,
    slots_left_out: Family<Labels<1>, Counter>,
    slot_utilisation: Gauge<f64, AtomicU64>,
    paused: Gauge,
    budget: Family<Labels<2>, Gauge<f64, AtomicU64>>,
    /// Of what that tells.
    limited: Mutex<BTreeSet<String>>,
    trace_spans: Family<Labels<1>, Counter>,
    volume: Gauge,
    free: Gauge,
    open_turns: Family<Labels<1>, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    kind: &'static str,
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let long = || Histogram::new(exponential_buckets(0.01, 2.0, 16));
        let short = || Histogram::new(exponential_buckets(0.000_05, 2.0, 15));
        let mut metrics = Self {
            registry: Registry::with_prefix("persona"),
            turns: Family::default(),
            faults: Family::default(),
            stops: Family::default(),
            held: Counter::default(),
            in_flight: Gauge::default(),
            stages: Family::new_with_constructor(long),
            tool_calls: Family::default(),
            model_calls: Family::default(),
            model_time: Family::new_with_constructor(long),
            tokens: Family::default(),
            cost: Family::default(),
            unpriced: Family::default(),
            upstreams: Upstreams::default(),
            plugin_calls: Family::default(),
            plugin_time: Family::new_with_constructor(short),
            plugin_fuel: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(1_000.0, 4.0, 12))
            }),
            plugin_memory: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(65_536.0, 2.0, 14))
            }),
            plugin_builds: Family::default(),
            plugin_load_time: Family::new_with_constructor(long),
            plugin_quarantines: Family::default(),
            plugin_quarantined: Family::default(),
            plugin_log_lines: Family::default(),
            plugin_limits: Family::default(),
            plugin_generations: Gauge::default(),
            deliveries: Family::default(),
            outbox: Gauge::default(),
            ledger: Gauge::default(),
            ticks: Counter::default(),
            ticks_ended: Family::default(),
            tick_lag: Gauge::default(),
            slots_left_out: Family::default(),
            slot_utilisation: Gauge::default(),
            paused: Gauge::default(),
            budget: Family::default(),
            limited: Mutex::default(),
            trace_spans: Family::default(),
            volume: Gauge::default(),
            free: Gauge::default(),
            open_turns: Family::default(),
        };
        metrics.register();
        // What has not happened is 0: an alert asks for it.
        for outcome in TICKS {
            metrics.ticks_ended.get_or_create(&[("outcome", outcome.to_owned())]).inc_by(0);
        }
        metrics
    }
}

impl Metrics {
    /// The text that Prometheus reads (OpenMetrics 1.0).
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }

    /// The same in Prometheus' text format 0.0.4, for scrapers that do not ask for OpenMetrics.
    #[must_use]
    pub fn classic_text(&self) -> String {
        classic(&self.text())
    }

    /// How many deliveries wait, for a process that has just opened its ledger.
    pub fn set_outbox(&self, waiting: u64) {
        self.outbox.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Whether everybody is paused, for a process that has just opened its ledger.
    pub fn set_paused(&self, paused: bool) {
        self.paused.set(i64::from(paused));
    }

    /// What may be spent today, and what of it is taken: of nothing else a word is left. Those of single personas are too
    /// many for a metric.
    pub fn set_budget(&self, parts: &[Part]) {
        let labels = |of: &str, kind: &str| [("of", of.to_owned()), ("kind", kind.to_owned())];
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *limited);
        for part in parts.iter().filter(|part| !matches!(part.account, Account::Persona(_))) {
            let of = part.account.key();
            self.budget.get_or_create(&labels(&of, "limit")).set(part.limit.dollars());
            self.budget.get_or_create(&labels(&of, "taken")).set(part.taken.dollars());
            limited.insert(of);
        }
        for of in before.difference(&limited) {
            for kind in ["limit", "taken"] {
                self.budget.remove(&labels(of, kind));
            }
        }
    }

    /// How much room the ledger takes.
    pub fn set_ledger(&self, bytes: u64) {
        self.ledger.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// How much room the volume has that the ledger's file lies on, and what of it is free.
    pub fn set_volume(&self, size: u64, free: u64) {
        self.volume.set(i64::try_from(size).unwrap_or(i64::MAX));
        self.free.set(i64::try_from(free).unwrap_or(i64::MAX));
    }

    /// How the turns stand that are not over: each of the five ways, also where there is none.
    pub fn set_open_turns(&self, states: &[State]) {
        for state in OPEN {
            let count = states.iter().filter(|own| **own == state).count();
            let labels = [("state", state.name().to_owned())];
            self.open_turns.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Spans by what became of them: `sent`; `lost`, because the collector did not take them; `left_out`, for want of room.
    pub fn count_spans(&self, outcome: &str, spans: u64) {
        self.trace_spans.get_or_create(&[("outcome", outcome.to_owned())]).inc_by(spans);
    }

    /// How an upstream's breaker stands.
    pub fn set_upstream(&self, upstream: Upstream, state: &str) {
        self.upstreams.set_state(upstream, state);
    }

    /// How the calls to a family of models stand.
    pub fn set_gate(&self, family: &str, window: usize, in_flight: usize) {
        self.upstreams.set_gate(family, window, in_flight);
    }

    /// Counts an event.
    pub(super) fn count(&self, event: &Event) {
        match event {
            Event::TickStarted { lag } => {
                self.ticks.inc();
                self.tick_lag.set(lag.as_secs_f64());
            }
            Event::TickEnded { .. } => self.count_tick("completed"),
            Event::TickFailed { .. } => self.count_tick("failed"),
            Event::Held { .. } => {
                self.held.inc();
            }
            Event::SlotsLeftOut { late, busy } => {
                for (reason, count) in [("late", *late), ("busy", *busy)] {
                    let count = u64::try_from(count).unwrap_or(u64::MAX);
                    self.slots_left_out.get_or_create(&[("reason", reason.to_owned())]).inc_by(count);
                }
            }
            Event::Backlog { utilisation, .. } => {
                self.slot_utilisation.set(*utilisation);
            }
            Event::TurnStarted { .. } => {
                self.in_flight.inc();
            }
            Event::StageEnded { stage, took, .. } => {
                let labels = [("stage", stage.name().to_owned())];
                self.stages.get_or_create(&labels).observe(took.as_secs_f64());
            }
            Event::TurnEnded { outcome, .. } => {
                self.in_flight.dec();
                self.turns.get_or_create(&[("outcome", outcome.name().to_owned())]).inc();
                if let domain::turn_end::TurnEnd::Faulted(fault) = outcome {
                    let labels = [("stage", fault.stage.name().to_owned()), ("code", fault.code.clone())];
                    let of = if fault.is_a_stop() { &self.stops } else { &self.faults };
                    of.get_or_create(&labels).inc();
                }
            }
            Event::ToolCalled { tool, ok, .. } => {
                let module = domain::tool::module_of(tool).to_owned();
                let labels = [("module", module), ("outcome", outcome(*ok).to_owned())];
                self.tool_calls.get_or_create(&labels).inc();
            }
            Event::ModelCalled { phase, model, usage, cost, cache_miss, took, .. } => {
                self.upstreams.count_cache_miss(cache_miss.as_deref());
                let labels = [("model", model.clone()), ("phase", phase.name().to_owned())];
                self.model_calls.get_or_create(&labels).inc();
                self.model_time.get_or_create(&labels).observe(took.as_secs_f64());
                self.count_tokens(model, usage);
                let model = [("model", model.clone())];
                match cost {
                    Some(cost) => self.cost.get_or_create(&model).inc_by(cost.dollars()),
                    None => self.unpriced.get_or_create(&model).inc() as f64,
                };
            }
            Event::PluginCalled { plugin, function, outcome, fuel, memory, took, .. } => {
                let name = || ("plugin", plugin.to_string());
                let called = || ("function", (*function).to_owned());
                let ended = ("outcome", (*outcome).to_owned());
                self.plugin_calls.get_or_create(&[name(), called(), ended]).inc();
                self.plugin_time.get_or_create(&[name(), called()]).observe(took.as_secs_f64());
                #[expect(clippy::cast_precision_loss, reason = "shown in buckets")]
                self.plugin_fuel.get_or_create(&[name(), called()]).observe(*fuel as f64);
                #[expect(clippy::cast_precision_loss, reason = "shown in buckets")]
                self.plugin_memory.get_or_create(&[name(), called()]).observe(*memory as f64);
            }
            Event::Delivered { kind, ok, waiting } => {
                self.deliveries.get_or_create(&DeliveryLabels { kind, outcome: outcome(*ok) }).inc();
                self.set_outbox(*waiting);
            }
            Event::Paused { email: None, paused, .. } => {
                self.set_paused(*paused);
            }
            Event::PluginLoaded { plugin, took, .. } => {
                self.count_build(plugin, "loaded");
                let name = [("plugin", plugin.to_string())];
                self.plugin_load_time.get_or_create(&name).observe(took.as_secs_f64());
                self.plugin_quarantined.get_or_create(&name).set(0);
            }
            Event::PluginRefused { plugin, stage, .. } => self.count_build(plugin, stage),
            Event::PluginQuarantined { plugin, .. } => {
                let name = [("plugin", plugin.to_string())];
                self.plugin_quarantines.get_or_create(&name).inc();
                self.plugin_quarantined.get_or_create(&name).set(1);
            }
            Event::PluginRecovered { plugin, .. } => {
                self.plugin_quarantined.get_or_create(&[("plugin", plugin.to_string())]).set(0);
            }
            Event::PluginLogged { plugin, level, .. } => {
                let labels = [("plugin", plugin.to_string()), ("level", (*level).to_owned())];
                self.plugin_log_lines.get_or_create(&labels).inc();
            }
            Event::UpstreamChanged { .. }
            | Event::ModelChanged { .. }
            | Event::CooledDown { .. }
            | Event::ModelRepeated { .. } => {
                self.upstreams.count(event);
            }
            Event::ForeignActivity { .. }
            | Event::TurnAssigned { .. }
            | Event::ModelFailed { .. }
            | Event::Started { .. }
            | Event::Stopping { .. }
            | Event::SignInWaits { .. }
            | Event::Paused { email: Some(_), .. }
            | Event::PluginOrphaned { .. }
            | Event::PluginUnused { .. }
            | Event::ScheduleFitsNobody { .. }
            | Event::SignInsStopped { .. }
            | Event::SignInsGoOn
            | Event::EntryUnreadable { .. } => {}
        }
    }

    /// What calls of a strategy's plugin may use, to be seen beside what they do use.
    #[expect(clippy::cast_precision_loss, reason = "shown, never calculated with")]
    pub fn set_limits(&self, strategy: &Strategy) {
        let Limits { fuel, time, memory, transfer, log_lines } = strategy.limits;
        for (limit, value) in [
            ("fuel", fuel as f64),
            ("seconds", time.as_secs_f64()),
            ("memory_bytes", memory as f64),
            ("transfer_bytes", transfer as f64),
            ("log_lines", log_lines as f64),
        ] {
            let labels = [("strategy", strategy.name.to_string()), ("limit", limit.to_owned())];
            self.plugin_limits.get_or_create(&labels).set(value);
        }
    }

    /// How many generations are in memory: more than serve, for long, is a leak.
    pub fn set_generations(&self, generations: usize) {
        self.plugin_generations.set(i64::try_from(generations).unwrap_or(i64::MAX));
    }

    fn count_build(&self, plugin: &PluginName, result: &str) {
        self.plugin_builds
            .get_or_create(&[("plugin", plugin.to_string()), ("result", result.to_owned())])
            .inc();
    }

    fn count_tick(&self, outcome: &str) {
        self.ticks_ended.get_or_create(&[("outcome", outcome.to_owned())]).inc();
    }

    fn count_tokens(&self, model: &str, usage: &Usage) {
        for (kind, count) in [
            ("input", usage.input),
            ("output", usage.output),
            ("cache_write", usage.cache_write_5m.saturating_add(usage.cache_write_1h)),
            ("cache_read", usage.cache_read),
        ] {
            let labels = [("model", model.to_owned()), ("kind", kind.to_owned())];
            self.tokens.get_or_create(&labels).inc_by(count);
        }
    }
}

fn outcome(ok: bool) -> &'static str {
    if ok { "ok" } else { "error" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use domain::ids::StrategyName;
    use domain::transcript::Phase;
    use domain::usage::NanoUsd;

    #[test]
    fn a_limit_that_is_gone_is_told_no_more() {
        let metrics = Metrics::default();
        let part = |account| Part { account, limit: NanoUsd(2), taken: NanoUsd(1), is_full: false };
        let (day, daily) = (|| part(Account::Day), || part(Account::Strategy(StrategyName::new("daily"))));
        for (parts, lines) in [(vec![day(), daily()], 4), (vec![daily()], 2), (vec![day()], 2), (vec![], 0)] {
            metrics.set_budget(&parts);
            let text = metrics.text();
            let told: Vec<_> =
                text.lines().filter(|line| line.starts_with("persona_budget_dollars{")).collect();
            assert_eq!(told.len(), lines, "{told:?}");
            for part in &parts {
                let of = format!(r#"of="{}""#, part.account.key());
                assert!(told.iter().any(|line| line.contains(&of)), "{of} in {told:?}");
            }
        }
    }

    #[test]
    fn what_happens_is_counted_under_names_that_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.count(&Event::TickStarted { lag: Duration::from_millis(250) });
        let took = Duration::ZERO;
        metrics.count(&Event::TickEnded { due: 0, completed: 0, faults: 0, held: 0, took });
        metrics.count(&Event::TickFailed { code: "mana-unreachable", why: String::new(), took });
        metrics.count(&Event::ModelCalled {
            turn: domain::ids::TurnId::parse("3726fa9c-9965-8b22-990b-35fff5be20ea").expect("an id"),
            phase: Phase::Main,
            step: domain::step::StepKey::model(Phase::Main, 1),
            asked: "claude-haiku-5-5".to_owned(),
            model: "claude-haiku-5-5".to_owned(),
            reply: String::new(),
            stop_reason: "end_turn".to_owned(),
            attempts: 1,
            said: None,
            usage: Usage { input: 7, output: 5, ..Usage::default() },
            cost: Some(NanoUsd(2_000_000)),
            cache_miss: Some("tools_changed".to_owned()),
            took: Duration::from_secs(1),
        });
        metrics.count(&Event::Delivered { kind: "actions", ok: true, waiting: 3 });
        let text = metrics.text();
        for line in [
            "persona_ticks_total 1",
            r#"persona_ticks_ended_total{outcome="completed"} 1"#,
            r#"persona_ticks_ended_total{outcome="failed"} 1"#,
            "persona_tick_lag_seconds 0.25",
            r#"persona_tokens_total{model="claude-haiku-5-5",kind="output"} 5"#,
            r#"persona_cost_usd_total{model="claude-haiku-5-5"} 0.002"#,
            r#"persona_deliveries_total{kind="actions",outcome="ok"} 1"#,
            "persona_outbox_depth 3",
            r#"persona_cache_misses_total{reason="tools_changed"} 1"#,
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
