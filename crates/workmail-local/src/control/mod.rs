//! The control API: the functions of [`Endpoint`] over HTTP.

mod entities;
mod journal;
mod payload;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::payload::Payload;
use crate::{
    endpoint::Endpoint,
    faults::{Rule, RuleId, RuleView},
    knobs::{KnobError, Knobs},
    seeds::{
        Credential, Metadata, OrganizationChange, SeedDirectory, SeedError, SeedOrganization,
        SeedRole, SeedZone,
    },
    span::Span,
    views::{DirectoryView, OrganizationView, SessionView},
};

/// The start of every path of the control API. No call of AWS has it.
pub(crate) const PREFIX: &str = "/_control";

pub(crate) fn router(endpoint: Endpoint) -> Router {
    let control = Router::new()
        .route("/health", get(health))
        .route("/knobs", get(knobs).patch(change_knobs))
        .route("/clock", get(clock))
        .route("/clock/advance", post(advance))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/{id}", delete(remove_fault))
        .route("/faults/{id}/release", post(release))
        .route("/journal", get(journal::read).delete(journal::clear))
        .route("/organizations", get(organizations).post(add_organization))
        .route(
            "/organizations/{id}",
            get(organization)
                .patch(change_organization)
                .delete(remove_organization),
        )
        .merge(entities::routes())
        .route("/directories", post(add_directory))
        .route("/zones", post(add_zone))
        .route("/credentials", post(add_credential))
        .route("/roles", post(add_role))
        .route("/metadata", put(set_metadata))
        .route("/sessions", get(sessions))
        .route("/sessions/expire", post(expire_sessions))
        .route("/reset", post(reset))
        .fallback(not_found)
        .with_state(endpoint);
    Router::new().nest(PREFIX, control)
}

/// A request that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error(transparent)]
    Seed(#[from] SeedError),
    #[error(transparent)]
    Knob(#[from] KnobError),
    #[error("{0} does not exist")]
    Unknown(String),
    #[error("{0}")]
    Body(String),
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unknown(_) | Self::Seed(SeedError::Unknown(_)) => StatusCode::NOT_FOUND,
            Self::Seed(SeedError::Exists(_)) => StatusCode::CONFLICT,
            Self::Seed(_) | Self::Knob(_) | Self::Body(_) => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

type Answer<T> = Result<Json<T>, ControlError>;
type Empty = Result<StatusCode, ControlError>;

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn not_found() -> ControlError {
    ControlError::Unknown("this path or method".to_owned())
}

async fn knobs(State(endpoint): State<Endpoint>) -> Json<Knobs> {
    Json(endpoint.knobs())
}

async fn change_knobs(
    State(endpoint): State<Endpoint>,
    Payload(change): Payload<Value>,
) -> Answer<Knobs> {
    Ok(Json(endpoint.merge_knobs(&change)?))
}

async fn clock(State(endpoint): State<Endpoint>) -> Json<Value> {
    Json(json!({"now": endpoint.clock().now()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    by: Span,
}

async fn advance(
    State(endpoint): State<Endpoint>,
    Payload(Advance { by }): Payload<Advance>,
) -> Json<Value> {
    Json(json!({"now": endpoint.clock().advance(by.0)}))
}

async fn faults(State(endpoint): State<Endpoint>) -> Json<Vec<RuleView>> {
    Json(endpoint.faults())
}

async fn add_fault(State(endpoint): State<Endpoint>, Payload(rule): Payload<Rule>) -> Json<Value> {
    Json(json!({"id": endpoint.fault(rule)}))
}

async fn clear_faults(State(endpoint): State<Endpoint>) -> StatusCode {
    endpoint.clear_faults();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(endpoint): State<Endpoint>, Path(id): Path<u64>) -> Empty {
    if endpoint.remove_fault(RuleId(id)) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ControlError::Unknown(format!("fault {id}")))
    }
}

async fn release(State(endpoint): State<Endpoint>, Path(id): Path<u64>) -> Json<Value> {
    Json(json!({"released": endpoint.release(Some(RuleId(id)))}))
}

async fn organizations(State(endpoint): State<Endpoint>) -> Json<Vec<OrganizationView>> {
    Json(endpoint.organizations())
}

async fn organization(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
) -> Answer<OrganizationView> {
    let found = endpoint.organization(&id).map(Json);
    found.ok_or_else(|| ControlError::Unknown(format!("organization {id}")))
}

async fn add_organization(
    State(endpoint): State<Endpoint>,
    Payload(seed): Payload<SeedOrganization>,
) -> Answer<OrganizationView> {
    Ok(Json(endpoint.seed_organization(seed)?))
}

async fn change_organization(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    Payload(change): Payload<OrganizationChange>,
) -> Answer<OrganizationView> {
    Ok(Json(endpoint.change_organization(&id, change)?))
}

async fn remove_organization(State(endpoint): State<Endpoint>, Path(id): Path<String>) -> Empty {
    endpoint.remove_organization(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_directory(
    State(endpoint): State<Endpoint>,
    Payload(seed): Payload<SeedDirectory>,
) -> Answer<DirectoryView> {
    Ok(Json(endpoint.seed_directory(seed)?))
}

async fn add_zone(State(endpoint): State<Endpoint>, Payload(zone): Payload<SeedZone>) -> Empty {
    endpoint.seed_zone(zone)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_credential(
    State(endpoint): State<Endpoint>,
    Payload(credential): Payload<Credential>,
) -> Empty {
    endpoint.seed_credential(credential)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_role(State(endpoint): State<Endpoint>, Payload(role): Payload<SeedRole>) -> Empty {
    endpoint.seed_role(role)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_metadata(
    State(endpoint): State<Endpoint>,
    Payload(metadata): Payload<Metadata>,
) -> Empty {
    endpoint.set_metadata(metadata)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sessions(State(endpoint): State<Endpoint>) -> Json<Vec<SessionView>> {
    Json(endpoint.sessions())
}

async fn expire_sessions(State(endpoint): State<Endpoint>) -> StatusCode {
    endpoint.expire_sessions();
    StatusCode::NO_CONTENT
}

async fn reset(State(endpoint): State<Endpoint>) -> Empty {
    endpoint.reset()?;
    Ok(StatusCode::NO_CONTENT)
}
