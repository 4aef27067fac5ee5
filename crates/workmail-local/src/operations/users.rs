//! ListUsers.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ApiError, Done, Request, epoch, input,
    organizations::present,
    paging::{self, Page},
    usable,
};
use crate::{
    knobs::{ListOrder, TwoFilters},
    seeds::UserState,
    state::{PageToken, Position, User, World},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    organization_id: String,
    next_token: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    filters: Option<Filters>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filters {
    username_prefix: Option<String>,
    display_name_prefix: Option<String>,
    primary_email_prefix: Option<String>,
    state: Option<UserState>,
    identity_provider_user_id_prefix: Option<String>,
}

impl Filters {
    fn count(&self) -> usize {
        let Self {
            username_prefix,
            display_name_prefix,
            primary_email_prefix,
            state,
            identity_provider_user_id_prefix,
        } = self;
        [
            username_prefix.is_some(),
            display_name_prefix.is_some(),
            primary_email_prefix.is_some(),
            state.is_some(),
            identity_provider_user_id_prefix.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }

    fn takes(&self, user: &User) -> bool {
        let begins = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| {
                is.is_some_and(|is| is.to_lowercase().starts_with(&wanted.to_lowercase()))
            })
        };
        begins(&self.username_prefix, Some(&user.name))
            && begins(&self.display_name_prefix, user.display_name.as_deref())
            && begins(&self.primary_email_prefix, user.email.as_deref())
            && self.state.is_none_or(|wanted| wanted == user.state)
            // Nobody here comes from an identity provider.
            && begins(&self.identity_provider_user_id_prefix, None)
    }
}

pub(super) fn list(world: &World, request: &Request<'_>) -> Result<Done, ApiError> {
    let asked: ListInput = input(&request.input)?;
    let organization = usable(world, request, &asked.organization_id)?;
    let id = organization.id;
    let filters = asked.filters.unwrap_or_default();
    if filters.count() > 1 && world.knobs.two_filters == TwoFilters::Refuse {
        return Err(ApiError::invalid_parameter("Only one filter can be given."));
    }
    let name = format!("ListUsers {id}");
    let position = paging::position(world, request, asked.next_token.as_deref(), &name)?;
    let order = position
        .as_ref()
        .map_or(world.knobs.list_order, Position::order);

    let built_in = world
        .knobs
        .system_users
        .then(|| Cow::Owned(User::built_in(id)));
    let mut users: Vec<(Position, Cow<'_, User>)> = built_in
        .into_iter()
        .chain(organization.users.iter().map(Cow::Borrowed))
        .zip(0..)
        .filter(|(user, _)| filters.takes(user))
        .map(|(user, serial)| (place_of(&user, serial, order), user))
        .filter(|(place, _)| position.as_ref().is_none_or(|from| place > from))
        .collect();
    users.sort_by(|(one, _), (other, _)| one.cmp(other));
    let Page { items, next } = Page::take(users.into_iter(), asked.max_results, |(last, _)| {
        PageToken {
            list: name,
            issued: request.now,
            position: last.clone(),
        }
    });
    let shown: Vec<Value> = items.iter().map(|(_, user)| shown(user)).collect();
    Ok(Done::read(
        paging::output(world, "Users", shown, next)?,
        Some(id),
    ))
}

fn place_of(user: &User, serial: u64, order: ListOrder) -> Position {
    match order {
        ListOrder::Creation => Position::Creation(serial),
        ListOrder::Name => Position::Name(user.name.to_lowercase(), serial),
        ListOrder::Id => Position::Id(user.id.clone()),
    }
}

fn shown(user: &User) -> Value {
    present([
        ("Id", Some(json!(user.id))),
        ("Email", user.email.as_deref().map(Value::from)),
        ("Name", Some(json!(user.name))),
        ("DisplayName", user.display_name.as_deref().map(Value::from)),
        ("State", Some(json!(user.state))),
        ("UserRole", Some(json!(user.role))),
        ("EnabledDate", user.enabled_date.map(epoch)),
        ("DisabledDate", user.disabled_date.map(epoch)),
    ])
}
