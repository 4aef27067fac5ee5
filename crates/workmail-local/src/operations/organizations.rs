//! CreateOrganization, DeleteOrganization, DescribeOrganization, ListOrganizations.

mod create;
mod delete;

use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) use self::{create::create, delete::delete};
use super::{
    ApiError, Done, Request, epoch, input,
    paging::{self, Page},
};
use crate::{
    ids::OrganizationId,
    knobs::Knobs,
    state::{Listing, Organization, PageToken, Position, World},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeInput {
    organization_id: String,
}

pub(super) fn describe(world: &World, request: &Request<'_>) -> Result<Done, ApiError> {
    let DescribeInput { organization_id } = input(&request.input)?;
    let lag = world.knobs.describe_not_found_for.0;
    let organization = OrganizationId::parse(&organization_id)
        .and_then(|id| world.at(id, &request.caller.place))
        .filter(|organization| !organization.is_younger(lag, request.now))
        .ok_or_else(|| ApiError::organization_not_found(&organization_id))?;
    let kind = world
        .directories
        .get(&organization.directory_id)
        .map(|directory| directory.kind);
    let output = described(organization, &world.knobs, kind);
    Ok(Done::read(output, Some(organization.id)))
}

fn described(
    organization: &Organization,
    knobs: &Knobs,
    kind: Option<crate::seeds::DirectoryKind>,
) -> Value {
    let directory = organization.shown_directory();
    let directory_type = directory
        .and(kind)
        .map(|kind| knobs.directory_types.of(kind));
    present([
        ("OrganizationId", Some(json!(organization.id.to_string()))),
        ("Alias", Some(json!(organization.alias))),
        ("State", Some(json!(organization.state))),
        ("DirectoryId", directory.map(Value::from)),
        ("DirectoryType", directory_type.map(Value::from)),
        (
            "DefaultMailDomain",
            organization.shown_domain().map(Value::from),
        ),
        ("CompletedDate", organization.completed_date.map(epoch)),
        (
            "ErrorMessage",
            organization.error_message.as_deref().map(Value::from),
        ),
        ("ARN", Some(json!(organization.arn()))),
        (
            "MigrationAdmin",
            organization.migration_admin.as_deref().map(Value::from),
        ),
        (
            "InteroperabilityEnabled",
            Some(json!(organization.interoperability_enabled)),
        ),
    ])
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(world: &World, request: &Request<'_>) -> Result<Done, ApiError> {
    let ListInput {
        next_token,
        max_results,
    } = input(&request.input)?;
    let place = &request.caller.place;
    let name = format!("ListOrganizations {} {}", place.account, place.region);
    let position = paging::position(world, request, next_token.as_deref(), &name)?;
    let order = position
        .as_ref()
        .map_or(world.knobs.list_order, Position::order);
    let lag = world.knobs.list_missing_for.0;

    let ids = world.listing(place).map(|listing| match position {
        Some(position) => listing.after(position),
        None => listing.all(order),
    });
    let shown = ids
        .into_iter()
        .flatten()
        .filter_map(|id| world.find(id))
        .filter(|organization| !organization.is_younger(lag, request.now));
    let Page { items, next } = Page::take(shown, max_results, |last| PageToken {
        list: name,
        issued: request.now,
        position: Listing::position(last, order),
    });
    let summaries: Vec<Value> = items.into_iter().map(summary).collect();
    let output = paging::output(world, "OrganizationSummaries", summaries, next)?;
    Ok(Done::read(output, None))
}

fn summary(organization: &Organization) -> Value {
    present([
        ("OrganizationId", Some(json!(organization.id.to_string()))),
        ("Alias", Some(json!(organization.alias))),
        (
            "DefaultMailDomain",
            organization.shown_domain().map(Value::from),
        ),
        (
            "ErrorMessage",
            organization.error_message.as_deref().map(Value::from),
        ),
        ("State", Some(json!(organization.state))),
    ])
}

/// An object of those members that have a value: the service leaves the others out.
pub(super) fn present<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}
