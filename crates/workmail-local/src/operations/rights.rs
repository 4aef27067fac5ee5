//! What a caller may do, and what calls need elsewhere in the caller's name.

use serde_json::Value;

use super::{ApiError, Request};
use crate::{
    contract::Operation,
    state::{Caller, Organization},
};

/// Refuses a call that the caller has no right to. This comes before the input is looked at, as
/// authorization does in front of the service.
pub(super) fn check(request: &Request<'_>, resource: &str) -> Result<(), ApiError> {
    let action = format!("workmail:{}", request.operation.name());
    if !request.caller.lacks(&action) {
        return Ok(());
    }
    let member = |name: &str| request.input.get(name).and_then(Value::as_str);
    let named = match (resource, member("ResourceARN"), member("OrganizationId")) {
        ("*", _, _) | (_, None, None) => "*".to_owned(),
        (_, Some(arn), _) => arn.to_owned(),
        (_, None, Some(id)) => {
            let place = &request.caller.place;
            format!(
                "arn:aws:workmail:{}:{}:organization/{id}",
                place.region, place.account
            )
        }
    };
    Err(denied(request.caller, &action, &named))
}

/// The error of a caller who lacks a right.
pub(super) fn denied(caller: &Caller, action: &str, resource: &str) -> ApiError {
    ApiError::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {resource}",
        caller.arn()
    ))
}

/// The first action on another service that a create needs and the caller lacks.
pub(super) fn lacking_to_create(
    caller: &Caller,
    own_directory: bool,
    domains: usize,
    zones: usize,
    key: bool,
) -> Option<&'static str> {
    const OWN: &[&str] = &["ds:CreateIdentityPoolDirectory", "ds:CreateAlias"];
    const DIRECTORY: &[&str] = &["ds:DescribeDirectories", "ds:AuthorizeApplication"];
    const ZONES: &[&str] = &["route53:ChangeResourceRecordSets"];
    const KEY: &[&str] = &["kms:Encrypt", "kms:Decrypt", "kms:CreateGrant"];
    [
        (own_directory, OWN),
        (true, DIRECTORY),
        (domains > 0, REGISTER),
        (zones > 0, ZONES),
        (key, KEY),
    ]
    .into_iter()
    .filter(|(needed, _)| *needed)
    .flat_map(|(_, actions)| actions)
    .copied()
    .find(|action| caller.lacks(action))
}

/// The first action on another service that a deletion needs and the caller lacks.
pub(super) fn lacking_to_delete(
    caller: &Caller,
    organization: &Organization,
    with_directory: bool,
) -> Option<&'static str> {
    const ALWAYS: &[&str] = &["ds:DescribeDirectories", "ds:UnauthorizeApplication"];
    const DIRECTORY: &[&str] = &["ds:DeleteDirectory"];
    const DOMAINS: &[&str] = &["ses:DeleteReceiptRule", "ses:DeleteIdentityPolicy"];
    [
        (true, ALWAYS),
        (with_directory, DIRECTORY),
        (organization.domains.registered().next().is_some(), DOMAINS),
    ]
    .into_iter()
    .filter(|(needed, _)| *needed)
    .flat_map(|(_, actions)| actions)
    .copied()
    .find(|action| caller.lacks(action))
}

/// What a registration needs of SES.
const REGISTER: &[&str] = &[
    "ses:VerifyDomainIdentity",
    "ses:VerifyDomainDkim",
    "ses:PutIdentityPolicy",
    "ses:CreateReceiptRule",
];

/// The first action of SES that an operation on a domain needs and the caller lacks.
pub(super) fn lacking_for_domain(caller: &Caller, operation: Operation) -> Option<&'static str> {
    const READ: &[&str] = &[
        "ses:GetIdentityVerificationAttributes",
        "ses:GetIdentityDkimAttributes",
    ];
    const DEREGISTER: &[&str] = &["ses:UpdateReceiptRule", "ses:DeleteIdentityPolicy"];
    let needed = match operation {
        Operation::RegisterMailDomain => REGISTER,
        Operation::DeregisterMailDomain => DEREGISTER,
        Operation::GetMailDomain => READ,
        Operation::CreateOrganization
        | Operation::DeleteOrganization
        | Operation::DescribeOrganization
        | Operation::ListMailDomains
        | Operation::ListOrganizations
        | Operation::ListTagsForResource
        | Operation::ListUsers
        | Operation::TagResource
        | Operation::UntagResource
        | Operation::UpdateDefaultMailDomain => &[],
    };
    needed.iter().copied().find(|action| caller.lacks(action))
}
