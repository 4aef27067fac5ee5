//! Which objects of this cluster mean the same organization.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::ResourceExt;

use crate::{
    api::WorkMailOrganization,
    core::{Claimant, Desired, ObjectKey, Region, remembered, winner},
};

/// An alias in a region. AWS knows no difference between upper and lower case.
type Place = (Option<Region>, String);

/// Every object, by the organization it means.
#[derive(Debug, Default)]
pub(super) struct Roster(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    objects: HashMap<ObjectKey, (Place, Claimant)>,
    places: HashMap<Place, BTreeSet<ObjectKey>>,
}

impl Roster {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an object in, or takes note of its change.
    pub(super) fn enter(&self, object: &WorkMailOrganization, default_region: Option<&Region>) {
        let Some(desired) = Desired::parse(object, default_region) else {
            return;
        };
        let (memory, _) = object.status.as_ref().map(remembered).unwrap_or_default();
        let place = (
            memory.region.clone().or_else(|| desired.region.clone()),
            desired.alias.to_ascii_lowercase(),
        );
        let claimant = Claimant {
            object: desired.object.clone(),
            owns: memory.organization_id.is_some() && memory.origin.is_some(),
            pending: memory.pending_create().is_some(),
            created_at: desired.created_at,
        };
        let mut entries = self.entries();
        entries.leave(&desired.object);
        entries
            .places
            .entry(place.clone())
            .or_default()
            .insert(desired.object.clone());
        entries.objects.insert(desired.object, (place, claimant));
    }

    /// Lets an object go; gives those that meant the same organization.
    pub(super) fn leave(&self, object: &ObjectKey) -> Vec<ObjectKey> {
        self.entries().leave(object)
    }

    /// The key that all who know of the object share, so that its texts are held once.
    pub(super) fn shared(&self, object: ObjectKey) -> ObjectKey {
        match self.entries().objects.get_key_value(&object) {
            Some((shared, _)) => shared.clone(),
            None => object,
        }
    }

    /// Whether the object is known.
    pub(super) fn has(&self, object: &ObjectKey) -> bool {
        self.entries().objects.contains_key(object)
    }

    /// The object that works on this one's organization instead of it.
    pub(super) fn rival(&self, object: &ObjectKey) -> Option<ObjectKey> {
        let entries = self.entries();
        let (place, _) = entries.objects.get(object)?;
        let claimants = entries.places.get(place)?;
        winner(
            claimants
                .iter()
                .filter_map(|one| entries.objects.get(one))
                .map(|(_, claimant)| claimant),
        )
        .map(|claimant| claimant.object.clone())
        .filter(|first| first != object)
    }

    /// The objects of a namespace (or all) that are not in `present`.
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
    fn leave(&mut self, object: &ObjectKey) -> Vec<ObjectKey> {
        let Some((place, _)) = self.objects.remove(object) else {
            return Vec::new();
        };
        let Some(others) = self.places.get_mut(&place) else {
            return Vec::new();
        };
        others.remove(object);
        let others: Vec<_> = others.iter().cloned().collect();
        if others.is_empty() {
            self.places.remove(&place);
        }
        others
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
