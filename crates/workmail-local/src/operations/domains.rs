//! RegisterMailDomain, DeregisterMailDomain, UpdateDefaultMailDomain, GetMailDomain,
//! ListMailDomains.

mod read;
mod records;

use serde::Deserialize;

pub(super) use self::read::{get, list};
use super::{ApiError, Done, Request, input, rights, tokens, usable};
use crate::{
    ids::OrganizationId,
    knobs::{DomainRemovalError, MissingRights, UnknownDomainRemoval, UnsignedDefault},
    seeds::SeedDomain,
    state::{Domain, Organization, World},
    words,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DomainInput {
    client_token: Option<String>,
    organization_id: String,
    domain_name: String,
}

pub(super) fn register(world: &mut World, request: Request<'_>) -> Result<Done, ApiError> {
    let asked: DomainInput = input(&request.input)?;
    let place = &request.caller.place;
    let organization = usable(world, &request, &asked.organization_id)?;
    let id = organization.id;
    let token = tokens::key(&request, asked.client_token);
    if let Some(known) = tokens::repeated(world, &request, token.as_ref())? {
        return Ok(known);
    }
    let name = asked.domain_name.to_ascii_lowercase();
    let lacking = rights::lacking_for_domain(request.caller, request.operation);
    let denied = lacking.map(|action| rights::denied(request.caller, action, "*"));
    let fails = denied.is_some();
    if let Some(denied) = denied
        && world.knobs.missing_rights == MissingRights::AccessDenied
    {
        return Err(denied);
    }
    let effect = match organization.domains.get(&name) {
        // SES starts again with an identity that failed.
        Some(domain) if domain.has_failed() => {
            world.verify_anew(id, &name, request.now);
            true
        }
        Some(_) => false,
        None => {
            check_name(&name)?;
            if world.is_domain_taken(&name, place, Some(id)) {
                let text = format!("The domain {name} is in use by another organization.");
                return Err(ApiError::mail_domain_in_use(text));
            }
            check_quota(world, organization)?;
            world.register_domain(id, &name, request.now);
            true
        }
    };
    if effect && fails {
        world.force_domain(id, SeedDomain::new(&name).failed(), request.now);
    }
    tokens::remember(world, request, token, id, None);
    Ok(done(id, effect))
}

pub(super) fn deregister(world: &mut World, request: &Request<'_>) -> Result<Done, ApiError> {
    let asked: DomainInput = input(&request.input)?;
    let organization = usable(world, request, &asked.organization_id)?;
    let id = organization.id;
    let Some(domain) = organization.domains.get(&asked.domain_name) else {
        return match world.knobs.unknown_domain_removal {
            UnknownDomainRemoval::Succeed => Ok(done(id, false)),
            UnknownDomainRemoval::NotFound => {
                Err(ApiError::mail_domain_not_found(&asked.domain_name))
            }
        };
    };
    let name = domain.name.clone();
    if domain.is_test {
        let text = format!("The domain {name} is the test domain.");
        return Err(has_to_stay(world.knobs.test_domain_removal, text));
    }
    if organization.domains.is_default(domain) {
        let text = format!("The domain {name} is the default domain.");
        return Err(has_to_stay(world.knobs.default_domain_removal, text));
    }
    if let Some(user) = organization.user_of(&name) {
        let text = format!("The domain {name} is in use by {}.", user.name);
        return Err(ApiError::mail_domain_in_use(text));
    }
    if let Some(action) = rights::lacking_for_domain(request.caller, request.operation) {
        return Err(rights::denied(request.caller, action, "*"));
    }
    if domain.custom_ses {
        return Err(ApiError::invalid_custom_ses_configuration(&name));
    }
    Ok(done(id, world.deregister_domain(id, &name)))
}

fn has_to_stay(error: DomainRemovalError, text: String) -> ApiError {
    match error {
        DomainRemovalError::MailDomainInUseException => ApiError::mail_domain_in_use(text),
        DomainRemovalError::InvalidParameterException => ApiError::invalid_parameter(text),
        DomainRemovalError::OrganizationStateException => ApiError::organization_busy(text),
    }
}

pub(super) fn update_default(world: &mut World, request: &Request<'_>) -> Result<Done, ApiError> {
    let asked: DomainInput = input(&request.input)?;
    let place = &request.caller.place;
    let organization = usable(world, request, &asked.organization_id)?;
    let id = organization.id;
    let domain = organization
        .domains
        .get(&asked.domain_name)
        .ok_or_else(|| ApiError::mail_domain_not_found(&asked.domain_name))?;
    let name = domain.name.clone();
    if organization.domains.is_default(domain) {
        return Ok(done(id, false));
    }
    if !may_be_default(world, domain) {
        return Err(ApiError::mail_domain_state(&name));
    }
    if let Some(organization) = world.at_mut(id, place) {
        organization.domains.set_default(&name);
    }
    Ok(done(id, true))
}

fn may_be_default(world: &World, domain: &Domain) -> bool {
    match world.knobs.unsigned_default {
        UnsignedDefault::Refuse => domain.is_verified(),
        UnsignedDefault::Accept => domain.ownership == words::VERIFIED,
    }
}

fn done(id: OrganizationId, effect: bool) -> Done {
    Done {
        output: None,
        organization: Some(id),
        effect,
    }
}

fn check_quota(world: &World, organization: &Organization) -> Result<(), ApiError> {
    match world.knobs.domain_quota {
        Some(quota) if organization.domains.len() >= quota => Err(ApiError::limit_exceeded(
            format!("The organization has {quota} domains, which is its limit."),
        )),
        _ => Ok(()),
    }
}

/// Test domains belong to the service.
pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    if name == "awsapps.com" || name.ends_with(".awsapps.com") {
        let text = format!("The domain {name} cannot be registered.");
        return Err(ApiError::invalid_parameter(text));
    }
    if is_domain_name(name) {
        Ok(())
    } else {
        Err(ApiError::invalid_parameter(format!("{name} is no domain.")))
    }
}

/// Whether a name that fits the model's pattern is one that DNS could have: two labels at least,
/// each of 1 to 63 letters, no hyphen at either end.
fn is_domain_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.contains('.') && name.split('.').all(is_label)
}
