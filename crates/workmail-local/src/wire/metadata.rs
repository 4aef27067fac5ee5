//! The credentials that a machine offers: the instance metadata service (version 2) of EC2, and
//! the endpoint for the credentials of a container.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde_json::{Value, json};

use crate::{
    clock,
    endpoint::Endpoint,
    ids::DEFAULT_REGION,
    state::{Session, role_of_arn},
};

/// The paths of the instance metadata service and of the credentials of a container. No call of
/// AWS has them.
pub(crate) const PREFIXES: [&str; 2] = ["/latest/", "/container-credentials"];

/// How long the credentials of a machine last.
const LASTS: Duration = Duration::from_hours(6);

/// The token that every client of the metadata service gets.
const TOKEN: &str = "d29ya21haWwtbG9jYWw=";

const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";

pub(crate) fn router(endpoint: Endpoint) -> Router {
    let credentials = "/latest/meta-data/iam/security-credentials";
    let mut router = Router::new()
        .route("/latest/api/token", put(token))
        .route("/latest/meta-data/placement/region", get(region))
        .route("/container-credentials", get(container));
    for list in ["", "-extended"].map(|end| format!("{credentials}{end}")) {
        router = router
            .route(&list, get(role_name))
            .route(&format!("{list}/"), get(role_name))
            .route(&format!("{list}/{{name}}"), get(instance));
    }
    router.with_state(endpoint)
}

async fn token(headers: HeaderMap) -> Response {
    match headers.get(TTL_HEADER) {
        Some(ttl) => ([(TTL_HEADER, ttl.clone())], TOKEN).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Refuses a request without a token, as version 2 of the service does.
fn check_token(headers: &HeaderMap) -> Result<(), StatusCode> {
    let token = headers.get(TOKEN_HEADER);
    if token.is_some_and(|token| token == TOKEN) {
        Ok(())
    } else {
        Err(StatusCode::UNAUTHORIZED)
    }
}

async fn region(headers: HeaderMap) -> Result<&'static str, StatusCode> {
    check_token(&headers)?;
    Ok(DEFAULT_REGION)
}

async fn role_name(
    State(endpoint): State<Endpoint>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    check_token(&headers)?;
    let state = endpoint.state();
    let role = state.sessions.metadata.instance_role.as_deref();
    let (_, name) = role.and_then(role_of_arn).ok_or(StatusCode::NOT_FOUND)?;
    Ok(name.to_owned())
}

async fn instance(
    State(endpoint): State<Endpoint>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    check_token(&headers)?;
    let role = endpoint.state().sessions.metadata.instance_role.clone();
    let role = role.filter(|arn| role_of_arn(arn).is_some_and(|(_, known)| known == name));
    let mut output = offer(&endpoint, role, "i-0123456789abcdef0")?;
    if let Some(members) = output.as_object_mut() {
        members.insert("Code".to_owned(), "Success".into());
        members.insert("Type".to_owned(), "AWS-HMAC".into());
    }
    Ok(Json(output))
}

async fn container(State(endpoint): State<Endpoint>) -> Result<Json<Value>, StatusCode> {
    let role = endpoint.state().sessions.metadata.container_role.clone();
    Ok(Json(offer(&endpoint, role, "container")?))
}

/// Returns the credentials of a new session of a role.
fn offer(endpoint: &Endpoint, role: Option<String>, name: &str) -> Result<Value, StatusCode> {
    let role = role.ok_or(StatusCode::NOT_FOUND)?;
    let now = endpoint.clock().now();
    let mut state = endpoint.state();
    let lasts = state.knobs.session_for.map_or(LASTS, |span| span.0);
    let started = state.sessions.start(&role, name, None, now, lasts);
    let Session {
        credential,
        secret,
        token,
        expires_at,
        ..
    } = started.ok_or(StatusCode::NOT_FOUND)?;
    Ok(json!({
        "RoleArn": role,
        "AccountId": credential.account,
        "AccessKeyId": credential.access_key,
        "SecretAccessKey": secret,
        "Token": token,
        "LastUpdated": clock::seconds(now),
        "Expiration": clock::seconds(expires_at),
    }))
}
