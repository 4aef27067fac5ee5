//! Roles of IAM, and the roles whose credentials the metadata endpoints offer.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::span::Span;

/// A role that STS hands out sessions of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedRole {
    /// The ARN, such as `arn:aws:iam::210987654321:role/workmail`.
    pub arn: String,
    /// Who may call AssumeRole: the ARN of a user, a role or a session, an account, or `*`.
    /// Default: nobody.
    #[serde(default)]
    pub principals: BTreeSet<String>,
    /// The `ExternalId` that AssumeRole has to name.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The `RoleSessionName` that AssumeRole has to name.
    #[serde(default)]
    pub session_name: Option<String>,
    /// The token that AssumeRoleWithWebIdentity accepts. Default: none is accepted.
    #[serde(default)]
    pub web_identity_token: Option<String>,
    /// The actions that sessions are denied, as in a [`Credential`](super::Credential).
    #[serde(default)]
    pub denied: BTreeSet<String>,
    /// The longest session. Default one hour, as in IAM.
    #[serde(default = "hour")]
    pub longest_session: Span,
}

fn hour() -> Span {
    Span(std::time::Duration::from_hours(1))
}

impl SeedRole {
    /// Returns a role that nobody may assume.
    #[must_use]
    pub fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            principals: BTreeSet::new(),
            external_id: None,
            session_name: None,
            web_identity_token: None,
            denied: BTreeSet::new(),
            longest_session: hour(),
        }
    }

    /// Returns the same role, which one more principal may assume.
    #[must_use]
    pub fn trusts(mut self, principal: impl Into<String>) -> Self {
        self.principals.insert(principal.into());
        self
    }

    /// Returns the same role, which needs an external id.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// Returns the same role, which accepts a token of web identity.
    #[must_use]
    pub fn web_identity_token(mut self, token: impl Into<String>) -> Self {
        self.web_identity_token = Some(token.into());
        self
    }

    /// Returns the same role, whose sessions are denied one more action.
    #[must_use]
    pub fn without(mut self, action: impl Into<String>) -> Self {
        self.denied.insert(action.into());
        self
    }
}

/// The roles whose credentials the metadata endpoints offer. They need no [`SeedRole`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    /// The ARN of the role of the instance profile. Default: the instance has none.
    pub instance_role: Option<String>,
    /// The ARN of the role of the container. Default: the container has none.
    pub container_role: Option<String>,
}
