//! Directories and hosted zones.

use serde::{Deserialize, Serialize};

use crate::ids::{DEFAULT_ACCOUNT, DEFAULT_REGION};

/// A kind of directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryKind {
    /// A directory that WorkMail made for an organization.
    WorkMail,
    /// Simple AD.
    #[default]
    SimpleAd,
    /// AD Connector, which interoperability needs.
    AdConnector,
}

/// A directory of AWS Directory Service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedDirectory {
    /// `d-` and ten hexadecimal digits. Default: random.
    pub id: Option<String>,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The alias. Default: the alias of the first organization on the directory.
    pub alias: Option<String>,
    /// The kind.
    pub kind: DirectoryKind,
    /// Whether other applications use it too: DeleteOrganization cannot delete it.
    pub other_applications: bool,
}

impl Default for SeedDirectory {
    fn default() -> Self {
        Self {
            id: None,
            account: DEFAULT_ACCOUNT.to_owned(),
            region: DEFAULT_REGION.to_owned(),
            alias: None,
            kind: DirectoryKind::default(),
            other_applications: false,
        }
    }
}

/// A hosted zone of Route 53.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedZone {
    /// The id, such as `Z0123456789ABC`.
    pub id: String,
    /// The domain of the zone.
    pub name: String,
    /// The account.
    #[serde(default = "default_account")]
    pub account: String,
}

fn default_account() -> String {
    DEFAULT_ACCOUNT.to_owned()
}
