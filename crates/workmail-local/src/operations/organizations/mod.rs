//! CreateOrganization, DeleteOrganization, DescribeOrganization, ListOrganizations.

mod create;
mod delete;

use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use self::{create::create, delete::delete};
use super::{
    ApiError, Completed, Request, epoch, object, organization,
    paging::{Page, PageInput},
    parse,
};
use crate::state::{Organization, State};

/// The type of every directory. Source: the only sample that AWS documents.
const DIRECTORY_TYPE: &str = "VpcDirectory";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeInput {
    organization_id: String,
}

pub(super) fn describe(state: &State, request: &Request<'_>) -> Result<Completed, ApiError> {
    let DescribeInput { organization_id } = parse(&request.input)?;
    let organization = organization(state, request, &organization_id)?;
    let hidden_for = state.knobs.describe_not_found_for.0;
    if organization.is_younger_than(hidden_for, request.now) {
        return Err(ApiError::organization_not_found(&organization_id));
    }
    let directory = organization.shown_directory();
    let output = object([
        ("OrganizationId", Some(json!(organization.id.to_string()))),
        ("Alias", Some(json!(organization.alias))),
        ("State", Some(json!(organization.state))),
        ("DirectoryId", directory.map(Value::from)),
        ("DirectoryType", directory.map(|_| json!(DIRECTORY_TYPE))),
        ("DefaultMailDomain", shown_default_domain(organization)),
        ("CompletedDate", organization.completed_date.map(epoch)),
        ("ErrorMessage", shown_error(organization)),
        ("ARN", Some(json!(organization.arn()))),
        (
            "InteroperabilityEnabled",
            Some(json!(organization.interoperability_enabled)),
        ),
    ]);
    Ok(Completed::read(output, Some(organization.id)))
}

pub(super) fn list(state: &State, request: &Request<'_>) -> Result<Completed, ApiError> {
    let location = &request.caller.location;
    let input: PageInput = parse(&request.input)?;
    let list = format!("organizations of {} {}", location.account, location.region);
    let page = Page::of(state, list, input)?;
    let missing_for = state.knobs.list_missing_for.0;
    let listed = state
        .list(location, page.after)
        .filter(|organization| !organization.is_younger_than(missing_for, request.now))
        .map(|organization| (organization.serial, summary(organization)));
    Ok(Completed::read(
        page.output("OrganizationSummaries", listed),
        None,
    ))
}

fn summary(organization: &Organization) -> Value {
    object([
        ("OrganizationId", Some(json!(organization.id.to_string()))),
        ("Alias", Some(json!(organization.alias))),
        ("DefaultMailDomain", shown_default_domain(organization)),
        ("ErrorMessage", shown_error(organization)),
        ("State", Some(json!(organization.state))),
    ])
}

fn shown_default_domain(organization: &Organization) -> Option<Value> {
    organization.shown_default_domain().map(Value::from)
}

fn shown_error(organization: &Organization) -> Option<Value> {
    organization.error_message.as_deref().map(Value::from)
}
