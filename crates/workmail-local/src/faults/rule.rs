//! Which calls a fault is for.

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// A fault, and the calls that it is for. Rules are tried in the order they were added; the first
/// that decides a call's fate is the last that is tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only calls of this operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only calls for this organization, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Only calls for organizations of this alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only calls of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only calls in this region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// So many calls pass first.
    #[serde(default)]
    pub skip: u64,
    /// At most so many calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// One call in so many, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

impl Rule {
    /// `fault` for every call.
    #[must_use]
    pub fn any(fault: Fault) -> Self {
        Self {
            fault,
            operation: None,
            organization_id: None,
            alias: None,
            account: None,
            region: None,
            skip: 0,
            times: None,
            probability: None,
        }
    }

    /// `fault` for calls of one operation.
    #[must_use]
    pub fn on(operation: impl Into<String>, fault: Fault) -> Self {
        Self {
            operation: Some(operation.into()),
            ..Self::any(fault)
        }
    }

    /// Only for the organization of this id.
    #[must_use]
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization_id = Some(id.into());
        self
    }

    /// Only for organizations of this alias.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// Only for this account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Only in this region.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Not for the first `calls`.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// For at most `calls`.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    /// For one call in so many, from 0 to 1.
    #[must_use]
    pub fn probability(mut self, share: f64) -> Self {
        self.probability = Some(share);
        self
    }

    pub(super) fn is_for(&self, call: &Subject<'_>) -> bool {
        let fits = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        fits(&self.operation, Some(call.operation))
            && fits(&self.organization_id, call.organization_id)
            && self
                .alias
                .as_deref()
                .is_none_or(|wanted| call.alias.is_some_and(|is| is.eq_ignore_ascii_case(wanted)))
            && fits(&self.account, Some(call.account))
            && fits(&self.region, Some(call.region))
    }
}

/// A rule's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleId(pub u64);

/// A rule and what has become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleView {
    /// Its number.
    pub id: RuleId,
    /// The rule as it was added.
    pub rule: Rule,
    /// How many calls it has hit.
    pub hits: u64,
    /// How many calls it holds at the moment.
    pub held: usize,
}

/// A call as rules see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) operation: &'a str,
    pub(crate) organization_id: Option<&'a str>,
    pub(crate) alias: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}
