//! Whether a server is ready to be used.

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
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Whom to ask whether a server is ready.
pub(crate) enum Probe {
    /// etcd, on its socket.
    Etcd(PathBuf),
    /// The API server, about itself.
    ApiServer(Client),
    /// The API server, about what the controller manager has done.
    ControllerManager(Client),
}

impl Probe {
    /// Asks; no answer in time is a no.
    pub(crate) async fn is_ready(&self) -> bool {
        let answer = async {
            match self {
                Self::Etcd(socket) => etcd(socket).await,
                Self::ApiServer(client) => api_server(client).await,
                Self::ControllerManager(client) => controller_manager(client).await,
            }
        };
        timeout(ANSWER_WITHIN, answer).await.unwrap_or(false)
    }
}

/// Whether etcd, which speaks HTTP on its socket too, calls itself ready: it has
/// a leader and can commit.
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

/// Whether the API server calls itself ready: etcd answers, its own informers
/// are filled, and the default roles are there.
async fn api_server(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return false;
    };
    matches!(
        timeout(ANSWER_WITHIN, client.request_text(request)).await,
        Ok(Ok(_))
    )
}

/// Whether the controller manager has done the first thing that it does in every
/// cluster; it has no port to be asked on.
async fn controller_manager(client: &Client) -> bool {
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "default");
    matches!(
        timeout(ANSWER_WITHIN, accounts.get_opt("default")).await,
        Ok(Ok(Some(_)))
    )
}
