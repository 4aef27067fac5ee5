//! The one observer of a region: it lists the organizations for everybody, and tells whose changed.
//!
//! Nobody polls object by object. Each reconcile ends by saying what it acted on ([`Observer::follow`]);
//! whenever a complete listing shows something else, that object is named on the channel.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Aws, CallError,
    snapshot::{APART, Missing, Snapshot},
};
use crate::core::{
    AccountId, Failure, Listing, ObjectKey, Operation, OrganizationId, Presence, Region, Summary,
    Trouble,
};

/// How often the list is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// While nothing is in transition.
    pub resync: Duration,
    /// Looking may fail this long before objects are told.
    pub blind: Duration,
}

/// A reconcile waits this long for a listing.
const PATIENCE: Duration = Duration::from_secs(30);
/// While something is in transition the next look comes after this part of its age.
const PART_OF_AGE: f64 = 0.04;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Watches the organizations of one region.
#[derive(Debug)]
pub struct Observer {
    region: Region,
    aws: Arc<Aws>,
    timing: Timing,
    state: Mutex<State>,
    /// Counts finished looks, whether they saw anything or not.
    looks: watch::Sender<u64>,
    wake: Notify,
    changed: mpsc::UnboundedSender<ObjectKey>,
}

#[derive(Debug, Default)]
struct State {
    snapshot: Option<Arc<Snapshot>>,
    trouble: Option<Blindness>,
    /// Someone needs a look that was begun no earlier than this.
    demand: Option<Instant>,
    followed: HashMap<ObjectKey, Followed>,
}

/// Why the last look saw nothing.
#[derive(Debug)]
struct Blindness {
    error: CallError,
    since: Instant,
    last: Instant,
    times: u32,
    told: bool,
}

/// One object, and what its last reconcile acted on.
#[derive(Debug)]
struct Followed {
    id: Option<OrganizationId>,
    acted_on: Option<Presence<Summary>>,
    /// It waits for AWS to finish something.
    in_transition: bool,
    /// When what it acted on was first seen.
    since: Instant,
    told: bool,
    id_missing: Missing,
    alias_missing: Missing,
}

impl Observer {
    /// An observer that names changed objects on `changed`. [`Observer::run`] sets it to work.
    #[must_use]
    pub fn new(
        region: Region,
        aws: Arc<Aws>,
        timing: Timing,
        changed: mpsc::UnboundedSender<ObjectKey>,
    ) -> Self {
        Self {
            region,
            aws,
            timing,
            state: Mutex::default(),
            looks: watch::Sender::new(0),
            wake: Notify::new(),
            changed,
        }
    }

    /// This object's part of a complete listing of `account`, begun no earlier than `since`.
    ///
    /// # Errors
    /// It could not be looked; a recent failure is told without another look, unless `fresh`.
    pub async fn listing(
        &self,
        account: &AccountId,
        object: &ObjectKey,
        id: Option<&OrganizationId>,
        alias: &str,
        fresh: bool,
    ) -> Result<Listing, Failure> {
        let asked = Instant::now();
        let since = if fresh {
            asked
        } else {
            asked.checked_sub(self.timing.resync).unwrap_or(asked)
        };
        let looked = timeout(PATIENCE, self.await_look(account, since, asked, fresh)).await;
        let snapshot = looked
            .unwrap_or_else(|_| Err(too_late()))
            .map_err(|error| error.failure(Some(&self.region)))?;
        let mut state = self.state();
        let followed = state
            .followed
            .entry(object.clone())
            .or_insert_with(Followed::new);
        if followed.id.as_ref() != id {
            followed.id = id.cloned();
            followed.id_missing = Missing::default();
        }
        Ok(Listing {
            by_id: id.map(|id| followed.id_missing.look(snapshot.by_id(id), snapshot.begun)),
            by_alias: followed
                .alias_missing
                .look(snapshot.by_alias(alias), snapshot.begun),
            fresh: snapshot.begun >= asked,
        })
    }

    /// Says what a reconcile of the object acted on, and whether it waits for AWS to finish
    /// something: then the list is looked at sooner.
    pub fn follow(
        &self,
        object: &ObjectKey,
        id: &OrganizationId,
        acted_on: Presence<Summary>,
        in_transition: bool,
    ) {
        let mut state = self.state();
        let followed = state
            .followed
            .entry(object.clone())
            .or_insert_with(Followed::new);
        followed.told = false;
        let changed = followed.acted_on.as_ref() != Some(&acted_on)
            || followed.in_transition != in_transition;
        if changed {
            followed.id = Some(id.clone());
            followed.acted_on = Some(acted_on);
            followed.in_transition = in_transition;
            followed.since = Instant::now();
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Forgets an object that is gone, or for which AWS is left alone.
    pub fn forget(&self, object: &ObjectKey) {
        if self.state().followed.remove(object).is_some() {
            self.wake.notify_one();
        }
    }

    /// Since when looking has failed.
    #[must_use]
    pub fn blind_since(&self) -> Option<Instant> {
        self.state().trouble.as_ref().map(|trouble| trouble.since)
    }

    /// Looks whenever it is time to. Never returns.
    pub async fn run(&self) {
        loop {
            let due = self.due();
            tokio::select! {
                () = self.wake.notified() => {}
                () = until(due) => self.look().await,
            }
        }
    }

    async fn await_look(
        &self,
        account: &AccountId,
        since: Instant,
        asked: Instant,
        fresh: bool,
    ) -> Result<Arc<Snapshot>, CallError> {
        let mut looks = self.looks.subscribe();
        loop {
            {
                let mut state = self.state();
                if let Some(snapshot) = state
                    .snapshot
                    .as_ref()
                    .filter(|seen| seen.begun >= since && seen.account == *account)
                {
                    return Ok(snapshot.clone());
                }
                if let Some(trouble) = &state.trouble
                    && (trouble.last >= asked || !fresh && trouble.next() > asked)
                {
                    return Err(trouble.error.clone());
                }
                state.demand = state.demand.max(Some(since));
                // A listing of another account is no listing of this one.
                if state
                    .snapshot
                    .as_ref()
                    .is_some_and(|seen| seen.account != *account)
                {
                    state.demand = Some(asked);
                }
            }
            self.wake.notify_one();
            if looks.changed().await.is_err() {
                return Err(too_late());
            }
        }
    }

    /// When the next look is due; never while it would tell nobody anything.
    fn due(&self) -> Option<Instant> {
        let state = self.state();
        let now = Instant::now();
        let begun = state.snapshot.as_ref().map(|seen| seen.begun);
        if let Some(demand) = state.demand
            && begun.is_none_or(|begun| begun < demand)
        {
            return Some(now);
        }
        if state.followed.values().all(|one| one.id.is_none()) {
            return None;
        }
        if let Some(trouble) = &state.trouble {
            return Some(trouble.next());
        }
        Some(begun? + self.interval(&state, now))
    }

    fn interval(&self, state: &State, now: Instant) -> Duration {
        let youngest = state
            .followed
            .values()
            .filter(|followed| followed.in_transition)
            .map(|followed| now.duration_since(followed.since))
            .min();
        let transition = youngest.map(|age| age.mul_f64(PART_OF_AGE).clamp(SHORTEST, LONGEST));
        let missing = state
            .followed
            .values()
            .any(|followed| {
                matches!(
                    followed.acted_on,
                    Some(Presence::Absent { confirmed: false })
                )
            })
            .then_some(APART);
        // At most a tenth early, never late: a listing must not be older than the interval.
        let resync = self
            .timing
            .resync
            .mul_f64(1.0 - 0.1 * rand::random::<f64>());
        [transition, missing]
            .into_iter()
            .flatten()
            .fold(resync, Duration::min)
    }

    async fn look(&self) {
        let begun = Instant::now();
        let seen = self.list().await;
        {
            let mut state = self.state();
            if state.demand.is_some_and(|demand| demand <= begun) || seen.is_err() {
                state.demand = None;
            }
            match seen {
                Ok(snapshot) => self.publish(&mut state, Arc::new(snapshot)),
                Err(error) => self.note_trouble(&mut state, error),
            }
        }
        self.looks.send_modify(|count| *count += 1);
    }

    async fn list(&self) -> Result<Snapshot, CallError> {
        let session = self.aws.session(&self.region, false).await?;
        let seen = Snapshot::take(
            session.account().clone(),
            &session.organizations(&self.region),
        )
        .await;
        if let Err(error) = &seen {
            tracing::warn!(
                operation = error.operation.as_str(),
                region = %self.region,
                code = error.trouble.label(),
                request_id = error.request_id,
                "the organizations could not be listed"
            );
            if error.failure(None).reason == crate::api::Reason::AccessDenied {
                self.aws.forget(&session).await;
            }
        }
        seen
    }

    fn publish(&self, state: &mut State, snapshot: Arc<Snapshot>) {
        let before = state.snapshot.as_ref().map(|seen| &seen.account);
        if before.is_some_and(|before| *before != snapshot.account) {
            // What one account lacks says nothing of what another has.
            for followed in state.followed.values_mut() {
                followed.id_missing = Missing::default();
                followed.alias_missing = Missing::default();
            }
        }
        // Objects that were told of the blindness are told of its end.
        let recovered = state.trouble.take().is_some_and(|trouble| trouble.told);
        for (object, followed) in &mut state.followed {
            let Some(id) = &followed.id else { continue };
            let now = followed.id_missing.look(snapshot.by_id(id), snapshot.begun);
            let differs = followed
                .acted_on
                .as_ref()
                .is_some_and(|acted_on| *acted_on != now);
            if (differs || recovered) && !followed.told {
                followed.told = true;
                // The receiver is gone only when the operator ends.
                let _ = self.changed.send(object.clone());
            }
        }
        state.snapshot = Some(snapshot);
    }

    fn note_trouble(&self, state: &mut State, error: CallError) {
        let now = Instant::now();
        let trouble = state.trouble.get_or_insert_with(|| Blindness {
            error: error.clone(),
            since: now,
            last: now,
            times: 0,
            told: false,
        });
        trouble.error = error;
        trouble.last = now;
        trouble.times = trouble.times.saturating_add(1);
        if !trouble.told && now.duration_since(trouble.since) >= self.timing.blind {
            trouble.told = true;
            for object in state.followed.keys() {
                let _ = self.changed.send(object.clone());
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listing did not come in the time of a reconcile.
const fn too_late() -> CallError {
    CallError::new(Operation::ListOrganizations, Trouble::TimedOut)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Blindness {
    /// When to look again: 1 s doubling to 60 s.
    fn next(&self) -> Instant {
        let doublings = self.times.saturating_sub(1).min(6);
        self.last + Duration::from_secs(60.min(1 << doublings))
    }
}

impl Followed {
    fn new() -> Self {
        Self {
            id: None,
            acted_on: None,
            in_transition: false,
            since: Instant::now(),
            told: false,
            id_missing: Missing::default(),
            alias_missing: Missing::default(),
        }
    }
}
