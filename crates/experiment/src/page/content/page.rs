//! The order of a page: verdict, health, the measure that decides, pictures, modules, personas, everything else
//! that was measured, raters, planning, robustness, identity.

use super::{
    health, identity, metrics, modules, personas, pictures, planning, primary, rater, robustness, ruling,
};
use crate::page::model::{Page, Section};
use crate::page::place::{Note, Path, Tone, put};
use crate::report::{Comparison, Report};

/// The page of a report, every warning also at the number that it concerns.
#[must_use]
pub fn page(report: &Report) -> Page {
    let mut page = Page {
        title: report.plan.key.clone(),
        question: report.plan.question.clone(),
        rulings: report.comparisons.iter().map(|comparison| ruling::ruling(report, comparison)).collect(),
        sections: sections(report),
    };
    let arms: Vec<&str> = report.plan.arms.iter().map(|arm| arm.as_str()).collect();
    let mut places = page.places();
    for check in &report.health {
        let Some(tone) = Tone::of(check.status) else { continue };
        put(
            &mut places,
            &Path::of_check(&check.concerns, &arms),
            &Note { tone, text: check.message.clone() },
        );
    }
    page
}

fn sections(report: &Report) -> Vec<Section> {
    let each = |section: fn(&Report, &Comparison) -> Section| {
        let several = report.comparisons.len() > 1;
        report.comparisons.iter().map(move |comparison| {
            let mut section = section(report, comparison);
            if several {
                section.heading += &format!(": {} against {}", comparison.treatment, comparison.control);
            }
            section
        })
    };
    let mut sections = vec![health::health(report)];
    sections.extend(each(primary::primary));
    sections.extend(each(pictures::effect));
    sections.push(pictures::arms(report));
    sections.extend(each(modules::modules));
    sections.extend(each(personas::personas));
    sections.push(metrics::arms(report));
    sections.extend(each(metrics::compared));
    sections.push(rater::rater(report));
    sections.extend(each(planning::planning));
    sections.extend(each(robustness::robustness));
    sections.extend([identity::identity(report), identity::phases(report)]);
    sections
}
