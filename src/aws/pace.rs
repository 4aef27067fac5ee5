//! The account's budget: no limit until AWS throttles, then slower, then gradually faster again.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The gap between calls after the first throttling.
const FIRST_GAP: Duration = Duration::from_millis(50);
/// The largest gap.
const WIDEST_GAP: Duration = Duration::from_secs(2);
/// Below this gap the budget is unlimited again.
const NO_GAP: Duration = Duration::from_millis(5);

/// Spaces the calls of one account.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    gap: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// When the next call may go. Takes the turn, unless it comes later than `patience`: a turn that
    /// nobody uses would put off all that follow.
    pub(super) fn turn(&self, now: Instant, patience: Duration) -> Option<Instant> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = state.next.map_or(now, |next| next.max(now));
        if turn > now + patience {
            return None;
        }
        state.next = Some(turn + state.gap);
        Some(turn)
    }

    /// AWS throttled: twice the gap.
    pub(super) fn slow_down(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.gap = (state.gap * 2).clamp(FIRST_GAP, WIDEST_GAP);
    }

    /// AWS answered: a tenth off the gap.
    pub(super) fn recover(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.gap = state.gap * 9 / 10;
        if state.gap < NO_GAP {
            state.gap = Duration::ZERO;
            state.next = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn turn(pace: &Pace, now: Instant) -> Option<Instant> {
        pace.turn(now, PATIENCE)
    }

    #[tokio::test(start_paused = true)]
    async fn without_throttling_no_call_waits() {
        let pace = Pace::default();
        let now = Instant::now();
        assert!((0..1000).all(|_| turn(&pace, now) == Some(now)));
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_spaces_calls_and_answers_bring_them_together_again() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.slow_down();
        pace.slow_down();
        assert_eq!(turn(&pace, now), Some(now));
        assert_eq!(turn(&pace, now), Some(now + 2 * FIRST_GAP));
        (0..100).for_each(|_| pace.recover());
        assert_eq!(turn(&pace, now), Some(now));
        assert_eq!(turn(&pace, now), Some(now));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_do_not_wait_for_their_turn_put_nobody_off() {
        let pace = Pace::default();
        let now = Instant::now();
        (0..10).for_each(|_| pace.slow_down());
        let taken = (0..1000).filter(|_| turn(&pace, now).is_some()).count();
        assert!(taken < 10, "{taken} turns fit");
        let later = now + PATIENCE + WIDEST_GAP;
        assert!(turn(&pace, later).is_some(), "the next one is soon");
    }
}
