//! TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Done, Request, input};
use crate::{
    contract::Operation,
    ids::OrganizationId,
    knobs::{AwsTagKeys, TagAccess},
    state::{Organization, World},
};

/// Tags of one organization.
const MOST: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

pub(super) fn tag(world: &mut World, request: &Request<'_>) -> Result<Done, ApiError> {
    let asked: TagInput = input(&request.input)?;
    let organization = tagged(world, request, &asked.arn)?;
    let id = organization.id;
    let mut new = BTreeMap::new();
    for Tag { key, value } in asked.tags {
        let reserved = key
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        if reserved && world.knobs.aws_tag_keys == AwsTagKeys::Refuse {
            let text = format!("The tag key {key} is reserved: it begins with aws:.");
            return Err(ApiError::invalid_parameter(text));
        }
        if let Some((key, _)) = new.insert(key.clone(), value).map(|before| (key, before)) {
            let text = format!("The tag key {key} is given twice.");
            return Err(ApiError::invalid_parameter(text));
        }
    }
    let mut tags = organization.tags.clone();
    tags.extend(new);
    if tags.len() > MOST {
        return Err(ApiError::too_many_tags());
    }
    Ok(replace(world, request, id, tags))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(world: &mut World, request: &Request<'_>) -> Result<Done, ApiError> {
    let asked: UntagInput = input(&request.input)?;
    let organization = tagged(world, request, &asked.arn)?;
    let id = organization.id;
    let mut tags = organization.tags.clone();
    tags.retain(|key, _| !asked.tag_keys.contains(key));
    Ok(replace(world, request, id, tags))
}

#[derive(Deserialize)]
struct ListInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
}

pub(super) fn list(world: &World, request: &Request<'_>) -> Result<Done, ApiError> {
    let ListInput { arn } = input(&request.input)?;
    let organization = tagged(world, request, &arn)?;
    let tags: Vec<Value> = organization
        .tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(Done::read(json!({"Tags": tags}), Some(organization.id)))
}

fn replace(
    world: &mut World,
    request: &Request<'_>,
    id: OrganizationId,
    tags: BTreeMap<String, String>,
) -> Done {
    let place = &request.caller.place;
    let before = world
        .at_mut(id, place)
        .map(|organization| std::mem::replace(&mut organization.tags, tags.clone()));
    Done {
        output: None,
        organization: Some(id),
        effect: before != Some(tags),
    }
}

/// The organization that an ARN names, if its tags can be worked with.
fn tagged<'w>(
    world: &'w World,
    request: &Request<'_>,
    arn: &str,
) -> Result<&'w Organization, ApiError> {
    let organization = OrganizationId::from_arn(arn, &request.caller.place)
        .and_then(|id| world.at(id, &request.caller.place))
        .ok_or_else(|| ApiError::resource_not_found(arn))?;
    let state = &organization.state;
    let access = if request.operation == Operation::TagResource {
        TagAccess::OrganizationState
    } else {
        world.knobs.unusable_tag_access
    };
    match access {
        _ if world.knobs.usable_states.contains(state) => Ok(organization),
        TagAccess::Answer => Ok(organization),
        TagAccess::OrganizationState => Err(ApiError::organization_state(organization.id, state)),
        TagAccess::ResourceNotFound => Err(ApiError::resource_not_found(arn)),
    }
}
