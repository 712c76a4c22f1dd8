//! How many calls may be under way at once: more while all goes well, half when Claude asks for patience (AIMD).

use std::time::Duration;

/// So many at the beginning. Fewer would slow down a daemon whose configuration asks for few anyway.
const FIRST: usize = 8;
/// One cut for all that fail together.
const BETWEEN_CUTS: Duration = Duration::from_secs(10);

/// The number of places.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    most: usize,
    /// Successes since it grew last.
    successes: usize,
    cut_at: Option<Duration>,
}

impl Window {
    pub(super) fn up_to(most: usize) -> Self {
        let most = most.max(1);
        Self { size: most.min(FIRST), most, successes: 0, cut_at: None }
    }

    /// So many at most from now on.
    pub(super) fn set_most(&mut self, most: usize) {
        self.most = most.max(1);
        self.size = self.size.min(self.most);
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// A call has succeeded. Until the first cut each makes room for another; from then on a whole window of them.
    pub(super) fn grow(&mut self) {
        self.successes += 1;
        if self.cut_at.is_none() || self.successes >= self.size {
            self.size = (self.size + 1).min(self.most);
            self.successes = 0;
        }
    }

    pub(super) fn cut(&mut self, now: Duration) {
        if self.cut_at.is_none_or(|at| now.saturating_sub(at) >= BETWEEN_CUTS) {
            self.size = (self.size / 2).max(1);
            self.cut_at = Some(now);
        }
        self.successes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_begins_with_what_is_configured_if_that_is_little() {
        for (most, first) in [(0, 1), (1, 1), (2, 2), (8, 8), (50, 8)] {
            assert_eq!(Window::up_to(most).size(), first, "{most}");
        }
    }

    #[test]
    fn it_is_halved_once_for_all_that_fail_together_and_grows_by_one_a_window() {
        let mut window = Window::up_to(20);
        (0..100).for_each(|_| window.grow());
        assert_eq!(window.size(), 20, "never more than is configured");
        let cut = |window: &mut Window, second| {
            window.cut(at(second));
            window.size()
        };
        assert_eq!([0, 3, 9].map(|second| cut(&mut window, second)), [10, 10, 10]);
        assert_eq!([10, 20, 30, 40, 50].map(|second| cut(&mut window, second)), [5, 2, 1, 1, 1]);
        let mut sizes = Vec::new();
        for _ in 0..10 {
            window.grow();
            sizes.push(window.size());
        }
        assert_eq!(sizes, [2, 2, 3, 3, 3, 4, 4, 4, 4, 5]);
    }
}
