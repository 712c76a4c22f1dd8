//! Where a number is in a report, so that a warning finds it, and the warning that stands there.

use crate::report::Status;

/// The place of a number: the fields that lead to it, and of which treatment it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    arm: Option<String>,
    steps: Vec<String>,
}

impl Path {
    /// The path of a place on the page, such as `comparisons/primary`.
    #[must_use]
    pub fn of(path: &str) -> Self {
        Self { arm: None, steps: path.split('/').filter(|step| !step.is_empty()).map(plain).collect() }
    }

    /// The same for one arm only.
    #[must_use]
    pub fn for_arm(self, arm: &str) -> Self {
        Self { arm: Some(plain(arm)), ..self }
    }

    /// The same with a name from outside at its end; slashes in it are no steps.
    #[must_use]
    pub fn then(mut self, step: &str) -> Self {
        self.steps.push(plain(step));
        self
    }

    /// What a check concerns. Behind `comparisons` or `arms` there may be the name of an arm.
    #[must_use]
    pub fn of_check(concerns: &str, arms: &[&str]) -> Self {
        let mut path = Self::of(concerns);
        let arm = path.steps.get(1).and_then(|step| arms.iter().find(|arm| plain(arm) == *step));
        if let Some(arm) = arm {
            path.arm = Some(plain(arm));
            path.steps.remove(1);
        }
        path
    }

    /// How many steps this place shares with what a check concerns, if the check speaks about this place or
    /// about something inside of it.
    fn covers(&self, concern: &Self) -> Option<usize> {
        let other_arm = matches!((&self.arm, &concern.arm), (Some(own), Some(other)) if own != other);
        (!other_arm && concern.steps.starts_with(&self.steps)).then_some(self.steps.len())
    }
}

/// Where warnings can be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it is.
    pub path: Path,
    /// What was put there.
    pub notes: Vec<Note>,
}

impl Place {
    /// A place that no warning has reached yet.
    #[must_use]
    pub fn at(path: Path) -> Self {
        Self { path, notes: Vec::new() }
    }
}

/// How grave a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Read it with care.
    Warning,
    /// Do not decide on it.
    Unhealthy,
}

/// A warning at the number that it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How grave it is.
    pub tone: Tone,
    /// What was found, and what to do.
    pub text: String,
}

impl Tone {
    /// The tone of a check that did not pass.
    #[must_use]
    pub fn of(status: Status) -> Option<Self> {
        match status {
            Status::Ok => None,
            Status::Warning => Some(Self::Warning),
            Status::Unhealthy => Some(Self::Unhealthy),
        }
    }

    /// The word before a note, so that nobody needs its colour.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "Warning",
            Self::Unhealthy => "Unhealthy",
        }
    }
}

/// Puts a note where it belongs: to the innermost places that cover what it concerns.
pub(super) fn put(places: &mut [&mut Place], concern: &Path, note: &Note) {
    let innermost = places.iter().filter_map(|place| place.path.covers(concern)).max();
    let Some(innermost) = innermost else { return };
    for place in places.iter_mut().filter(|place| place.path.covers(concern) == Some(innermost)) {
        place.notes.push(note.clone());
    }
}

/// `toolSuccess`, `tool-success` and `tool_success` are the same step.
fn plain(step: &str) -> String {
    step.chars().filter(|letter| !matches!(letter, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_goes_to_the_innermost_place_that_covers_it() {
        let here = [
            Path::of("comparisons").for_arm("brief"),
            Path::of("comparisons/primary").for_arm("brief"),
            Path::of("comparisons/primary/signFlip").for_arm("brief"),
            Path::of("comparisons/primary").for_arm("warm"),
            Path::of("arms/metrics").then("tool-success"),
        ];
        for (concerns, reached) in [
            ("comparisons/primary", vec![1, 3]),
            ("comparisons/primary/sign-flip", vec![2]),
            ("comparisons/primary/signFlip/p", vec![2]),
            ("comparisons/brief/primary/effect", vec![1]),
            ("comparisons/warm/primary/sign-flip", vec![3]),
            ("comparisons/bounds", vec![0]),
            ("comparisons/warm/bounds", vec![]),
            ("arms/metrics/toolSuccess", vec![4]),
            ("arms/metrics", vec![]),
            ("elsewhere", vec![]),
            ("", vec![]),
        ] {
            let mut places: Vec<Place> = here.iter().cloned().map(Place::at).collect();
            let note = Note { tone: Tone::Warning, text: concerns.to_owned() };
            let concern = Path::of_check(concerns, &["daily", "brief", "warm"]);
            put(&mut places.iter_mut().collect::<Vec<_>>(), &concern, &note);
            let found: Vec<usize> = (0..here.len()).filter(|at| !places[*at].notes.is_empty()).collect();
            assert_eq!(found, reached, "{concerns}");
        }
    }
}
