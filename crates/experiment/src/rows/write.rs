//! Observations as text: CSV that `read_csv` reads, and JSON lines with everything.

use super::columns::COLUMNS;
use super::names::harmless;
use domain::observation::Observation;
use domain::rating::PARSE_MARKER;

/// A line per rating, in the order of the observations. A turn without modules has one line, so that it is
/// counted wherever the rows go: with the marker if its reply could not be read, otherwise with no module.
#[must_use]
pub fn write_csv(observations: &[Observation]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let lines = observations.iter().flat_map(lines);
    let header = COLUMNS.map(str::to_owned);
    for line in std::iter::once(header).chain(lines) {
        writer.write_record(line).expect("writing to memory cannot fail");
    }
    let bytes = writer.into_inner().expect("writing to memory cannot fail");
    String::from_utf8(bytes).expect("cells are text")
}

/// A JSON document per turn.
#[must_use]
pub fn write_json_lines(observations: &[Observation]) -> String {
    let line = |turn| serde_json::to_string(turn).expect("an observation has text for keys") + "\n";
    observations.iter().map(line).collect()
}

fn lines(turn: &Observation) -> Vec<[String; COLUMNS.len()]> {
    if turn.modules.is_empty() {
        let marker = if turn.unreadable == Some(true) { PARSE_MARKER } else { "" };
        return vec![line(turn, marker, None)];
    }
    turn.modules.iter().map(|(module, rating)| line(turn, module, *rating)).collect()
}

fn line(turn: &Observation, module: &str, rating: Option<f64>) -> [String; COLUMNS.len()] {
    [
        harmless(&turn.persona),
        turn.block.to_string(),
        harmless(module),
        harmless(turn.arm.as_str()),
        shown(rating),
        shown(turn.order),
        turn.phase.to_string(),
        turn.reached.name().to_owned(),
        shown(turn.tokens),
        shown(turn.cost),
        shown(turn.latency),
        shown(turn.actions),
        shown(turn.failed_actions),
        shown(turn.rounds),
        shown(turn.unreadable),
        shown(turn.refused),
        shown(turn.faulted),
        shown(turn.before),
        turn.turn.as_deref().map_or_else(String::new, harmless),
        shown(turn.stand_in),
    ]
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::read_csv;
    use domain::experiment::ArmName;
    use domain::observation::Reached;

    fn turns() -> Vec<Observation> {
        let rated = Observation {
            persona: "Ida, \"the quick\"".to_owned(),
            block: 3,
            arm: ArmName::new("brief"),
            order: Some(1),
            phase: 2,
            reached: Reached::Parsed,
            modules: [("calendar".to_owned(), Some(3.5)), ("todo".to_owned(), None)].into(),
            actions: Some(7),
            failed_actions: Some(1),
            rounds: Some(4),
            unreadable: Some(false),
            refused: Some(false),
            faulted: Some(false),
            tokens: Some(1_234.0),
            cost: Some(0.000_123),
            latency: Some(12.25),
            before: Some(3.25),
            turn: Some("t7".to_owned()),
            stand_in: Some(true),
        };
        let idle = Observation {
            block: 4,
            reached: Reached::Completed,
            modules: [].into(),
            unreadable: None,
            cost: None,
            ..rated.clone()
        };
        let unreadable =
            Observation { block: 5, reached: Reached::Rated, unreadable: Some(true), ..idle.clone() };
        vec![rated, idle, unreadable]
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let rows = read_csv(write_csv(&turns()).as_bytes()).unwrap();
        assert_eq!((rows.observations, rows.ignored), (turns(), vec![]));
    }

    #[test]
    fn no_cell_begins_like_a_formula_and_every_name_comes_back() {
        for name in ["=cmd|'/C calc'!A0", "+1", "-1", "@a", "\t=1", "\r=1", "'=1", "\"=1", "=\"a,b\"\n"] {
            let name = name.trim_end();
            let turns: Vec<Observation> = (turns().into_iter())
                .map(|turn| Observation {
                    persona: name.to_owned(),
                    arm: ArmName::new(name),
                    modules: turn.modules.into_values().map(|own| (name.to_owned(), own)).collect(),
                    turn: Some(name.to_owned()),
                    ..turn
                })
                .collect();
            let text = write_csv(&turns);
            let mut cells = csv::Reader::from_reader(text.as_bytes());
            for cell in cells
                .records()
                .flat_map(|record| record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
            {
                let number = cell.parse::<f64>().is_ok();
                assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{name:?}: {cell:?}");
            }
            assert_eq!(read_csv(text.as_bytes()).unwrap().observations, turns, "{name:?}");
        }
    }

    #[test]
    fn json_lines_hold_everything() {
        let text = write_json_lines(&turns());
        let read: Vec<Observation> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, turns());
    }
}
