//! What this process knows of each object and a restart forgets: backoff, when it was last looked
//! at whole, whether every attempt at a create was answered.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{error::Refusal, reads::Kept, refusals::Refused};
use crate::{
    api::Class,
    logic::{
        ObjectKey, Retry,
        organization::{Desired, Outcome},
    },
    metrics::Standing,
};

/// A slow read comes after this part of its interval at the soonest.
const SOONEST: f64 = 0.8;

/// What became of our finalizer on an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Finalizer {
    /// It is not there.
    #[default]
    Absent,
    /// It is there, or somebody else took it off while the object was being deleted.
    Held,
    /// We took it off, to let the object go.
    Released,
}

/// What is known of one object.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// How often the same class of trouble came in a row, under which generation.
    troubled: Option<(Class, i64, u32)>,
    /// Since when looking has failed.
    pub(super) unreachable_since: Option<Instant>,
    /// The generation that was last seen, and when it was first seen.
    pub(super) seen: Option<(i64, Instant)>,
    /// The request for a full read that was last seen, and when it was first seen.
    pub(super) requested: Option<(String, Instant)>,
    /// Since when the organization of a pending create is searched for.
    pub(super) search: Option<Instant>,
    /// What a reconcile that did not come to its end has read.
    pub(super) kept: Option<Box<Kept>>,
    /// When everything was last looked at.
    pub(super) last_full_read: Option<Instant>,
    /// The pending create that this process recorded itself, and whether every attempt at it was
    /// answered.
    pub(super) attempts: Option<(Timestamp, bool)>,
    /// When an organization of nobody or of somebody else was last tagged as this object's.
    pub(super) claimed: Option<Instant>,
    /// The consent to take over, empty without one, as it was when the object was first seen or when it
    /// was last used.
    consent: Option<String>,
    /// The generation that was last Ready.
    pub(super) in_sync: Option<i64>,
    /// When the domains whose verification is waited for are to be read again.
    domains_due: Option<Instant>,
    /// Nothing but a change or its deep resync makes it be looked at again.
    at_rest: bool,
    /// Its place among the deep resyncs under way.
    resync: Option<OwnedSemaphorePermit>,
    /// When it was first told that the accepted deletion came to nothing, and of which generation.
    pub(super) deletion_failed: Option<(Instant, i64)>,
    /// What became of our finalizer.
    pub(super) finalizer: Finalizer,
    /// The versions of the object that we have written over: seen again, one is stale.
    overwritten: Vec<String>,
    /// What the Kubernetes API refuses.
    pub(super) refused: Refused,
    /// How it is counted in the metrics.
    pub(super) standing: Option<Standing>,
    /// How many of its differences from AWS are counted in the metrics.
    pub(super) drift: i64,
}

/// What is known of all objects.
#[derive(Debug)]
pub(super) struct Process {
    /// Since when this process acts, and no other.
    started: Instant,
    started_at: Timestamp,
    known: Mutex<HashMap<ObjectKey, Known>>,
}

impl Process {
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            started: Instant::now(),
            started_at: since,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ObjectKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to know an object, or takes note of its generation.
    pub(super) fn enter(&self, object: &ObjectKey, generation: i64) {
        let mut known = self.known();
        let known = known.entry(object.clone()).or_default();
        if known.seen.is_none_or(|(seen, _)| seen != generation) {
            known.seen = Some((generation, Instant::now()));
        }
    }

    /// Reads or changes what is known of an object. Nothing is kept of one that is gone.
    pub(super) fn with<T>(&self, object: &ObjectKey, change: impl FnOnce(&mut Known) -> T) -> T {
        match self.known().get_mut(object) {
            Some(known) => change(known),
            None => change(&mut Known::default()),
        }
    }

    /// Changes what is known of an object, unless it is gone.
    pub(super) fn change(&self, object: &ObjectKey, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.known().get_mut(object) {
            change(known);
        }
    }

    /// Whether tags that name the object may be a claim that has not stood its test: one that was made
    /// a moment ago, by this process or the one before it.
    pub(super) fn has_unproven_claim(&self, desired: &Desired) -> bool {
        // What the spec asks for now tells nothing of what the process before did under another. Kept
        // to whole seconds, as the object's time is.
        let is_older = desired.created_at.as_second() < self.started_at.as_second();
        let claimed = self.with(&desired.object, |known| known.claimed);
        let since = claimed.or_else(|| is_older.then_some(self.started));
        since.is_some_and(|since| since.elapsed() < Retry::PROOF)
    }

    /// Whether the consent to take over was not used yet. One that stood there when this process first
    /// saw the object was used, unless the object says that another owner is in its way.
    pub(super) fn has_new_consent(&self, desired: &Desired, in_conflict: bool) -> bool {
        let consent = desired.take_over.as_deref().unwrap_or_default();
        let used = if in_conflict { "" } else { consent };
        self.with(&desired.object, |known| {
            let used = known.consent.get_or_insert_with(|| used.to_owned());
            !consent.is_empty() && used != consent
        })
    }

    /// Takes note that the consent was used, or that there was nothing to use it for.
    pub(super) fn used_consent(&self, desired: &Desired) {
        let consent = Some(desired.take_over.clone().unwrap_or_default());
        self.with(&desired.object, |known| known.consent = consent);
    }

    /// Whether domains whose verification is waited for are to be read again.
    pub(super) fn domains_due(&self, object: &ObjectKey, waiting: Option<Waiting>) -> bool {
        let Some(waiting) = waiting else {
            return false;
        };
        let due = self.with(object, |known| {
            *known
                .domains_due
                .get_or_insert(self.started + waiting.pace())
        });
        due <= Instant::now()
    }

    /// Says when the domains whose verification is waited for are to be read again; `read`: they were
    /// read just now.
    pub(super) fn plan_domains(
        &self,
        object: &ObjectKey,
        waiting: Option<Waiting>,
        read: bool,
    ) -> Option<Duration> {
        self.with(object, |known| {
            let next = waiting.map(|waiting| Instant::now() + waiting.pace());
            known.domains_due = match (next, known.domains_due) {
                (Some(_), Some(due)) if !read => Some(due),
                (next, _) => next,
            };
            known
                .domains_due
                .map(|due| due.saturating_duration_since(Instant::now()))
        })
    }

    /// Takes note that a version of the object was written over.
    pub(super) fn overwrote(&self, object: &ObjectKey, version: Option<String>) {
        self.with(object, |known| known.overwritten.extend(version));
    }

    /// Whether the cache has not caught up with our own writes.
    pub(super) fn is_stale(&self, object: &ObjectKey, version: Option<&str>) -> bool {
        self.with(object, |known| {
            let stale = known
                .overwritten
                .iter()
                .any(|old| Some(old.as_str()) == version);
            if !stale {
                known.overwritten = Vec::new();
            }
            stale
        })
    }

    /// Takes note of our finalizer as a reconcile begins.
    pub(super) fn note_finalizer(&self, desired: &Desired) {
        self.change(&desired.object, |known| {
            if desired.finalizer {
                known.finalizer = Finalizer::Held;
            } else if !desired.deleting {
                known.finalizer = Finalizer::Absent;
            }
        });
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, object: &ObjectKey) -> Option<Known> {
        self.known().remove(object)
    }

    /// When the object's next whole look is due: an interval, spread by 20 % by its UID, after the
    /// last one, or after the start of the process.
    pub(super) fn full_read_due(&self, object: &ObjectKey, interval: Duration) -> Instant {
        self.with(object, |known| {
            known.full_read_due(object, self.started, interval)
        })
    }

    /// The objects at rest whose whole look is due, the longest due first; and how many objects there
    /// are.
    pub(super) fn to_resync(&self, interval: Duration, now: Instant) -> (Vec<ObjectKey>, usize) {
        let known = self.known();
        let mut due: Vec<_> = known
            .iter()
            .filter(|(_, known)| known.at_rest && known.resync.is_none())
            .map(|(object, known)| {
                let due = known.full_read_due(object, self.started, interval);
                (due, object)
            })
            .filter(|(due, _)| *due <= now)
            .collect();
        due.sort_unstable();
        let objects = due.into_iter().map(|(_, object)| object.clone()).collect();
        (objects, known.len())
    }

    /// A deep resync of the object begins. It holds its place until a reconcile of the object ends.
    pub(super) fn resyncs(&self, object: &ObjectKey, place: OwnedSemaphorePermit) {
        self.change(object, |known| known.resync = Some(place));
    }

    /// A reconcile of the object has ended.
    pub(super) fn resynced(&self, object: &ObjectKey) {
        self.change(object, |known| known.resync = None);
    }

    /// How long to wait after an outcome. `None`: until something changes.
    pub(super) fn delay(
        &self,
        object: &ObjectKey,
        generation: i64,
        outcome: &Outcome,
    ) -> Option<Duration> {
        let retry = outcome.retry();
        let times = self.with(object, |known| {
            known.at_rest = retry == Retry::OnChange;
            known.count(outcome, generation)
        });
        match retry {
            Retry::Never | Retry::OnChange => None,
            Retry::In(delay) => Some(delay),
            Retry::Slowly => Some(Retry::SLOW.mul_f64(SOONEST + 0.4 * rand::random::<f64>())),
            Retry::Backoff { first, most } => Some(full_jitter(first, most, times)),
        }
    }

    /// How long to wait after a reconcile that did not come to its end.
    pub(super) fn delay_after_error(&self, object: &ObjectKey, generation: i64) -> Duration {
        let times = self.with(object, |known| {
            known.count_class(Class::Transient, generation)
        });
        full_jitter(Duration::from_secs(1), Duration::from_mins(1), times)
    }

    /// How long to wait after the Kubernetes API refused something that no condition can tell.
    pub(super) fn delay_after_refusal(
        &self,
        object: &ObjectKey,
        generation: i64,
        refusal: &Refusal,
    ) -> Duration {
        let failure = Outcome::Failed(refusal.failure(false, &[]));
        self.delay(object, generation, &failure).unwrap_or_default()
    }
}

impl Known {
    /// Whether a deletion that came to nothing may be asked for again: at the pace of slow reads, and
    /// at once under another spec.
    pub(super) fn may_delete_again(&self, generation: i64) -> bool {
        self.deletion_failed.is_some_and(|(told, under)| {
            under != generation || told.elapsed() >= Retry::SLOW.mul_f64(SOONEST)
        })
    }

    fn full_read_due(&self, object: &ObjectKey, started: Instant, interval: Duration) -> Instant {
        self.last_full_read.unwrap_or(started) + spread(&object.uid, interval)
    }

    fn count(&mut self, outcome: &Outcome, generation: i64) -> u32 {
        match outcome {
            Outcome::Failed(failure) => self.count_class(failure.reason.class(), generation),
            Outcome::Searching | Outcome::Unconfirmed => {
                self.count_class(Class::Transient, generation)
            }
            Outcome::Active
            | Outcome::Observed(_)
            | Outcome::Unchanged
            | Outcome::Claiming
            | Outcome::Progress { .. }
            | Outcome::Suspended
            | Outcome::Ended
            | Outcome::Released(_)
            | Outcome::Gone => {
                self.troubled = None;
                0
            }
        }
    }

    /// How often this class of trouble came before, in a row and under this generation.
    fn count_class(&mut self, class: Class, generation: i64) -> u32 {
        let before = match self.troubled {
            Some((was, under, times)) if was == class && under == generation => times,
            Some(_) | None => 0,
        };
        self.troubled = Some((class, generation, before.saturating_add(1)));
        before
    }
}

/// The domains of one object whose verification is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// How many there are.
    pub(super) count: usize,
    /// How long the youngest has been waited for.
    pub(super) youngest: Duration,
}

impl Waiting {
    /// When they are read again: after 4 % of the time since the youngest was registered, so that DNS
    /// changes are seen soon after they are made and the 72 hours that AWS gives take about 330 calls a
    /// domain; and at most five calls a second, however many there are.
    fn pace(self) -> Duration {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        let least = Duration::from_secs(2).max(Duration::from_millis(200).saturating_mul(count));
        let most = Duration::from_mins(15);
        (self.youngest / 25).clamp(least.min(most), most)
    }
}

/// Anything between nothing and the bound that doubles: retries of many objects spread out.
fn full_jitter(first: Duration, most: Duration, times: u32) -> Duration {
    let bound = first.saturating_mul(1 << times.min(20)).min(most);
    bound.mul_f64(rand::random())
}

/// The interval, 20 % more or less, always the same for the same UID.
fn spread(uid: &str, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    let part =
        f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    interval.mul_f64(0.8 + 0.4 * part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::Reason, logic::Failure};

    fn object() -> ObjectKey {
        ObjectKey {
            namespace: "mail".into(),
            name: "acme".into(),
            uid: "1".into(),
        }
    }

    #[test]
    fn a_backoff_stays_within_its_bound_and_the_bound_doubles_up_to_the_most() {
        let (first, most) = (Duration::from_secs(1), Duration::from_mins(1));
        for (times, bound) in [(0, 1), (1, 2), (5, 32), (6, 60), (40, 60)] {
            assert!(
                (0..100).all(|_| full_jitter(first, most, times) <= Duration::from_secs(bound))
            );
        }
        assert!((0..100).any(|_| full_jitter(first, most, 6) > Duration::from_secs(30)));
    }

    #[test]
    fn trouble_is_counted_by_class_and_starts_anew_with_another_spec_or_a_good_outcome() {
        let mut known = Known::default();
        let throttled = Outcome::Failed(Failure::of(Reason::Throttled, ""));
        let unreachable = Outcome::Failed(Failure::of(Reason::ServiceUnavailable, ""));
        assert_eq!(known.count(&throttled, 1), 0);
        assert_eq!(known.count(&unreachable, 1), 1);
        assert_eq!(known.count(&throttled, 2), 0, "the spec changed");
        assert_eq!(known.count(&throttled, 2), 1);
        known.count(&Outcome::Active, 2);
        assert_eq!(known.count(&throttled, 2), 0, "it was good in between");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deep_resync_comes_within_twenty_percent_of_its_interval_and_never_at_the_start() {
        let process = Process::new(Timestamp::now());
        let interval = Duration::from_hours(1);
        for uid in 0..100 {
            let object = ObjectKey {
                uid: uid.to_string().into(),
                ..object()
            };
            let due = process.full_read_due(&object, interval) - process.started;
            assert!(
                due >= interval.mul_f64(0.8) && due <= interval.mul_f64(1.2),
                "{due:?}"
            );
        }
    }

    #[test]
    fn a_pending_domain_is_read_at_a_pace_that_fits_72_hours() {
        let one = |youngest| Waiting { count: 1, youngest }.pace();
        let (mut age, mut looks) = (Duration::ZERO, 0);
        while age < Duration::from_hours(72) {
            age += one(age);
            looks += 1;
        }
        assert!((300..=450).contains(&looks), "{looks}");
        assert_eq!(one(Duration::ZERO), Duration::from_secs(2));
        assert_eq!(one(Duration::from_hours(70)), Duration::from_mins(15));
    }

    #[test]
    fn many_pending_domains_of_one_object_are_read_at_most_five_times_a_second() {
        let minute = Duration::from_mins(1);
        for count in [1, 10, 11, 100] {
            let (mut age, mut calls) = (Duration::ZERO, 0);
            while age < minute {
                let youngest = age;
                age += Waiting { count, youngest }.pace();
                calls += count;
            }
            assert!(calls <= 300 + count, "{count} domains: {calls} calls");
        }
    }

    #[test]
    fn nothing_is_kept_of_an_object_that_is_gone() {
        let process = Process::new(Timestamp::now());
        process.enter(&object(), 1);
        assert!(process.forget(&object()).is_some());
        let outcome = Outcome::Failed(Failure::of(Reason::Throttled, ""));
        process.delay(&object(), 1, &outcome);
        process.delay_after_error(&object(), 1);
        process.overwrote(&object(), Some("7".to_owned()));
        process.full_read_due(&object(), Duration::from_hours(1));
        process.change(&object(), |known| known.drift = 1);
        assert!(process.forget(&object()).is_none(), "a ghost");
    }

    #[tokio::test]
    async fn the_place_of_a_resync_comes_back_when_its_object_goes_before_or_after() {
        let process = Process::new(Timestamp::now());
        let places = std::sync::Arc::new(tokio::sync::Semaphore::new(2));
        let place = || places.clone().try_acquire_owned().unwrap();
        process.enter(&object(), 1);
        process.resyncs(&object(), place());
        process.forget(&object());
        // The reconcile of an object that went meanwhile ends.
        process.delay(&object(), 1, &Outcome::Active);
        assert!(
            process
                .to_resync(Duration::ZERO, Instant::now())
                .0
                .is_empty()
        );
        process.resyncs(&object(), place());
        assert_eq!(places.available_permits(), 2);
    }

    #[test]
    fn a_terminal_reason_is_looked_at_every_hour_within_twenty_percent() {
        let process = Process::new(Timestamp::now());
        let outcome = Outcome::Failed(Failure::of(Reason::AliasUnavailable, ""));
        let delay = process.delay(&object(), 1, &outcome);
        let minutes = delay.map_or(0, |delay| delay.as_secs() / 60);
        assert!((48..=72).contains(&minutes), "{minutes}");
    }
}
