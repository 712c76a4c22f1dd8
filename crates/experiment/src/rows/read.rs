//! Rows of ratings, one line each, as observations.

use std::collections::BTreeMap;

use super::Unusable;
use super::columns::Columns;
use super::draft::{Draft, Row, TurnKey};
use super::names::Spellings;
use domain::observation::Observation;

/// What rows say.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Turns by phase, persona, block and arm, in whatever order the rows came.
    pub observations: Vec<Observation>,
    /// Columns that nothing is known about, and that were left out.
    pub ignored: Vec<String>,
}

/// Reads CSV with the header `persona,block,module,arm,rating`, in any order and with further columns. Rows with
/// the same persona, block, arm and phase are one turn.
///
/// # Errors
/// At the first line that cannot be understood; nothing of the file is used then.
pub fn read_csv(bytes: &[u8]) -> Result<Rows, Unusable> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|error| unusable_line(&error))?.clone();
    if header.iter().all(str::is_empty) {
        return Err(Unusable::Empty);
    }
    let columns = Columns::of(&header)?;
    let mut drafts = BTreeMap::<TurnKey, Draft>::new();
    let mut spellings = Spellings::default();
    for record in reader.records() {
        let record = record.map_err(|error| unusable_line(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { columns: &columns, record: &record, line };
        let key = TurnKey::of(&row)?;
        key.spell(&mut spellings, line)?;
        drafts.entry(key.clone()).or_default().add(&key, &row)?;
    }
    if drafts.is_empty() {
        return Err(Unusable::Empty);
    }
    let observations = drafts.into_iter().map(|(key, draft)| draft.finished(key)).collect();
    Ok(Rows { observations, ignored: columns.ignored })
}

fn unusable_line(error: &csv::Error) -> Unusable {
    let cells = "write one cell per column of the header, with quotes around commas";
    let (problem, advice) = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            (format!("there are {len} cells, and {expected_len} columns"), cells)
        }
        csv::ErrorKind::Utf8 { .. } => ("this is no UTF-8".to_owned(), "save the file as UTF-8"),
        _ => ("this is no CSV".to_owned(), cells),
    };
    Unusable::Line { line: error.position().map_or(1, csv::Position::line), problem, advice }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::observation::Reached;

    const HEADER: &str = "persona,block,module,arm,rating\n";

    #[test]
    fn rows_of_one_turn_are_one_observation() {
        let text = "\u{feff}arm, rating,module,persona,block,cost,Mood\n\
                    brief,4,todo,ben,0,0.5,good\n\
                    control,3,todo,ben,0,,\n\
                    brief,,calendar,ben,0,,\n";
        let rows = read_csv(text.as_bytes()).unwrap();
        assert_eq!(rows.ignored, ["mood"]);
        let [brief, control] = rows.observations.as_slice() else { panic!("{rows:?}") };
        assert_eq!((brief.arm.as_str(), brief.cost, brief.reached), ("brief", Some(0.5), Reached::Parsed));
        let modules: Vec<_> = brief.modules.iter().map(|(name, rating)| (name.as_str(), *rating)).collect();
        assert_eq!(modules, [("calendar", None), ("todo", Some(4.0))]);
        assert_eq!((control.cost, control.phase, control.unreadable), (None, 1, Some(false)));
    }

    #[test]
    fn markers_are_no_modules() {
        for (module, rating, faulted, unreadable, reached) in [
            ("__parse", "3", "", Some(true), Reached::Rated),
            ("__idle", "", "", None, Reached::Completed),
            ("__tick", "3", "yes", None, Reached::Started),
            ("", "", "", None, Reached::Completed),
            ("todo", "", "", None, Reached::Completed),
        ] {
            let text =
                format!("persona,block,module,arm,rating,faulted\nben,0,{module},a,{rating},{faulted}\n");
            let rows = read_csv(text.as_bytes()).unwrap();
            let turn = &rows.observations[0];
            assert_eq!((turn.unreadable, turn.reached), (unreadable, reached), "{module}");
            assert_eq!(turn.modules.len(), usize::from(module == "todo"), "{module}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        for (text, says) in [
            ("", "there are no rows"),
            ("\n\n", "there are no rows"),
            (HEADER, "there are no rows"),
            ("persona,block,module,arm\nben,0,todo,a\n", "line 1: there is no column rating"),
            ("persona;block;module;arm;rating\n", "no column persona: the header must have persona, block"),
            ("persona;block;module;arm;rating\n", "parted by commas, not by semicolons"),
            ("persona,block,module,arm,rating,arm\n", "line 1: the column arm is there twice"),
        ] {
            let refused = read_csv(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(says), "{text:?}: {refused}");
        }
        for (line, says) in [
            ("ben,0,todo,a", "line 3: there are 4 cells, and 5 columns"),
            ("ben,0,todo,a,7", "line 3, column rating: \"7\" is no rating from 1 to 5; correct it"),
            ("ben,0,todo,a,0.5", "column rating: \"0.5\""),
            ("ben,0,todo,a,NaN", "column rating: \"NaN\""),
            ("ben,0,todo,a,inf", "column rating: \"inf\""),
            ("ben,0,todo,a,good", "column rating: \"good\""),
            ("ben,-1,todo,a,3", "line 3, column block: \"-1\" is no whole number"),
            ("ben,1.5,todo,a,3", "column block: \"1.5\""),
            ("ben,0,todo,A,3", "line 3, column arm: \"A\" and \"a\" of line 2 look the same: write one"),
            ("Anna,1,todo,a,3", "column persona: \"Anna\" and \"anna\" of line 2 look the same"),
            ("b\u{0}en,0,todo,a,3", "column persona: \"b\\0en\" is no name that can be read"),
            ("ben,0,to\u{7}do,a,3", "column module: \"to\\u{7}do\" is no name that can be read"),
            (",0,todo,a,3", "column persona: \"\" is no name; write one"),
            ("ben,0,todo,,3", "column arm: \"\" is no name; write one"),
            ("ben,0,,a,3", "there is a rating and no module"),
            ("anna,0,todo,a,4", "line 3: anna rated todo in block 0 under a before, in line 2"),
        ] {
            let text = format!("{HEADER}anna,0,todo,a,3\n{line}\n");
            let refused = read_csv(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(says), "{line}: {refused}");
        }
        let unreadable = read_csv(b"persona,block,module,arm,rating\n\xff,0,todo,a,3\n").unwrap_err();
        assert!(unreadable.to_string().contains("line 2: this is no UTF-8"), "{unreadable}");
    }

    #[test]
    fn lines_of_one_turn_may_not_contradict_each_other() {
        for (column, first, second, says) in [
            ("tokens", "10", "11", "line 3, column tokens: 11.0 contradicts 10.0 of the same turn"),
            ("reached", "rated", "parsed", "column reached: parsed contradicts rated"),
            ("refused", "yes", "no", "column refused: false contradicts true"),
            ("order", "0", "1", "column order: 1 contradicts 0"),
            ("cost", "-1", "", "column cost: \"-1\" is no amount from 0"),
            ("latency", "inf", "", "column latency: \"inf\" is no amount"),
            ("phase", "0", "", "column phase: \"0\" is no phase; phases count from 1"),
            ("faulted", "maybe", "", "column faulted: \"maybe\" is no yes or no"),
            ("reached", "half", "", "column reached: \"half\" is no stage"),
        ] {
            let header = HEADER.trim_end();
            let text = format!("{header},{column}\nben,0,todo,a,3,{first}\nben,0,notes,a,3,{second}\n");
            let refused = read_csv(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(says), "{column}: {refused}");
        }
        let text = format!("{},actions,failed_actions\nben,0,todo,a,3,2,3\n", HEADER.trim_end());
        let refused = read_csv(text.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains("3 of 2 actions failed"), "{refused}");
    }
}
