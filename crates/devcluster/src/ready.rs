//! Readiness probes of the servers.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How to find out whether a server is ready.
pub(crate) enum Probe {
    /// Asks etcd, on its socket.
    Etcd(PathBuf),
    /// Asks the API server.
    ApiServer(Client),
    /// Asks the API server for what the controller manager does first.
    ControllerManager(Client),
}

impl Probe {
    /// Whether the server is ready. No answer in time means that it is not.
    pub(crate) async fn is_ready(&self) -> bool {
        let answer = async {
            match self {
                Self::Etcd(socket) => etcd(socket).await,
                Self::ApiServer(client) => api_server(client).await,
                Self::ControllerManager(client) => controller_manager(client).await,
            }
        };
        timeout(ANSWER_TIMEOUT, answer).await.unwrap_or(false)
    }
}

/// Whether etcd reports ready, by HTTP on its socket: it has a leader and can
/// commit.
async fn etcd(socket: &Path) -> bool {
    let ask = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, io::Error>(answer.contains(" 200 OK"))
    };
    ask.await.unwrap_or(false)
}

/// Whether the API server reports ready: etcd answers, its informers are synced,
/// and the default roles exist.
async fn api_server(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return false;
    };
    matches!(
        timeout(ANSWER_TIMEOUT, client.request_text(request)).await,
        Ok(Ok(_))
    )
}

/// Whether the default service account exists, which the controller manager
/// creates first. It has no port of its own.
async fn controller_manager(client: &Client) -> bool {
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "default");
    matches!(
        timeout(ANSWER_TIMEOUT, accounts.get_opt("default")).await,
        Ok(Ok(Some(_)))
    )
}
