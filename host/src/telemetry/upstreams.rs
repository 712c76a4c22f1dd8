//! Figures of the neighbours and of the gate to Claude.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use domain::event::Event;
use domain::upstream::Upstream;

/// Why Claude reads nothing from its cache, by its own words.
const CACHE_MISSES: [&str; 6] = [
    "model_changed",
    "system_changed",
    "tools_changed",
    "messages_changed",
    "previous_message_not_found",
    "unavailable",
];

type Labels<const N: usize> = [(&'static str, String); N];

/// What is counted of them.
#[derive(Debug, Default)]
pub(super) struct Upstreams {
    state: Family<Labels<1>, Gauge>,
    refused_models: Family<Labels<1>, Gauge>,
    openings: Family<Labels<1>, Counter>,
    window: Family<Labels<1>, Gauge>,
    in_flight: Family<Labels<1>, Gauge>,
    cool_downs: Family<Labels<2>, Counter>,
    repeats: Family<Labels<2>, Counter>,
    maybe_paid: Family<Labels<1>, Counter>,
    cache_misses: Family<Labels<1>, Counter>,
}

impl Upstreams {
    pub(super) fn count(&self, event: &Event) {
        match event {
            Event::UpstreamChanged { upstream, state, .. } => {
                self.set_state(*upstream, state);
                if *state == "open" {
                    self.openings.get_or_create(&of(*upstream)).inc();
                }
            }
            Event::ModelChanged { model, state, .. } => {
                let labels = [("model", model.clone())];
                self.refused_models.get_or_create(&labels).set(i64::from(*state == "refused"));
            }
            Event::CooledDown { family, cause, .. } => {
                let labels = [("family", family.clone()), ("cause", (*cause).to_owned())];
                self.cool_downs.get_or_create(&labels).inc();
            }
            Event::ModelRepeated { family, cause, maybe_paid, .. } => {
                let labels = [("family", family.clone()), ("code", (*cause).to_owned())];
                self.repeats.get_or_create(&labels).inc();
                if *maybe_paid {
                    self.maybe_paid.get_or_create(&[("family", family.clone())]).inc();
                }
            }
            _ => {}
        }
    }

    /// Why nothing was read from the cache, if so.
    pub(super) fn count_cache_miss(&self, reason: Option<&str>) {
        let Some(reason) = reason else { return };
        let known = CACHE_MISSES.into_iter().find(|known| *known == reason).unwrap_or("other");
        self.cache_misses.get_or_create(&[("reason", known.to_owned())]).inc();
    }

    pub(super) fn set_state(&self, upstream: Upstream, state: &str) {
        let state = match state {
            "closed" => 0,
            "half-open" => 1,
            _ => 2,
        };
        self.state.get_or_create(&of(upstream)).set(state);
    }

    pub(super) fn set_gate(&self, family: &str, window: usize, in_flight: usize) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let labels = [("family", family.to_owned())];
        self.window.get_or_create(&labels).set(number(window));
        self.in_flight.get_or_create(&labels).set(number(in_flight));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Whether an upstream is asked: 0 closed (all is well), 1 half-open, 2 open";
        registry.register("upstream_breaker", help, self.state.clone());
        let help = "Times that an upstream was left alone because it did not do its work";
        registry.register("upstream_openings", help, self.openings.clone());
        let help = "1 while a model is left alone because this key has none of its name";
        registry.register("model_refused", help, self.refused_models.clone());
        let help = "Calls to a family of models that may be under way at once";
        registry.register("gate_window", help, self.window.clone());
        let help = "Calls to a family of models that are under way";
        registry.register("gate_in_flight", help, self.in_flight.clone());
        let help = "Times that Claude asked for patience and all calls of a family waited";
        registry.register("gate_cool_downs", help, self.cool_downs.clone());
        registry.register("model_repeats", "Model calls that failed and were repeated", self.repeats.clone());
        let help = "Repeats of model calls whose reply did not arrive and may have been paid for";
        registry.register("model_maybe_paid", help, self.maybe_paid.clone());
        let help = "Replies of a conversation that could not read what it wrote into the prompt cache before";
        registry.register("cache_misses", help, self.cache_misses.clone());
    }
}

fn of(upstream: Upstream) -> Labels<1> {
    [("upstream", upstream.name().to_owned())]
}
