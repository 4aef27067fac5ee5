//! The values that knobs take.

use serde::{Deserialize, Serialize};

use crate::seeds::DirectoryKind;

/// Where an alias is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasScope {
    /// Among all accounts and regions.
    Global,
    /// In all regions of one account.
    Account,
    /// In one region of one account.
    Region,
}

/// When the alias of a deleted organization can be taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasReuse {
    /// Never.
    Never,
    /// If its directory was deleted too.
    AfterDirectoryDeletion,
    /// Always.
    AfterDeletion,
}

/// The same client token with other parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenMismatch {
    /// An `InvalidParameterException`.
    InvalidParameter,
    /// The first call's answer, whatever is asked now.
    Ignore,
}

/// A create's client token once its organization is Deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenAfterDeletion {
    /// The id of the deleted organization.
    Replay,
    /// The call counts as new.
    CreateAgain,
}

/// The code of a request that breaks a bound of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConstraintError {
    /// The one that the model declares.
    InvalidParameterException,
    /// The one that many AWS front ends give.
    ValidationException,
}

/// The text of a request that breaks a bound of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConstraintText {
    /// Every violation, with value, member and bound.
    Detailed,
    /// The member's name only.
    Terse,
}

/// Deleting an organization that has enabled users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnabledUsersError {
    /// As if the organization's state forbade it.
    OrganizationStateException,
    /// As if a parameter were wrong.
    InvalidParameterException,
}

/// What DeleteOrganization does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeleteAnswer {
    /// It deletes; in Deleting and Deleted it answers as the first call did.
    Accept,
    /// `OrganizationStateException`.
    OrganizationState,
    /// `OrganizationNotFoundException`.
    NotFound,
    /// `InvalidParameterException`.
    InvalidParameter,
}

/// DeleteDirectory on a directory that other applications use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharedDirectory {
    /// The call is refused with `InvalidParameterException`.
    InvalidParameter,
    /// The call is accepted; after Deleting the organization is Failed, with an `ErrorMessage`.
    FailLater,
}

/// Tag operations that do not declare `OrganizationStateException`, on an organization whose state
/// is none of the usable ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagAccess {
    /// `OrganizationStateException` all the same.
    OrganizationState,
    /// As in any other state.
    Answer,
    /// `ResourceNotFoundException`.
    ResourceNotFound,
}

/// Tag keys that begin with `aws:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwsTagKeys {
    /// `InvalidParameterException`.
    Refuse,
    /// Kept like any other.
    Accept,
}

/// Two filters in one list call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwoFilters {
    /// Both must match.
    Combine,
    /// `InvalidParameterException`.
    Refuse,
}

/// A create whose caller lacks a right on Directory Service, SES, KMS or Route 53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingRights {
    /// `AccessDeniedException` on the call.
    AccessDenied,
    /// The call is accepted; the organization is Failed in the end, with an `ErrorMessage`.
    FailLater,
}

/// A limit on the rate of calls: a bucket of `burst` that fills at `perSecond`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Throttle {
    /// Calls per second in the long run.
    pub per_second: f64,
    /// Calls at once.
    pub burst: u32,
    /// What a call over the limit is told.
    #[serde(default = "throttling")]
    pub code: String,
    /// Its HTTP status.
    #[serde(default = "bad_request")]
    pub status: u16,
}

pub(crate) fn throttling() -> String {
    "ThrottlingException".to_owned()
}

pub(crate) fn bad_request() -> u16 {
    400
}

/// An error by code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CodedError {
    /// The exception's name.
    pub code: String,
    /// Its text.
    #[serde(default)]
    pub message: String,
    /// The HTTP status.
    #[serde(default = "bad_request")]
    pub status: u16,
}

/// What calls get once the service has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndAnswer {
    /// The connection is closed.
    NoAnswer,
    /// An error.
    Error(CodedError),
}

/// The `DirectoryType` that DescribeOrganization gives, by kind of directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct DirectoryTypes {
    /// One that WorkMail made.
    pub work_mail: String,
    /// Simple AD.
    pub simple_ad: String,
    /// AWS Managed Microsoft AD.
    pub managed_ad: String,
    /// AD Connector.
    pub ad_connector: String,
}

impl Default for DirectoryTypes {
    fn default() -> Self {
        let word = || "VpcDirectory".to_owned();
        Self {
            work_mail: word(),
            simple_ad: word(),
            managed_ad: word(),
            ad_connector: word(),
        }
    }
}

impl DirectoryTypes {
    pub(crate) fn of(&self, kind: DirectoryKind) -> &str {
        match kind {
            DirectoryKind::WorkMail => &self.work_mail,
            DirectoryKind::SimpleAd => &self.simple_ad,
            DirectoryKind::ManagedAd => &self.managed_ad,
            DirectoryKind::AdConnector => &self.ad_connector,
        }
    }
}

/// The order of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListOrder {
    /// Oldest first.
    Creation,
    /// By alias; users by name.
    Name,
    /// By id, which is random.
    Id,
}
