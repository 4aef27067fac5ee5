//! One organization, and what lies before it.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::Domains;
use crate::{
    ids::{OrganizationId, Place},
    seeds::{SeedUser, UserRole, UserState},
    views::{OrganizationView, UserView},
    words,
};

/// An organization.
#[derive(Clone, Debug)]
pub(crate) struct Organization {
    pub(crate) id: OrganizationId,
    pub(crate) place: Place,
    pub(crate) alias: String,
    /// Its place in the order of creation.
    pub(crate) serial: u64,
    pub(crate) state: String,
    pub(crate) error_message: Option<String>,
    pub(crate) directory_id: String,
    /// WorkMail made the directory, which takes until Creating.
    pub(crate) own_directory: bool,
    pub(crate) created_at: Timestamp,
    /// It was put here from outside: no client has to wait for it to show.
    pub(crate) seeded: bool,
    pub(crate) completed_date: Option<Timestamp>,
    pub(crate) migration_admin: Option<String>,
    pub(crate) interoperability_enabled: bool,
    pub(crate) kms_key_arn: Option<String>,
    pub(crate) client_token: Option<String>,
    pub(crate) domains: Domains,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) users: Vec<User>,
    /// When it became Deleted, if it is.
    pub(crate) deleted_at: Option<Timestamp>,
    /// A deletion was accepted, whether or not the state shows it.
    pub(crate) deletion: Option<Deletion>,
    /// What happens when, in order.
    pub(crate) plan: VecDeque<(Timestamp, Step)>,
}

/// What an accepted deletion takes along.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deletion {
    pub(crate) directory: bool,
}

/// Something that happens by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Another state.
    Enter(&'static str),
    /// The state Failed, with an error message.
    Fail(String),
    /// No trace remains in what clients see.
    Vanish,
}

impl Organization {
    /// Whether a state is Deleted, the end of every other one.
    pub(crate) fn is_deleted(&self) -> bool {
        self.state == words::DELETED
    }

    /// The state as DeleteOrganization takes it, which knows of a deletion before readers do.
    pub(crate) fn state_for_deletion(&self) -> &str {
        let under_way = self.deletion.is_some() && !self.is_deleted();
        if under_way {
            words::DELETING
        } else {
            &self.state
        }
    }

    /// The directory as clients see it: WorkMail has to make its own first.
    pub(crate) fn shown_directory(&self) -> Option<&str> {
        let made = !self.own_directory || self.state != words::REQUESTED;
        made.then_some(self.directory_id.as_str())
    }

    /// The default domain as clients see it.
    pub(crate) fn shown_domain(&self) -> Option<&str> {
        (self.state != words::REQUESTED).then(|| self.domains.default_name())
    }

    /// Whether it keeps its domains from others: it is, or is to be, usable.
    pub(crate) fn holds_domains(&self) -> bool {
        let never_usable = self.state == words::FAILED && self.completed_date.is_none();
        !self.is_deleted() && !never_usable
    }

    /// A user who has an address in a domain.
    pub(crate) fn user_of(&self, domain: &str) -> Option<&User> {
        self.users.iter().find(|user| {
            let address = user
                .email
                .as_deref()
                .and_then(|email| email.split_once('@'));
            user.state != UserState::Deleted
                && address.is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain))
        })
    }

    pub(crate) fn has_enabled_users(&self) -> bool {
        self.users
            .iter()
            .any(|user| user.state == UserState::Enabled)
    }

    pub(crate) fn arn(&self) -> String {
        self.id.arn(&self.place.account, &self.place.region)
    }

    pub(crate) fn view(&self) -> OrganizationView {
        OrganizationView {
            id: self.id.to_string(),
            arn: self.arn(),
            alias: self.alias.clone(),
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            state: self.state.clone(),
            error_message: self.error_message.clone(),
            directory_id: self.directory_id.clone(),
            default_mail_domain: self.domains.default_name().to_owned(),
            created_at: self.created_at,
            completed_date: self.completed_date,
            migration_admin: self.migration_admin.clone(),
            interoperability_enabled: self.interoperability_enabled,
            kms_key_arn: self.kms_key_arn.clone(),
            client_token: self.client_token.clone(),
            domains: self.domains.views(),
            tags: self.tags.clone(),
            users: self.users.iter().map(User::view).collect(),
        }
    }
}

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) state: UserState,
    pub(crate) role: UserRole,
    pub(crate) enabled_date: Option<Timestamp>,
    pub(crate) disabled_date: Option<Timestamp>,
}

impl User {
    pub(crate) fn seeded(seed: SeedUser, domain: &str, now: Timestamp) -> Self {
        let enabled = seed.state == UserState::Enabled;
        Self {
            id: seed.id.unwrap_or_else(crate::ids::uuid),
            email: seed
                .email
                .or_else(|| enabled.then(|| format!("{}@{domain}", seed.name))),
            name: seed.name,
            display_name: seed.display_name,
            state: seed.state,
            role: seed.role,
            enabled_date: seed.enabled_date.or(enabled.then_some(now)),
            disabled_date: seed.disabled_date,
        }
    }

    /// The one that comes with every directory.
    pub(crate) fn built_in(organization: OrganizationId) -> Self {
        Self {
            id: organization.system_user(),
            name: "Guest".to_owned(),
            display_name: None,
            email: None,
            state: UserState::Disabled,
            role: UserRole::SystemUser,
            enabled_date: None,
            disabled_date: None,
        }
    }

    pub(crate) fn view(&self) -> UserView {
        UserView {
            id: self.id.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            state: self.state,
            role: self.role,
        }
    }
}
