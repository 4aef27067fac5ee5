//! Users, groups and resources: DescribeUser, DescribeGroup, DescribeResource, GetMailboxDetails,
//! and the lists.

mod list;

use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use self::list::{aliases, groups, resources, users};
use super::{ApiError, Completed, Request, active_organization, epoch, object, parse};
use crate::{
    state::{Entity, Kind, State},
    views::EntityKind,
};

/// The size that a mailbox may have, in MB. Source: AWS's quotas page.
const MAILBOX_QUOTA: u32 = 51200;

/// The input of an operation on one entity.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntityInput {
    organization_id: String,
    #[serde(alias = "UserId", alias = "GroupId", alias = "ResourceId")]
    entity_id: String,
}

/// Calls `output` with the entity of a kind that a call names by id, name or address.
fn read(
    state: &State,
    request: &Request<'_>,
    kind: EntityKind,
    output: impl Fn(&Entity) -> Result<Value, ApiError>,
) -> Result<Completed, ApiError> {
    let input: EntityInput = parse(&request.input)?;
    let organization = active_organization(state, request, &input.organization_id)?;
    let entity = organization
        .entities
        .find(&input.entity_id, |entity| entity.kind.shown() == kind)
        .ok_or_else(|| ApiError::entity_not_found(&input.entity_id))?;
    Ok(Completed::read(output(entity)?, Some(organization.id)))
}

pub(super) fn describe_user(state: &State, request: &Request<'_>) -> Result<Completed, ApiError> {
    read(state, request, EntityKind::User, |user| {
        let mut output = summary(user, "UserId");
        insert(&mut output, "HiddenFromGlobalAddressList", json!(false));
        for (name, at) in [
            ("MailboxProvisionedDate", user.enabled_at),
            ("MailboxDeprovisionedDate", user.disabled_at),
        ] {
            if let Some(at) = at {
                insert(&mut output, name, epoch(at));
            }
        }
        Ok(output)
    })
}

pub(super) fn describe_group(state: &State, request: &Request<'_>) -> Result<Completed, ApiError> {
    read(state, request, EntityKind::Group, |group| {
        let mut output = summary(group, "GroupId");
        insert(&mut output, "HiddenFromGlobalAddressList", json!(false));
        Ok(output)
    })
}

pub(super) fn describe_resource(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    read(state, request, EntityKind::Resource, |resource| {
        let mut output = summary(resource, "ResourceId");
        insert(&mut output, "HiddenFromGlobalAddressList", json!(false));
        // The defaults of AWS's sample.
        let booking = json!({
            "AutoAcceptRequests": true,
            "AutoDeclineRecurringRequests": false,
            "AutoDeclineConflictingRequests": true,
        });
        insert(&mut output, "BookingOptions", booking);
        Ok(output)
    })
}

pub(super) fn mailbox_details(state: &State, request: &Request<'_>) -> Result<Completed, ApiError> {
    read(state, request, EntityKind::User, |user| {
        if !user.has_mailbox() {
            return Err(ApiError::entity_not_found(&user.id));
        }
        Ok(json!({"MailboxQuota": MAILBOX_QUOTA, "MailboxSize": user.mailbox_size}))
    })
}

/// Returns the members that lists and descriptions have, with the name of the id's member.
fn summary(entity: &Entity, id: &str) -> Value {
    let (role, kind) = match entity.kind {
        Kind::User(role) => (Some(json!(role)), None),
        Kind::Group => (None, None),
        Kind::Resource(kind) => (None, Some(json!(kind))),
    };
    object([
        (id, Some(json!(entity.id))),
        ("Name", Some(json!(entity.name))),
        (
            "DisplayName",
            entity.display_name.as_deref().map(Value::from),
        ),
        ("Email", entity.email.as_deref().map(Value::from)),
        ("State", Some(json!(entity.state))),
        ("UserRole", role),
        ("Type", kind),
        ("EnabledDate", entity.enabled_at.map(epoch)),
        ("DisabledDate", entity.disabled_at.map(epoch)),
    ])
}

fn insert(output: &mut Value, name: &str, value: Value) {
    if let Some(members) = output.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
