//! The observers of the listings: one for each AWS account and region in which an object works, for as
//! long as one does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::mpsc, task::AbortHandle};

use crate::{
    aws::{Observer, Session, Timing},
    logic::{AccountId, ObjectKey, Region},
};

/// Where an observer works.
type Place = (AccountId, Region);

/// All observers.
#[derive(Debug)]
pub(super) struct Observers {
    timing: Timing,
    changed: mpsc::UnboundedSender<ObjectKey>,
    working: Mutex<HashMap<Place, Working>>,
}

#[derive(Debug)]
struct Working {
    observer: Arc<Observer>,
    task: AbortHandle,
}

/// Nobody but the map and the task of the observer has it.
const UNUSED: usize = 2;

impl Working {
    /// Whether no object is observed, and no reconcile is about to say that one is.
    fn is_over(&self) -> bool {
        self.observer.is_idle() && Arc::strong_count(&self.observer) <= UNUSED
    }
}

impl Observers {
    /// Observers that name changed objects on `changed`.
    pub(super) fn new(timing: Timing, changed: mpsc::UnboundedSender<ObjectKey>) -> Self {
        Self {
            timing,
            changed,
            working: Mutex::default(),
        }
    }

    fn working(&self) -> MutexGuard<'_, HashMap<Place, Working>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The observer of the account of a session, set to work when it is first asked for.
    pub(super) fn of_session(&self, session: &Session, region: &Region) -> Arc<Observer> {
        let account = session.account();
        let mut working = self.working();
        let entry = working.entry((account.clone(), region.clone()));
        let observer = entry
            .or_insert_with(|| {
                let observer = Arc::new(Observer::new(
                    account.clone(),
                    region.clone(),
                    self.timing,
                    self.changed.clone(),
                ));
                let works = observer.clone();
                let task = tokio::spawn(async move { works.run().await }).abort_handle();
                Working { observer, task }
            })
            .observer
            .clone();
        observer.work_with(session.identity());
        observer
    }

    /// The observer of an account and region, if one works there.
    pub(super) fn get(&self, account: &AccountId, region: &Region) -> Option<Arc<Observer>> {
        let working = self.working();
        let place = (account.clone(), region.clone());
        working.get(&place).map(|working| working.observer.clone())
    }

    /// Forgets an object everywhere but in `keep`. An observer ends with its last object.
    pub(super) fn forget(&self, object: &ObjectKey, keep: Option<(&AccountId, &Region)>) {
        self.working().retain(|(account, region), working| {
            if keep == Some((account, region)) {
                return true;
            }
            working.observer.forget(object);
            let is_over = working.is_over();
            if is_over {
                tracing::info!(%account, %region, "no resource is there any more: its organizations are listed no longer");
                working.task.abort();
            }
            !is_over
        });
    }
}
