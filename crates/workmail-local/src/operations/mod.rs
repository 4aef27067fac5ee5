//! The operations of the service: authorization, bounds, and one function for each operation.

mod domains;
mod entities;
mod error;
mod exports;
mod organizations;
mod paging;
mod rights;
mod tags;
mod tokens;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub(crate) use self::error::{ApiError, TextMember};
use crate::{
    contract::{Operation, OperationModel, Violation},
    faults::ExportEnd,
    ids::OrganizationId,
    state::{Caller, Organization, State},
    states,
};

/// A call of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: Operation,
    pub(crate) caller: &'a Caller,
    /// The input, whose values have the right types. Their bounds are not checked yet.
    pub(crate) input: Value,
    pub(crate) now: Timestamp,
    /// The error message of the organization that this call creates, if a fault makes it fail.
    pub(crate) fail_creation: Option<String>,
    /// How the export job ends that this call starts.
    pub(crate) export_end: Option<ExportEnd>,
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Completed {
    /// The output; `None` if the operation has none.
    pub(crate) output: Option<Value>,
    pub(crate) organization: Option<OrganizationId>,
    /// Whether the call changed anything.
    pub(crate) effect: bool,
}

impl Completed {
    /// Returns the result of a call that changed nothing.
    fn read(output: Value, organization: Option<OrganizationId>) -> Self {
        Self {
            output: Some(output),
            organization,
            effect: false,
        }
    }

    /// Returns the result of an operation without output.
    fn without_output(organization: OrganizationId, effect: bool) -> Self {
        Self {
            output: None,
            organization: Some(organization),
            effect,
        }
    }
}

/// Runs a call, if the caller may make it and the model allows its input.
pub(crate) fn run(
    state: &mut State,
    model: &OperationModel,
    violations: &[Violation],
    request: Request<'_>,
) -> Result<Completed, ApiError> {
    state.catch_up(request.now);
    end_exports(state, &request);
    rights::check(&request, &model.resource)?;
    if !violations.is_empty() {
        return Err(out_of_bounds(violations));
    }
    let now = request.now;
    let completed = match request.operation {
        Operation::CancelMailboxExportJob => exports::cancel(state, request),
        Operation::CreateOrganization => organizations::create(state, request),
        Operation::DeleteOrganization => organizations::delete(state, request),
        Operation::DeregisterMailDomain => domains::deregister(state, &request),
        Operation::DescribeOrganization => organizations::describe(state, &request),
        Operation::DescribeGroup => entities::describe_group(state, &request),
        Operation::DescribeMailboxExportJob => exports::describe(state, &request),
        Operation::DescribeResource => entities::describe_resource(state, &request),
        Operation::DescribeUser => entities::describe_user(state, &request),
        Operation::GetMailboxDetails => entities::mailbox_details(state, &request),
        Operation::ListAliases => entities::aliases(state, &request),
        Operation::ListGroups => entities::groups(state, &request),
        Operation::ListResources => entities::resources(state, &request),
        Operation::ListUsers => entities::users(state, &request),
        Operation::GetMailDomain => domains::get(state, &request),
        Operation::ListMailDomains => domains::list(state, &request),
        Operation::ListMailboxExportJobs => exports::list(state, &request),
        Operation::ListOrganizations => organizations::list(state, &request),
        Operation::ListTagsForResource => tags::list(state, &request),
        Operation::RegisterMailDomain => domains::register(state, request),
        Operation::StartMailboxExportJob => exports::start(state, request),
        Operation::TagResource => tags::tag(state, &request),
        Operation::UntagResource => tags::untag(state, &request),
        Operation::UpdateDefaultMailDomain => domains::update_default(state, &request),
    };
    state.catch_up(now);
    completed
}

/// Ends the export jobs that are due in the organization that a call names.
fn end_exports(state: &mut State, request: &Request<'_>) {
    let id = request.input.get("OrganizationId").and_then(Value::as_str);
    if let Some(id) = id.and_then(OrganizationId::parse)
        && let Some(organization) = state.find_mut(id)
    {
        organization.exports.catch_up(request.now);
    }
}

fn out_of_bounds(violations: &[Violation]) -> ApiError {
    let plural = if violations.len() == 1 { "" } else { "s" };
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    ApiError::invalid_parameter(format!(
        "{} validation error{plural} detected: {}",
        violations.len(),
        texts.join("; ")
    ))
}

/// Returns an organization of the caller.
fn organization<'s>(
    state: &'s State,
    request: &Request<'_>,
    id: &str,
) -> Result<&'s Organization, ApiError> {
    OrganizationId::parse(id)
        .and_then(|id| state.at(id, &request.caller.location))
        .ok_or_else(|| ApiError::organization_not_found(id))
}

/// Returns an Active organization of the caller.
fn active_organization<'s>(
    state: &'s State,
    request: &Request<'_>,
    id: &str,
) -> Result<&'s Organization, ApiError> {
    let organization = organization(state, request, id)?;
    check_active(organization)?;
    Ok(organization)
}

fn check_active(organization: &Organization) -> Result<(), ApiError> {
    let state = &organization.state;
    if state == states::ACTIVE {
        Ok(())
    } else {
        Err(ApiError::organization_state(organization.id, state))
    }
}

/// Deserializes an input whose types and bounds were checked.
fn parse<T: serde::de::DeserializeOwned>(input: &Value) -> Result<T, ApiError> {
    T::deserialize(input).map_err(|_| ApiError::internal())
}

/// Returns an object of the members that have a value. The service leaves the others out.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

/// Returns a time as the service writes it: seconds of the epoch, with milliseconds.
fn epoch(at: Timestamp) -> Value {
    let milliseconds = at.as_millisecond();
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact to the millisecond for 200,000 years"
    )]
    let seconds = milliseconds as f64 / 1000.0;
    Value::from(seconds)
}
