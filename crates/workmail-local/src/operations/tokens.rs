//! Client tokens: what a call that is repeated with its token gets.

use serde_json::Value;

use super::{ApiError, Done, Request};
use crate::{
    contract::Operation,
    ids::OrganizationId,
    knobs::{TokenAfterDeletion, TokenMismatch},
    state::{Remembered, TokenKey, World},
};

/// Tokens count per account, region and operation.
pub(super) fn key(request: &Request<'_>, token: Option<String>) -> Option<TokenKey> {
    token.map(|token| TokenKey {
        place: request.caller.place.clone(),
        operation: request.operation,
        token,
    })
}

/// The answer of an earlier call with the same token.
pub(super) fn repeated(
    world: &World,
    request: &Request<'_>,
    token: Option<&TokenKey>,
) -> Result<Option<Done>, ApiError> {
    let lifetime = world.knobs.client_token_lifetime;
    let Some(known) = token.and_then(|key| world.tokens.get(key, lifetime, request.now)) else {
        return Ok(None);
    };
    let again = world.knobs.client_token_after_deletion == TokenAfterDeletion::CreateAgain;
    if again && is_gone(world, request, known) {
        return Ok(None);
    }
    let differs = known.input != without_token(request.input.clone());
    if differs && world.knobs.client_token_mismatch == TokenMismatch::InvalidParameter {
        return Err(ApiError::invalid_parameter(
            "The client token was used before, with other parameters.",
        ));
    }
    Ok(Some(Done {
        output: known.answer.clone(),
        organization: Some(known.organization),
        effect: false,
    }))
}

/// Whether what a call made with its token is no longer there.
fn is_gone(world: &World, request: &Request<'_>, known: &Remembered) -> bool {
    let organization = world
        .find(known.organization)
        .filter(|organization| !organization.is_deleted());
    match request.operation {
        Operation::CreateOrganization => organization.is_none(),
        Operation::RegisterMailDomain => {
            let name = known.input.get("DomainName").and_then(Value::as_str);
            let domain = name.and_then(|name| organization?.domains.get(name));
            domain.is_none()
        }
        Operation::DeleteOrganization
        | Operation::DeregisterMailDomain
        | Operation::DescribeOrganization
        | Operation::GetMailDomain
        | Operation::ListMailDomains
        | Operation::ListOrganizations
        | Operation::ListTagsForResource
        | Operation::ListUsers
        | Operation::TagResource
        | Operation::UntagResource
        | Operation::UpdateDefaultMailDomain => false,
    }
}

/// An input as a token stands for it: without the token, and without members that are null.
fn without_token(mut input: Value) -> Value {
    if let Some(members) = input.as_object_mut() {
        members.retain(|name, value| name != "ClientToken" && !value.is_null());
    }
    input
}

/// Remembers a call that was done by its token, if it has one.
pub(super) fn remember(
    world: &mut World,
    request: Request<'_>,
    token: Option<TokenKey>,
    organization: OrganizationId,
    answer: Option<Value>,
) {
    let Some(key) = token else { return };
    let remembered = Remembered {
        at: request.now,
        input: without_token(request.input),
        organization,
        answer,
    };
    let lifetime = world.knobs.client_token_lifetime;
    world.tokens.put(key, remembered, lifetime);
}
