//! How good the raters are.

use super::pieces::{row, section, table};
use crate::numbers::{or_none, percent, plain, signed};
use crate::page::model::{Block, Section};
use crate::page::place::Path;
use crate::report::Report;

/// How the ratings of each arm look.
pub(super) fn rater(report: &Report) -> Section {
    let rows = report.arms.iter().map(|arm| {
        let own = &arm.rater;
        let cells = [
            arm.arm.to_string(),
            or_none(own.icc, |icc| plain(icc, 2)),
            or_none(own.mode_share, percent),
            or_none(own.entropy, |entropy| plain(entropy, 2)),
            or_none(own.compression, |compression| plain(compression, 2)),
            or_none(own.say_do, |say_do| signed(say_do, 2)),
        ];
        row(Path::of("arms/rater").for_arm(arm.arm.as_str()), cells)
    });
    let headings = ["Arm", "#Personas differ", "#Commonest rating", "#Variety", "#Spread", "#Say and do"];
    let legend = "Personas differ: the part of the variance that is between personas (ICC); below 0.10 they rate as \
                  if they were one. Commonest rating: the part of ratings that are the same one. Variety: 0 is always \
                  the same, 1 is all five equally often. Spread: 1 is as wide as if the five were equally often. Say \
                  and do: whether turns with fewer failed tool calls are rated higher (rank correlation, −1 to +1); \
                  near 0 the ratings have little to do with what happened.";
    let lead = "Ratings of a language model are often too even and too kind: then differences look smaller than they \
                are, and ratings deserve less trust than behavior.";
    let blocks =
        vec![table("How the ratings look", &headings, rows.collect()), Block::Text(legend.to_owned())];
    section(Path::of("arms/rater"), "Raters", lead, blocks)
}
