//! Directories, and the aliases that they hold.

use std::collections::HashMap;

use crate::{
    ids::{self, OrganizationId, Place},
    knobs::{AliasReuse, AliasScope},
    seeds::DirectoryKind,
    views::DirectoryView,
};

/// What an organization that was deleted has left of its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// None was deleted: it is in use, or never was.
    Kept,
    /// It was left behind.
    Left,
    /// It was deleted too.
    Deleted,
}

/// A directory. It holds its alias for as long as the knobs say, even deleted.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) alias: Option<String>,
    pub(crate) kind: DirectoryKind,
    /// The organization that uses it.
    pub(crate) user: Option<OrganizationId>,
    pub(crate) standing: Standing,
    pub(crate) in_use: bool,
    pub(crate) unavailable: bool,
    pub(crate) other_applications: bool,
}

impl Directory {
    /// A directory that WorkMail makes for an organization.
    pub(crate) fn own(place: Place, alias: String, user: OrganizationId) -> Self {
        Self {
            id: ids::directory_id(),
            place,
            alias: Some(alias),
            kind: DirectoryKind::WorkMail,
            user: Some(user),
            standing: Standing::Kept,
            in_use: false,
            unavailable: false,
            other_applications: false,
        }
    }

    pub(crate) fn view(&self) -> DirectoryView {
        DirectoryView {
            id: self.id.clone(),
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            alias: self.alias.clone(),
            kind: self.kind,
            deleted: self.standing == Standing::Deleted,
            organization_id: self.user.map(|id| id.to_string()),
        }
    }

    /// Whether it keeps others from its alias.
    fn holds_alias(&self, reuse: AliasReuse) -> bool {
        match reuse {
            AliasReuse::Never => true,
            AliasReuse::AfterDirectoryDeletion => self.standing != Standing::Deleted,
            AliasReuse::AfterDeletion => self.standing == Standing::Kept,
        }
    }
}

/// All directories, by id and by alias.
#[derive(Debug, Default)]
pub(crate) struct Directories {
    by_id: HashMap<String, Directory>,
    /// Lower-case aliases: a domain name knows no case.
    by_alias: HashMap<String, Vec<String>>,
}

impl Directories {
    pub(crate) fn get(&self, id: &str) -> Option<&Directory> {
        self.by_id.get(id)
    }

    /// One that is there for a place.
    pub(crate) fn at(&self, id: &str, place: &Place) -> Option<&Directory> {
        self.get(id).filter(|directory| {
            directory.place == *place && directory.standing != Standing::Deleted
        })
    }

    pub(crate) fn add(&mut self, directory: Directory) {
        if let Some(alias) = &directory.alias {
            self.by_alias
                .entry(alias.to_ascii_lowercase())
                .or_default()
                .push(directory.id.clone());
        }
        self.by_id.insert(directory.id.clone(), directory);
    }

    /// Gives a directory to an organization, and the organization's alias if it has none.
    pub(crate) fn take(&mut self, id: &str, user: OrganizationId, alias: &str) {
        let Some(directory) = self.by_id.get_mut(id) else {
            return;
        };
        directory.user = Some(user);
        directory.standing = Standing::Kept;
        if directory.alias.is_none() {
            directory.alias = Some(alias.to_owned());
            self.by_alias
                .entry(alias.to_ascii_lowercase())
                .or_default()
                .push(id.to_owned());
        }
    }

    /// An organization that used it was deleted, perhaps with it.
    pub(crate) fn leave(&mut self, id: &str, deleted: bool) {
        if let Some(directory) = self.by_id.get_mut(id) {
            directory.user = None;
            directory.standing = if deleted {
                Standing::Deleted
            } else {
                Standing::Left
            };
        }
    }

    /// As if an organization had never used it; its own directory goes along.
    pub(crate) fn forget(&mut self, id: &str) {
        let Some(directory) = self.by_id.get_mut(id) else {
            return;
        };
        directory.user = None;
        if directory.kind != DirectoryKind::WorkMail {
            return;
        }
        let alias = directory
            .alias
            .take()
            .unwrap_or_default()
            .to_ascii_lowercase();
        self.by_id.remove(id);
        if let Some(holders) = self.by_alias.get_mut(&alias) {
            holders.retain(|holder| holder != id);
            if holders.is_empty() {
                self.by_alias.remove(&alias);
            }
        }
    }

    /// Whether another directory than `own` keeps an alias from being taken at a place.
    pub(crate) fn is_taken(
        &self,
        alias: &str,
        place: &Place,
        own: Option<&str>,
        scope: AliasScope,
        reuse: AliasReuse,
    ) -> bool {
        let holders = self.by_alias.get(&alias.to_ascii_lowercase());
        holders
            .into_iter()
            .flatten()
            .filter_map(|id| self.by_id.get(id))
            .any(|directory| {
                let within = match scope {
                    AliasScope::Global => true,
                    AliasScope::Account => directory.place.account == place.account,
                    AliasScope::Region => directory.place == *place,
                };
                within && own != Some(directory.id.as_str()) && directory.holds_alias(reuse)
            })
    }
}
