//! TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Completed, Request, check_active, parse};
use crate::{
    ids::OrganizationId,
    state::{Organization, State},
};

/// How many tags an organization can have.
const MOST_TAGS: usize = 50;

#[derive(Deserialize)]
struct TagInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

pub(super) fn tag(state: &mut State, request: &Request<'_>) -> Result<Completed, ApiError> {
    let input: TagInput = parse(&request.input)?;
    let organization = tagged_organization(state, request, &input.arn)?;
    let id = organization.id;
    let mut new = BTreeMap::new();
    for Tag { key, value } in input.tags {
        let start = key.get(..4);
        if start.is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            let text = format!("The tag key {key} is reserved: it begins with aws:.");
            return Err(ApiError::invalid_parameter(text));
        }
        if new.contains_key(&key) {
            let text = format!("The tag key {key} is given twice.");
            return Err(ApiError::invalid_parameter(text));
        }
        new.insert(key, value);
    }
    let mut tags = organization.tags.clone();
    tags.extend(new);
    if tags.len() > MOST_TAGS {
        return Err(ApiError::too_many_tags());
    }
    Ok(replace_tags(state, id, tags))
}

#[derive(Deserialize)]
struct UntagInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "TagKeys")]
    keys: Vec<String>,
}

pub(super) fn untag(state: &mut State, request: &Request<'_>) -> Result<Completed, ApiError> {
    let input: UntagInput = parse(&request.input)?;
    let organization = tagged_organization(state, request, &input.arn)?;
    let id = organization.id;
    let mut tags = organization.tags.clone();
    tags.retain(|key, _| !input.keys.contains(key));
    Ok(replace_tags(state, id, tags))
}

#[derive(Deserialize)]
struct ListInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
}

pub(super) fn list(state: &State, request: &Request<'_>) -> Result<Completed, ApiError> {
    let ListInput { arn } = parse(&request.input)?;
    let organization = tagged_organization(state, request, &arn)?;
    let tags: Vec<Value> = organization
        .tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(Completed::read(
        json!({"Tags": tags}),
        Some(organization.id),
    ))
}

fn replace_tags(
    state: &mut State,
    id: OrganizationId,
    tags: BTreeMap<String, String>,
) -> Completed {
    let Some(organization) = state.find_mut(id) else {
        return Completed::without_output(id, false);
    };
    let effect = organization.tags != tags;
    organization.tags = tags;
    Completed::without_output(id, effect)
}

/// Returns the Active organization of an ARN. The model does not declare the error of another
/// state for reading and removing tags; that they answer it is inferred.
fn tagged_organization<'s>(
    state: &'s State,
    request: &Request<'_>,
    arn: &str,
) -> Result<&'s Organization, ApiError> {
    let location = &request.caller.location;
    let organization = OrganizationId::from_arn(arn, location)
        .and_then(|id| state.at(id, location))
        .ok_or_else(|| ApiError::resource_not_found(arn))?;
    check_active(organization)?;
    Ok(organization)
}
