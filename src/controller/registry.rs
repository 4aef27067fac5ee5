//! The registry of all objects of this process, and which of them name the same organization.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::ResourceExt;

use super::own_writes::{Seen, written_by_others, written_by_us};
use crate::{
    api::{ConditionType, WorkMailOrganization},
    logic::{
        AccountId, ObjectKey, Region,
        account::Access,
        organization::{Competitor, Desired, Recorded, preferred_over},
    },
};

/// The name of a `WorkMailAccount`; none for the operator's own credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Named(Option<Arc<str>>);

/// The AWS account in which an object works.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    /// This one, by the object's status or by what STS told of its credentials.
    Aws(AccountId),
    /// That of this `WorkMailAccount`, or the operator's own, before STS has told which it is.
    Of(Named),
    /// None: the object may make no call.
    Refused,
}

/// An alias in a region of an account, in lower case, as AWS does not distinguish case. Objects of one organization have
/// one alias: an organization with another alias than the spec's is refused.
type Place = (Whose, Option<Region>, Arc<str>);

/// Every object, by the organization that it names.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    objects: HashMap<ObjectKey, Entry>,
    places: HashMap<Place, Vec<ObjectKey>>,
    /// The AWS accounts of the `WorkMailAccounts`, and of the operator's own credentials.
    accounts: HashMap<Named, AccountId>,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    /// The `WorkMailAccount` that it works with, unless its status names the AWS account.
    account_name: Option<Named>,
    competitor: Competitor,
    seen: Seen,
}

impl Registry {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an object, or records its change. Returns the objects of the same organization for which the
    /// change may decide who works on it.
    pub(super) fn enter(
        &self,
        object: &WorkMailOrganization,
        desired: Desired,
        access: &Access,
    ) -> Vec<ObjectKey> {
        let recorded = object.status.as_ref().map(Recorded::read);
        let recorded = recorded.unwrap_or_default();
        let memory = &recorded.memory;
        let account_name = match (&memory.account, access) {
            (Some(_), _) | (None, Access::Refused(_)) => None,
            (None, Access::OperatorsOwn | Access::Granted { .. }) => {
                Some(Named(access.account_name().map(Arc::from)))
            }
        };
        let mut entries = self.entries();
        let whose = match (&memory.account, &account_name) {
            (Some(account), _) => Whose::Aws(account.clone()),
            (None, Some(name)) => entries.whose(name),
            (None, None) => Whose::Refused,
        };
        let place = (
            whose,
            memory.region.clone().or_else(|| desired.region.clone()),
            desired.alias.to_ascii_lowercase().into(),
        );
        let ready = recorded.condition(ConditionType::Ready);
        let ready = ready.map(|ready| ready.reason.as_str());
        let competitor = Competitor::of(&desired, memory, ready, access);
        if let Some(entry) = entries.objects.get_mut(&desired.object)
            && entry.place == place
        {
            let steps_back = entry.competitor.participation != competitor.participation;
            entry.competitor = competitor;
            entry.account_name = account_name;
            return if steps_back {
                entries.others(&place, &desired.object)
            } else {
                Vec::new()
            };
        }
        let before = entries.objects.get_mut(&desired.object);
        let seen = before.map(|entry| mem::take(&mut entry.seen));
        entries.leave(&desired.object);
        let entry = Entry {
            place,
            account_name,
            competitor,
            seen: seen.unwrap_or_default(),
        };
        entries.insert(desired.object, entry);
        Vec::new()
    }

    /// STS told which AWS account a `WorkMailAccount`, or the operator's own credentials, is of.
    pub(super) fn learn(&self, name: Option<&str>, account: &AccountId) {
        let name = Named(name.map(Arc::from));
        let mut entries = self.entries();
        if entries.accounts.get(&name) == Some(account) {
            return;
        }
        entries.accounts.insert(name.clone(), account.clone());
        let of_it = |entry: &Entry| entry.account_name.as_ref() == Some(&name);
        let moves = entries.objects.iter().filter(|(_, entry)| of_it(entry));
        let moves: Vec<_> = moves.map(|(object, _)| object.clone()).collect();
        for object in moves {
            if let Some(mut entry) = entries.remove(&object) {
                entry.place.0 = Whose::Aws(account.clone());
                entries.insert(object, entry);
            }
        }
    }

    /// Whether somebody else has changed the object since the watch last showed it: then it is
    /// reconciled.
    pub(super) fn is_changed_by_others(&self, object: &WorkMailOrganization) -> bool {
        let (others, ours) = (written_by_others(object), written_by_us(object));
        self.entries()
            .objects
            .get_mut(&key(object))
            .is_none_or(|entry| entry.seen.is_changed_by_others(others, ours))
    }

    /// The operator is about to write this to the object, or the API server has answered a write with it.
    pub(super) fn expect(&self, written: &WorkMailOrganization) {
        let ours = written_by_us(written);
        if let Some(entry) = self.entries().objects.get_mut(&key(written)) {
            entry.seen.expect(ours);
        }
    }

    /// Removes an object. Returns the other objects of the same organization.
    pub(super) fn leave(&self, object: &ObjectKey) -> Vec<ObjectKey> {
        self.entries().leave(object)
    }

    /// Returns the shared key of the object, so that its texts are held once.
    pub(super) fn shared(&self, object: ObjectKey) -> ObjectKey {
        match self.entries().objects.get_key_value(&object) {
            Some((shared, _)) => shared.clone(),
            None => object,
        }
    }

    /// Whether the object is registered.
    pub(super) fn has(&self, object: &ObjectKey) -> bool {
        self.entries().objects.contains_key(object)
    }

    /// Returns the object that works on this one's organization instead of it.
    pub(super) fn competitor(&self, object: &ObjectKey) -> Option<ObjectKey> {
        let entries = self.entries();
        let Entry {
            place, competitor, ..
        } = entries.objects.get(object)?;
        let others = entries.places.get(place)?.iter();
        let others = others.filter_map(|one| entries.objects.get(one));
        preferred_over(competitor, others.map(|entry| &entry.competitor)).cloned()
    }

    /// Returns the objects of a namespace (or of all) that are not in `present`.
    pub(super) fn missing(
        &self,
        namespace: Option<&str>,
        present: &BTreeSet<String>,
    ) -> Vec<ObjectKey> {
        self.entries()
            .objects
            .keys()
            .filter(|object| namespace.is_none_or(|namespace| *object.namespace == *namespace))
            .filter(|object| !present.contains(&*object.uid))
            .cloned()
            .collect()
    }
}

impl Entries {
    fn others(&self, place: &Place, object: &ObjectKey) -> Vec<ObjectKey> {
        let all = self.places.get(place).into_iter().flatten();
        all.filter(|other| *other != object).cloned().collect()
    }

    fn whose(&self, name: &Named) -> Whose {
        let known = self.accounts.get(name).cloned();
        known.map_or_else(|| Whose::Of(name.clone()), Whose::Aws)
    }

    fn insert(&mut self, object: ObjectKey, entry: Entry) {
        // Nearly every place has one object: no room is kept for more.
        self.places
            .entry(entry.place.clone())
            .or_insert_with(|| Vec::with_capacity(1))
            .push(object.clone());
        self.objects.insert(object, entry);
    }

    fn leave(&mut self, object: &ObjectKey) -> Vec<ObjectKey> {
        let entry = self.remove(object);
        entry.map_or_else(Vec::new, |entry| self.others(&entry.place, object))
    }

    fn remove(&mut self, object: &ObjectKey) -> Option<Entry> {
        let entry = self.objects.remove(object)?;
        if let Some(others) = self.places.get_mut(&entry.place) {
            others.retain(|other| other != object);
            if others.is_empty() {
                self.places.remove(&entry.place);
            }
        }
        Some(entry)
    }
}

/// The key of an object as the API server holds it.
pub(super) fn key(object: &WorkMailOrganization) -> ObjectKey {
    ObjectKey {
        namespace: object.namespace().unwrap_or_default().into(),
        name: object.name_any().into(),
        uid: object.uid().unwrap_or_default().into(),
    }
}
