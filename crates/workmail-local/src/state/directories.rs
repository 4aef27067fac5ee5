//! Directories, and the aliases that they hold.

use std::collections::HashMap;

use crate::{
    ids::{self, Location, OrganizationId},
    knobs::{AliasReuse, AliasScope, Knobs},
    seeds::DirectoryKind,
    views::DirectoryView,
};

/// A directory. It holds its alias for ever, even after its deletion, if no knob says otherwise.
/// Source: the documentation of CreateAlias of Directory Service.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) id: String,
    pub(crate) location: Location,
    pub(crate) alias: Option<String>,
    pub(crate) kind: DirectoryKind,
    /// The organization that uses it.
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) deleted: bool,
    /// Whether other applications use it too.
    pub(crate) other_applications: bool,
}

impl Directory {
    /// Returns a directory that WorkMail makes for an organization.
    pub(crate) fn of_workmail(
        location: Location,
        alias: String,
        organization: OrganizationId,
    ) -> Self {
        Self {
            id: ids::directory_id(),
            location,
            alias: Some(alias),
            kind: DirectoryKind::WorkMail,
            organization: Some(organization),
            deleted: false,
            other_applications: false,
        }
    }

    pub(crate) fn view(&self) -> DirectoryView {
        DirectoryView {
            id: self.id.clone(),
            alias: self.alias.clone(),
            kind: self.kind,
            deleted: self.deleted,
        }
    }
}

/// All directories, by id and by alias.
#[derive(Debug, Default)]
pub(crate) struct Directories {
    by_id: HashMap<String, Directory>,
    /// Ids of directories by their alias in lower case: aliases are domain names.
    by_alias: HashMap<String, Vec<String>>,
}

impl Directories {
    /// Returns a directory, whether it was deleted or not.
    pub(crate) fn get(&self, id: &str) -> Option<&Directory> {
        self.by_id.get(id)
    }

    /// Returns a directory of a location that was not deleted.
    pub(crate) fn at(&self, id: &str, location: &Location) -> Option<&Directory> {
        self.get(id)
            .filter(|directory| directory.location == *location && !directory.deleted)
    }

    pub(crate) fn add(&mut self, directory: Directory) {
        if let Some(alias) = &directory.alias {
            self.index(alias, &directory.id);
        }
        self.by_id.insert(directory.id.clone(), directory);
    }

    fn index(&mut self, alias: &str, id: &str) {
        let ids = self.by_alias.entry(alias.to_ascii_lowercase()).or_default();
        ids.push(id.to_owned());
    }

    /// Gives a directory to an organization. A directory without an alias gets the organization's.
    pub(crate) fn assign(&mut self, id: &str, organization: OrganizationId, alias: &str) {
        let Some(directory) = self.by_id.get_mut(id) else {
            return;
        };
        directory.organization = Some(organization);
        directory.deleted = false;
        if directory.alias.is_none() {
            directory.alias = Some(alias.to_owned());
            self.index(alias, id);
        }
    }

    /// Takes a directory from its organization, which was deleted, and deletes it if asked for.
    pub(crate) fn release(&mut self, id: &str, delete: bool) {
        if let Some(directory) = self.by_id.get_mut(id) {
            directory.organization = None;
            directory.deleted = delete;
        }
    }

    /// Takes a directory from its organization, and removes it if WorkMail made it.
    pub(crate) fn remove_traces(&mut self, id: &str) {
        self.release(id, false);
        let of_workmail = self
            .by_id
            .get(id)
            .is_some_and(|directory| directory.kind == DirectoryKind::WorkMail);
        if of_workmail {
            let removed = self.by_id.remove(id);
            let alias = removed.and_then(|directory| directory.alias);
            let alias = alias.unwrap_or_default().to_ascii_lowercase();
            if let Some(ids) = self.by_alias.get_mut(&alias) {
                ids.retain(|other| other != id);
            }
        }
    }

    /// Whether a directory other than `own` holds an alias.
    pub(crate) fn is_taken(
        &self,
        alias: &str,
        location: &Location,
        own: Option<&str>,
        knobs: &Knobs,
    ) -> bool {
        let ids = self.by_alias.get(&alias.to_ascii_lowercase());
        ids.into_iter()
            .flatten()
            .filter(|id| own != Some(id.as_str()))
            .filter_map(|id| self.by_id.get(id))
            .filter(|directory| {
                knobs.alias_scope == AliasScope::Global
                    || directory.location.account == location.account
            })
            .any(|directory| {
                knobs.alias_reuse == AliasReuse::Never || directory.organization.is_some()
            })
    }
}
