//! Reading the journal, and waiting for what is not yet in it.

use std::time::Duration;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{Answer, ControlError};
use crate::{
    endpoint::Endpoint,
    journal::{Call, CallFilter, Outcome},
};

/// A filter's members, and how many calls to wait for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Reading {
    operation: Option<String>,
    after: u64,
    account: Option<String>,
    region: Option<String>,
    organization_id: Option<String>,
    outcome: Option<Outcome>,
    effect: Option<bool>,
    completed: Option<bool>,
    /// How many calls to wait for.
    count: usize,
    /// How long to wait, in milliseconds.
    wait: u64,
}

/// The calls that were asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read {
    pub(super) calls: Vec<Call>,
    /// Whether as many came as were waited for.
    pub(super) enough: bool,
    /// The sequence number of the latest call of all.
    pub(super) last: u64,
}

pub(super) async fn read(
    State(endpoint): State<Endpoint>,
    reading: Result<Query<Reading>, QueryRejection>,
) -> Answer<Read> {
    let Query(reading) = reading.map_err(|error| ControlError::Body(error.to_string()))?;
    let Reading { count, wait, .. } = reading;
    let filter = CallFilter {
        operation: reading.operation,
        after: reading.after,
        account: reading.account,
        region: reading.region,
        organization_id: reading.organization_id,
        outcome: reading.outcome,
        effect: reading.effect,
        completed: reading.completed,
    };
    let waited = endpoint
        .wait_for_calls(&filter, count, Duration::from_millis(wait))
        .await;
    let (calls, enough) = match waited {
        Ok(calls) => (calls, true),
        Err(timeout) => (timeout.found, false),
    };
    Ok(Json(Read {
        calls,
        enough,
        last: endpoint.last_call(),
    }))
}

pub(super) async fn clear(State(endpoint): State<Endpoint>) -> StatusCode {
    endpoint.clear_journal();
    StatusCode::NO_CONTENT
}
