//! What an endpoint holds, as it is shown to tests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::seeds::{DirectoryKind, UserRole, UserState};

/// An organization as it is, whatever a client would be shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationView {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its alias.
    pub alias: String,
    /// The account that has it.
    pub account: String,
    /// The region that it is in.
    pub region: String,
    /// Its state.
    pub state: String,
    /// Its error message.
    pub error_message: Option<String>,
    /// Its directory.
    pub directory_id: String,
    /// Its default domain.
    pub default_mail_domain: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it became usable.
    pub completed_date: Option<Timestamp>,
    /// Its `MigrationAdmin`.
    pub migration_admin: Option<String>,
    /// Whether interoperability is on.
    pub interoperability_enabled: bool,
    /// The key that it was created with, which no operation shows.
    pub kms_key_arn: Option<String>,
    /// The client token that it was created with.
    pub client_token: Option<String>,
    /// Its domains, oldest first; the test domain is the first.
    pub domains: Vec<DomainView>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its users, the built-in one aside.
    pub users: Vec<UserView>,
}

impl OrganizationView {
    /// One of its domains, by name without regard to case.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&DomainView> {
        self.domains
            .iter()
            .find(|domain| domain.domain_name.eq_ignore_ascii_case(name))
    }
}

/// A mail domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainView {
    /// Its name.
    pub domain_name: String,
    /// Its hosted zone.
    pub hosted_zone_id: Option<String>,
    /// Whether it is the default.
    pub is_default: bool,
    /// Whether it came with the organization.
    pub is_test_domain: bool,
    /// `OwnershipVerificationStatus`.
    pub ownership: String,
    /// `DkimVerificationStatus`.
    pub dkim: String,
    /// When it was registered, or its organization created.
    pub registered_at: Timestamp,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// Its id.
    pub id: String,
    /// Its user name.
    pub name: String,
    /// Its address.
    pub email: Option<String>,
    /// Its state.
    pub state: UserState,
    /// Its role.
    pub role: UserRole,
}

/// A directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryView {
    /// Its id.
    pub id: String,
    /// The account that has it.
    pub account: String,
    /// The region that it is in.
    pub region: String,
    /// Its alias.
    pub alias: Option<String>,
    /// Its kind.
    pub kind: DirectoryKind,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The organization that uses it.
    pub organization_id: Option<String>,
}
