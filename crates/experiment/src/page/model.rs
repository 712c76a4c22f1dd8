//! A page: headings, sentences, facts, tables and plots, in no form yet. Text in it may come from outside, and
//! whoever sets it makes it inert.

use super::place::{Note, Place};
use crate::report::Outcome;

/// A report in the order in which it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The key of the experiment.
    pub title: String,
    /// What somebody wants to know.
    pub question: String,
    /// The verdict on each treatment.
    pub rulings: Vec<Ruling>,
    /// Everything else.
    pub sections: Vec<Section>,
}

/// The verdict on one treatment.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// For warnings that concern the comparison as a whole.
    pub place: Place,
    /// What is compared.
    pub heading: String,
    /// What follows.
    pub outcome: Outcome,
    /// The same in one word, or two.
    pub word: &'static str,
    /// What it hangs on, where a single persona could turn it; it is no firm verdict then, and does not look like one.
    pub hangs: Option<String>,
    /// Why its ratings mean nothing, where nobody gave them.
    pub stand_ins: Option<&'static str>,
    /// In one sentence.
    pub sentence: String,
    /// Why to stop here: a check is unhealthy, or a guardrail is broken.
    pub stop: Option<Stop>,
    /// Why it is this verdict.
    pub because: String,
    /// The one reason for which it may be wrong.
    pub caveat: String,
    /// The numbers behind it.
    pub facts: Vec<Fact>,
}

impl Ruling {
    /// Nothing on the card speaks against it: it may look like a verdict.
    #[must_use]
    pub fn is_firm(&self) -> bool {
        self.hangs.is_none() && self.stand_ins.is_none() && self.stop.is_none()
    }
}

/// What stands before everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What not to do.
    pub order: &'static str,
    /// Why.
    pub why: String,
}

/// A part of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// For warnings about all of it.
    pub place: Place,
    /// Its heading.
    pub heading: String,
    /// What is to be seen here, in plain words.
    pub lead: String,
    /// What is to be seen.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A sentence or two.
    Text(String),
    /// Numbers, each with its meaning.
    Facts(Vec<Fact>),
    /// Numbers in rows.
    Table(Table),
    /// A plot.
    Figure(Figure),
}

/// A number with its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// For warnings about it.
    pub place: Place,
    /// What it is called.
    pub name: String,
    /// The number as it is read.
    pub value: String,
    /// What it means, in plain words.
    pub meaning: String,
}

/// Numbers in rows. The first column names the row.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, with a cell for each column.
    pub rows: Vec<Row>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub heading: String,
    /// Numbers stand at the right.
    pub number: bool,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// For warnings about it.
    pub place: Place,
    /// What is in it.
    pub cells: Vec<String>,
}

/// A plot, and what it shows for whoever does not see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// For warnings about it.
    pub place: Place,
    /// Its title.
    pub title: String,
    /// What is to be seen in it, numbers included.
    pub description: String,
    /// What is drawn, unless the description says why nothing can be.
    pub plot: Option<Plot>,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// The effect over rounds.
    Track(Track),
    /// The effect by persona.
    Forest(Forest),
    /// How ratings are spread.
    Histogram(Histogram),
    /// What an arm costs against what it is rated.
    Plane(Plane),
}

/// The effect over rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// How many rounds there will be.
    pub planned: u32,
    /// Differences below this do not matter.
    pub margin: f64,
    /// The unit of the effect.
    pub unit: &'static str,
    /// One for each round.
    pub points: Vec<TrackPoint>,
}

/// The effect after a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackPoint {
    /// The round.
    pub round: u32,
    /// The effect.
    pub effect: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
}

/// The effect by persona.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    /// Differences below this do not matter.
    pub margin: f64,
    /// The unit of the effect.
    pub unit: &'static str,
    /// One for each persona.
    pub rows: Vec<ForestRow>,
    /// All of them together.
    pub overall: Option<ForestRow>,
}

/// The effect of one persona.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestRow {
    /// Which.
    pub name: String,
    /// The effect.
    pub effect: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
}

/// How ratings are spread: for each arm, how many of 1, 2, 3, 4 and 5.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The arms, the control first.
    pub arms: Vec<(String, [u64; 5])>,
}

/// What an arm costs against what it is rated.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// The arms, the control first.
    pub points: Vec<PlanePoint>,
}

/// One arm.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanePoint {
    /// Which.
    pub arm: String,
    /// US dollars of a turn, and the interval of the mean.
    pub cost: f64,
    /// See `cost`.
    pub cost_interval: Option<(f64, f64)>,
    /// The mean rating, and its interval.
    pub rating: f64,
    /// See `rating`.
    pub rating_interval: Option<(f64, f64)>,
}

impl Table {
    /// The notes on its rows, each of them once: the same one may concern several rows.
    #[must_use]
    pub fn notes(&self) -> Vec<&Note> {
        let mut notes = Vec::new();
        for note in self.rows.iter().flat_map(|row| &row.place.notes) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }
}

impl Page {
    /// Everywhere that a warning can be put.
    pub(super) fn places(&mut self) -> Vec<&mut Place> {
        let mut places = Vec::new();
        for ruling in &mut self.rulings {
            places.push(&mut ruling.place);
            places.extend(ruling.facts.iter_mut().map(|fact| &mut fact.place));
        }
        for section in &mut self.sections {
            places.push(&mut section.place);
            for block in &mut section.blocks {
                match block {
                    Block::Text(_) => {}
                    Block::Facts(facts) => places.extend(facts.iter_mut().map(|fact| &mut fact.place)),
                    Block::Table(table) => places.extend(table.rows.iter_mut().map(|row| &mut row.place)),
                    Block::Figure(figure) => places.push(&mut figure.place),
                }
            }
        }
        places
    }
}
