//! Knobs: how long things take, and behaviour of the service that no source decides.
//!
//! Every knob can be set at the start and at run time. Its documentation names the default and
//! the source: `docs` is what AWS publishes, `field` is public automation that ran against the
//! real service, `inferred` is a conclusion, `undecided` is a choice made here because no source
//! says anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    span::{Delay, Lifetime, Span},
    states,
};

/// A change of knobs that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum KnobError {
    /// A name or a value is not valid.
    #[error("knobs: {0}")]
    Invalid(#[from] serde_json::Error),
    /// The change is not a JSON object.
    #[error("knobs are a JSON object, by name")]
    NoObject,
}

/// Where an alias is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasScope {
    /// In all accounts and regions.
    Global,
    /// In all regions of one account.
    Account,
}

/// When another organization can have the alias of an organization that was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasReuse {
    /// Never.
    Never,
    /// As soon as the organization is Deleted.
    AfterDeletion,
}

/// The answer to DeleteDirectory for a directory that other applications use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharedDirectory {
    /// The call is refused with `InvalidParameterException`.
    InvalidParameter,
    /// The call is accepted. After Deleting the organization is Failed, with an `ErrorMessage`.
    FailLater,
}

/// A limit on the rate of calls: a token bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Throttle {
    /// The tokens that are added to the bucket in a second.
    pub per_second: f64,
    /// The most tokens in the bucket: the calls that may be made at once.
    pub burst: u32,
    /// The code of the error of a call above the limit.
    #[serde(default = "throttling")]
    pub code: String,
    /// The HTTP status of that error.
    #[serde(default = "bad_request")]
    pub status: u16,
}

/// Where the log of an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportLog {
    /// An entry of the archive.
    Inside,
    /// An object beside the archive.
    Beside,
    /// Nowhere.
    None,
}

/// The limits of one account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct AccountLimits {
    /// As [`Knobs::organization_quota`]. `null` leaves that knob in force.
    pub organization_quota: Option<usize>,
    /// As [`Knobs::throttle`]. `null` leaves that knob in force.
    pub throttle: Option<Throttle>,
}

/// Returns the code of a call above a limit of the rate.
pub(crate) fn throttling() -> String {
    "ThrottlingException".to_owned()
}

/// Returns the HTTP status of most errors.
pub(crate) fn bad_request() -> u16 {
    400
}

/// The error of DeleteOrganization without ForceDelete on an organization with enabled users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnabledUsersError {
    /// `OrganizationStateException`.
    OrganizationStateException,
    /// `InvalidParameterException`.
    InvalidParameterException,
}

/// All knobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Knobs {
    /// How long an organization is Requested. Default `2s` (undecided).
    pub requested_for: Delay,
    /// How long an organization is Creating. Default `15s..75s` (field: tens of seconds).
    pub creating_for: Delay,
    /// How long an organization is Deleting. Default `5s..30s` (undecided).
    pub deleting_for: Delay,
    /// For how long after a create DescribeOrganization answers NotFound. Default `0s`
    /// (undecided; field: Terraform allows 20 such answers).
    pub describe_not_found_for: Span,
    /// For how long after a create ListOrganizations does not list it. Default `0s` (undecided).
    pub list_missing_for: Span,
    /// For how long after a delete the state still reads Active. Default `0s` (field: Terraform
    /// accepts Active while it waits).
    pub delete_hidden_for: Span,
    /// For how long a Deleted organization stays visible. Default `forever` (field: it stays;
    /// how long is unknown).
    pub deleted_visible_for: Lifetime,
    /// Where an alias is unique. Default `global` (docs).
    pub alias_scope: AliasScope,
    /// When the alias of a deleted organization can be used again. Default `never` (docs).
    pub alias_reuse: AliasReuse,
    /// For how long a client token is remembered. Default `1d` (undecided).
    pub client_token_lifetime: Lifetime,
    /// The error of a delete with enabled users and without ForceDelete. Default
    /// `OrganizationStateException` (undecided; the model declares both).
    pub enabled_users_error: EnabledUsersError,
    /// The answer to DeleteDirectory for a directory that other applications use. Default
    /// `invalid-parameter` (inferred).
    pub shared_directory: SharedDirectory,
    /// The states in which DeleteOrganization is accepted; in other states it answers
    /// `OrganizationStateException`. Default Active, Failed, Impaired, Inactive (undecided).
    pub deletable_states: BTreeSet<String>,
    /// Organizations of an account in all regions, without Deleted ones; `null` is no limit.
    /// Default 100 (docs).
    pub organization_quota: Option<usize>,
    /// How long an export job takes, without its size. Default `20s..1m` (undecided).
    pub export_for: Delay,
    /// How much longer an export job takes for each MB of the mailbox. Default `0s` (undecided).
    pub export_for_megabyte: Span,
    /// How many export jobs of an organization run at once. Default 10 (docs).
    pub export_quota: usize,
    /// In which time a mailbox can be exported once. Default `1d` (docs).
    pub export_interval: Span,
    /// Whether a failed or cancelled job counts for that. Default true (undecided).
    pub export_failed_counts: bool,
    /// Whether the mailbox of a disabled user can be exported. Default true (undecided).
    pub export_disabled: bool,
    /// Where the log of an export is. Default `inside` (undecided).
    pub export_log: ExportLog,
    /// The most MB of messages in an archive, whatever the size of the mailbox. Default 16.
    pub export_largest: u32,
    /// Limits of single accounts, which take precedence over `organization_quota` and `throttle`.
    pub account_limits: BTreeMap<String, AccountLimits>,
    /// How long every answer of STS takes, in real time. Default `0s`.
    pub sts_delay: Span,
    /// How long sessions of roles last, whatever the call asks for. Default `null`: as the call
    /// asks for, or one hour.
    pub session_for: Option<Span>,
    /// The limit on the rate of calls to WorkMail per account and region; `null` is no limit.
    /// Default `null` (undecided).
    pub throttle: Option<Throttle>,
    /// How long after its registration a domain without a hosted zone is verified; `null` is
    /// never. Default `null` (undecided: it depends on who writes the records).
    pub verification_after: Option<Delay>,
    /// How long after its organization became Active a domain with a hosted zone is verified.
    /// Default `5m..15m` (field: from records in place to VERIFIED).
    pub zone_verification_after: Delay,
    /// How long after its registration a PENDING domain is FAILED. Default `3d` (docs: 72 hours).
    pub verification_fails_after: Lifetime,
}

impl Default for Knobs {
    fn default() -> Self {
        let deletable = [
            states::ACTIVE,
            states::FAILED,
            states::IMPAIRED,
            states::INACTIVE,
        ];
        let minutes = Duration::from_mins;
        let seconds = Duration::from_secs;
        Self {
            requested_for: Delay::fixed(seconds(2)),
            creating_for: Delay::between(seconds(15), seconds(75)),
            deleting_for: Delay::between(seconds(5), seconds(30)),
            describe_not_found_for: Span::default(),
            list_missing_for: Span::default(),
            delete_hidden_for: Span::default(),
            deleted_visible_for: Lifetime::Forever,
            alias_scope: AliasScope::Global,
            alias_reuse: AliasReuse::Never,
            client_token_lifetime: Lifetime::from(Duration::from_hours(24)),
            enabled_users_error: EnabledUsersError::OrganizationStateException,
            shared_directory: SharedDirectory::InvalidParameter,
            deletable_states: deletable.map(str::to_owned).into(),
            organization_quota: Some(100),
            throttle: None,
            export_for: Delay::between(seconds(20), seconds(60)),
            export_for_megabyte: Span::default(),
            export_quota: 10,
            export_interval: Span(Duration::from_hours(24)),
            export_failed_counts: true,
            export_disabled: true,
            export_log: ExportLog::Inside,
            export_largest: 16,
            account_limits: BTreeMap::new(),
            sts_delay: Span::default(),
            session_for: None,
            verification_after: None,
            zone_verification_after: Delay::between(minutes(5), minutes(15)),
            verification_fails_after: Lifetime::from(Duration::from_hours(72)),
        }
    }
}

impl Knobs {
    /// Returns the defaults with no delays: a change is complete at the next read.
    #[must_use]
    pub fn immediate() -> Self {
        Self {
            requested_for: Delay::NONE,
            creating_for: Delay::NONE,
            deleting_for: Delay::NONE,
            zone_verification_after: Delay::NONE,
            export_for: Delay::NONE,
            ..Self::default()
        }
    }

    /// Returns the most organizations of an account.
    pub(crate) fn quota_of(&self, account: &str) -> Option<usize> {
        let own = self.account_limits.get(account);
        own.and_then(|limits| limits.organization_quota)
            .or(self.organization_quota)
    }

    /// Returns the limit on the rate of calls of an account in a region.
    pub(crate) fn throttle_of(&self, account: &str) -> Option<&Throttle> {
        let own = self.account_limits.get(account);
        own.and_then(|limits| limits.throttle.as_ref())
            .or(self.throttle.as_ref())
    }

    /// Returns these knobs with some of them changed, given as `{"name": value}`.
    ///
    /// # Errors
    /// A name is unknown, or a value has the wrong form.
    pub fn merged(&self, change: &Value) -> Result<Self, KnobError> {
        let mut all = serde_json::to_value(self)?;
        let (Some(all_by_name), Some(changes)) = (all.as_object_mut(), change.as_object()) else {
            return Err(KnobError::NoObject);
        };
        all_by_name.extend(changes.clone());
        Ok(serde_json::from_value(all)?)
    }

    /// Returns these knobs with one of them changed, its value as JSON or else as a plain word.
    ///
    /// # Errors
    /// The name is unknown, or the value has the wrong form.
    pub fn with(&self, name: &str, value: &str) -> Result<Self, KnobError> {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        self.merged(&Value::Object(
            [(name.to_owned(), value)].into_iter().collect(),
        ))
    }
}

#[cfg(test)]
mod tests;
