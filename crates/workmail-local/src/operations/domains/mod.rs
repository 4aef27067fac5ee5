//! RegisterMailDomain, DeregisterMailDomain, UpdateDefaultMailDomain, GetMailDomain,
//! ListMailDomains.

mod read;
mod records;

use serde::Deserialize;

pub(super) use self::read::{get, list};
use super::{ApiError, Completed, Request, active_organization, parse, rights, tokens};
use crate::state::{State, is_within};

/// How many domains an organization can have, with the test domain. Source: AWS's quotas page.
const DOMAIN_QUOTA: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DomainInput {
    client_token: Option<String>,
    organization_id: String,
    domain_name: String,
}

pub(super) fn register(state: &mut State, request: Request<'_>) -> Result<Completed, ApiError> {
    let input: DomainInput = parse(&request.input)?;
    let organization = active_organization(state, &request, &input.organization_id)?;
    let id = organization.id;
    let token = tokens::key(&request, input.client_token);
    if let Some(known) = tokens::repeated(state, &request, token.as_ref())? {
        return Ok(known);
    }
    rights::require(request.caller, [(true, rights::REGISTER_DOMAIN)])?;
    let name = input.domain_name.to_ascii_lowercase();
    let account = &request.caller.location.account;
    let effect = match organization.domains.get(&name) {
        // SES verifies an identity again whose verification has failed.
        Some(domain) if domain.has_failed() => {
            state.start_verification(id, &name, request.now);
            true
        }
        Some(_) => false,
        None => {
            check_name(&name)?;
            if state.is_domain_taken(&name, account, Some(id)) {
                let text = format!("The domain {name} is in use by another organization.");
                return Err(ApiError::mail_domain_in_use(text));
            }
            if organization.domains.count() >= DOMAIN_QUOTA {
                let text = format!("The organization has {DOMAIN_QUOTA} domains, its limit.");
                return Err(ApiError::limit_exceeded(text));
            }
            state.register_domain(id, &name, request.now);
            true
        }
    };
    tokens::store(state, request, token, id, None);
    Ok(Completed::without_output(id, effect))
}

pub(super) fn deregister(state: &mut State, request: &Request<'_>) -> Result<Completed, ApiError> {
    let input: DomainInput = parse(&request.input)?;
    let organization = active_organization(state, request, &input.organization_id)?;
    let id = organization.id;
    let Some(domain) = organization.domains.get(&input.domain_name) else {
        // The operation is idempotent and declares no exception for this (model).
        return Ok(Completed::without_output(id, false));
    };
    let name = domain.name.clone();
    if domain.is_test {
        let text = format!("The domain {name} is the test domain.");
        return Err(ApiError::invalid_parameter(text));
    }
    if organization.domains.is_default(domain) {
        let text = format!("The domain {name} is the default domain.");
        return Err(ApiError::mail_domain_in_use(text));
    }
    if let Some(entity) = organization.entities.in_domain(&name) {
        let text = format!("The domain {name} is in use by {}.", entity.name);
        return Err(ApiError::mail_domain_in_use(text));
    }
    rights::require(request.caller, [(true, rights::DEREGISTER_DOMAIN)])?;
    if domain.custom_ses {
        return Err(ApiError::invalid_custom_ses_configuration(&name));
    }
    let effect = state.deregister_domain(id, &name);
    Ok(Completed::without_output(id, effect))
}

pub(super) fn update_default(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    let input: DomainInput = parse(&request.input)?;
    let organization = active_organization(state, request, &input.organization_id)?;
    let id = organization.id;
    let domain = organization
        .domains
        .get(&input.domain_name)
        .ok_or_else(|| ApiError::mail_domain_not_found(&input.domain_name))?;
    let name = domain.name.clone();
    if organization.domains.is_default(domain) {
        return Ok(Completed::without_output(id, false));
    }
    if !domain.is_verified() {
        return Err(ApiError::mail_domain_state(&name));
    }
    if let Some(organization) = state.find_mut(id) {
        organization.domains.set_default(&name);
    }
    Ok(Completed::without_output(id, true))
}

/// Refuses a name that DNS cannot have, and a name of the service.
pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    if is_within(name, "awsapps.com") {
        let text = format!("The domain {name} cannot be registered.");
        return Err(ApiError::invalid_parameter(text));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.contains('.') && name.split('.').all(is_label) {
        Ok(())
    } else {
        let text = format!("{name} is not a domain name.");
        Err(ApiError::invalid_parameter(text))
    }
}
