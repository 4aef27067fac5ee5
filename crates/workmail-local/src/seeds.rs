//! What can be put into an endpoint from outside, and changed behind its clients' backs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ids::ACCOUNT, span::Span, words};

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
    /// Organizations.
    pub organizations: Vec<SeedOrganization>,
}

/// An access key, whose it is, and what it may not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Credential {
    /// The access key id, such as `AKIAIOSFODNN7EXAMPLE`.
    pub access_key: String,
    /// The account, twelve digits.
    pub account: String,
    /// The caller's ARN; without it a user of that account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Why the key is refused, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// What the key may not do: an operation (`CreateOrganization`), an action of WorkMail or of
    /// another service (`workmail:CreateOrganization`, `ds:CreateAlias`), or `*`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub denied: BTreeSet<String>,
}

impl Credential {
    /// A key of `account` that may do everything.
    #[must_use]
    pub fn new(access_key: impl Into<String>, account: impl Into<String>) -> Self {
        Self {
            access_key: access_key.into(),
            account: account.into(),
            arn: None,
            refusal: None,
            denied: BTreeSet::new(),
        }
    }

    /// The same, refused.
    #[must_use]
    pub fn refused(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// The same, without one right.
    #[must_use]
    pub fn without(mut self, action: impl Into<String>) -> Self {
        self.denied.insert(action.into());
        self
    }
}

/// Why an access key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// `UnrecognizedClientException`: there is no such key.
    Unrecognized,
    /// `ExpiredTokenException`.
    Expired,
    /// `InvalidSignatureException`: the secret is wrong.
    BadSignature,
}

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
    /// Its default domain; without it `<alias>.awsapps.com`.
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
    /// Its default domain.
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

    /// The same, with a tag removed.
    #[must_use]
    pub fn remove_tag(mut self, key: impl Into<String>) -> Self {
        self.remove_tags.insert(key.into());
        self
    }
}
