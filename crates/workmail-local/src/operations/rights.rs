//! The rights of callers: on the operations, and on other services that operations call with the
//! rights of the caller. Source of the latter: what one live deployment needed (field).

use serde_json::Value;

use super::{ApiError, Request};
use crate::{ids::arn_prefix, state::Caller};

/// What CreateOrganization needs to make a directory.
pub(super) const MAKE_DIRECTORY: &[&str] = &["ds:CreateIdentityPoolDirectory", "ds:CreateAlias"];
/// What CreateOrganization needs for every directory.
pub(super) const USE_DIRECTORY: &[&str] = &["ds:DescribeDirectories", "ds:AuthorizeApplication"];
pub(super) const USE_ZONE: &[&str] = &["route53:ChangeResourceRecordSets"];
pub(super) const USE_KEY: &[&str] = &["kms:Encrypt", "kms:Decrypt", "kms:CreateGrant"];
pub(super) const REGISTER_DOMAIN: &[&str] = &[
    "ses:VerifyDomainIdentity",
    "ses:VerifyDomainDkim",
    "ses:PutIdentityPolicy",
    "ses:CreateReceiptRule",
];
pub(super) const DEREGISTER_DOMAIN: &[&str] =
    &["ses:UpdateReceiptRule", "ses:DeleteIdentityPolicy"];
/// What StartMailboxExportJob needs to give the role to the service (inferred).
pub(super) const EXPORT: &[&str] = &["iam:PassRole"];
pub(super) const READ_DOMAIN: &[&str] = &[
    "ses:GetIdentityVerificationAttributes",
    "ses:GetIdentityDkimAttributes",
];
/// What DeleteOrganization needs for every directory.
pub(super) const LEAVE_DIRECTORY: &[&str] =
    &["ds:DescribeDirectories", "ds:UnauthorizeApplication"];
pub(super) const DELETE_DIRECTORY: &[&str] = &["ds:DeleteDirectory"];
/// What DeleteOrganization needs for an organization with domains.
pub(super) const DELETE_DOMAINS: &[&str] = &["ses:DeleteReceiptRule", "ses:DeleteIdentityPolicy"];

/// Refuses a call that the caller may not make. Authorization comes before the bounds of the input
/// (inferred).
pub(super) fn check(request: &Request<'_>, resource: &str) -> Result<(), ApiError> {
    let action = format!("workmail:{}", request.operation.name());
    if !request.caller.is_denied(&action) {
        return Ok(());
    }
    let member = |name: &str| request.input.get(name).and_then(Value::as_str);
    let resource = match (resource, member("ResourceARN"), member("OrganizationId")) {
        ("*", _, _) | (_, None, None) => "*".to_owned(),
        (_, Some(arn), _) => arn.to_owned(),
        (_, None, Some(id)) => format!("{}{id}", arn_prefix(&request.caller.location)),
    };
    Err(denied(request.caller, &action, &resource))
}

/// Refuses a call if the caller lacks a right on another service. `needs` are lists of rights, and
/// whether the call needs them.
pub(super) fn require<const N: usize>(
    caller: &Caller,
    needs: [(bool, &[&str]); N],
) -> Result<(), ApiError> {
    let mut needed = needs
        .into_iter()
        .filter(|(needed, _)| *needed)
        .flat_map(|(_, actions)| actions);
    match needed.find(|action| caller.is_denied(action)) {
        Some(action) => Err(denied(caller, action, "*")),
        None => Ok(()),
    }
}

fn denied(caller: &Caller, action: &str, resource: &str) -> ApiError {
    ApiError::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {resource}",
        caller.arn()
    ))
}
