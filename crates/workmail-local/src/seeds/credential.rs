//! Access keys.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

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
