//! One organization.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::{Domains, Entities, Exports};
use crate::{
    ids::{Location, OrganizationId},
    states,
    views::OrganizationView,
};

/// An organization.
#[derive(Clone, Debug)]
pub(crate) struct Organization {
    pub(crate) id: OrganizationId,
    pub(crate) location: Location,
    pub(crate) alias: String,
    /// The number in the order of creation.
    pub(crate) serial: u64,
    pub(crate) state: String,
    pub(crate) error_message: Option<String>,
    pub(crate) directory_id: String,
    /// Whether WorkMail makes the directory, which takes until Creating.
    pub(crate) makes_directory: bool,
    pub(crate) created_at: Timestamp,
    /// Whether it was seeded. Clients see a seeded organization without delay.
    pub(crate) seeded: bool,
    pub(crate) completed_date: Option<Timestamp>,
    pub(crate) interoperability_enabled: bool,
    pub(crate) domains: Domains,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) entities: Entities,
    pub(crate) exports: Exports,
    /// Whether a deletion that was accepted deletes the directory too. `None` without a deletion.
    /// The state may not show the deletion yet.
    pub(crate) accepted_deletion: Option<bool>,
    /// The next steps in order.
    pub(crate) plan: VecDeque<(Timestamp, Step)>,
}

/// A change that happens with time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Another state.
    Enter(&'static str),
    /// The state Failed with an error message.
    Fail(String),
    /// Clients see the organization no longer.
    Vanish,
}

impl Organization {
    pub(crate) fn is_deleted(&self) -> bool {
        self.state == states::DELETED
    }

    /// Returns the state that DeleteOrganization sees, which may be ahead of what readers see.
    pub(crate) fn state_for_deletion(&self) -> &str {
        if self.accepted_deletion.is_some() && !self.is_deleted() {
            states::DELETING
        } else {
            &self.state
        }
    }

    /// Returns the directory as clients see it.
    pub(crate) fn shown_directory(&self) -> Option<&str> {
        let made = !self.makes_directory || self.state != states::REQUESTED;
        made.then_some(self.directory_id.as_str())
    }

    /// Returns the default domain as clients see it.
    pub(crate) fn shown_default_domain(&self) -> Option<&str> {
        (self.state != states::REQUESTED).then(|| self.domains.default_name())
    }

    /// Whether no other organization can have its domains: it is usable, or may become so.
    pub(crate) fn holds_domains(&self) -> bool {
        let never_usable = self.state == states::FAILED && self.completed_date.is_none();
        !self.is_deleted() && !never_usable
    }

    pub(crate) fn arn(&self) -> String {
        self.id.arn(&self.location)
    }

    pub(crate) fn view(&self) -> OrganizationView {
        OrganizationView {
            id: self.id.to_string(),
            arn: self.arn(),
            alias: self.alias.clone(),
            account: self.location.account.clone(),
            region: self.location.region.clone(),
            state: self.state.clone(),
            error_message: self.error_message.clone(),
            directory_id: self.directory_id.clone(),
            default_mail_domain: self.domains.default_name().to_owned(),
            completed_date: self.completed_date,
            interoperability_enabled: self.interoperability_enabled,
            domains: self.domains.views(),
            tags: self.tags.clone(),
        }
    }
}
