//! Users, groups and resources, and the exports of their mailboxes.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get, patch, post},
};

use super::{Answer, Empty, payload::Payload};
use crate::{
    endpoint::Endpoint,
    seeds::{EntityChange, SeedGroup, SeedResource, SeedUser},
    views::{EntityView, ExportView},
};

pub(super) fn routes() -> Router<Endpoint> {
    Router::new()
        .route("/organizations/{id}/users", post(add_user))
        .route("/organizations/{id}/groups", post(add_group))
        .route("/organizations/{id}/resources", post(add_resource))
        .route("/organizations/{id}/entities", get(entities))
        .route("/organizations/{id}/exports", get(exports))
        .route("/organizations/{id}/exports/{job}", delete(remove_export))
        .route(
            "/organizations/{id}/entities/{entity}",
            patch(change).delete(remove),
        )
}

async fn add_user(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    Payload(seed): Payload<SeedUser>,
) -> Answer<EntityView> {
    Ok(Json(endpoint.seed_user(&id, seed)?))
}

async fn add_group(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    Payload(seed): Payload<SeedGroup>,
) -> Answer<EntityView> {
    Ok(Json(endpoint.seed_group(&id, seed)?))
}

async fn add_resource(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    Payload(seed): Payload<SeedResource>,
) -> Answer<EntityView> {
    Ok(Json(endpoint.seed_resource(&id, seed)?))
}

async fn entities(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
) -> Json<Vec<EntityView>> {
    Json(endpoint.entities(&id))
}

async fn change(
    State(endpoint): State<Endpoint>,
    Path((id, entity)): Path<(String, String)>,
    Payload(change): Payload<EntityChange>,
) -> Answer<EntityView> {
    Ok(Json(endpoint.change_entity(&id, &entity, change)?))
}

async fn remove(
    State(endpoint): State<Endpoint>,
    Path((id, entity)): Path<(String, String)>,
) -> Empty {
    endpoint.remove_entity(&id, &entity)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn exports(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
) -> Json<Vec<ExportView>> {
    Json(endpoint.exports(&id))
}

async fn remove_export(
    State(endpoint): State<Endpoint>,
    Path((id, job)): Path<(String, String)>,
) -> Empty {
    endpoint.remove_export(&id, &job)?;
    Ok(StatusCode::NO_CONTENT)
}
