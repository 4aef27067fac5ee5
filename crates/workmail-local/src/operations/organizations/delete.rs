//! DeleteOrganization.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ids::OrganizationId,
    knobs::{DeleteAnswer, EnabledUsersError, MissingRights, SharedDirectory},
    operations::{ApiError, Done, Request, input, rights, tokens},
    state::{Deletion, Organization, World},
    words,
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
    world: &mut World,
    request: Request<'_>,
) -> Result<Done, ApiError> {
    let asked: DeleteInput = input(&request.input)?;
    let place = &request.caller.place;
    let token = tokens::key(&request, asked.client_token.clone());
    if let Some(known) = tokens::repeated(world, &request, token.as_ref())? {
        return Ok(known);
    }
    let organization = OrganizationId::parse(&asked.organization_id)
        .and_then(|id| world.at(id, place))
        .ok_or_else(|| ApiError::organization_not_found(&asked.organization_id))?;
    let id = organization.id;
    let state = organization.state_for_deletion().to_owned();
    check_state(world, organization, &state)?;
    if [words::DELETING, words::DELETED].contains(&state.as_str()) {
        return Ok(Done::read(answer(id, &state), Some(id)));
    }
    if organization.has_enabled_users() && !asked.force_delete.unwrap_or_default() {
        return Err(enabled_users(world, id));
    }
    let failure = check_directory(world, organization, asked.delete_directory)?.or(check_rights(
        world,
        &request,
        organization,
        asked.delete_directory,
    )?);

    world.delete(
        id,
        Deletion {
            directory: asked.delete_directory,
        },
        failure,
        request.now,
    );
    let answer = answer(id, words::DELETING);
    tokens::remember(world, request, token, id, Some(answer.clone()));
    Ok(Done {
        output: Some(answer),
        organization: Some(id),
        effect: true,
    })
}

fn answer(id: OrganizationId, state: &str) -> Value {
    json!({"OrganizationId": id.to_string(), "State": state})
}

fn check_state(world: &World, organization: &Organization, state: &str) -> Result<(), ApiError> {
    let id = organization.id;
    match world.knobs.delete_answers.get(state) {
        Some(DeleteAnswer::Accept) => Ok(()),
        Some(DeleteAnswer::NotFound) => Err(ApiError::organization_not_found(&id.to_string())),
        Some(DeleteAnswer::InvalidParameter) => Err(ApiError::invalid_parameter(format!(
            "Organization {id} cannot be deleted in state {state}."
        ))),
        Some(DeleteAnswer::OrganizationState) | None => {
            Err(ApiError::organization_state(id, state))
        }
    }
}

fn enabled_users(world: &World, id: OrganizationId) -> ApiError {
    let text = format!("Organization {id} has enabled users; force the deletion to delete them.");
    match world.knobs.enabled_users_error {
        EnabledUsersError::OrganizationStateException => ApiError::organization_busy(text),
        EnabledUsersError::InvalidParameterException => ApiError::invalid_parameter(text),
    }
}

/// How the deletion is to fail because the directory cannot go.
fn check_directory(
    world: &World,
    organization: &Organization,
    with_directory: bool,
) -> Result<Option<String>, ApiError> {
    let directory = world.directories.get(&organization.directory_id);
    let Some(directory) = directory.filter(|found| with_directory && found.other_applications)
    else {
        return Ok(None);
    };
    let text = format!(
        "The directory {} is in use by other applications.",
        directory.id
    );
    match world.knobs.shared_directory {
        SharedDirectory::InvalidParameter => Err(ApiError::invalid_parameter(text)),
        SharedDirectory::FailLater => Ok(Some(text)),
    }
}

/// How the deletion is to fail for want of a right on another service.
fn check_rights(
    world: &World,
    request: &Request<'_>,
    organization: &Organization,
    with_directory: bool,
) -> Result<Option<String>, ApiError> {
    let lacking = rights::lacking_to_delete(request.caller, organization, with_directory);
    let Some(action) = lacking else {
        return Ok(None);
    };
    let denied = rights::denied(request.caller, action, "*");
    match world.knobs.missing_rights {
        MissingRights::AccessDenied => Err(denied),
        MissingRights::FailLater => Ok(denied.message),
    }
}
