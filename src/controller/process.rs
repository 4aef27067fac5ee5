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

use crate::{
    api::Class,
    core::{Desired, ObjectKey, Outcome, Retry},
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
    pub(super) blind_since: Option<Instant>,
    /// When everything was last looked at.
    pub(super) whole_look: Option<Instant>,
    /// The pending create that this process recorded itself, and whether every attempt at it was
    /// answered.
    pub(super) attempts: Option<(Timestamp, bool)>,
    /// A create was asked for, and may have been done.
    pub(super) asked: bool,
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

    /// Reads or changes what is known of an object.
    pub(super) fn with<T>(&self, object: &ObjectKey, change: impl FnOnce(&mut Known) -> T) -> T {
        change(self.known().entry(object.clone()).or_default())
    }

    /// Whether no create can have been done for the object yet: it is younger than this process, which
    /// has asked for none.
    pub(super) fn never_asked(&self, desired: &Desired) -> bool {
        desired.created_at > self.started_at && !self.with(&desired.object, |known| known.asked)
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

    /// Whether domains whose verification is waited for, the youngest for this long, are to be read
    /// again.
    pub(super) fn domains_due(&self, object: &ObjectKey, youngest: Option<Duration>) -> bool {
        let Some(youngest) = youngest else {
            return false;
        };
        let due = self.with(object, |known| {
            *known
                .domains_due
                .get_or_insert(self.started + pace_of_domains(youngest))
        });
        due <= Instant::now()
    }

    /// Says when the domains whose verification is waited for are to be read again; `read`: they were
    /// read just now.
    pub(super) fn plan_domains(
        &self,
        object: &ObjectKey,
        youngest: Option<Duration>,
        read: bool,
    ) -> Option<Duration> {
        self.with(object, |known| {
            let next = youngest.map(|youngest| Instant::now() + pace_of_domains(youngest));
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
        self.with(&desired.object, |known| {
            if desired.finalizer {
                known.finalizer = Finalizer::Held;
            } else if !desired.deleting {
                known.finalizer = Finalizer::Absent;
            }
        });
    }

    /// Whether our own finalizer release let the object go.
    pub(super) fn let_go(&self, object: &ObjectKey) -> bool {
        self.known()
            .get(object)
            .is_some_and(|known| known.finalizer == Finalizer::Released)
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, object: &ObjectKey) -> Option<Known> {
        self.known().remove(object)
    }

    /// When the object's next whole look is due: an interval, spread by 20 % by its UID, after the
    /// last one, or after the start of the process.
    pub(super) fn whole_look_due(&self, object: &ObjectKey, interval: Duration) -> Instant {
        self.with(object, |known| {
            known.whole_look_due(object, self.started, interval)
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
                let due = known.whole_look_due(object, self.started, interval);
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
        if let Some(known) = self.known().get_mut(object) {
            known.resync = Some(place);
        }
    }

    /// A reconcile of the object has ended.
    pub(super) fn resynced(&self, object: &ObjectKey) {
        if let Some(known) = self.known().get_mut(object) {
            known.resync = None;
        }
    }

    /// How long to wait after an outcome. `None`: until something changes.
    pub(super) fn delay(
        &self,
        object: &ObjectKey,
        generation: i64,
        outcome: &Outcome,
    ) -> Option<Duration> {
        let retry = Retry::after(outcome);
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

    /// How long to wait after the Kubernetes API failed.
    pub(super) fn delay_after_error(&self, object: &ObjectKey, generation: i64) -> Duration {
        let times = self.with(object, |known| {
            known.count_class(Class::Transient, generation)
        });
        full_jitter(Duration::from_secs(1), Duration::from_mins(1), times)
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

    fn whole_look_due(&self, object: &ObjectKey, started: Instant, interval: Duration) -> Instant {
        self.whole_look.unwrap_or(started) + spread(&object.uid, interval)
    }

    fn count(&mut self, outcome: &Outcome, generation: i64) -> u32 {
        match outcome {
            Outcome::Failed(failure) => self.count_class(failure.reason.class(), generation),
            Outcome::Searching | Outcome::Unconfirmed => {
                self.count_class(Class::Transient, generation)
            }
            Outcome::Active
            | Outcome::Observed(_)
            | Outcome::AsBefore
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

/// A domain is read again after 4 % of the time since it was registered: DNS changes are seen soon after
/// they are made, and the 72 hours that AWS gives take about 330 calls.
fn pace_of_domains(age: Duration) -> Duration {
    (age / 25).clamp(Duration::from_secs(2), Duration::from_mins(15))
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
    use crate::{api::Reason, core::Failure};

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
            let due = process.whole_look_due(&object, interval) - process.started;
            assert!(
                due >= interval.mul_f64(0.8) && due <= interval.mul_f64(1.2),
                "{due:?}"
            );
        }
    }

    #[test]
    fn a_pending_domain_is_read_at_a_pace_that_fits_72_hours() {
        let (mut age, mut looks) = (Duration::ZERO, 0);
        while age < Duration::from_hours(72) {
            age += pace_of_domains(age);
            looks += 1;
        }
        assert!((300..=450).contains(&looks), "{looks}");
        assert_eq!(pace_of_domains(Duration::ZERO), Duration::from_secs(2));
        assert_eq!(
            pace_of_domains(Duration::from_hours(70)),
            Duration::from_mins(15)
        );
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
