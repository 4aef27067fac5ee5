//! The clock of an endpoint. Tests can move it forward.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// A clock that never goes back: the wall clock at its start plus a monotonic clock.
///
/// A clone is the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    time: Timestamp,
    /// When `time` was read.
    read_at: Instant,
}

impl Clock {
    /// Returns a clock that shows the present time.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(Reading {
            time: Timestamp::now(),
            read_at: Instant::now(),
        })))
    }

    /// Returns the time of this clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        after(reading.time, reading.read_at.elapsed())
    }

    /// Moves the clock forward by `span`, and returns its new time.
    pub fn advance(&self, span: Duration) -> Timestamp {
        {
            let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            reading.time = after(reading.time, span);
        }
        self.now()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// Returns `time` plus `span`, or the last time that can be represented.
pub(crate) fn after(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// Returns `time` minus `span`, or the first time that can be represented.
pub(crate) fn before(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// Returns a time in the form of ISO 8601, to the second.
pub(crate) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_forward_only_and_its_clones_show_the_same_time() {
        let clock = Clock::system();
        let first = clock.now();
        assert!(clock.now() >= first);
        clock.clone().advance(Duration::from_hours(1));
        assert!(clock.now() >= after(first, Duration::from_hours(1)));
    }

    #[test]
    fn times_stop_at_their_bounds_instead_of_overflowing() {
        let second = Duration::from_secs(1);
        assert_eq!(after(Timestamp::MAX, second), Timestamp::MAX);
        assert_eq!(before(Timestamp::MIN, second), Timestamp::MIN);
    }
}
