//! Which objects wait for a mail domain that another organization has.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Context;
use crate::{
    api::Reason,
    logic::{
        AccountId, ObjectKey, Region,
        organization::{Answer, Call, Outcome, Release, Shown, View},
    },
};

/// A mail domain, in the account and region where an object asks for it.
type Place = (AccountId, Region, String);

/// Those who wait, by what they wait for.
#[derive(Debug, Default)]
pub(super) struct DomainWaits(Mutex<HashMap<Place, BTreeSet<ObjectKey>>>);

impl DomainWaits {
    fn waits(&self) -> MutexGuard<'_, HashMap<Place, BTreeSet<ObjectKey>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object is about to ask for a domain. Recorded before the call, so that a domain that becomes
    /// free while AWS answers is not missed.
    pub(super) fn ask(&self, view: &View, domain: &str) {
        if let Some(place) = place(view, domain) {
            let object = view.desired.object.clone();
            self.waits().entry(place).or_default().insert(object);
        }
    }

    /// An object does not wait for a domain any more.
    pub(super) fn stop(&self, view: &View, domain: &str) {
        let Some(place) = place(view, domain) else {
            return;
        };
        let mut waits = self.waits();
        if let Some(objects) = waits.get_mut(&place) {
            objects.remove(&view.desired.object);
            if objects.is_empty() {
                waits.remove(&place);
            }
        }
    }

    /// An object has given up a domain. Returns the objects that wait for it.
    pub(super) fn domain_is_free(&self, view: &View, domain: &str) -> Vec<ObjectKey> {
        let objects = place(view, domain).and_then(|place| self.waits().remove(&place));
        let others = objects.into_iter().flatten();
        others.filter(|one| *one != view.desired.object).collect()
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, object: &ObjectKey) {
        self.waits().retain(|_, objects| {
            objects.remove(object);
            !objects.is_empty()
        });
    }
}

impl Context {
    /// A call is about to be made: its object waits for the domains that the call asks for.
    pub(super) fn wait_for_domains(&self, view: &View, call: &Call) {
        for domain in asked_for(call) {
            self.domain_waits.ask(view, domain);
        }
    }

    /// A call was answered: its object waits no longer, unless another organization has the domain.
    pub(super) fn wait_no_longer(&self, view: &View, call: &Call, answer: &Answer) {
        if let (Call::Deregister { domain, .. }, Answer::Deregistered(_)) = (call, answer) {
            self.domain_is_free(view, domain);
        }
        if matches!(answer, Answer::Refused(failure) if failure.reason == Reason::DomainInUse) {
            return;
        }
        for domain in asked_for(call) {
            self.domain_waits.stop(view, domain);
        }
    }

    /// Reconciles the objects that wait for a mail domain which this object's organization had before
    /// its reconcile and has no more.
    pub(super) fn wake_for_free_domains(
        &self,
        view: &View,
        outcome: &Outcome,
        before: &BTreeSet<String>,
    ) {
        let is_deleted = matches!(outcome, Outcome::Released(Release::Deleted { .. }));
        let now = domains_of(&view.shown);
        for name in before {
            if is_deleted || !now.contains(name) {
                self.domain_is_free(view, name);
            }
        }
    }
}

/// The names of the mail domains that AWS was seen to have.
pub(super) fn domains_of(shown: &Shown) -> BTreeSet<String> {
    let all = shown.domains.iter();
    all.filter(|(_, shown)| shown.domain.is_some())
        .map(|(name, _)| name.clone())
        .collect()
}

/// The domains that a call asks for.
fn asked_for(call: &Call) -> Vec<&str> {
    match call {
        Call::Register { domain, .. } => vec![domain],
        Call::Create { input, .. } => {
            let domains = input.domains.iter();
            domains.map(|domain| domain.domain_name.as_str()).collect()
        }
        Call::Tag { .. }
        | Call::Untag { .. }
        | Call::SetDefault { .. }
        | Call::Deregister { .. }
        | Call::Delete(_) => Vec::new(),
    }
}

fn place(view: &View, domain: &str) -> Option<Place> {
    let account = view.observed.account.clone()?;
    Some((account, view.region()?.clone(), domain.to_owned()))
}
