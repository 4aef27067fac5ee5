//! CreateOrganization.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::json;

use crate::{
    ids::{Location, OrganizationId},
    operations::{ApiError, Completed, Request, domains::check_name, parse, rights, tokens},
    seeds::DirectoryKind,
    state::{
        Caller, Directory, Domain, Domains, Entities, Exports, Organization, State, creation,
        is_within, test_domain,
    },
    states,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    alias: String,
    directory_id: Option<String>,
    client_token: Option<String>,
    #[serde(default)]
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

impl CreateInput {
    fn domains(&self) -> &[DomainInput] {
        self.domains.as_deref().unwrap_or_default()
    }
}

pub(in crate::operations) fn create(
    state: &mut State,
    request: Request<'_>,
) -> Result<Completed, ApiError> {
    let input: CreateInput = parse(&request.input)?;
    let location = &request.caller.location;
    let token = tokens::key(&request, input.client_token.clone());
    if let Some(known) = tokens::repeated(state, &request, token.as_ref())? {
        return Ok(known);
    }
    check_domains(state, &location.account, &input)?;
    check_directory(state, location, &input)?;
    check_quota(state, &location.account)?;
    check_rights(request.caller, &input)?;
    let failure = taken_domain(state, &location.account, &input).or(request.fail_creation.clone());

    let id = OrganizationId::random();
    let makes_directory = input.directory_id.is_none();
    let mut domains = Domains::of(&input.alias);
    for domain in input.domains.into_iter().flatten() {
        domains.add(Domain::pending(&domain.domain_name, domain.hosted_zone_id));
    }
    let directory_id = input.directory_id.unwrap_or_else(|| {
        let made = Directory::of_workmail(location.clone(), input.alias.clone(), id);
        let directory_id = made.id.clone();
        state.directories.add(made);
        directory_id
    });
    let organization = Organization {
        id,
        location: location.clone(),
        serial: state.next_serial(),
        state: states::REQUESTED.to_owned(),
        error_message: None,
        directory_id,
        makes_directory,
        domains,
        alias: input.alias,
        created_at: request.now,
        seeded: false,
        completed_date: None,
        interoperability_enabled: input.enable_interoperability.unwrap_or_default(),
        tags: BTreeMap::new(),
        entities: Entities::default(),
        exports: Exports::default(),
        accepted_deletion: None,
        plan: creation(&state.knobs, request.now, failure).into(),
    };
    state.add(organization);
    let output = json!({"OrganizationId": id.to_string()});
    tokens::store(state, request, token, id, Some(output.clone()));
    Ok(Completed {
        output: Some(output),
        organization: Some(id),
        effect: true,
    })
}

fn check_domains(state: &State, account: &str, input: &CreateInput) -> Result<(), ApiError> {
    let own_test_domain = test_domain(&input.alias);
    let mut names = HashSet::new();
    for domain in input.domains() {
        let name = domain.domain_name.to_ascii_lowercase();
        if name != own_test_domain {
            check_name(&name)?;
        }
        check_zone(state, account, &name, domain.hosted_zone_id.as_deref())?;
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
    state: &State,
    account: &str,
    name: &str,
    named: Option<&str>,
) -> Result<(), ApiError> {
    let text = match (named, state.zone_of(account, name)) {
        (None, None) => return Ok(()),
        (None, Some(zone)) => {
            format!("The domain {name} is in the hosted zone {zone}: HostedZoneId is required.")
        }
        (Some(named), _) => match state.zone(account, named) {
            None => format!("The hosted zone {named} was not found."),
            Some(apex) if is_within(name, apex) => return Ok(()),
            Some(_) => format!("The domain {name} is not in the hosted zone {named}."),
        },
    };
    Err(ApiError::invalid_parameter(text))
}

/// Returns the error message of an organization that fails because another one has a domain of
/// it. The operation declares no exception for that (inferred).
fn taken_domain(state: &State, account: &str, input: &CreateInput) -> Option<String> {
    let mut names = input.domains().iter().map(|domain| &domain.domain_name);
    let taken = names.find(|name| state.is_domain_taken(name, account, None))?;
    Some(format!(
        "The domain {taken} is in use by another organization."
    ))
}

fn check_directory(
    state: &State,
    location: &Location,
    input: &CreateInput,
) -> Result<(), ApiError> {
    let CreateInput {
        alias,
        directory_id,
        ..
    } = input;
    let found = directory_id
        .as_ref()
        .map(|id| {
            let directory = state.directories.at(id, location);
            directory.ok_or_else(|| ApiError::directory_unavailable(id))
        })
        .transpose()?;
    let interoperability = input.enable_interoperability.unwrap_or_default();
    if interoperability && found.is_none_or(|found| found.kind != DirectoryKind::AdConnector) {
        return Err(ApiError::invalid_parameter(
            "Interoperability needs the directory of an AD Connector.",
        ));
    }
    if let Some(found) = found {
        if found.organization.is_some() {
            return Err(ApiError::directory_in_use(&found.id));
        }
        let own_alias = found.alias.as_ref();
        if own_alias.is_some_and(|own| !own.eq_ignore_ascii_case(alias)) {
            return Err(ApiError::invalid_parameter(
                "The alias is not the directory's alias.",
            ));
        }
    }
    let State {
        directories, knobs, ..
    } = state;
    let own = directory_id.as_deref();
    if directories.is_taken(alias, location, own, knobs) {
        return Err(ApiError::name_availability(alias));
    }
    Ok(())
}

fn check_quota(state: &State, account: &str) -> Result<(), ApiError> {
    match state.knobs.quota_of(account) {
        Some(quota) if state.count(account) >= quota => Err(ApiError::limit_exceeded(format!(
            "The account has {quota} organizations, which is its limit."
        ))),
        _ => Ok(()),
    }
}

fn check_rights(caller: &Caller, input: &CreateInput) -> Result<(), ApiError> {
    let mut domains = input.domains().iter();
    let has_domains = domains.len() > 0;
    let has_zone = domains.any(|domain| domain.hosted_zone_id.is_some());
    rights::require(
        caller,
        [
            (input.directory_id.is_none(), rights::MAKE_DIRECTORY),
            (true, rights::USE_DIRECTORY),
            (has_domains, rights::REGISTER_DOMAIN),
            (has_zone, rights::USE_ZONE),
            (input.kms_key_arn.is_some(), rights::USE_KEY),
        ],
    )
}
