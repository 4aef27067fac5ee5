//! What this process keeps of each object beside the memory of its reconciles: what a restart forgets.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{error::Refusal, refusals::Refused};
use crate::{
    logic::{
        Moment, Now, ObjectKey,
        gate::Checks,
        organization::{Desired, Outcome, ProcessMemory},
    },
    metrics::Standing,
};

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

/// What is kept of one object.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What its reconciles remember.
    pub(super) memory: ProcessMemory,
    /// The generation that was last seen, and when it was first seen.
    pub(super) seen: Option<(i64, Instant)>,
    /// The request for a full read that was last seen, and when it was first seen.
    pub(super) requested: Option<(String, Instant)>,
    /// Until when the requests that were fulfilled are paid for, one in every ten seconds.
    pub(super) requests_paid: Option<Instant>,
    /// The request that was last put off.
    pub(super) put_off: Option<String>,
    /// Since when the organization of a pending create is searched for.
    pub(super) search: Option<Instant>,
    /// Its place among the deep resyncs under way.
    resync: Option<OwnedSemaphorePermit>,
    /// What was found of the exports that a deletion waits for.
    pub(super) checks: Checks,
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

/// What is kept of all objects.
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

    /// When this process began to act, by the wall clock.
    pub(super) const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The present. Moments are counted from the start of this process.
    pub(super) fn now(&self) -> Now {
        Now {
            time: Timestamp::now(),
            moment: self.moment(Instant::now()),
        }
    }

    pub(super) fn moment(&self, instant: Instant) -> Moment {
        Moment::after_start(instant.saturating_duration_since(self.started))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ObjectKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to know an object, or records its generation.
    pub(super) fn enter(&self, object: &ObjectKey, generation: i64) {
        let mut known = self.known();
        let known = known.entry(object.clone()).or_default();
        if known.seen.is_none_or(|(seen, _)| seen != generation) {
            known.seen = Some((generation, Instant::now()));
        }
    }

    /// Reads or changes what is kept of an object. Nothing is kept of one that is gone.
    pub(super) fn with<T>(&self, object: &ObjectKey, change: impl FnOnce(&mut Known) -> T) -> T {
        match self.known().get_mut(object) {
            Some(known) => change(known),
            None => change(&mut Known::default()),
        }
    }

    /// Reads or changes what the reconciles of an object remember.
    pub(super) fn with_memory<T>(
        &self,
        object: &ObjectKey,
        change: impl FnOnce(&mut ProcessMemory) -> T,
    ) -> T {
        self.with(object, |known| change(&mut known.memory))
    }

    /// Changes what is kept of an object, unless it is gone.
    pub(super) fn change(&self, object: &ObjectKey, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.known().get_mut(object) {
            change(known);
        }
    }

    /// Records that a version of the object was written over.
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

    /// Records whether our finalizer is on the object, as a reconcile begins.
    pub(super) fn see_finalizer(&self, desired: &Desired) {
        self.change(&desired.object, |known| {
            if desired.finalizer {
                known.finalizer = Finalizer::Held;
            } else if !desired.deleting {
                known.finalizer = Finalizer::Absent;
            }
        });
    }

    /// Forgets what was found of exports, unless the sweep goes on: what is wrong may be right by the next
    /// time. What was right is remembered in status.
    pub(super) fn end_sweep(&self, object: &ObjectKey, outcome: &Outcome) {
        if !outcome.keeps_checks() {
            self.change(object, |known| known.checks.clear());
        }
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, object: &ObjectKey) -> Option<Known> {
        self.known().remove(object)
    }

    /// The objects at rest whose full read is due, the longest due first; and how many objects there
    /// are.
    pub(super) fn to_resync(&self, interval: Duration, now: Moment) -> (Vec<ObjectKey>, usize) {
        let known = self.known();
        let mut due: Vec<_> = known
            .iter()
            .filter(|(_, known)| known.memory.at_rest && known.resync.is_none())
            .map(|(object, known)| {
                let started = Moment::default();
                let due = known.memory.full_read_due(&object.uid, started, interval);
                (due, object)
            })
            .filter(|(due, _)| *due <= now)
            .collect();
        due.sort_unstable();
        let objects = due.into_iter().map(|(_, object)| object.clone()).collect();
        (objects, known.len())
    }

    /// A deep resync of the object begins. It holds its place until a reconcile of the object ends.
    pub(super) fn resync_begins(&self, object: &ObjectKey, place: OwnedSemaphorePermit) {
        self.change(object, |known| known.resync = Some(place));
    }

    /// A reconcile of the object has ended.
    pub(super) fn resync_ends(&self, object: &ObjectKey) {
        self.change(object, |known| known.resync = None);
    }

    /// How long to wait after a reconcile that came to no outcome.
    pub(super) fn delay_without_outcome(&self, object: &ObjectKey, generation: i64) -> Duration {
        self.with_memory(object, |memory| {
            memory.delay_without_outcome(generation, rand::random())
        })
    }

    /// How long to wait after the Kubernetes API refused something that no condition can tell.
    pub(super) fn delay_after_refusal(
        &self,
        object: &ObjectKey,
        generation: i64,
        refusal: &Refusal,
    ) -> Duration {
        let failure = Outcome::Failed(refusal.failure(false, &[]));
        self.with_memory(object, |memory| {
            memory.delay(generation, &failure, rand::random())
        })
        .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    fn object() -> ObjectKey {
        ObjectKey {
            namespace: "mail".into(),
            name: "acme".into(),
            uid: "1".into(),
        }
    }

    #[test]
    fn nothing_is_kept_of_an_object_that_is_gone() {
        let process = Process::new(Timestamp::now());
        process.enter(&object(), 1);
        assert!(process.forget(&object()).is_some());
        process.delay_without_outcome(&object(), 1);
        process.overwrote(&object(), Some("7".to_owned()));
        process.change(&object(), |known| known.drift = 1);
        assert!(process.forget(&object()).is_none());
    }

    #[tokio::test]
    async fn the_place_of_a_resync_comes_back_when_its_object_goes_before_or_after() {
        let process = Process::new(Timestamp::now());
        let places = Arc::new(Semaphore::new(2));
        let place = || places.clone().try_acquire_owned().unwrap();
        process.enter(&object(), 1);
        process.resync_begins(&object(), place());
        process.forget(&object());
        // The reconcile of an object that went meanwhile ends.
        process.with_memory(&object(), |memory| memory.at_rest = true);
        let later = Moment::after_start(Duration::from_hours(1));
        assert!(process.to_resync(Duration::ZERO, later).0.is_empty());
        process.resync_begins(&object(), place());
        assert_eq!(places.available_permits(), 2);
    }
}
