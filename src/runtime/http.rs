//! Probes and metrics. They speak of Kubernetes and of this process: AWS trouble belongs to the objects.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};

use super::listener::serve;
use crate::metrics::Metrics;

/// The content type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How far the process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It has not spoken with the Kubernetes API, or cannot any more.
    Starting,
    /// Another replica has the lease; this one takes its place when it goes.
    StandingBy,
    /// It has the lease, if it needs one, and reads the objects.
    Reading,
    /// It knows the objects and works on them.
    Working,
}

/// Serves `/livez` and `/readyz` until the process ends.
pub(super) async fn probes(listener: TcpListener, readiness: watch::Receiver<Readiness>) {
    let routes = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .with_state(readiness);
    serve(listener, routes).await;
}

/// Serves `/metrics` until the process ends.
pub(super) async fn metrics(listener: TcpListener, metrics: Arc<Metrics>) {
    let routes = Router::new()
        .route("/metrics", get(scrape))
        .with_state(metrics);
    serve(listener, routes).await;
}

async fn readyz(State(readiness): State<watch::Receiver<Readiness>>) -> impl IntoResponse {
    match *readiness.borrow() {
        Readiness::Working => (StatusCode::OK, "ok"),
        Readiness::StandingBy => (StatusCode::OK, "standing by: another replica has the lease"),
        Readiness::Starting => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the Kubernetes API gave no answer; the log says which call failed",
        ),
        Readiness::Reading => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the WorkMailOrganizations were not read from the Kubernetes API yet",
        ),
    }
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.text())
}
