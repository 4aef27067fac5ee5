//! The operations of the service: who may, what is asked, and one function for each.

mod domains;
mod error;
mod organizations;
mod paging;
mod rights;
mod tags;
mod tokens;
mod users;

use jiff::Timestamp;
use serde_json::Value;

pub(crate) use self::error::{ApiError, Letter};
use crate::{
    contract::{Broken, Operation, OperationModel},
    ids::OrganizationId,
    knobs::{ConstraintError, ConstraintText},
    state::{Caller, Organization, World},
};

/// A call as an operation sees it.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: Operation,
    pub(crate) caller: &'a Caller,
    /// Of the right types, but not yet within its bounds.
    pub(crate) input: Value,
    pub(crate) now: Timestamp,
    /// The organization that this creates is to fail, with this message.
    pub(crate) fail_creation: Option<String>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Done {
    /// The output; `None` where the operation has none.
    pub(crate) output: Option<Value>,
    pub(crate) organization: Option<OrganizationId>,
    /// Whether anything is now other than before.
    pub(crate) effect: bool,
}

impl Done {
    /// An answer that changed nothing.
    fn read(output: Value, organization: Option<OrganizationId>) -> Self {
        Self {
            output: Some(output),
            organization,
            effect: false,
        }
    }
}

/// Does what a call asks, if the caller may and the model allows.
pub(crate) fn run(
    world: &mut World,
    model: &OperationModel,
    broken: &[Broken],
    request: Request<'_>,
) -> Result<Done, ApiError> {
    world.catch_up(request.now);
    rights::check(&request, &model.resource)?;
    if !broken.is_empty() {
        return Err(out_of_bounds(world, broken));
    }
    let now = request.now;
    let done = match request.operation {
        Operation::CreateOrganization => organizations::create(world, request),
        Operation::DeleteOrganization => organizations::delete(world, request),
        Operation::DeregisterMailDomain => domains::deregister(world, &request),
        Operation::DescribeOrganization => organizations::describe(world, &request),
        Operation::GetMailDomain => domains::get(world, &request),
        Operation::ListMailDomains => domains::list(world, &request),
        Operation::ListOrganizations => organizations::list(world, &request),
        Operation::ListTagsForResource => tags::list(world, &request),
        Operation::ListUsers => users::list(world, &request),
        Operation::RegisterMailDomain => domains::register(world, request),
        Operation::TagResource => tags::tag(world, &request),
        Operation::UntagResource => tags::untag(world, &request),
        Operation::UpdateDefaultMailDomain => domains::update_default(world, &request),
    };
    world.catch_up(now);
    done
}

fn out_of_bounds(world: &World, broken: &[Broken]) -> ApiError {
    let text = match world.knobs.constraint_text {
        ConstraintText::Terse => {
            let mut paths: Vec<&str> = broken.iter().map(|broken| broken.path.as_str()).collect();
            paths.dedup();
            format!("Invalid parameter: {}", paths.join(", "))
        }
        ConstraintText::Detailed => {
            let plural = if broken.len() == 1 { "" } else { "s" };
            let violations: Vec<String> = broken.iter().map(ToString::to_string).collect();
            format!(
                "{} validation error{plural} detected: {}",
                broken.len(),
                violations.join("; ")
            )
        }
    };
    match world.knobs.constraint_error {
        ConstraintError::InvalidParameterException => ApiError::invalid_parameter(text),
        ConstraintError::ValidationException => ApiError::common("ValidationException", text),
    }
}

/// An organization of the caller's that can be worked with.
fn usable<'w>(
    world: &'w World,
    request: &Request<'_>,
    id: &str,
) -> Result<&'w Organization, ApiError> {
    let organization = OrganizationId::parse(id)
        .and_then(|id| world.at(id, &request.caller.place))
        .ok_or_else(|| ApiError::organization_not_found(id))?;
    let state = &organization.state;
    if world.knobs.usable_states.contains(state) {
        Ok(organization)
    } else {
        Err(ApiError::organization_state(organization.id, state))
    }
}

/// Reads an input whose types and bounds were checked.
fn input<T: serde::de::DeserializeOwned>(input: &Value) -> Result<T, ApiError> {
    T::deserialize(input).map_err(|_| ApiError::internal())
}

/// A time as the service writes it: epoch seconds, with milliseconds.
fn epoch(at: Timestamp) -> Value {
    let milliseconds = at.as_millisecond();
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact to the millisecond for 200,000 years"
    )]
    let seconds = milliseconds as f64 / 1000.0;
    Value::from(seconds)
}

#[cfg(test)]
mod tests;
