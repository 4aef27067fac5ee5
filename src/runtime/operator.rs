//! The life of the operator's process.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use k8s_openapi::{
    api::core::v1::Namespace,
    jiff::{Timestamp, tz::TimeZone},
};
use kube::{Api, Client, Config, ResourceExt};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{
    Run,
    client::client,
    http::{self, Readiness},
    leader::{Leader, Terms},
    listener::bind,
};
use crate::{
    aws::Aws,
    controller::{self, Context, Settings, WATCH, stopped},
    lease::Lost,
    logic::{ClusterIdentity, Region},
    metrics::Metrics,
};

/// A connection to the Kubernetes API that says nothing for so long is given up. A watch ends before, so
/// that one that lasts longer is only half open.
const SILENCE: Duration = WATCH.saturating_add(Duration::from_secs(15));

/// Why the operator could not start, or not go on.
#[derive(Debug, Error)]
pub enum Failed {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {source}; choose another address")]
    Listen {
        /// The address.
        address: SocketAddr,
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
    /// Another replica may act now.
    #[error("{0}; this process ends, so that only one acts")]
    Lost(Lost),
}

/// Runs the operator until SIGTERM or SIGINT.
///
/// # Errors
/// It could not start, or lost its lease. It goes on through all other trouble.
pub async fn run(flags: &Run) -> Result<(), Failed> {
    let (stop, stopping) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).map_err(Failed::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failed::Signals)?;
    let signalled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: calls in flight are finished, nothing new is begun");
        signalled.send_replace(true);
    });

    let metrics = Arc::new(Metrics::new());
    if let Ok(end) = flags.end_of_service_date.to_zoned(TimeZone::UTC) {
        metrics.service_ends(end.timestamp().as_second());
    }
    let (readiness, is_ready) = watch::channel(Readiness::Starting);
    let probes = listen(flags.health_probe_bind_address)?;
    let scrapes = listen(flags.metrics_bind_address)?;
    if let (Ok(probes), Ok(metrics)) = (probes.local_addr(), scrapes.local_addr()) {
        tracing::info!(%probes, %metrics, "listening");
    }
    tokio::spawn(http::probes(probes, is_ready));
    tokio::spawn(http::metrics(scrapes, metrics.clone()));

    let config = kubernetes().await?;
    let replica = replica();
    let elected = Leader::win(&config, terms(flags, &config), &replica, |stands_by| {
        readiness.send_replace(if stands_by {
            Readiness::StandingBy
        } else {
            Readiness::Starting
        });
    });
    let mut leader = tokio::select! {
        leader = elected => leader?,
        () = stopped(stopping.clone()) => {
            tracing::info!("stopped");
            return Ok(());
        }
    };
    readiness.send_replace(Readiness::Starting);
    metrics.leads(true);
    let (lease_term, since) = (leader.lease_term(), leader.since());
    let mut work = Box::pin(async {
        let client = client(&config, lease_term.clone())?;
        let Some(uid) = cluster_uid(&client, stopping.clone()).await else {
            return Ok::<_, Failed>(());
        };
        readiness.send_replace(Readiness::Reading);
        let region = flags.region.as_deref().map(Region::from);
        let aws = Aws::load(region.as_ref(), lease_term.clone(), metrics.clone()).await;
        let settings = settings(flags, uid, replica, since);
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            cluster = settings.cluster.tag(),
            region = aws.default_region().as_ref().map(Region::as_str),
            namespaces = settings.namespaces.join(","),
            "started"
        );
        let (changed, to_look_at) = mpsc::unbounded_channel();
        let context = Arc::new(Context::new(
            client,
            Arc::new(aws),
            metrics,
            settings,
            stopping.clone(),
            changed,
        ));
        let run = controller::run(context, to_look_at, stopping, || {
            readiness.send_replace(Readiness::Working);
        });
        Box::pin(run).await;
        Ok(())
    });
    tokio::select! {
        ended = &mut work => {
            ended?;
            leader.give_back().await;
            tracing::info!("stopped");
            Ok(())
        }
        lost = leader.keep() => {
            // What is in flight is answered and written down, as far as the lease still allows.
            stop.send_replace(true);
            tokio::select! {
                _ = &mut work => {}
                () = lease_term.over() => {}
            }
            Err(Failed::Lost(lost))
        }
    }
}

/// On what the replicas agree, if there may be others.
fn terms(flags: &Run, config: &Config) -> Option<Terms> {
    let flags = &flags.leader_election;
    flags.enabled.then(|| Terms {
        namespace: flags
            .resource_namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone()),
        lease: flags.resource_name.clone(),
        lasts: flags.lease_duration,
    })
}

fn settings(flags: &Run, uid: String, replica: String, since: Timestamp) -> Settings {
    Settings {
        cluster: ClusterIdentity::new(
            flags.cluster_name.clone(),
            uid,
            named(&flags.former_cluster_names),
        ),
        namespaces: named(&flags.watch_namespaces),
        concurrency: flags.concurrency,
        resync_interval: flags.resync_interval,
        deep_resync_interval: flags.deep_resync_interval,
        export_retry_after: flags.export_retry_after,
        end_of_service: flags.end_of_service_date,
        require_account: flags.require_account,
        release: flags.release.clone(),
        replica,
        since,
    }
}

/// The name of the pod, or of the machine, and what no other process has.
fn replica() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}_{:016x}", host.trim(), rand::random::<u64>())
}

/// Each name once, and none for an empty word: a variable that is set to nothing names none.
fn named(words: &[String]) -> Vec<String> {
    let named: BTreeSet<_> = words.iter().map(|one| one.trim()).collect();
    named
        .into_iter()
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failed> {
    bind(address).map_err(|source| Failed::Listen { address, source })
}

async fn kubernetes() -> Result<Config, Failed> {
    let mut config = Config::infer().await?;
    // Retries are the controller's, so that they are counted and bounded.
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(SILENCE);
    config.write_timeout = Some(SILENCE);
    // An idle connection is read from, too: without this, the time before a request would count.
    config.reset_reader_on_write = true;
    Ok(config)
}

/// The UID of kube-system: what this cluster is known by when it has no name. Waited for as long as
/// it takes; `None` when the process is stopped meanwhile.
async fn cluster_uid(client: &Client, stopping: watch::Receiver<bool>) -> Option<String> {
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
            () = stopped(stopping.clone()) => return None,
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
