//! ListUsers, ListGroups, ListResources, ListAliases.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{EntityInput, summary};
use crate::{
    operations::{
        ApiError, Completed, Request, active_organization,
        paging::{Page, PageInput},
        parse,
    },
    seeds::EntityState,
    state::{Entity, State},
    views::EntityKind,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    organization_id: String,
    filters: Option<Filters>,
    #[serde(flatten)]
    page: PageInput,
}

/// The filters of the three lists. An entity has to pass all that are given.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Filters {
    #[serde(alias = "UsernamePrefix")]
    name_prefix: Option<String>,
    display_name_prefix: Option<String>,
    primary_email_prefix: Option<String>,
    identity_provider_user_id_prefix: Option<String>,
    state: Option<EntityState>,
}

impl Filters {
    fn pass(&self, entity: &Entity) -> bool {
        let starts = |text: Option<&String>, prefix: &Option<String>| {
            let prefix = prefix.as_deref().map(str::to_lowercase);
            prefix.is_none_or(|prefix| {
                text.is_some_and(|text| text.to_lowercase().starts_with(&prefix))
            })
        };
        starts(Some(&entity.name), &self.name_prefix)
            && starts(entity.display_name.as_ref(), &self.display_name_prefix)
            && starts(entity.email.as_ref(), &self.primary_email_prefix)
            && starts(None, &self.identity_provider_user_id_prefix)
            && self.state.is_none_or(|state| state == entity.state)
    }
}

pub(in crate::operations) fn users(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    list(state, request, EntityKind::User, "Users")
}

pub(in crate::operations) fn groups(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    list(state, request, EntityKind::Group, "Groups")
}

pub(in crate::operations) fn resources(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    list(state, request, EntityKind::Resource, "Resources")
}

fn list(
    state: &State,
    request: &Request<'_>,
    kind: EntityKind,
    name: &str,
) -> Result<Completed, ApiError> {
    let input: ListInput = parse(&request.input)?;
    let organization = active_organization(state, request, &input.organization_id)?;
    let filters = input.filters.unwrap_or_default();
    let list = format!("{name} of {}", organization.id);
    let page = Page::of(state, list, input.page)?;
    let listed = organization
        .entities
        .after(page.after)
        .filter(|entity| entity.kind.shown() == kind && filters.pass(entity))
        .map(|entity| (entity.serial, summary(entity, "Id")));
    let output = page.output(name, listed);
    Ok(Completed::read(output, Some(organization.id)))
}

/// Lists the primary address and the other addresses (field: the primary one is in the list).
pub(in crate::operations) fn aliases(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    let entity_input: EntityInput = parse(&request.input)?;
    let page_input: PageInput = parse(&request.input)?;
    let EntityInput {
        organization_id,
        entity_id,
    } = entity_input;
    let organization = active_organization(state, request, &organization_id)?;
    let entity = organization
        .entities
        .get(&entity_id)
        .ok_or_else(|| ApiError::entity_not_found(&entity_id))?;
    if entity.state == EntityState::Deleted {
        return Err(ApiError::entity_state(&entity_id));
    }
    let list = format!("aliases of {entity_id}");
    let page = Page::of(state, list, page_input)?;
    let after = page.after;
    let listed = (1..)
        .zip(entity.addresses())
        .filter(|(number, _)| *number > after)
        .map(|(number, address)| (number, json!(address)));
    let output: Value = page.output("Aliases", listed);
    Ok(Completed::read(output, Some(organization.id)))
}
