//! What can be put into an endpoint from outside, and changed behind its clients' backs.

mod credential;
mod directory;
mod domain;
mod organization;
mod shown;

use serde::{Deserialize, Serialize};

pub(crate) use self::shown::Shown;
pub use self::{
    credential::{Credential, Refusal},
    directory::{DirectoryKind, SeedDirectory, SeedZone},
    domain::{SeedDomain, SeedIdentity},
    organization::{OrganizationChange, SeedOrganization, SeedUser, UserRole, UserState},
};

/// A seed or a change that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// An identifier that has not the form of the model.
    #[error("'{0}' is no {1}")]
    Form(String, &'static str),
    /// Something of this name is there already.
    #[error("{0} is there already")]
    Exists(String),
    /// There is no such thing.
    #[error("there is no {0}")]
    Unknown(String),
    /// The service's model has no output with this value.
    #[error("the service cannot show this: {0}")]
    Model(String),
}

/// Everything that is there when an endpoint starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Seeds {
    /// Access keys.
    pub credentials: Vec<Credential>,
    /// Directories, before the organizations that use them.
    pub directories: Vec<SeedDirectory>,
    /// Route 53 hosted zones.
    pub zones: Vec<SeedZone>,
    /// Identities of SES that are verified.
    pub identities: Vec<SeedIdentity>,
    /// Organizations.
    pub organizations: Vec<SeedOrganization>,
}
