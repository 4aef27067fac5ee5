//! Access keys.

use std::collections::BTreeSet;

use serde::Deserialize;

/// An access key, its account, and the actions that it is denied.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Credential {
    /// The access key id, such as `AKIAIOSFODNN7EXAMPLE`.
    pub access_key: String,
    /// The account, twelve digits.
    pub account: String,
    /// The ARN of the caller. Default: a user of the account.
    #[serde(default)]
    pub arn: Option<String>,
    /// Why the key is refused, if it is.
    #[serde(default)]
    pub refusal: Option<Refusal>,
    /// The denied actions: an operation (`CreateOrganization`), an action of WorkMail or of
    /// another service (`workmail:CreateOrganization`, `ds:CreateAlias`), or `*` for every
    /// operation of WorkMail.
    #[serde(default)]
    pub denied: BTreeSet<String>,
}

impl Credential {
    /// Returns a key of `account` that may call everything.
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

    /// Returns the same key, refused.
    #[must_use]
    pub fn refused(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// Returns the same key with one more denied action.
    #[must_use]
    pub fn without(mut self, action: impl Into<String>) -> Self {
        self.denied.insert(action.into());
        self
    }
}

/// Why an access key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// `UnrecognizedClientException`: the key does not exist.
    Unrecognized,
    /// `ExpiredTokenException`.
    Expired,
    /// `InvalidSignatureException`: the secret is wrong.
    BadSignature,
}
