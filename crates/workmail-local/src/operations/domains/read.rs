//! GetMailDomain, ListMailDomains.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{DomainInput, records::records};
use crate::{
    knobs::{ListOrder, TestDomainRecords},
    operations::{
        ApiError, Done, Request, input,
        paging::{self, Page},
        rights, usable,
    },
    state::{Domain, PageToken, Position, World},
};

pub(in crate::operations) fn get(world: &World, request: &Request<'_>) -> Result<Done, ApiError> {
    let asked: DomainInput = input(&request.input)?;
    let organization = usable(world, request, &asked.organization_id)?;
    let domain = organization
        .domains
        .get(&asked.domain_name)
        .ok_or_else(|| ApiError::mail_domain_not_found(&asked.domain_name))?;
    if let Some(action) = rights::lacking_for_domain(request.caller, request.operation) {
        return Err(rights::denied(request.caller, action, "*"));
    }
    let hidden = domain.is_test && world.knobs.test_domain_records == TestDomainRecords::Empty;
    let records = if hidden {
        Vec::new()
    } else {
        records(&domain.name, &organization.place, &world.knobs)
    };
    let output = json!({
        "Records": records,
        "IsTestDomain": domain.is_test,
        "IsDefault": organization.domains.is_default(domain),
        "OwnershipVerificationStatus": domain.ownership,
        "DkimVerificationStatus": domain.dkim,
    });
    Ok(Done::read(output, Some(organization.id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    organization_id: String,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(in crate::operations) fn list(world: &World, request: &Request<'_>) -> Result<Done, ApiError> {
    let asked: ListInput = input(&request.input)?;
    let organization = usable(world, request, &asked.organization_id)?;
    let id = organization.id;
    let name = format!("ListMailDomains {id}");
    let position = paging::position(world, request, asked.next_token.as_deref(), &name)?;
    let order = position
        .as_ref()
        .map_or(world.knobs.list_order, Position::order);
    let domains = &organization.domains;
    let mut rest: Vec<(Position, &Domain)> = domains
        .iter()
        .map(|domain| (place_of(domain, order), domain))
        .filter(|(place, _)| position.as_ref().is_none_or(|from| place > from))
        .collect();
    rest.sort_by(|(one, _), (other, _)| one.cmp(other));
    let Page { items, next } =
        Page::take(rest.into_iter(), asked.max_results, |(last, _)| PageToken {
            list: name,
            issued: request.now,
            position: last.clone(),
        });
    let shown: Vec<Value> = items
        .iter()
        .map(|(_, domain)| {
            json!({"DomainName": domain.name, "DefaultDomain": domains.is_default(domain)})
        })
        .collect();
    Ok(Done::read(
        paging::output(world, "MailDomains", shown, next)?,
        Some(id),
    ))
}

/// A domain's name is its id.
fn place_of(domain: &Domain, order: ListOrder) -> Position {
    match order {
        ListOrder::Creation => Position::Creation(domain.serial),
        ListOrder::Name => Position::Name(domain.name.clone(), domain.serial),
        ListOrder::Id => Position::Id(domain.name.clone()),
    }
}
