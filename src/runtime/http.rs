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

use crate::metrics::Metrics;

/// The content type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/livez` and `/readyz` until the process ends.
pub(super) async fn probes(listener: TcpListener, ready: watch::Receiver<bool>) {
    let routes = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .with_state(ready);
    serve(listener, routes).await;
}

/// Serves `/metrics` until the process ends.
pub(super) async fn metrics(listener: TcpListener, metrics: Arc<Metrics>) {
    let routes = Router::new()
        .route("/metrics", get(scrape))
        .with_state(metrics);
    serve(listener, routes).await;
}

async fn serve(listener: TcpListener, routes: Router) {
    if let Err(error) = axum::serve(listener, routes).await {
        tracing::error!(%error, "the HTTP server ended");
    }
}

async fn readyz(State(ready): State<watch::Receiver<bool>>) -> impl IntoResponse {
    if *ready.borrow() {
        (StatusCode::OK, "ok")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the WorkMailOrganizations were not read from the Kubernetes API yet",
        )
    }
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.text())
}
