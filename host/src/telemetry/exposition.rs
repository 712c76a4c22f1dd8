//! The two forms in which scrapers read metrics: OpenMetrics, and Prometheus' older text format for who does not ask for it.

use std::collections::BTreeSet;

/// The same metrics in Prometheus' text format 0.0.4: a counter is named there as its sample is, with `_total`, and units and
/// the end are not told.
pub(super) fn classic(open_metrics: &str) -> String {
    let counters: BTreeSet<&str> = open_metrics.lines().filter_map(counter).collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), ..) => continue,
            (Some("#"), Some(what @ ("HELP" | "TYPE")), Some(name), Some(rest))
                if counters.contains(name) =>
            {
                text.push_str(&format!("# {what} {name}_total {rest}"));
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The name of the counter whose type a line tells.
fn counter(line: &str) -> Option<&str> {
    line.strip_prefix("# TYPE ")?.strip_suffix(" counter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_as_their_samples_and_all_else_stays() {
        let open = "# HELP turns Turns, by outcome.\n# TYPE turns counter\nturns_total{outcome=\"idle\"} 2\n\
                    # HELP lag How late.\n# TYPE lag gauge\n# UNIT lag seconds\nlag 0.5\n# EOF\n";
        let classic_text = "# HELP turns_total Turns, by outcome.\n# TYPE turns_total counter\n\
                            turns_total{outcome=\"idle\"} 2\n# HELP lag How late.\n# TYPE lag gauge\nlag 0.5\n";
        assert_eq!(classic(open), classic_text);
    }
}
