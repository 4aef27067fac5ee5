//! DeleteOrganization.

use serde::Deserialize;
use serde_json::json;

use crate::{
    knobs::EnabledUsersError,
    operations::{ApiError, Completed, Request, organization, parse, rights, tokens},
    state::State,
    states,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteInput {
    client_token: Option<String>,
    organization_id: String,
    delete_directory: bool,
    force_delete: Option<bool>,
}

pub(in crate::operations) fn delete(
    state: &mut State,
    request: Request<'_>,
) -> Result<Completed, ApiError> {
    let input: DeleteInput = parse(&request.input)?;
    let token = tokens::key(&request, input.client_token);
    if let Some(known) = tokens::repeated(state, &request, token.as_ref())? {
        return Ok(known);
    }
    let organization = organization(state, &request, &input.organization_id)?;
    let id = organization.id;
    let current = organization.state_for_deletion();
    if !state.knobs.deletable_states.contains(current) {
        return Err(ApiError::organization_state(id, current));
    }
    if organization.has_enabled_users() && !input.force_delete.unwrap_or_default() {
        let code = match state.knobs.enabled_users_error {
            EnabledUsersError::OrganizationStateException => "OrganizationStateException",
            EnabledUsersError::InvalidParameterException => "InvalidParameterException",
        };
        return Err(ApiError::enabled_users(code, id));
    }
    let has_domains = organization.domains.registered().next().is_some();
    rights::require(
        request.caller,
        [
            (true, rights::LEAVE_DIRECTORY),
            (input.delete_directory, rights::DELETE_DIRECTORY),
            (has_domains, rights::DELETE_DOMAINS),
        ],
    )?;

    state.delete(id, input.delete_directory, request.now);
    let output = json!({"OrganizationId": id.to_string(), "State": states::DELETING});
    tokens::store(state, request, token, id, Some(output.clone()));
    Ok(Completed {
        output: Some(output),
        organization: Some(id),
        effect: true,
    })
}
