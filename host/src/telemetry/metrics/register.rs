//! The name of each metric, and what it says of itself.

use prometheus_client::registry::{Registry, Unit};

use super::Metrics;

impl Metrics {
    /// Names them all.
    pub(super) fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("turns", "Turns that ended, by outcome", self.turns.clone());
        registry.register(
            "turn_faults",
            "Turns that ended in a fault, by stage and code",
            self.faults.clone(),
        );
        let help = "Turns that were stopped and had not failed, by stage and code";
        registry.register("turn_stops", help, self.stops.clone());
        registry.register("held", "Due personas that were kept back", self.held.clone());
        registry.register("turns_in_flight", "Turns that run now", self.in_flight.clone());
        let seconds = |name: &str, help: &str, metric, registry: &mut Registry| {
            registry.register_with_unit(name, help, Unit::Seconds, metric);
        };
        seconds("stage_duration", "Time in each stage of a turn", self.stages.clone(), registry);
        registry.register("tool_calls", "Tool calls by module and outcome", self.tool_calls.clone());
        registry.register("model_calls", "Answered model calls", self.model_calls.clone());
        let time = self.model_time.clone();
        registry.register_with_unit(
            "model_duration",
            "Time of a model call, retries included",
            Unit::Seconds,
            time,
        );
        registry.register("tokens", "Tokens by model and kind", self.tokens.clone());
        registry.register("cost_usd", "Price of the model calls in US dollars", self.cost.clone());
        registry.register("unpriced_calls", "Model calls whose price is not known", self.unpriced.clone());
        registry.register("plugin_calls", "Plugin calls by function and outcome", self.plugin_calls.clone());
        let time = self.plugin_time.clone();
        registry.register_with_unit("plugin_duration", "Time of a plugin call", Unit::Seconds, time);
        self.register_plugins();
        self.upstreams.register(&mut self.registry);
        let registry = &mut self.registry;
        registry.register("deliveries", "Tries to deliver to mana-auth", self.deliveries.clone());
        registry.register("store_bytes", "How much room the ledger takes", self.ledger.clone());
        registry.register("outbox_depth", "Deliveries that wait", self.outbox.clone());
        registry.register("ticks", "Ticks that were begun", self.ticks.clone());
        let help = "Ticks that are over: completed, or failed because nobody says who is due or nothing can be written";
        registry.register("ticks_ended", help, self.ticks_ended.clone());
        let lag = self.tick_lag.clone();
        registry.register_with_unit("tick_lag", "How late the last tick was", Unit::Seconds, lag);
        let slots = self.slots_left_out.clone();
        registry.register("slots_left_out", "Slots without a turn, by reason", slots);
        let help = "Above 1, some of those who wait are due again before they are served";
        registry.register("slot_utilisation", help, self.slot_utilisation.clone());
        registry.register("paused", "1 while the loop is paused", self.paused.clone());
        let help = "Each limit of today's budget in US dollars, and what of it is spent or promised to calls under way";
        registry.register("budget_dollars", help, self.budget.clone());
        let help = "Spans of traces: sent, lost because the collector did not take them, or left out for want of room";
        registry.register("trace_spans", help, self.trace_spans.clone());
        let help = "How much room the volume has that the ledger's file lies on; 0 where it lies on a server";
        registry.register("store_volume_bytes", help, self.volume.clone());
        registry.register("store_free_bytes", "What of that is free", self.free.clone());
        let help = "Turns that are not over, by how they stand";
        registry.register("open_turns", help, self.open_turns.clone());
    }

    fn register_plugins(&mut self) {
        let registry = &mut self.registry;
        registry.register("plugin_fuel", "Fuel of a plugin call", self.plugin_fuel.clone());
        let (memory, time) = (self.plugin_memory.clone(), self.plugin_load_time.clone());
        registry.register_with_unit("plugin_memory", "Most memory of a plugin call", Unit::Bytes, memory);
        registry.register(
            "plugin_builds",
            "Builds by what became of them: loaded, or the stage that refused them",
            self.plugin_builds.clone(),
        );
        registry.register_with_unit(
            "plugin_load_duration",
            "From the look at a file until turns get it",
            Unit::Seconds,
            time,
        );
        let quarantines = self.plugin_quarantines.clone();
        registry.register(
            "plugin_quarantines",
            "Times that a quarantine began or was prolonged",
            quarantines,
        );
        registry.register("plugin_quarantined", "1 while it is quarantined", self.plugin_quarantined.clone());
        registry.register("plugin_log_lines", "Lines that plugins logged", self.plugin_log_lines.clone());
        let limits = self.plugin_limits.clone();
        registry.register("plugin_limit", "What a plugin call of a strategy may use", limits);
        let generations = self.plugin_generations.clone();
        registry.register("plugin_generations", "Generations in memory", generations);
    }
}
