//! The one observer of a region: it lists the organizations for everybody, and tells whose changed.
//!
//! Nobody polls object by object. Each reconcile ends by saying what it acted on ([`Observer::follow`]);
//! whenever a complete listing shows something else, that object is named on the channel.

mod state;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

use self::state::{Followed, State};
use super::{
    Aws, CallError,
    snapshot::{Missing, Snapshot},
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
            // Whether there is anything to look for has changed, and so when to look.
            self.wake.notify_one();
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
        if followed.act_on(id, acted_on, in_transition) {
            drop(state);
            self.wake.notify_one();
        }
    }

    /// A create of the object's alias may have been done: that the alias was missing before says
    /// nothing any more.
    pub fn may_appear(&self, object: &ObjectKey) {
        if let Some(followed) = self.state().followed.get_mut(object) {
            followed.alias_missing = Missing::default();
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
            let due = self.state().due(self.timing, Instant::now());
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

    async fn look(&self) {
        let begun = Instant::now();
        let seen = self.list().await;
        {
            let mut state = self.state();
            if state.demand.is_some_and(|demand| demand <= begun) || seen.is_err() {
                state.demand = None;
            }
            let to_tell = match seen {
                Ok(snapshot) => state.see(Arc::new(snapshot)),
                Err(error) => state.see_nothing(error, self.timing.blind, Instant::now()),
            };
            for object in to_tell {
                // The receiver is gone only when the operator ends.
                let _ = self.changed.send(object);
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
                detail = error.detail,
                "the organizations could not be listed"
            );
            if error.failure(None).reason == crate::api::Reason::AccessDenied {
                self.aws.forget(&session).await;
            }
        }
        seen
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
