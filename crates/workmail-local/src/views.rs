//! What an endpoint holds, as tests and the control API see it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    seeds::{DirectoryKind, EntityState},
    state::ExportState,
};

/// An organization as it is. Clients may see less of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationView {
    /// The id.
    pub id: String,
    /// The ARN.
    pub arn: String,
    /// The alias.
    pub alias: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The state.
    pub state: String,
    /// The error message.
    pub error_message: Option<String>,
    /// The id of the directory.
    pub directory_id: String,
    /// The default domain.
    pub default_mail_domain: String,
    /// When it became usable.
    pub completed_date: Option<Timestamp>,
    /// Whether interoperability is on.
    pub interoperability_enabled: bool,
    /// The domains, oldest first; the test domain is the first.
    pub domains: Vec<DomainView>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

impl OrganizationView {
    /// Returns one of the domains, by its name in any case.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&DomainView> {
        self.domains
            .iter()
            .find(|domain| domain.domain_name.eq_ignore_ascii_case(name))
    }
}

/// A mail domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainView {
    /// The name.
    pub domain_name: String,
    /// The hosted zone.
    pub hosted_zone_id: Option<String>,
    /// Whether it is the default domain.
    pub is_default: bool,
    /// Whether it came with the organization.
    pub is_test_domain: bool,
    /// `OwnershipVerificationStatus`.
    pub ownership: String,
    /// `DkimVerificationStatus`.
    pub dkim: String,
}

/// The kind of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A user.
    User,
    /// A group.
    Group,
    /// A resource.
    Resource,
}

/// A user, a group or a resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityView {
    /// The id.
    pub id: String,
    /// The kind.
    pub kind: EntityKind,
    /// The name.
    pub name: String,
    /// The primary address.
    pub email: Option<String>,
    /// The other addresses.
    pub aliases: Vec<String>,
    /// The state.
    pub state: EntityState,
    /// When it was enabled for the last time.
    pub enabled_at: Option<Timestamp>,
    /// When it was disabled for the last time.
    pub disabled_at: Option<Timestamp>,
    /// The size of the mailbox in MB.
    pub mailbox_size: f64,
}

/// An export job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportView {
    /// The id.
    pub id: String,
    /// The id of the user or the resource.
    pub entity_id: String,
    /// The description.
    pub description: Option<String>,
    /// The state.
    pub state: ExportState,
    /// The bucket.
    pub bucket: String,
    /// The key of the archive.
    pub key: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// The error.
    pub error_info: Option<String>,
}

/// A session of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// The access key.
    pub access_key: String,
    /// The ARN of the role.
    pub role_arn: String,
    /// The ARN of the session.
    pub arn: String,
    /// The account.
    pub account: String,
    /// The session policy as it was given. It is not evaluated.
    pub policy: Option<String>,
    /// When the session is over, by the clock of the endpoint.
    pub expires_at: Timestamp,
}

/// A directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryView {
    /// The id.
    pub id: String,
    /// The alias.
    pub alias: Option<String>,
    /// The kind.
    pub kind: DirectoryKind,
    /// Whether it was deleted.
    pub deleted: bool,
}
