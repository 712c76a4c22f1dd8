//! Why rows cannot be read: each sentence names the line and the column, and says what to do.

use thiserror::Error;

/// Why rows cannot be read. Lines are counted from 1, the header included.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unusable {
    /// Nothing in it, or a header and nothing else.
    #[error("there are no rows: put a line for each rating below the header persona,block,module,arm,rating")]
    Empty,
    /// The header is not complete.
    #[error(
        "line 1: there is no column {column}: the header must have persona, block, module, arm and rating, \
         in any order{also}"
    )]
    MissingColumn {
        /// Which.
        column: &'static str,
        /// What else was seen.
        also: &'static str,
    },
    /// Two columns of one name.
    #[error("line 1: the column {column} is there twice: leave one of them out")]
    ColumnTwice {
        /// Which.
        column: String,
    },
    /// The line has more or fewer cells than the header, or is no text.
    #[error("line {line}: {problem}: {advice}")]
    Line {
        /// Where.
        line: u64,
        /// What is wrong.
        problem: String,
        /// What to do.
        advice: &'static str,
    },
    /// A cell that cannot be understood.
    #[error("line {line}, column {column}: {found:?} is no {wanted}; {advice}")]
    Cell {
        /// Where.
        line: u64,
        /// Where.
        column: &'static str,
        /// What is there.
        found: String,
        /// What was wanted.
        wanted: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Two names that nobody can tell apart.
    #[error(
        "line {line}, column {column}: {name:?} and {other:?} of line {first} look the same: write one of the two \
         in every line, or they would be counted as two"
    )]
    Alike {
        /// Where.
        line: u64,
        /// Where.
        column: &'static str,
        /// What is there.
        name: String,
        /// What was there before.
        other: String,
        /// Where that was first.
        first: u64,
    },
    /// A rating where there is nothing to rate.
    #[error(
        "line {line}, column rating: there is a rating and no module: name the module, or empty the rating"
    )]
    NoModule {
        /// Where.
        line: u64,
    },
    /// One rating twice.
    #[error(
        "line {line}: {persona} rated {module} in block {block} under {arm} before, in line {first}: a retry is \
         the same turn, so keep one of the two"
    )]
    Twice {
        /// Where.
        line: u64,
        /// Where it was first.
        first: u64,
        /// Whose.
        persona: String,
        /// Which module.
        module: String,
        /// Which block.
        block: u32,
        /// Which arm.
        arm: String,
    },
    /// Two lines of one turn tell it differently.
    #[error(
        "line {line}, column {column}: {found} contradicts {before} of the same turn ({persona}, block {block}, \
         {arm}): write the value of the whole turn into each of its lines, or into one"
    )]
    Contradiction {
        /// Where.
        line: u64,
        /// Where.
        column: &'static str,
        /// What is there.
        found: String,
        /// What was there before.
        before: String,
        /// Whose turn.
        persona: String,
        /// Which block.
        block: u32,
        /// Which arm.
        arm: String,
    },
    /// More failures than calls.
    #[error(
        "line {line}, column failed_actions: {failed} of {actions} actions failed: count every action in actions"
    )]
    MoreFailed {
        /// Where.
        line: u64,
        /// Failures.
        failed: u32,
        /// Calls.
        actions: u32,
    },
}
