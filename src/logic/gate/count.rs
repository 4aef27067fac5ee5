//! Which mailboxes count.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{Entity, EntityState, Export, Reading};
use crate::{api::ExportState, logic::schedule::DISABLED_KEPT};

/// A mailbox that has to be exported before the organization is deleted.
#[derive(Clone, Debug)]
pub(super) struct Counted<'a> {
    /// The id of the user or resource; of one that no export has found yet, what its spec calls it.
    pub(super) id: &'a str,
    /// The user or resource, if the directory has it.
    pub(super) entity: Option<&'a Entity>,
    /// The exports that name it.
    pub(super) exports: Vec<&'a Export>,
}

impl Counted<'_> {
    /// What the mailbox is called in messages.
    pub(super) fn label(&self) -> &str {
        let of_export = || self.exports.first().map(|export| export.label());
        let of_entity = self.entity.map(Entity::label);
        of_entity.or_else(of_export).unwrap_or(self.id)
    }

    /// Whether it is gone for good: an export has found so, and the directory does not have it.
    fn is_gone(&self) -> bool {
        let is_gone = |export: &&Export| export.state == Some(ExportState::Gone);
        self.entity.is_none() && self.exports.iter().any(is_gone)
    }
}

/// Returns the mailboxes that count: of users and resources that are enabled or were disabled in the last
/// 30 days, and those that any export names and that are not gone. That everybody is deregistered changes
/// nothing: AWS keeps their mail for 30 days, and exports name them for longer.
pub(super) fn counted<'a>(mailboxes: &'a [Entity], reading: &'a Reading) -> Vec<Counted<'a>> {
    let present = mailboxes
        .iter()
        .filter(|entity| entity.state != EntityState::Deleted);
    let by_id: BTreeMap<&str, &Entity> =
        present.map(|entity| (entity.id.as_str(), entity)).collect();
    let mut all: BTreeMap<&str, Counted<'a>> = by_id
        .values()
        .filter(|entity| has_mail(entity, reading.at))
        .map(|entity| {
            let counted = Counted {
                id: &entity.id,
                entity: Some(*entity),
                exports: Vec::new(),
            };
            (entity.id.as_str(), counted)
        })
        .collect();
    for export in &reading.exports {
        let (id, entity) = named(export, &by_id);
        let counted = all.entry(id).or_insert_with(|| Counted {
            id,
            entity,
            exports: Vec::new(),
        });
        counted.exports.push(export);
    }
    all.retain(|_, counted| !counted.is_gone());
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_cached_key(|counted| counted.label().to_lowercase());
    all
}

/// The user or resource that an export names: by its id, or by what its spec calls it.
fn named<'a>(
    export: &'a Export,
    by_id: &BTreeMap<&str, &'a Entity>,
) -> (&'a str, Option<&'a Entity>) {
    if let Some(id) = &export.entity {
        return (id, by_id.get(id.as_str()).copied());
    }
    let mut entities = by_id.values();
    match entities.find(|entity| entity.is_called(&export.mailbox)) {
        Some(entity) => (&entity.id, Some(*entity)),
        None => (&export.mailbox, None),
    }
}

/// Whether AWS has mail of it: it is enabled, or was disabled less than 30 days ago. A user without a date
/// was never enabled.
fn has_mail(entity: &Entity, at: Timestamp) -> bool {
    match entity.state {
        EntityState::Enabled => true,
        EntityState::Disabled => {
            let kept = SignedDuration::try_from(DISABLED_KEPT).unwrap_or(SignedDuration::MAX);
            entity
                .disabled_at
                .is_some_and(|since| at.duration_since(since) <= kept)
        }
        EntityState::Deleted => false,
    }
}
