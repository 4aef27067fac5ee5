//! What no source decides about the service, and how long things take.
//!
//! Every knob can be set at start and at run time. Its documentation names the default and where
//! that comes from: `model` is botocore's service model, `docs` is what AWS publishes, `field` is
//! public automation that ran against the real service, `inferred` is a conclusion, `undecided`
//! is a choice made here because there is nothing to go by.

mod values;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
            default_account: Some(ACCOUNT.to_owned()),
            regions: ["us-east-1", "us-west-2", "eu-west-1"]
                .map(str::to_owned)
                .into(),
        }
    }
}

impl Knobs {
    /// The defaults, but no state takes any time: what was asked is done at the next look.
    #[must_use]
    pub fn immediate() -> Self {
        Self {
            requested_for: Delay::NONE,
            creating_for: Delay::NONE,
            deleting_for: Delay::NONE,
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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn knobs_survive_a_round_trip() {
        let knobs = Knobs::default();
        let text = serde_json::to_string(&knobs).unwrap();
        assert_eq!(serde_json::from_str::<Knobs>(&text).unwrap(), knobs);
    }

    #[test]
    fn a_change_leaves_the_other_knobs_alone() {
        let knobs = Knobs::immediate();
        let changed = knobs
            .merged(&json!({"aliasReuse": "after-deletion"}))
            .unwrap();
        assert_eq!(
            changed,
            Knobs {
                alias_reuse: AliasReuse::AfterDeletion,
                ..knobs
            }
        );
    }

    #[test]
    fn a_knob_is_set_from_a_word_or_from_json() {
        let knobs = Knobs::default();
        assert_eq!(
            knobs
                .with("requestedFor", "5s")
                .unwrap()
                .requested_for
                .to_string(),
            "5s"
        );
        assert_eq!(
            knobs
                .with("organizationQuota", "null")
                .unwrap()
                .organization_quota,
            None
        );
        assert!(!knobs.with("systemUsers", "false").unwrap().system_users);
    }

    #[test]
    fn the_readme_has_every_knob_with_its_default() {
        let readme = include_str!("../../README.md");
        let knobs = serde_json::to_value(Knobs::default()).unwrap();
        for (name, default) in knobs.as_object().unwrap() {
            let row = readme
                .lines()
                .find(|line| line.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("no row for {name}"));
            let default = default
                .as_str()
                .map_or_else(|| default.to_string(), str::to_owned);
            let shown = row.contains(&format!("| `{default}` |")) || row.contains("| below |");
            assert!(shown, "{name}: {default}");
        }
    }

    #[test]
    fn an_unknown_knob_is_refused_by_name() {
        let error = Knobs::default()
            .with("aliasReuze", "never")
            .unwrap_err()
            .to_string();
        assert!(error.contains("aliasReuze"), "{error}");
        let error = Knobs::default()
            .with("aliasReuse", "sometimes")
            .unwrap_err()
            .to_string();
        assert!(error.contains("sometimes"), "{error}");
        assert!(Knobs::default().merged(&json!([])).is_err());
    }
}
