//! What tests and users put into an endpoint, and change in it without a call of the service.

mod credential;
mod directory;
mod domain;
mod entity;
mod organization;
mod role;
mod shown;

use serde::Deserialize;

pub(crate) use self::shown::{Shown, check_entity};
pub use self::{
    credential::{Credential, Refusal},
    directory::{DirectoryKind, SeedDirectory, SeedZone},
    domain::SeedDomain,
    entity::{
        EntityChange, EntityState, ResourceType, SeedGroup, SeedResource, SeedUser, UserRole,
    },
    organization::{OrganizationChange, SeedOrganization},
    role::{Metadata, SeedRole},
};

/// A seed or a change that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// An identifier does not have the form of the model.
    #[error("'{0}' is not a valid {1}")]
    Form(String, &'static str),
    /// Something with this name exists already.
    #[error("{0} exists already")]
    Exists(String),
    /// Nothing has this name.
    #[error("{0} does not exist")]
    Unknown(String),
    /// The service's model has no output with this value.
    #[error("the service cannot show this: {0}")]
    Model(String),
}

/// Everything that exists when an endpoint starts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Seeds {
    /// Access keys.
    pub credentials: Vec<Credential>,
    /// Roles of IAM.
    pub roles: Vec<SeedRole>,
    /// The roles of the metadata endpoints.
    pub metadata: Metadata,
    /// Directories. They are created before the organizations.
    pub directories: Vec<SeedDirectory>,
    /// Hosted zones of Route 53.
    pub zones: Vec<SeedZone>,
    /// Organizations.
    pub organizations: Vec<SeedOrganization>,
}
