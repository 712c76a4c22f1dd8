//! When: the loop, what wakes it, and the one place that decides who runs now.
