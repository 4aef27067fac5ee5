//! `GET` and `DELETE /_control/journal`.

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

/// The members of a [`CallFilter`], and how many calls to wait for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct JournalQuery {
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
    /// How long to wait at most, in milliseconds.
    wait: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct JournalPage {
    calls: Vec<Call>,
    /// Whether as many calls arrived as were waited for.
    enough: bool,
    /// The sequence number of the latest call of all.
    last: u64,
}

pub(super) async fn read(
    State(endpoint): State<Endpoint>,
    query: Result<Query<JournalQuery>, QueryRejection>,
) -> Answer<JournalPage> {
    let Query(query) = query.map_err(|error| ControlError::Body(error.to_string()))?;
    let filter = CallFilter {
        operation: query.operation,
        after: query.after,
        account: query.account,
        region: query.region,
        organization_id: query.organization_id,
        outcome: query.outcome,
        effect: query.effect,
        completed: query.completed,
    };
    let timeout = Duration::from_millis(query.wait);
    let waited = endpoint.wait_for_calls(&filter, query.count, timeout);
    let (calls, enough) = match waited.await {
        Ok(calls) => (calls, true),
        Err(timeout) => (timeout.found, false),
    };
    Ok(Json(JournalPage {
        calls,
        enough,
        last: endpoint.last_call(),
    }))
}

pub(super) async fn clear(State(endpoint): State<Endpoint>) -> StatusCode {
    endpoint.clear_journal();
    StatusCode::NO_CONTENT
}
