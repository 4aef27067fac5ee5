//! The account's budget: a token bucket. It has no limit until AWS throttles; then it allows half the
//! rate at which that happened, and more again with every answer.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The rate is measured over this time.
const SPAN: Duration = Duration::from_secs(1);
/// Throttling leaves this part of the rate.
const CUT: f64 = 0.5;
/// The least rate, in calls a second.
const LEAST: f64 = 1.0;
/// As long as AWS answers, each second gives back this part of the rate at which it throttled.
const GAIN: f64 = 0.1;
/// At this many times that rate the limit falls.
const ENOUGH: f64 = 2.0;

/// Spaces the calls of one account.
#[derive(Debug, Default)]
pub(super) struct RateLimit(Mutex<Bucket>);

#[derive(Debug, Default)]
struct Bucket {
    measured: Measured,
    limit: Option<Limit>,
}

/// How many calls were made lately.
#[derive(Debug, Default)]
struct Measured {
    since: Option<Instant>,
    calls: f64,
    before: f64,
}

#[derive(Debug)]
struct Limit {
    /// Calls a second.
    rate: f64,
    /// The rate at which AWS throttled.
    throttled_at: f64,
    /// What a call made now finds; below nothing where later calls have taken their turns.
    tokens: f64,
    filled: Instant,
    /// Calls made before this say nothing of the present rate.
    set: Instant,
}

impl RateLimit {
    /// When the next call may go. Takes the turn, unless it comes later than `patience`: a turn that
    /// nobody uses would put off all that follow.
    pub(super) fn turn(&self, now: Instant, patience: Duration) -> Option<Instant> {
        self.with(|bucket| {
            let turn = match &mut bucket.limit {
                None => now,
                Some(limit) => now + limit.take(now, patience)?,
            };
            bucket.measured.count(now);
            Some(turn)
        })
    }

    /// AWS throttled a call that was made at `begun`.
    pub(super) fn slow_down(&self, begun: Instant, now: Instant) {
        self.with(|bucket| {
            // One answer of those that were under way together is enough.
            if bucket.limit.as_ref().is_some_and(|limit| begun < limit.set) {
                return;
            }
            let throttled_at = match &bucket.limit {
                Some(limit) => limit.rate,
                None => bucket.measured.rate(now),
            };
            bucket.limit = Some(Limit {
                rate: (throttled_at * CUT).max(LEAST),
                throttled_at,
                tokens: 0.0,
                filled: now,
                set: now,
            });
        });
    }

    /// AWS answered.
    pub(super) fn recover(&self) {
        self.with(|bucket| {
            if let Some(limit) = &mut bucket.limit {
                limit.rate += GAIN * limit.throttled_at.max(LEAST) / limit.rate;
                if limit.rate >= ENOUGH * limit.throttled_at {
                    bucket.limit = None;
                }
            }
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Bucket) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Limit {
    /// How long the next call waits. The bucket holds no more than one call: what was not used while
    /// AWS throttled is not made up for.
    fn take(&mut self, now: Instant, patience: Duration) -> Option<Duration> {
        let filled = now.saturating_duration_since(self.filled).as_secs_f64() * self.rate;
        let tokens = (self.tokens + filled).min(1.0);
        let wait = Duration::from_secs_f64(((1.0 - tokens) / self.rate).max(0.0));
        if wait > patience {
            return None;
        }
        self.tokens = tokens - 1.0;
        self.filled = now;
        Some(wait)
    }
}

impl Measured {
    fn count(&mut self, now: Instant) {
        self.turn_over(now);
        self.calls += 1.0;
    }

    fn rate(&mut self, now: Instant) -> f64 {
        self.turn_over(now);
        self.calls.max(self.before) / SPAN.as_secs_f64()
    }

    fn turn_over(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let spans = now.saturating_duration_since(since).as_secs_f64() / SPAN.as_secs_f64();
        if spans >= 1.0 {
            self.before = if spans < 2.0 { self.calls } else { 0.0 };
            self.calls = 0.0;
            self.since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn turn(pace: &RateLimit) -> Option<Duration> {
        let now = Instant::now();
        pace.turn(now, PATIENCE)
            .map(|turn| turn.duration_since(now))
    }

    /// A pace that was throttled at a hundred calls a second.
    fn throttled() -> RateLimit {
        let pace = RateLimit::default();
        (0..100).for_each(|_| assert_eq!(turn(&pace), Some(Duration::ZERO)));
        pace.slow_down(Instant::now(), Instant::now());
        pace
    }

    #[tokio::test(start_paused = true)]
    async fn without_throttling_no_call_waits() {
        let pace = RateLimit::default();
        assert!((0..1000).all(|_| turn(&pace) == Some(Duration::ZERO)));
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_leaves_half_of_the_rate_at_which_it_came() {
        let pace = throttled();
        let waits: Vec<_> = (0..50).filter_map(|_| turn(&pace)).collect();
        assert_eq!(waits.first(), Some(&Duration::from_millis(20)));
        assert_eq!(waits.last(), Some(&Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_were_under_way_together_slow_down_once() {
        let pace = throttled();
        let before = Instant::now();
        advance(Duration::from_millis(1)).await;
        pace.slow_down(Instant::now(), Instant::now());
        for _ in 0..64 {
            pace.slow_down(before, Instant::now());
        }
        assert_eq!(turn(&pace), Some(Duration::from_millis(40)), "a quarter");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_give_the_rate_back_little_by_little_and_then_the_limit_falls() {
        let pace = throttled();
        let began = Instant::now();
        let mut answers = 0;
        while let Some(wait) = turn(&pace).filter(|wait| !wait.is_zero()) {
            advance(wait).await;
            pace.recover();
            answers += 1;
            assert!(answers < 10_000, "it never falls");
        }
        let seconds = began.elapsed().as_secs();
        assert!((10..=20).contains(&seconds), "{seconds} s");
        assert!((0..1000).all(|_| turn(&pace) == Some(Duration::ZERO)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_never_falls_below_one_call_a_second() {
        let pace = throttled();
        for _ in 0..20 {
            advance(Duration::from_millis(1)).await;
            pace.slow_down(Instant::now(), Instant::now());
        }
        assert_eq!(turn(&pace), Some(Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_do_not_wait_for_their_turn_put_nobody_off() {
        let pace = throttled();
        for _ in 0..20 {
            advance(Duration::from_millis(1)).await;
            pace.slow_down(Instant::now(), Instant::now());
        }
        let taken = (0..1000).filter(|_| turn(&pace).is_some()).count();
        assert_eq!(taken, 5, "as many as have their turn within the patience");
        advance(PATIENCE).await;
        assert!(turn(&pace).is_some(), "the next one is soon");
    }
}
