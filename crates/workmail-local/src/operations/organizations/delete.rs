//! DeleteOrganization.

use serde::Deserialize;
use serde_json::json;

use crate::{
    knobs::{EnabledUsersError, SharedDirectory},
    operations::{ApiError, Completed, Request, organization, parse, rights, tokens},
    state::{Organization, State},
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
    if organization.entities.has_enabled_users() && !input.force_delete.unwrap_or_default() {
        let code = match state.knobs.enabled_users_error {
            EnabledUsersError::OrganizationStateException => "OrganizationStateException",
            EnabledUsersError::InvalidParameterException => "InvalidParameterException",
        };
        return Err(ApiError::enabled_users(code, id));
    }
    let failure = if input.delete_directory {
        check_directory(state, organization)?
    } else {
        None
    };
    let has_domains = organization.domains.registered().next().is_some();
    rights::require(
        request.caller,
        [
            (true, rights::LEAVE_DIRECTORY),
            (input.delete_directory, rights::DELETE_DIRECTORY),
            (has_domains, rights::DELETE_DOMAINS),
        ],
    )?;

    state.delete(id, input.delete_directory, failure, request.now);
    let output = json!({"OrganizationId": id.to_string(), "State": states::DELETING});
    tokens::store(state, request, token, id, Some(output.clone()));
    Ok(Completed {
        output: Some(output),
        organization: Some(id),
        effect: true,
    })
}

/// Returns the error message of a deletion that fails later because other applications use the
/// directory.
///
/// # Errors
/// Other applications use the directory, and the knob refuses the call.
fn check_directory(state: &State, organization: &Organization) -> Result<Option<String>, ApiError> {
    let id = &organization.directory_id;
    let directory = state.directories.get(id);
    if !directory.is_some_and(|directory| directory.other_applications) {
        return Ok(None);
    }
    let text = format!("The directory {id} is in use by other applications.");
    match state.knobs.shared_directory {
        SharedDirectory::InvalidParameter => Err(ApiError::invalid_parameter(text)),
        SharedDirectory::FailLater => Ok(Some(text)),
    }
}
