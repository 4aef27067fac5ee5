//! The servers of a cluster: their flags, and how they start and stop.

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
    ready::Probe,
    supervisor::{Cleanup, Supervised},
};

/// etcd's socket, in its working folder. It needs no port, and other users of the
/// machine cannot open it.
pub(crate) const ETCD_SOCKET: &str = "etcd.sock";

/// How long a server may take from its start until it is ready. It takes 3 s on
/// two idle cores, and more on a machine that is busy with builds.
const READY_TIMEOUT: Duration = Duration::from_mins(2);

/// How often a starting server is probed.
const PROBE_INTERVAL: Duration = Duration::from_millis(20);

/// The most bytes and lines of a log that an error shows.
const TAIL_BYTES: u64 = 8192;
const TAIL_LINES: usize = 15;

/// A server of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// etcd.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controller manager, if the cluster has one.
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

/// Returns the flags of an etcd with one member and no port.
pub(crate) fn etcd_flags() -> Vec<String> {
    vec![
        "--name=devcluster".into(),
        "--data-dir=etcd".into(),
        // The data need not survive a crash of the machine.
        "--unsafe-no-fsync".into(),
        format!("--listen-client-urls=unix://{ETCD_SOCKET}"),
        format!("--advertise-client-urls=unix://{ETCD_SOCKET}"),
        // There are no peers, but etcd requires the addresses.
        "--listen-peer-urls=unix://peer.sock".into(),
        "--initial-advertise-peer-urls=unix://peer.sock".into(),
        "--initial-cluster=devcluster=unix://peer.sock".into(),
        // A single member holds an election too, which takes up to a second by
        // default. Shorter intervals cost CPU time while idle.
        "--heartbeat-interval=50".into(),
        "--election-timeout=250".into(),
    ]
}

/// Returns the flags of an API server with the default admission plugins.
pub(crate) fn api_server_flags(port: u16) -> Vec<String> {
    vec![
        format!("--etcd-servers=unix://{ETCD_SOCKET}"),
        format!("--bind-address={HOST}"),
        format!("--secure-port={port}"),
        // The cluster's reservation of the port uses the same option.
        "--permit-port-sharing".into(),
        // Without it the server needs a default route, which may not exist.
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
        // Without it an open watch delays the end of the server by a minute.
        "--shutdown-watch-termination-grace-period=1s".into(),
        // It costs time at the start and while idle, and matters only under overload.
        "--enable-priority-and-fairness=false".into(),
        "--profiling=false".into(),
    ]
}

/// Returns the flags of a controller manager with the controllers that tests of an
/// operator need.
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

/// A server that can be started repeatedly, with the same flags and data.
#[derive(Debug)]
pub(crate) struct Server {
    component: Component,
    program: PathBuf,
    flags: Vec<String>,
    folder: PathBuf,
    process: Option<Supervised>,
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

    /// Starts the server and waits until the probe reports that it is ready.
    pub(crate) async fn start(&mut self, cleanup: &Cleanup, probe: &Probe) -> Result<(), Error> {
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
        let process = Supervised::spawn(&self.program, &self.flags, &self.folder, log, cleanup)
            .context("start", &self.program)?;
        let process = self.process.insert(process);
        let deadline = Instant::now() + READY_TIMEOUT;
        let reason = loop {
            if probe.is_ready().await {
                return Ok(());
            }
            if let Some(status) = process.ended() {
                break format!("ended with {status}");
            }
            if Instant::now() >= deadline {
                break format!("was not ready within {} s", READY_TIMEOUT.as_secs());
            }
            tokio::time::sleep(PROBE_INTERVAL).await;
        };
        Err(self.not_ready(reason))
    }

    /// Sends SIGTERM, and kills the server if it has not ended within `timeout`.
    pub(crate) async fn stop(&mut self, timeout: Duration) -> Result<(), Error> {
        if let Some(process) = &mut self.process {
            process.terminate();
            process.wait(timeout).await;
        }
        self.kill().await
    }

    /// Kills the server if it is running, and waits until it has ended.
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

/// Returns the last lines of a file.
pub(crate) fn tail(path: &Path) -> io::Result<String> {
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
