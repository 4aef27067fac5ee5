//! Organizations.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{SeedDomain, SeedGroup, SeedResource, SeedUser};
use crate::{
    ids::{DEFAULT_ACCOUNT, DEFAULT_REGION},
    span::Span,
    states,
};

/// An organization that exists without a call. The rules of CreateOrganization do not apply: it
/// may have a taken alias, a state that AWS does not document, or be in an account without quota.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedOrganization {
    /// `m-` and 32 hexadecimal digits. Default: random.
    pub id: Option<String>,
    /// The alias.
    pub alias: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The state, which does not change with time. Default Active.
    pub state: String,
    /// The error message.
    pub error_message: Option<String>,
    /// How long ago it was created and became usable.
    pub age: Span,
    /// The domains. `<alias>.awsapps.com` is always one of them.
    pub domains: Vec<SeedDomain>,
    /// The default domain. Default `<alias>.awsapps.com`. If it is not one of the domains, it is
    /// added to them, verified.
    pub default_mail_domain: Option<String>,
    /// The seeded directory of the organization. Default: a directory that WorkMail made.
    pub directory_id: Option<String>,
    /// Whether interoperability is on.
    pub interoperability_enabled: bool,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The users.
    pub users: Vec<SeedUser>,
    /// The groups.
    pub groups: Vec<SeedGroup>,
    /// The resources.
    pub resources: Vec<SeedResource>,
}

impl Default for SeedOrganization {
    fn default() -> Self {
        Self {
            id: None,
            alias: String::new(),
            account: DEFAULT_ACCOUNT.to_owned(),
            region: DEFAULT_REGION.to_owned(),
            state: states::ACTIVE.to_owned(),
            error_message: None,
            age: Span::default(),
            domains: Vec::new(),
            default_mail_domain: None,
            directory_id: None,
            interoperability_enabled: false,
            tags: BTreeMap::new(),
            users: Vec::new(),
            groups: Vec::new(),
            resources: Vec::new(),
        }
    }
}

impl SeedOrganization {
    /// Returns an Active organization of the default account in us-east-1.
    #[must_use]
    pub fn new(alias: impl Into<String>) -> Self {
        Self {
            alias: alias.into(),
            ..Self::default()
        }
    }

    /// Returns the same organization with one more domain.
    #[must_use]
    pub fn with_domain(mut self, domain: SeedDomain) -> Self {
        self.domains.push(domain);
        self
    }

    /// Returns the same organization with a default domain.
    #[must_use]
    pub fn with_default_domain(mut self, name: impl Into<String>) -> Self {
        self.default_mail_domain = Some(name.into());
        self
    }

    /// Returns the same organization with one more user.
    #[must_use]
    pub fn with_user(mut self, user: SeedUser) -> Self {
        self.users.push(user);
        self
    }
}

/// A change of an organization that no call makes: what a console, another tool or the service
/// itself does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct OrganizationChange {
    /// The new state. It does not change with time.
    pub state: Option<String>,
    /// The new error message. A change of the state without one removes it.
    pub error_message: Option<String>,
    /// Domains to register or to change.
    pub set_domains: Vec<SeedDomain>,
    /// Names of domains to deregister. If the default domain is one of them, the test domain
    /// becomes the default domain.
    pub remove_domains: BTreeSet<String>,
    /// The new default domain, verified or not. If it is not one of the domains, it is added to
    /// them, verified.
    pub default_mail_domain: Option<String>,
    /// Tags to set.
    pub set_tags: BTreeMap<String, String>,
    /// Keys of tags to remove.
    pub remove_tags: BTreeSet<String>,
}

impl OrganizationChange {
    /// Returns a change of the state.
    #[must_use]
    pub fn state(state: impl Into<String>) -> Self {
        Self {
            state: Some(state.into()),
            ..Self::default()
        }
    }

    /// Returns the same change with an error message.
    #[must_use]
    pub fn error_message(mut self, text: impl Into<String>) -> Self {
        self.error_message = Some(text.into());
        self
    }

    /// Returns the same change with one more tag to set.
    #[must_use]
    pub fn set_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.set_tags.insert(key.into(), value.into());
        self
    }

    /// Returns the same change with one more tag to remove.
    #[must_use]
    pub fn remove_tag(mut self, key: impl Into<String>) -> Self {
        self.remove_tags.insert(key.into());
        self
    }

    /// Returns the same change with one more domain to register or to change.
    #[must_use]
    pub fn set_domain(mut self, domain: SeedDomain) -> Self {
        self.set_domains.push(domain);
        self
    }

    /// Returns the same change with one more domain to deregister.
    #[must_use]
    pub fn remove_domain(mut self, name: impl Into<String>) -> Self {
        self.remove_domains.insert(name.into());
        self
    }

    /// Returns the same change with a default domain.
    #[must_use]
    pub fn default_domain(mut self, name: impl Into<String>) -> Self {
        self.default_mail_domain = Some(name.into());
        self
    }
}
