//! Organizations and their users.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SeedDomain;
use crate::{ids::ACCOUNT, span::Span, words};

/// An organization that is there without a call. It passes by the rules: a taken alias, a state
/// that no source knows, a full account are all possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedOrganization {
    /// `m-` and 32 hexadecimal digits; without it a random one.
    pub id: Option<String>,
    /// Its alias.
    pub alias: String,
    /// The account that has it.
    pub account: String,
    /// The region that it is in.
    pub region: String,
    /// Its state, in which it stays.
    pub state: String,
    /// Its error message.
    pub error_message: Option<String>,
    /// How long ago it was created, and became usable.
    pub age: Span,
    /// Its domains, `<alias>.awsapps.com` aside, which is always there and can be named here to
    /// change it. Those whose statuses are left out are verified.
    pub domains: Vec<SeedDomain>,
    /// Its default domain; without it `<alias>.awsapps.com`. One that is none of its domains is
    /// added to them, verified.
    pub default_mail_domain: Option<String>,
    /// Its directory, if it is a seeded one.
    pub directory_id: Option<String>,
    /// Its `MigrationAdmin`.
    pub migration_admin: Option<String>,
    /// Whether interoperability is on.
    pub interoperability_enabled: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its users.
    pub users: Vec<SeedUser>,
}

impl Default for SeedOrganization {
    fn default() -> Self {
        Self {
            id: None,
            alias: String::new(),
            account: ACCOUNT.to_owned(),
            region: "us-east-1".to_owned(),
            state: words::ACTIVE.to_owned(),
            error_message: None,
            age: Span::default(),
            domains: Vec::new(),
            default_mail_domain: None,
            directory_id: None,
            migration_admin: None,
            interoperability_enabled: false,
            tags: BTreeMap::new(),
            users: Vec::new(),
        }
    }
}

impl SeedOrganization {
    /// An Active one of the default account in us-east-1.
    #[must_use]
    pub fn new(alias: impl Into<String>) -> Self {
        Self {
            alias: alias.into(),
            ..Self::default()
        }
    }

    /// The same, with a domain.
    #[must_use]
    pub fn with_domain(mut self, domain: SeedDomain) -> Self {
        self.domains.push(domain);
        self
    }

    /// The same, with a default domain.
    #[must_use]
    pub fn with_default_domain(mut self, name: impl Into<String>) -> Self {
        self.default_mail_domain = Some(name.into());
        self
    }
}

/// A user's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum UserState {
    /// Has a mailbox, and keeps an organization from being deleted.
    #[default]
    Enabled,
    /// Has none.
    Disabled,
    /// Is gone.
    Deleted,
}

/// A user's role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserRole {
    /// A person.
    #[default]
    User,
    /// A room or a device.
    Resource,
    /// Built into the directory.
    SystemUser,
    /// Someone whose mailbox is elsewhere.
    RemoteUser,
}

/// A user of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedUser {
    /// Its id; without it a random UUID.
    pub id: Option<String>,
    /// Its user name.
    pub name: String,
    /// Its display name.
    pub display_name: Option<String>,
    /// Its address; without it, and enabled, `<name>@` and the default domain.
    pub email: Option<String>,
    /// Its state.
    pub state: UserState,
    /// Its role.
    pub role: UserRole,
    /// When it was enabled; without it, and enabled, now.
    pub enabled_date: Option<Timestamp>,
    /// When it was disabled.
    pub disabled_date: Option<Timestamp>,
}

impl SeedUser {
    /// An enabled one.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A change of an organization by nobody's call: what a console, another tool or the service
/// itself does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct OrganizationChange {
    /// The state it is in from now on, whatever was under way.
    pub state: Option<String>,
    /// Its error message; a change of state without one removes it.
    pub error_message: Option<String>,
    /// Domains to register or to change.
    pub set_domains: Vec<SeedDomain>,
    /// Names of domains to deregister. Where that is the default, the test domain becomes it.
    pub remove_domains: BTreeSet<String>,
    /// Its default domain, verified or not. One that is none of its domains is added to them,
    /// verified.
    pub default_mail_domain: Option<String>,
    /// Its `MigrationAdmin`.
    pub migration_admin: Option<String>,
    /// Tags to set.
    pub set_tags: BTreeMap<String, String>,
    /// Keys of tags to remove.
    pub remove_tags: BTreeSet<String>,
}

impl OrganizationChange {
    /// To another state.
    #[must_use]
    pub fn state(state: impl Into<String>) -> Self {
        Self {
            state: Some(state.into()),
            ..Self::default()
        }
    }

    /// The same, with an error message.
    #[must_use]
    pub fn error_message(mut self, text: impl Into<String>) -> Self {
        self.error_message = Some(text.into());
        self
    }

    /// The same, with a tag set.
    #[must_use]
    pub fn set_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.set_tags.insert(key.into(), value.into());
        self
    }

    /// The same, with a domain registered or changed.
    #[must_use]
    pub fn set_domain(mut self, domain: SeedDomain) -> Self {
        self.set_domains.push(domain);
        self
    }

    /// The same, with a domain deregistered.
    #[must_use]
    pub fn remove_domain(mut self, name: impl Into<String>) -> Self {
        self.remove_domains.insert(name.into());
        self
    }

    /// The same, with another default domain.
    #[must_use]
    pub fn default_domain(mut self, name: impl Into<String>) -> Self {
        self.default_mail_domain = Some(name.into());
        self
    }

    /// The same, with a tag removed.
    #[must_use]
    pub fn remove_tag(mut self, key: impl Into<String>) -> Self {
        self.remove_tags.insert(key.into());
        self
    }
}
