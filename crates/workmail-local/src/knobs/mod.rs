//! What no source decides about the service, and how long things take.
//!
//! Every knob can be set at start and at run time. Its documentation names the default and where
//! that comes from: `model` is botocore's service model, `docs` is what AWS publishes, `field` is
//! public automation that ran against the real service, `inferred` is a conclusion, `undecided`
//! is a choice made here because there is nothing to go by.

mod domains;
mod values;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::domains::{
    DomainRemovalError, DomainScope, KnownIdentities, RecordKind, TakenDomain, TestDomainRecords,
    UnknownDomainRemoval, UnsignedDefault,
};
pub use self::values::{
    AliasReuse, AliasScope, AwsTagKeys, CodedError, ConstraintError, ConstraintText, DeleteAnswer,
    DirectoryTypes, EnabledUsersError, EndAnswer, ListOrder, MissingRights, SharedDirectory,
    TagAccess, Throttle, TokenAfterDeletion, TokenMismatch, TwoFilters,
};
pub(crate) use self::values::{bad_request, throttling};
use crate::{
    ids::ACCOUNT,
    span::{Delay, Lifetime, Span},
    words,
};

/// A change of knobs that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum KnobError {
    /// No knob has this name, or it does not take this value.
    #[error("knobs: {0}")]
    Refused(#[from] serde_json::Error),
    /// The change is no JSON object.
    #[error("knobs are a JSON object, by name")]
    NoObject,
}

/// All knobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Knobs {
    /// How long an organization is Requested. Default `2s` (undecided).
    pub requested_for: Delay,
    /// How long it is Creating. Default `15s..75s` (field: tens of seconds).
    pub creating_for: Delay,
    /// How long it is Deleting. Default `5s..30s` (undecided).
    pub deleting_for: Delay,
    /// For how long after a create DescribeOrganization answers NotFound. Default `0s`
    /// (undecided; field: Terraform allows 20 such answers).
    pub describe_not_found_for: Span,
    /// For how long after a create ListOrganizations leaves it out. Default `0s` (undecided).
    pub list_missing_for: Span,
    /// For how long after a delete the state still reads Active. Default `0s` (field: Terraform
    /// accepts Active while it waits).
    pub delete_hidden_for: Span,
    /// For how long a Deleted organization stays visible. Default `forever` (field: it stays;
    /// how long is unknown).
    pub deleted_visible_for: Lifetime,
    /// Where an alias is unique. Default `global` (docs).
    pub alias_scope: AliasScope,
    /// Whether an alias comes back after deletion. Default `never` (docs of Directory Service).
    pub alias_reuse: AliasReuse,
    /// For how long a client token is remembered. Default `1d` (undecided).
    pub client_token_lifetime: Lifetime,
    /// The same token with other parameters. Default `invalid-parameter` (inferred).
    pub client_token_mismatch: TokenMismatch,
    /// A create's token once its organization is deleted. Default `replay` (undecided).
    pub client_token_after_deletion: TokenAfterDeletion,
    /// The code of a member out of its bounds. Default `InvalidParameterException` (model).
    pub constraint_error: ConstraintError,
    /// Its text. Default `detailed` (inferred from other services).
    pub constraint_text: ConstraintText,
    /// Deleting with enabled users and without ForceDelete. Default `OrganizationStateException`
    /// (undecided; both choices are in the model).
    pub enabled_users_error: EnabledUsersError,
    /// What DeleteOrganization answers in a state; a state that is not named here answers
    /// `organization-state` (field: the real text of that error). Default: Active, Failed,
    /// Impaired and Inactive `accept`.
    pub delete_answers: BTreeMap<String, DeleteAnswer>,
    /// DeleteDirectory on a directory that other applications use. Default `invalid-parameter`
    /// (inferred).
    pub shared_directory: SharedDirectory,
    /// The states in which an organization can be worked with. Default `["Active"]` (field).
    pub usable_states: Vec<String>,
    /// Reading and removing tags in any other state. Default `organization-state` (inferred;
    /// the model does not declare it there).
    pub unusable_tag_access: TagAccess,
    /// Tag keys that begin with `aws:`. Default `refuse` (inferred).
    pub aws_tag_keys: AwsTagKeys,
    /// Two filters in one ListUsers. Default `combine` (undecided; docs allow one, field sends
    /// two).
    pub two_filters: TwoFilters,
    /// Whether an organization lists a built-in, disabled system user. Default `true` (docs,
    /// field).
    pub system_users: bool,
    /// A create whose caller lacks rights on another service. Default `access-denied`
    /// (undecided).
    pub missing_rights: MissingRights,
    /// A limit on the rate of calls of one account in one region. Default: none (undecided).
    pub throttle: Option<Throttle>,
    /// Accounts that are no customers: they create nothing. Default: none.
    pub non_customers: Vec<String>,
    /// What they are told. Default an `AccessDeniedException` (undecided).
    pub non_customer_error: CodedError,
    /// When the service ends. Default: never (docs: 2027-03-31).
    pub service_ends: Option<Timestamp>,
    /// What every call gets from then on. Default `no-answer` (undecided).
    pub end_answer: EndAnswer,
    /// DirectoryType by kind of directory. Default `VpcDirectory` for each (docs have this one
    /// sample).
    pub directory_types: DirectoryTypes,
    /// The order of lists. Default `creation` (undecided).
    pub list_order: ListOrder,
    /// For how long a NextToken is good. Default `forever` (undecided).
    pub page_token_lifetime: Lifetime,
    /// The code of a NextToken that is not. Default `InvalidParameterException` (model: the only
    /// one declared).
    pub bad_page_token_code: String,
    /// Organizations per account, Deleted ones aside; `null` is no limit. Default 100 (docs).
    pub organization_quota: Option<usize>,
    /// How long after its registration a domain without a hosted zone is verified; `null` is
    /// never. Default `null` (undecided: it depends on who writes the records).
    pub verification_after: Option<Delay>,
    /// How long after its organization became Active a domain with a hosted zone is verified.
    /// Default `5m..15m` (field: from records in place to VERIFIED).
    pub zone_verification_after: Delay,
    /// How long after its registration a domain that is PENDING is FAILED. Default `3d` (docs: 72
    /// hours).
    pub verification_fails_after: Lifetime,
    /// RegisterMailDomain of a name whose identity in SES is verified. Default `verified`
    /// (inferred; field sets such a domain as the default right after).
    pub known_identities: KnownIdentities,
    /// Where a domain has one organization at most. Default `account` (model; another account is
    /// undecided).
    pub domain_scope: DomainScope,
    /// CreateOrganization with a domain of another organization. Default `fail-later` (inferred:
    /// no exception for it is declared).
    pub taken_domain: TakenDomain,
    /// Domains per organization, the test domain among them; `null` is no limit. Default 1000
    /// (docs; an older page has 100).
    pub domain_quota: Option<usize>,
    /// UpdateDefaultMailDomain while ownership is VERIFIED and DKIM is not. Default `refuse`
    /// (undecided; field waits for both).
    pub unsigned_default: UnsignedDefault,
    /// DeregisterMailDomain of the default domain. Default `MailDomainInUseException` (inferred).
    pub default_domain_removal: DomainRemovalError,
    /// DeregisterMailDomain of the test domain. Default `InvalidParameterException` (undecided).
    pub test_domain_removal: DomainRemovalError,
    /// DeregisterMailDomain of a domain that is not there. Default `succeed` (model: the
    /// operation is idempotent and declares no exception for it).
    pub unknown_domain_removal: UnknownDomainRemoval,
    /// The test domain's records. Default `empty` (undecided).
    pub test_domain_records: TestDomainRecords,
    /// The statuses of the test domains of organizations that are made from now on. Default
    /// `VERIFIED` (undecided).
    pub test_domain_status: String,
    /// Whether names in records end in a dot. Default `true` (field).
    pub record_dots: bool,
    /// The order of records; a kind that is left out is left out. Default `["mx", "ownership",
    /// "autodiscover", "dkim", "spf", "dmarc"]` (field).
    pub record_order: Vec<RecordKind>,
    /// The account of an access key that nobody mapped; `null` refuses such keys. Default
    /// `123456789012`.
    pub default_account: Option<String>,
    /// The regions that exist; an empty list is every region. Default the service's three (docs).
    pub regions: Vec<String>,
}

impl Default for Knobs {
    fn default() -> Self {
        let accepted = [
            words::ACTIVE,
            words::FAILED,
            words::IMPAIRED,
            words::INACTIVE,
        ];
        Self {
            requested_for: Delay::fixed(Duration::from_secs(2)),
            creating_for: Delay::between(Duration::from_secs(15), Duration::from_secs(75)),
            deleting_for: Delay::between(Duration::from_secs(5), Duration::from_secs(30)),
            describe_not_found_for: Span::default(),
            list_missing_for: Span::default(),
            delete_hidden_for: Span::default(),
            deleted_visible_for: Lifetime::Forever,
            alias_scope: AliasScope::Global,
            alias_reuse: AliasReuse::Never,
            client_token_lifetime: Lifetime::For(Span(Duration::from_hours(24))),
            client_token_mismatch: TokenMismatch::InvalidParameter,
            client_token_after_deletion: TokenAfterDeletion::Replay,
            constraint_error: ConstraintError::InvalidParameterException,
            constraint_text: ConstraintText::Detailed,
            enabled_users_error: EnabledUsersError::OrganizationStateException,
            delete_answers: accepted
                .map(|state| (state.to_owned(), DeleteAnswer::Accept))
                .into(),
            shared_directory: SharedDirectory::InvalidParameter,
            usable_states: vec![words::ACTIVE.to_owned()],
            unusable_tag_access: TagAccess::OrganizationState,
            aws_tag_keys: AwsTagKeys::Refuse,
            two_filters: TwoFilters::Combine,
            system_users: true,
            missing_rights: MissingRights::AccessDenied,
            throttle: None,
            non_customers: Vec::new(),
            non_customer_error: CodedError {
                code: "AccessDeniedException".to_owned(),
                message: "Amazon WorkMail is not available to new customers.".to_owned(),
                status: 400,
            },
            service_ends: None,
            end_answer: EndAnswer::NoAnswer,
            directory_types: DirectoryTypes::default(),
            list_order: ListOrder::Creation,
            page_token_lifetime: Lifetime::Forever,
            bad_page_token_code: "InvalidParameterException".to_owned(),
            organization_quota: Some(100),
            verification_after: None,
            zone_verification_after: Delay::between(
                Duration::from_mins(5),
                Duration::from_mins(15),
            ),
            verification_fails_after: Lifetime::For(Span(Duration::from_hours(72))),
            known_identities: KnownIdentities::Verified,
            domain_scope: DomainScope::Account,
            taken_domain: TakenDomain::FailLater,
            domain_quota: Some(1000),
            unsigned_default: UnsignedDefault::Refuse,
            default_domain_removal: DomainRemovalError::MailDomainInUseException,
            test_domain_removal: DomainRemovalError::InvalidParameterException,
            unknown_domain_removal: UnknownDomainRemoval::Succeed,
            test_domain_records: TestDomainRecords::Empty,
            test_domain_status: words::VERIFIED.to_owned(),
            record_dots: true,
            record_order: RecordKind::ALL.into(),
            default_account: Some(ACCOUNT.to_owned()),
            regions: ["us-east-1", "us-west-2", "eu-west-1"]
                .map(str::to_owned)
                .into(),
        }
    }
}

impl Knobs {
    /// The defaults, but neither a state nor the verification of a domain with a hosted zone takes
    /// any time: what was asked is done at the next look.
    #[must_use]
    pub fn immediate() -> Self {
        Self {
            requested_for: Delay::NONE,
            creating_for: Delay::NONE,
            deleting_for: Delay::NONE,
            zone_verification_after: Delay::NONE,
            ..Self::default()
        }
    }

    /// These knobs with some of them changed, as `{"name": value}`.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong form.
    pub fn merged(&self, change: &Value) -> Result<Self, KnobError> {
        let mut all = serde_json::to_value(self)?;
        let (Some(all_by_name), Some(changes)) = (all.as_object_mut(), change.as_object()) else {
            return Err(KnobError::NoObject);
        };
        all_by_name.extend(changes.clone());
        Ok(serde_json::from_value(all)?)
    }

    /// These knobs with one changed, its value as JSON or else as a plain word.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong form.
    pub fn with(&self, name: &str, value: &str) -> Result<Self, KnobError> {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        self.merged(&Value::Object(
            [(name.to_owned(), value)].into_iter().collect(),
        ))
    }
}

#[cfg(test)]
mod tests;
