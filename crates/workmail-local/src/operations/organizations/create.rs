//! CreateOrganization.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::{
    ids::{OrganizationId, Place},
    knobs::{MissingRights, TakenDomain},
    operations::{ApiError, Done, Request, domains::check_name, input, rights, tokens},
    seeds::DirectoryKind,
    state::{Directory, Domain, Domains, Organization, World, creation, is_within, test_domain},
    words,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    alias: String,
    directory_id: Option<String>,
    client_token: Option<String>,
    domains: Option<Vec<DomainInput>>,
    kms_key_arn: Option<String>,
    enable_interoperability: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DomainInput {
    domain_name: String,
    hosted_zone_id: Option<String>,
}

pub(in crate::operations) fn create(
    world: &mut World,
    request: Request<'_>,
) -> Result<Done, ApiError> {
    let asked: CreateInput = input(&request.input)?;
    let place = &request.caller.place;
    let token = tokens::key(&request, asked.client_token.clone());
    if let Some(known) = tokens::repeated(world, &request, token.as_ref())? {
        return Ok(known);
    }
    check_customer(world, place)?;
    check_domains(world, place, &asked)?;
    let in_use = check_taken(world, place, &asked)?;
    check_directory(world, place, &asked)?;
    check_quota(world, place)?;
    let failure = check_rights(world, &request, &asked)?
        .or(in_use)
        .or(request.fail_creation.clone());

    let id = OrganizationId::random();
    let own_directory = asked.directory_id.is_none();
    let directory_id = asked.directory_id.unwrap_or_else(|| {
        let own = Directory::own(place.clone(), asked.alias.clone(), id);
        let directory = own.id.clone();
        world.directories.add(own);
        directory
    });
    let answer = json!({"OrganizationId": id.to_string()});
    let organization = Organization {
        id,
        place: place.clone(),
        serial: world.next_serial(),
        state: words::REQUESTED.to_owned(),
        error_message: None,
        directory_id,
        own_directory,
        domains: domains_of(world, &asked.alias, asked.domains, request.now),
        alias: asked.alias,
        created_at: request.now,
        seeded: false,
        completed_date: None,
        migration_admin: None,
        interoperability_enabled: asked.enable_interoperability.unwrap_or_default(),
        kms_key_arn: asked.kms_key_arn,
        client_token: asked.client_token,
        tags: std::collections::BTreeMap::new(),
        users: Vec::new(),
        deleted_at: None,
        deletion: None,
        plan: creation(&world.knobs, request.now, failure).into(),
    };
    world.add(organization);
    tokens::remember(world, request, token, id, Some(answer.clone()));
    Ok(Done {
        output: Some(answer),
        organization: Some(id),
        effect: true,
    })
}

/// The test domain, and what was asked for. Nothing is verified before the organization is Active.
fn domains_of(
    world: &World,
    alias: &str,
    asked: Option<Vec<DomainInput>>,
    now: Timestamp,
) -> Domains {
    let mut domains = Domains::of(alias, &world.knobs, now);
    for domain in asked.into_iter().flatten() {
        domains.put(Domain::new(&domain.domain_name, now).in_zone(domain.hosted_zone_id));
    }
    domains
}

fn check_customer(world: &World, place: &Place) -> Result<(), ApiError> {
    if world.knobs.non_customers.contains(&place.account) {
        return Err(ApiError::coded(&world.knobs.non_customer_error));
    }
    Ok(())
}

fn check_domains(world: &World, place: &Place, asked: &CreateInput) -> Result<(), ApiError> {
    let own_test_domain = test_domain(&asked.alias);
    let mut names = HashSet::new();
    for domain in asked.domains.iter().flatten() {
        let name = domain.domain_name.to_ascii_lowercase();
        if name != own_test_domain {
            check_name(&name)?;
        }
        check_zone(
            world,
            &place.account,
            &name,
            domain.hosted_zone_id.as_deref(),
        )?;
        if !names.insert(name) {
            let text = format!("The domain {} is given twice.", domain.domain_name);
            return Err(ApiError::invalid_parameter(text));
        }
    }
    Ok(())
}

/// Refuses a domain whose hosted zone is not the one that the call names.
///
/// A domain in a hosted zone of the account needs the zone's id. Source: the model's text on
/// `HostedZoneId` ("Required when configuring a domain hosted in Route 53"). The model's list of
/// required members lacks it, because other domains do not have one.
fn check_zone(
    world: &World,
    account: &str,
    name: &str,
    named: Option<&str>,
) -> Result<(), ApiError> {
    let text = match (named, world.zone_of(account, name)) {
        (None, None) => return Ok(()),
        (None, Some(zone)) => {
            format!("The domain {name} is in the hosted zone {zone}: HostedZoneId is required.")
        }
        (Some(named), _) => match world.zone(account, named) {
            None => format!("The hosted zone {named} was not found."),
            Some(apex) if is_within(name, apex) => return Ok(()),
            Some(_) => format!("The domain {name} is not in the hosted zone {named}."),
        },
    };
    Err(ApiError::invalid_parameter(text))
}

/// How the organization is to fail because another has a domain of it.
fn check_taken(
    world: &World,
    place: &Place,
    asked: &CreateInput,
) -> Result<Option<String>, ApiError> {
    let mut names = asked
        .domains
        .iter()
        .flatten()
        .map(|domain| &domain.domain_name);
    let Some(name) = names.find(|name| world.is_domain_taken(name, place, None)) else {
        return Ok(None);
    };
    let text = format!("The domain {name} is in use by another organization.");
    match world.knobs.taken_domain {
        TakenDomain::FailLater => Ok(Some(text)),
        TakenDomain::InvalidParameter => Err(ApiError::invalid_parameter(text)),
    }
}

fn check_directory(world: &World, place: &Place, asked: &CreateInput) -> Result<(), ApiError> {
    let interoperability = asked.enable_interoperability.unwrap_or_default();
    let directory = match &asked.directory_id {
        Some(id) => Some(
            world
                .directories
                .at(id, place)
                .filter(|directory| !directory.unavailable)
                .ok_or_else(|| ApiError::directory_unavailable(id))?,
        ),
        None => None,
    };
    if interoperability && directory.is_none_or(|found| found.kind != DirectoryKind::AdConnector) {
        return Err(ApiError::invalid_parameter(
            "Interoperability needs the directory of an AD Connector.",
        ));
    }
    if let Some(directory) = directory {
        if directory.in_use || directory.user.is_some() {
            return Err(ApiError::directory_in_use(&directory.id));
        }
        if directory
            .alias
            .as_ref()
            .is_some_and(|alias| !alias.eq_ignore_ascii_case(&asked.alias))
        {
            return Err(ApiError::invalid_parameter(
                "The alias is not the directory's alias.",
            ));
        }
    }
    let (scope, reuse) = (world.knobs.alias_scope, world.knobs.alias_reuse);
    let own = asked.directory_id.as_deref();
    if world
        .directories
        .is_taken(&asked.alias, place, own, scope, reuse)
    {
        return Err(ApiError::name_availability(&asked.alias));
    }
    Ok(())
}

fn check_quota(world: &World, place: &Place) -> Result<(), ApiError> {
    match world.knobs.organization_quota {
        Some(quota) if world.count(&place.account) >= quota => Err(ApiError::limit_exceeded(
            format!("The account has {quota} organizations, which is its limit."),
        )),
        _ => Ok(()),
    }
}

/// How the organization is to fail for want of a right on another service.
fn check_rights(
    world: &World,
    request: &Request<'_>,
    asked: &CreateInput,
) -> Result<Option<String>, ApiError> {
    let domains = asked.domains.as_deref().unwrap_or_default();
    let zones = domains
        .iter()
        .filter(|domain| domain.hosted_zone_id.is_some())
        .count();
    let own_directory = asked.directory_id.is_none();
    let key = asked.kms_key_arn.is_some();
    let caller = request.caller;
    let lacking = rights::lacking_to_create(caller, own_directory, domains.len(), zones, key);
    let Some(action) = lacking else {
        return Ok(None);
    };
    let denied = rights::denied(caller, action, "*");
    match world.knobs.missing_rights {
        MissingRights::AccessDenied => Err(denied),
        MissingRights::FailLater => Ok(denied.message),
    }
}
