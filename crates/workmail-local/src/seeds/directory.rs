//! Directories and hosted zones.

use serde::{Deserialize, Serialize};

use crate::ids::ACCOUNT;

/// A kind of directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryKind {
    /// One that WorkMail made for an organization.
    WorkMail,
    /// Simple AD.
    #[default]
    SimpleAd,
    /// AWS Managed Microsoft AD.
    ManagedAd,
    /// AD Connector, which interoperability needs.
    AdConnector,
}

/// A directory of AWS Directory Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedDirectory {
    /// `d-` and ten hexadecimal digits; without it a random one.
    pub id: Option<String>,
    /// The account that has it.
    pub account: String,
    /// The region that it is in.
    pub region: String,
    /// Its alias; without it the first organization on it gives it one.
    pub alias: Option<String>,
    /// Its kind.
    pub kind: DirectoryKind,
    /// Another organization, which is not shown, uses it: `DirectoryInUseException`.
    pub in_use: bool,
    /// `DirectoryUnavailableException`.
    pub unavailable: bool,
    /// Other AWS applications use it: it cannot be deleted.
    pub other_applications: bool,
}

impl Default for SeedDirectory {
    fn default() -> Self {
        Self {
            id: None,
            account: ACCOUNT.to_owned(),
            region: "us-east-1".to_owned(),
            alias: None,
            kind: DirectoryKind::default(),
            in_use: false,
            unavailable: false,
            other_applications: false,
        }
    }
}

/// A hosted zone of Route 53.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedZone {
    /// Its id, such as `Z0123456789ABC`.
    pub id: String,
    /// The domain it is for.
    pub name: String,
    /// The account that has it.
    #[serde(default = "account")]
    pub account: String,
}

fn account() -> String {
    ACCOUNT.to_owned()
}
