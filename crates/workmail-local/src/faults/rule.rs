//! Rules: which calls a fault applies to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;

/// A fault and the calls that it applies to.
///
/// Rules apply in the order in which they were added. After a rule that decides how a call ends,
/// no other rule applies to the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    /// The fault.
    pub fault: Fault,
    /// Only calls of this operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only calls that name this organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Only calls that name this alias, or an organization with this alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only calls of this account. An assumption of a role is a call of the account of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only calls whose input has these members with these values, such as
    /// `{"KmsKeyArn": "arn:aws:kms:…"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub input: BTreeMap<String, Value>,
    /// The number of calls that pass first.
    #[serde(default)]
    pub skip: u64,
    /// The number of calls that it applies to at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The probability with which it applies to a call, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

impl Rule {
    /// Returns a rule for every call.
    #[must_use]
    pub fn any(fault: Fault) -> Self {
        Self {
            fault,
            operation: None,
            organization_id: None,
            alias: None,
            account: None,
            input: BTreeMap::new(),
            skip: 0,
            times: None,
            probability: None,
        }
    }

    /// Returns a rule for the calls of one operation.
    #[must_use]
    pub fn on(operation: impl Into<String>, fault: Fault) -> Self {
        Self {
            operation: Some(operation.into()),
            ..Self::any(fault)
        }
    }

    /// Returns the same rule for one organization only.
    #[must_use]
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization_id = Some(id.into());
        self
    }

    /// Returns the same rule for one alias only.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// Returns the same rule for one account only.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Returns the same rule for calls whose input has this member with this value only.
    #[must_use]
    pub fn input(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
        self.input.insert(member.into(), value.into());
        self
    }

    /// Returns the same rule, which lets this number of calls pass first.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// Returns the same rule, which applies to at most this number of calls.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    /// Returns the same rule, which applies with this probability, from 0 to 1.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    pub(super) fn matches(&self, call: &CallInfo<'_>) -> bool {
        let operation = self.operation.as_deref();
        let organization = self.organization_id.as_deref();
        let alias = self.alias.as_deref();
        operation.is_none_or(|wanted| call.operation == wanted)
            && organization.is_none_or(|wanted| call.organization_id == Some(wanted))
            && self
                .account
                .as_deref()
                .is_none_or(|wanted| call.account == wanted)
            && self
                .input
                .iter()
                .all(|(member, value)| call.input.get(member) == Some(value))
            && alias.is_none_or(|wanted| {
                call.alias
                    .is_some_and(|alias| alias.eq_ignore_ascii_case(wanted))
            })
    }
}

/// The number of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RuleId(pub u64);

/// A rule and its effects so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleView {
    /// The number of the rule.
    pub id: RuleId,
    /// The rule as it was added.
    pub rule: Rule,
    /// How many calls it has applied to.
    pub hits: u64,
    /// How many calls it holds now.
    pub held: usize,
}

/// What rules look at in a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallInfo<'a> {
    pub(crate) operation: &'a str,
    pub(crate) organization_id: Option<&'a str>,
    pub(crate) alias: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) input: &'a Value,
}
