//! From numbers to places in a drawing.

/// A line of numbers that is laid on a line of the drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    /// The smallest and the largest number.
    numbers: (f64, f64),
    /// Where they are drawn.
    places: (f64, f64),
}

impl Axis {
    /// An axis; numbers that are all alike get some room around them.
    pub(super) fn new(numbers: (f64, f64), places: (f64, f64)) -> Self {
        let (low, high) = numbers;
        let alike = high - low <= f64::EPSILON * low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
        let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
        let numbers = if alike { (low - room, high + room) } else { (low, high) };
        Self { numbers, places }
    }

    /// Where a number is; beyond the ends it is at the end.
    pub(super) fn at(&self, number: f64) -> f64 {
        let part = ((number - self.numbers.0) / (self.numbers.1 - self.numbers.0)).clamp(0.0, 1.0);
        self.places.0 + part * (self.places.1 - self.places.0)
    }

    /// Round numbers on it, at most about `most`, and with how many digits they are written.
    pub(super) fn ticks(&self, most: f64) -> (Vec<f64>, usize) {
        let rough = (self.numbers.1 - self.numbers.0) / most.max(1.0);
        let power = rough.log10().floor();
        let unit = 10_f64.powf(power);
        let steps = [1.0, 2.0, 5.0, 10.0];
        let step = steps.into_iter().map(|step| step * unit).find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(unit * 10.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most a handful of digits"
        )]
        let digits = (-step.log10().floor()).max(0.0) as usize;
        let first = (self.numbers.0 / step - 1e-9).ceil();
        let count = ((self.numbers.1 / step + 1e-9).floor() - first).max(0.0);
        let ticks = std::iter::successors(Some(0.0), |at| Some(at + 1.0)).take_while(|at| *at <= count);
        (ticks.map(|at| (first + at) * step).collect(), digits)
    }
}

/// From the least to the greatest of some numbers.
pub(super) fn span(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends = numbers.filter(|number| number.is_finite()).fold(None, |ends: Option<(f64, f64)>, number| {
        let (low, high) = ends.unwrap_or((number, number));
        Some((low.min(number), high.max(number)))
    });
    ends.unwrap_or((0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        for (numbers, most, ticks, digits) in [
            ((-0.5, 0.7), 6.0, vec![-0.4, -0.2, 0.0, 0.2, 0.4, 0.6], 1),
            ((0.0, 30.0), 6.0, vec![0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0], 0),
            ((0.012, 0.019), 4.0, vec![0.012, 0.014, 0.016, 0.018], 3),
            ((1.0, 5.0), 4.0, vec![1.0, 2.0, 3.0, 4.0, 5.0], 0),
        ] {
            let (found, found_digits) = Axis::new(numbers, (0.0, 100.0)).ticks(most);
            let near =
                found.len() == ticks.len() && found.iter().zip(&ticks).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(near, "{numbers:?}: {found:?}");
            assert_eq!(found_digits, digits, "{numbers:?}");
        }
    }

    #[test]
    fn numbers_have_a_place_even_when_all_are_alike() {
        for (numbers, number, place) in [
            ((0.0, 10.0), 5.0, 50.0),
            ((0.0, 10.0), -3.0, 0.0),
            ((0.0, 10.0), 30.0, 100.0),
            ((2.0, 2.0), 2.0, 50.0),
            ((0.0, 0.0), 0.0, 50.0),
        ] {
            let found = Axis::new(numbers, (0.0, 100.0)).at(number);
            assert!((found - place).abs() < 1e-9, "{numbers:?} {number}: {found}");
        }
    }
}
