//! The servers of a cluster: their flags, and how one sees that they are ready.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Error, Program,
    credentials::{HOST, SIGNING_KEY, SIGNING_KEY_PUBLIC, TLS_CERTIFICATE, TLS_KEY, TOKENS},
    error::Context as _,
    guardian::{Guarded, Janitor},
    ready::Probe,
};

/// etcd's socket, in its working folder: no port to choose, and no stranger on
/// this machine can open it.
pub(crate) const ETCD_SOCKET: &str = "etcd.sock";

/// How long a server may take from its start until it is ready. It is ready in
/// 3 s on two idle cores; this is for a machine that is busy with builds.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// How often a starting server is asked whether it is ready.
const ASK: Duration = Duration::from_millis(20);

/// How much of a log an error shows, in bytes and lines.
const TAIL_BYTES: u64 = 8192;
const TAIL_LINES: usize = 15;

/// A server of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// etcd.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controller manager, if the cluster was started with one.
    ControllerManager,
}

impl From<Component> for Program {
    fn from(component: Component) -> Self {
        match component {
            Component::Etcd => Self::Etcd,
            Component::ApiServer => Self::ApiServer,
            Component::ControllerManager => Self::ControllerManager,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Program::from(*self).name())
    }
}

/// etcd with one member, and no port.
pub(crate) fn etcd_flags() -> Vec<String> {
    vec![
        "--name=devcluster".into(),
        "--data-dir=etcd".into(),
        // The data does not outlive the machine's next crash, nor this cluster.
        "--unsafe-no-fsync".into(),
        format!("--listen-client-urls=unix://{ETCD_SOCKET}"),
        format!("--advertise-client-urls=unix://{ETCD_SOCKET}"),
        // No peer ever comes; etcd wants the addresses nevertheless.
        "--listen-peer-urls=unix://peer.sock".into(),
        "--initial-advertise-peer-urls=unix://peer.sock".into(),
        "--initial-cluster=devcluster=unix://peer.sock".into(),
        // A lone member waits for an election too: up to a second by default.
        // Ticks shorter than these are felt in idle CPU time.
        "--heartbeat-interval=50".into(),
        "--election-timeout=250".into(),
    ]
}

/// The API server with the default admission, so that it behaves as real ones.
pub(crate) fn api_server_flags(port: u16) -> Vec<String> {
    vec![
        format!("--etcd-servers=unix://{ETCD_SOCKET}"),
        format!("--bind-address={HOST}"),
        format!("--secure-port={port}"),
        // Together with the port's reservation, which the cluster holds.
        "--permit-port-sharing".into(),
        // Without it the server looks for a default route, and there may be none.
        format!("--advertise-address={HOST}"),
        "--endpoint-reconciler-type=none".into(),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--authorization-mode=RBAC".into(),
        format!("--token-auth-file={TOKENS}"),
        format!("--tls-cert-file={TLS_CERTIFICATE}"),
        format!("--tls-private-key-file={TLS_KEY}"),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-key-file={SIGNING_KEY_PUBLIC}"),
        format!("--service-account-signing-key-file={SIGNING_KEY}"),
        // Without it an open watch, and an operator has many, holds up the
        // server's end for a minute.
        "--shutdown-watch-termination-grace-period=1s".into(),
        // Costs time at start and while idle; matters under overload only.
        "--enable-priority-and-fairness=false".into(),
        "--profiling=false".into(),
    ]
}

/// The controllers whose absence a test of an operator would notice.
pub(crate) fn controller_manager_flags(kubeconfig: &Path) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        "--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller"
            .into(),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
        "--profiling=false".into(),
    ]
}

/// A server that can be started many times, with the same flags and data.
#[derive(Debug)]
pub(crate) struct Server {
    component: Component,
    program: PathBuf,
    flags: Vec<String>,
    folder: PathBuf,
    process: Option<Guarded>,
}

impl Server {
    pub(crate) fn new(
        component: Component,
        program: PathBuf,
        flags: Vec<String>,
        folder: &Path,
    ) -> Self {
        Self {
            component,
            program,
            flags,
            folder: folder.to_owned(),
            process: None,
        }
    }

    /// Starts it and waits until the probe calls it ready.
    pub(crate) async fn start(&mut self, janitor: &Janitor, probe: &Probe) -> Result<(), Error> {
        if self
            .process
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
        {
            return Err(Error::Running(self.component));
        }
        let path = self.log();
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .context("open", path)?;
        let process = Guarded::spawn(&self.program, &self.flags, &self.folder, log, janitor)
            .context("start", &self.program)?;
        let process = self.process.insert(process);
        let deadline = Instant::now() + READY_WITHIN;
        let reason = loop {
            if probe.is_ready().await {
                return Ok(());
            }
            if let Some(status) = process.ended() {
                break format!("ended with {status}");
            }
            if Instant::now() >= deadline {
                break format!("was not ready within {} s", READY_WITHIN.as_secs());
            }
            tokio::time::sleep(ASK).await;
        };
        Err(self.not_ready(reason))
    }

    /// Asks it to end, and kills it if it has not ended `within`.
    pub(crate) async fn stop(&mut self, within: Duration) -> Result<(), Error> {
        if let Some(process) = &mut self.process {
            process.terminate();
            process.wait(within).await;
        }
        self.kill().await
    }

    /// Kills it, if it runs, and waits for its end.
    pub(crate) async fn kill(&mut self) -> Result<(), Error> {
        if let Some(process) = &mut self.process {
            process
                .end()
                .await
                .ok_or(Error::Unkillable(self.component))?;
            self.process = None;
        }
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.component))
    }

    fn not_ready(&self, reason: String) -> Error {
        let log = self.log();
        let tail = tail(&log).unwrap_or_else(|error| format!("(could not be read: {error})"));
        Error::NotReady {
            component: self.component,
            reason,
            log,
            tail,
        }
    }
}

/// The last lines of a file.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines
        .get(lines.len().saturating_sub(TAIL_LINES)..)
        .unwrap_or_default()
        .join("\n"))
}
