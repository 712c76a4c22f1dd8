//! How much may be repeated: in the long run a tenth of all calls, so that an outage is not made worse by those who
//! wait for its end. A reserve lets few failures be repeated at any time; its size is that of the AWS clients.

/// The most repeats in a row.
const MOST: f64 = 100.0;
/// What each call adds.
const EACH_CALL: f64 = 0.1;

/// What is left of it.
#[derive(Debug)]
pub(super) struct Allowance(f64);

impl Default for Allowance {
    fn default() -> Self {
        Self(MOST)
    }
}

impl Allowance {
    /// A call that is none of the repeats.
    pub(super) fn add(&mut self) {
        self.0 = (self.0 + EACH_CALL).min(MOST);
    }

    /// Whether another repeat is within it. One that may be paid for twice counts double.
    pub(super) fn take(&mut self, maybe_paid: bool) -> bool {
        let costs = if maybe_paid { 2.0 } else { 1.0 };
        let is_within = self.0 >= costs;
        if is_within {
            self.0 -= costs;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_long_run_a_tenth_of_the_calls_is_repeated() {
        for (maybe_paid, reserve, later) in [(false, 100, 100), (true, 50, 50)] {
            let mut allowance = Allowance::default();
            let mut repeats = |calls| {
                let mut repeats = 0;
                for _ in 0..calls {
                    allowance.add();
                    // Each of these calls fails all the time.
                    repeats += (0..4).filter(|_| allowance.take(maybe_paid)).count();
                }
                repeats
            };
            assert!((reserve..=reserve + 5).contains(&repeats(30)), "the reserve is used up at once");
            let further = repeats(1000);
            assert!((later - 2..=later + 2).contains(&further), "{further} of 1000");
        }
    }
}
