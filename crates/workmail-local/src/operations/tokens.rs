//! Client tokens: the answer of a call that is repeated with its token.

use serde_json::Value;

use super::{ApiError, Completed, Request};
use crate::{
    ids::OrganizationId,
    state::{State, StoredAnswer, TokenKey},
};

/// Returns the key of the token of a call. Tokens are per account, region and operation.
pub(super) fn key(request: &Request<'_>, token: Option<String>) -> Option<TokenKey> {
    token.map(|token| TokenKey {
        location: request.caller.location.clone(),
        operation: request.operation,
        token,
    })
}

/// Returns the answer of an earlier call with the same token, even if what that call made is gone.
///
/// # Errors
/// The earlier call had another input.
pub(super) fn repeated(
    state: &State,
    request: &Request<'_>,
    key: Option<&TokenKey>,
) -> Result<Option<Completed>, ApiError> {
    let lifetime = state.knobs.client_token_lifetime;
    let Some(stored) = key.and_then(|key| state.tokens.get(key, lifetime, request.now)) else {
        return Ok(None);
    };
    if stored.input != without_token(request.input.clone()) {
        return Err(ApiError::invalid_parameter(
            "The client token was used before, with other parameters.",
        ));
    }
    Ok(Some(Completed {
        output: stored.output.clone(),
        organization: Some(stored.organization),
        effect: false,
    }))
}

/// Returns an input without its token and without members that are null.
fn without_token(mut input: Value) -> Value {
    if let Some(members) = input.as_object_mut() {
        members.retain(|name, value| name != "ClientToken" && !value.is_null());
    }
    input
}

/// Stores the answer of a call that succeeded, if it has a token.
pub(super) fn store(
    state: &mut State,
    request: Request<'_>,
    key: Option<TokenKey>,
    organization: OrganizationId,
    output: Option<Value>,
) {
    let Some(key) = key else { return };
    let answer = StoredAnswer {
        at: request.now,
        input: without_token(request.input),
        organization,
        output,
    };
    let lifetime = state.knobs.client_token_lifetime;
    state.tokens.put(key, answer, lifetime);
}
