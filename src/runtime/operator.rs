//! The life of the operator's process.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::{api::core::v1::Namespace, jiff::tz::TimeZone};
use kube::{Api, Client, Config, ResourceExt};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{Run, client::client, http};
use crate::{
    aws::Aws,
    controller::{self, Context, Settings},
    core::{ClusterIdentity, Region},
    metrics::Metrics,
};

/// Why the operator could not start.
#[derive(Debug, Error)]
pub enum Failed {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {source}; choose another address")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// No configuration for the Kubernetes API.
    #[error("no way to the Kubernetes API: {0}; run in a pod, or set KUBECONFIG")]
    NoCluster(#[from] kube::config::InferConfigError),
    /// The client could not be made.
    #[error("no client for the Kubernetes API: {0}")]
    Client(#[from] kube::Error),
    /// Signals could not be listened to.
    #[error("cannot listen to signals: {0}")]
    Signals(std::io::Error),
}

/// Runs the operator until SIGTERM or SIGINT.
///
/// # Errors
/// It could not start. Once started it goes on through all trouble.
pub async fn run(flags: &Run) -> Result<(), Failed> {
    let (stop, stopping) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).map_err(Failed::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failed::Signals)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: calls in flight are finished, nothing new is begun");
        stop.send_replace(true);
    });

    let metrics = Arc::new(Metrics::new());
    if let Ok(end) = flags.end_of_service_date.to_zoned(TimeZone::UTC) {
        metrics.service_ends(end.timestamp().as_second());
    }
    let (ready, is_ready) = watch::channel(false);
    let probes = listen(flags.health_probe_bind_address).await?;
    let scrapes = listen(flags.metrics_bind_address).await?;
    if let (Ok(probes), Ok(metrics)) = (probes.local_addr(), scrapes.local_addr()) {
        tracing::info!(%probes, %metrics, "listening");
    }
    tokio::spawn(http::probes(probes, is_ready));
    tokio::spawn(http::metrics(scrapes, metrics.clone()));

    let client = connect().await?;
    let Some(uid) = cluster_uid(&client, stopping.clone()).await else {
        return Ok(());
    };
    let region = flags.region.as_deref().map(Region::from);
    let aws = Arc::new(Aws::load(region.as_ref(), metrics.clone()).await);
    let settings = Settings {
        cluster: ClusterIdentity {
            name: flags.cluster_name.clone(),
            uid,
        },
        namespaces: named(&flags.watch_namespaces),
        concurrency: flags.concurrency,
        resync_interval: flags.resync_interval,
        deep_resync_interval: flags.deep_resync_interval,
        end_of_service: flags.end_of_service_date,
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        cluster = settings.cluster.tag(),
        region = aws.default_region().as_ref().map(Region::as_str),
        namespaces = settings.namespaces.join(","),
        "started"
    );
    metrics.leads(true);
    let (changed, to_look_at) = mpsc::unbounded_channel();
    let context = Arc::new(Context::new(
        client,
        aws,
        metrics,
        settings,
        stopping.clone(),
        changed,
    ));
    controller::run(context, to_look_at, stopping, || {
        ready.send_replace(true);
    })
    .await;
    tracing::info!("stopped");
    Ok(())
}

/// Each namespace once, and none for an empty word: a variable that is set to nothing names none.
fn named(namespaces: &[String]) -> Vec<String> {
    let named: BTreeSet<_> = namespaces.iter().map(|one| one.trim()).collect();
    named
        .into_iter()
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Failed> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Failed::Listen { address, source })
}

async fn connect() -> Result<Client, Failed> {
    let mut config = Config::infer().await?;
    // Retries are the controller's, so that they are counted and bounded.
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    Ok(client(config)?)
}

/// The UID of kube-system: what this cluster is known by when it has no name. Waited for as long as
/// it takes; `None` when the process is stopped meanwhile.
async fn cluster_uid(client: &Client, mut stopping: watch::Receiver<bool>) -> Option<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let patience = Duration::from_secs(10);
    loop {
        match timeout(patience, namespaces.get("kube-system")).await {
            Ok(Ok(namespace)) => {
                if let Some(uid) = namespace.uid() {
                    return Some(uid);
                }
            }
            Ok(Err(error)) => tracing::warn!(
                %error,
                "the namespace kube-system cannot be read (the operator needs to get it by name); tried again"
            ),
            Err(_) => tracing::warn!("the Kubernetes API does not answer; tried again"),
        }
        tokio::select! {
            () = sleep(Duration::from_secs(2)) => {}
            _ = stopping.wait_for(|stop| *stop) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_is_watched_once_and_an_empty_list_means_all() {
        let words = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        assert_eq!(named(&words(&["b", " a", "b"])), ["a", "b"]);
        assert!(named(&words(&[""])).is_empty());
    }
}
