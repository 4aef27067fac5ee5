//! Time as a value: the logic never reads a clock.

use std::{ops::Add, time::Duration};

use k8s_openapi::jiff::Timestamp;

/// A moment by a clock that never goes back, as the time since a start that all moments of one process
/// share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// Returns the moment that is this long after the start.
    #[must_use]
    pub const fn after_start(time: Duration) -> Self {
        Self(time)
    }

    /// Returns the time from an earlier moment to this one; zero if that one is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// The present, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Now {
    /// By the wall clock, which statuses hold.
    pub time: Timestamp,
    /// By the clock of the process.
    pub moment: Moment,
}

impl Now {
    /// Returns the time since `earlier` by the wall clock; zero if it lies ahead.
    #[must_use]
    pub fn since(&self, earlier: Timestamp) -> Duration {
        Duration::try_from(self.time.duration_since(earlier)).unwrap_or_default()
    }
}
