//! The clock that organizations live by. It can be moved forward, or stand still, in tests.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// A clock that never goes back: a wall-clock reading carried on by a monotonic one.
///
/// Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    at: Timestamp,
    /// When `at` was read; `None` while the clock stands still.
    since: Option<Instant>,
}

impl Clock {
    /// A clock that shows the present time and runs.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Timestamp::now(), Some(Instant::now()))
    }

    /// A clock that shows `at` and moves only by [`Clock::advance`].
    #[must_use]
    pub fn standing(at: Timestamp) -> Self {
        Self::new(at, None)
    }

    fn new(at: Timestamp, since: Option<Instant>) -> Self {
        Self(Arc::new(Mutex::new(Reading { at, since })))
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match reading.since {
            Some(since) => after(reading.at, since.elapsed()),
            None => reading.at,
        }
    }

    /// Moves it forward by `span`, and returns the time it then shows.
    pub fn advance(&self, span: Duration) -> Timestamp {
        {
            let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            reading.at = after(reading.at, span);
        }
        self.now()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// `at` plus `span`, or the last representable time.
pub(crate) fn after(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// `at` minus `span`, or the first representable time.
pub(crate) fn before(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_told() {
        let clock = Clock::standing(Timestamp::UNIX_EPOCH);
        let same = clock.clone();
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_mins(1));
        assert_eq!(same.now().as_second(), 60);
    }

    #[test]
    fn a_system_clock_never_goes_back() {
        let clock = Clock::system();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert!(clock.advance(Duration::from_hours(1)) >= after(first, Duration::from_hours(1)));
    }

    #[test]
    fn time_ends_instead_of_overflowing() {
        assert_eq!(
            after(Timestamp::MAX, Duration::from_secs(1)),
            Timestamp::MAX
        );
        assert_eq!(
            before(Timestamp::MIN, Duration::from_secs(1)),
            Timestamp::MIN
        );
    }
}
