//! The one observer of a region: it lists the organizations for everybody, and tells whose changed.
//!
//! Nobody polls object by object. Each reconcile ends by saying what it acted on ([`Observer::follow`]);
//! whenever a complete listing shows something else, that object is named on the channel.

mod listing_state;
mod sources;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

pub use self::listing_state::{ListingState, Wanted};
use self::{
    listing_state::{Read, Reply},
    sources::{NoSession, Sources},
};
use super::{CallError, Identity, Session, snapshot::Snapshot};
use crate::logic::{
    AccountId, ErrorKind, Failure, ObjectKey, Operation, OrganizationId, Region,
    organization::{Listing, Presence, Reading, Summary},
};

/// How often the list is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// While nothing is in transition.
    pub resync: Duration,
    /// Looking may fail this long before objects are told.
    pub unreachable: Duration,
}

/// A reconcile waits this long for a listing.
const PATIENCE: Duration = Duration::from_secs(30);
/// A look at single organizations waits this long for each: others are waiting, too.
const EACH: Duration = Duration::from_secs(3);
/// As many organizations are looked at at once.
const AT_ONCE: usize = 8;

/// What a reconcile wants to know.
#[derive(Debug)]
struct Question<'a> {
    account: &'a AccountId,
    object: &'a ObjectKey,
    id: Option<&'a OrganizationId>,
    alias: &'a str,
    /// When what is looked for may have been made: a listing begun before does not miss it.
    made: Option<Instant>,
    /// A listing begun before this will not do, nor a failure.
    since: Instant,
    /// A listing begun since then is fresh.
    fresh_since: Instant,
    asked: Instant,
}

/// How recent a listing has to be.
#[derive(Clone, Copy, Debug)]
pub struct Recency {
    /// A listing begun since then is fresh.
    pub fresh_since: Instant,
    /// Whether only a fresh one will do.
    pub fresh: bool,
    /// When what is looked for may have been made, if it is known: a listing begun before does not miss
    /// it.
    pub made: Option<Instant>,
}

/// Watches the organizations of one account and region.
#[derive(Debug)]
pub struct Observer {
    region: Region,
    sources: Sources,
    timing: Timing,
    listing_state: Mutex<ListingState>,
    /// Counts finished looks, whether they saw anything or not.
    looks: watch::Sender<u64>,
    wake: Notify,
    changed: mpsc::UnboundedSender<ObjectKey>,
}

impl Observer {
    /// An observer that names changed objects on `changed`. [`Observer::run`] sets it to work.
    #[must_use]
    pub fn new(
        account: AccountId,
        region: Region,
        timing: Timing,
        changed: mpsc::UnboundedSender<ObjectKey>,
    ) -> Self {
        Self {
            region,
            sources: Sources::new(account),
            timing,
            listing_state: Mutex::default(),
            looks: watch::Sender::new(0),
            wake: Notify::new(),
            changed,
        }
    }

    /// Lists with these credentials, too.
    pub fn work_with(&self, identity: &Arc<Identity>) {
        self.sources.add(identity);
    }

    /// Whether no object is observed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.listing_state().is_idle()
    }

    /// Returns this object's part of a complete listing of `account`: at most one resync interval old,
    /// and fresh if it has to be. All who wait for a listing are served by one.
    ///
    /// # Errors
    /// The listing could not be read. A failure that is as recent as the listing has to be is told
    /// without another call until the next one is due.
    pub async fn listing(
        &self,
        account: &AccountId,
        object: &ObjectKey,
        id: Option<&OrganizationId>,
        alias: &str,
        recency: Recency,
    ) -> Result<Listing, Failure> {
        let Recency {
            fresh_since,
            fresh,
            made,
        } = recency;
        let asked = Instant::now();
        let oldest = asked.checked_sub(self.timing.resync).unwrap_or(asked);
        let question = Question {
            account,
            object,
            id,
            alias,
            made,
            since: if fresh {
                oldest.max(fresh_since)
            } else {
                oldest
            },
            fresh_since,
            asked,
        };
        timeout(PATIENCE, self.answer(&question))
            .await
            .unwrap_or_else(|_| Err(too_late()))
            .map_err(|error| error.failure(Some(&self.region), &[]))
    }

    async fn answer(&self, question: &Question<'_>) -> Result<Listing, CallError> {
        let mut looks = self.looks.subscribe();
        loop {
            let reply = self.listing_state().ask(question);
            match reply {
                Reply::Seen(listing) => return Ok(listing),
                Reply::ReadFailed(error) => return Err(error),
                Reply::NotYet => self.wake.notify_one(),
            }
            if looks.changed().await.is_err() {
                return Err(too_late());
            }
        }
    }

    /// Says what a reconcile of the object acted on, and whether it waits for AWS to finish
    /// something: then it is looked at sooner.
    pub fn follow(
        &self,
        object: &ObjectKey,
        id: &OrganizationId,
        acted_on: Presence<Summary>,
        in_transition: bool,
    ) {
        let news = self
            .listing_state()
            .follow(object, id, acted_on, in_transition);
        if news {
            self.wake.notify_one();
        }
    }

    /// Says what a reconcile of an object without an organization of its own has found; the object is
    /// named once a listing shows something else.
    pub fn wait_for(&self, object: &ObjectKey, wanted: Wanted, found: Option<Summary>) {
        let differs = self.listing_state().wait_for(object, wanted, found);
        if differs {
            // The receiver is gone only when the operator ends.
            let _ = self.changed.send(object.clone());
        }
        self.wake.notify_one();
    }

    /// A create of the object is about to be asked for, or may have been done: that nothing was listed
    /// before says nothing of it.
    pub fn may_appear(&self, object: &ObjectKey) {
        self.listing_state().may_appear(object);
    }

    /// AWS has just accepted the deletion of the object's organization: only reads that are begun from
    /// now on tell whether it comes to nothing.
    pub fn deletion_accepted(&self, object: &ObjectKey) {
        self.listing_state().deletion_accepted(object);
    }

    /// The deletion of the object's organization was accepted before, by this process or another.
    pub fn expect_deletion(&self, object: &ObjectKey) {
        self.listing_state().expect_deletion(object);
    }

    /// Forgets an object that is gone, or for which AWS is left alone.
    pub fn forget(&self, object: &ObjectKey) {
        let known = self.listing_state().forget(object);
        if known {
            self.wake.notify_one();
        }
    }

    /// Since when looking has failed.
    #[must_use]
    pub fn unreachable_since(&self) -> Option<Instant> {
        self.listing_state().unreachable_since()
    }

    /// Looks whenever it is time to. Never returns.
    pub async fn run(&self) {
        loop {
            let due = self.listing_state().due(Instant::now());
            tokio::select! {
                () = self.wake.notified() => {}
                () = until(due) => self.look().await,
            }
        }
    }

    async fn look(&self) {
        let plan = self.listing_state().plan(Instant::now());
        let to_tell = match plan {
            Read::List => self.read_list().await,
            Read::Each(ids) => self.read_each(ids).await,
        };
        for object in to_tell {
            // The receiver is gone only when the operator ends.
            let _ = self.changed.send(object);
        }
        self.looks.send_modify(|count| *count += 1);
    }

    async fn read_list(&self) -> Vec<ObjectKey> {
        match self.list().await {
            Ok(snapshot) => self.listing_state().see(snapshot, self.timing),
            Err(NoSession { error, of_another }) => {
                // What the organizations are is not known any more, and will not be soon.
                let unreachable = if of_another {
                    Duration::ZERO
                } else {
                    self.timing.unreachable
                };
                self.listing_state()
                    .apply_failure(error, unreachable, Instant::now())
            }
        }
    }

    /// Lists with the first credentials that may.
    async fn list(&self) -> Result<Snapshot, NoSession> {
        let mut left = self.sources.count();
        loop {
            let session = self.sources.session().await?;
            let organizations = session.organizations(&self.region);
            let error = match Snapshot::take(self.sources.account().clone(), &organizations).await {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) => error,
            };
            self.report_failed_read(&error, &session);
            left = left.saturating_sub(1);
            let is_refused = matches!(error.trouble, ErrorKind::Refused { .. });
            if is_refused {
                self.sources.put_last(session.identity());
            }
            if !is_refused || left == 0 {
                return Err(NoSession {
                    error,
                    of_another: false,
                });
            }
        }
    }

    /// Describes organizations one by one. Nothing is concluded from one that cannot be described or
    /// is absent: the list decides.
    async fn read_each(&self, ids: Vec<OrganizationId>) -> Vec<ObjectKey> {
        let begun = Instant::now();
        let (mut rows, wanted) = (Vec::new(), ids.len());
        if let Ok(session) = self.sources.session().await {
            let organizations = session.organizations(&self.region).within(EACH);
            let looks = ids.into_iter().map(|id| {
                let organizations = organizations.clone();
                async move { organizations.describe(&id).await }
            });
            let mut seen = stream::iter(looks).buffer_unordered(AT_ONCE);
            while let Some(seen) = seen.next().await {
                match seen {
                    Ok(Reading::Seen(organization)) => rows.push(organization.summary),
                    Ok(Reading::Absent | Reading::NotRead) => {}
                    Err(error) => self.report_failed_read(&error, &session),
                }
            }
        }
        let mut listing_state = self.listing_state();
        if rows.len() < wanted {
            listing_state.prefer_list_until(begun + self.timing.resync);
        }
        listing_state.apply_descriptions(rows, begun)
    }

    fn report_failed_read(&self, error: &CallError, session: &Session) {
        tracing::warn!(
            operation = error.operation.as_str(),
            region = %self.region,
            code = error.trouble.label(),
            request_id = error.request_id,
            detail = error.detail,
            "the organizations could not be listed"
        );
        session.failed(error, &self.region);
    }

    fn listing_state(&self) -> MutexGuard<'_, ListingState> {
        self.listing_state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listing did not come in the time of a reconcile.
const fn too_late() -> CallError {
    CallError::new(Operation::ListOrganizations, ErrorKind::TimedOut)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
