//! The account's budget: a token bucket. It has no limit until AWS throttles; then it allows half the
//! rate at which that happened, and more again with every answer. While it has a limit, the namespaces share
//! it: none takes the turns of all others.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
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
    turns: Turns,
}

/// The turns to come of each namespace.
#[derive(Debug, Default)]
struct Turns(HashMap<Arc<str>, VecDeque<Instant>>);

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
    /// When the next call may go. Takes the turn, unless it comes later than `patience` (a turn that nobody
    /// uses would put off all that follow), or the namespace has as many turns as it may. Calls that are for
    /// all namespaces belong to none.
    pub(super) fn turn(
        &self,
        now: Instant,
        patience: Duration,
        namespace: Option<&Arc<str>>,
    ) -> Option<Instant> {
        self.with(|bucket| {
            let turn = match &mut bucket.limit {
                None => now,
                Some(limit) => {
                    let all = limit.rate * patience.as_secs_f64();
                    if namespace.is_some_and(|one| !bucket.turns.has_more_for(one, all, now)) {
                        return None;
                    }
                    let turn = now + limit.take(now, patience)?;
                    bucket.turns.add(namespace, turn);
                    turn
                }
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

impl Turns {
    /// Whether a namespace may take one more of all turns that there are within the patience: one part is
    /// left for each other namespace that has turns, and one for the next that comes.
    fn has_more_for(&mut self, namespace: &Arc<str>, all: f64, now: Instant) -> bool {
        self.0.retain(|_, turns| {
            turns.retain(|turn| *turn > now);
            !turns.is_empty()
        });
        let count = |all: usize| f64::from(u32::try_from(all).unwrap_or(u32::MAX));
        let others = self.0.keys().filter(|other| *other != namespace).count();
        let own = self.0.get(namespace).map_or(0, VecDeque::len);
        own == 0 || count(own) + 1.0 <= all / (count(others) + 2.0)
    }

    fn add(&mut self, namespace: Option<&Arc<str>>, turn: Instant) {
        if let Some(namespace) = namespace {
            self.0.entry(namespace.clone()).or_default().push_back(turn);
        }
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
        turn_of(pace, None)
    }

    fn turn_of(pace: &RateLimit, namespace: Option<&str>) -> Option<Duration> {
        let now = Instant::now();
        let namespace = namespace.map(Arc::from);
        pace.turn(now, PATIENCE, namespace.as_ref())
            .map(|turn| turn.duration_since(now))
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_asks_for_everything_gets_its_share_and_no_more() {
        let pace = throttled();
        let mut made = HashMap::new();
        // One asks a hundred times as often as the other; each call that has a turn is made.
        for _ in 0..1000 {
            for namespace in std::iter::repeat_n("greedy", 100).chain(["modest"]) {
                if turn_of(&pace, Some(namespace)).is_some() {
                    *made.entry(namespace).or_insert(0) += 1;
                }
            }
            advance(Duration::from_millis(20)).await;
        }
        // 50 turns a second, for 20 s.
        let (greedy, modest) = (made["greedy"], made["modest"]);
        assert!(modest >= 450, "the other has half: {modest}");
        assert!((450..=700).contains(&greedy), "{greedy}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_alone_gets_everything_and_one_that_comes_waits_for_a_part() {
        let pace = throttled();
        let taken = (0..1000)
            .filter(|_| turn_of(&pace, Some("greedy")).is_some())
            .count();
        assert!((100..=125).contains(&taken), "{taken} of 250");
        let late = turn_of(&pace, Some("late")).unwrap();
        assert!(late <= PATIENCE / 2 + Duration::from_millis(20), "{late:?}");
        advance(PATIENCE).await;
        let mut made = 0;
        for _ in 0..100 {
            made += (0..50)
                .filter(|_| turn_of(&pace, Some("greedy")).is_some())
                .count();
            advance(Duration::from_millis(20)).await;
        }
        assert!(made >= 100, "two seconds at 50 turns a second: {made}");
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
