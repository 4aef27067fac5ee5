//! A cluster: how it starts, how its servers stop and restart, and how it is removed.

use std::{
    env,
    fs::{DirBuilder, File},
    io,
    net::Ipv4Addr,
    os::unix::{fs::DirBuilderExt as _, net::SocketAddr},
    path::{self, Path, PathBuf},
    time::Duration,
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, Config, api::PostParams};
use tokio::{net::TcpSocket, sync::Mutex};

use crate::{
    Component, Error, Program,
    credentials::{Credentials, HOST},
    error::Context as _,
    ready::Probe,
    server::{ETCD_SOCKET, Server, api_server_flags, controller_manager_flags, etcd_flags},
    supervisor::Cleanup,
};

/// How long a server may take to end after SIGTERM before it is killed. The API
/// server takes one to two seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The options of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether kube-controller-manager runs too, with the garbage collector, the
    /// namespace controller and the service account controller. Without it no
    /// dependent is collected, the deletion of a namespace never finishes, and no
    /// namespace gets its `default` service account.
    pub controller_manager: bool,
    /// The path of the kubeconfig. Default: a file in the cluster's folder. The
    /// file must not exist, and is removed with the cluster.
    pub kubeconfig: Option<PathBuf>,
    /// Additional flags of kube-apiserver, such as `--feature-gates=WatchList=false`.
    pub api_server_flags: Vec<String>,
}

/// A running etcd and kube-apiserver on loopback, with RBAC. All their files are
/// in one folder.
///
/// A cluster does not belong to a runtime: a static cluster can serve tests that
/// each have a runtime of their own. Dropping it kills the servers, removes the
/// folder, and blocks for the milliseconds that this takes. The same happens when
/// the process ends, even by `kill -9` or with a static that is never dropped.
#[derive(Debug)]
pub struct Cluster {
    // Fields are dropped in this order: the API server before etcd, because it
    // waits for etcd, and the cleanup last.
    controller_manager: Option<Mutex<Server>>,
    api_server: Mutex<Server>,
    etcd: Mutex<Server>,
    credentials: Credentials,
    kubeconfig: PathBuf,
    folder: PathBuf,
    cleanup: Cleanup,
    /// Bound, but not listening: reserves the port while the API server is down.
    _port: TcpSocket,
}

impl Cluster {
    /// Starts a cluster and waits until it is ready. This takes about 3 s, and
    /// minutes more if programs have to be built first ([`Program::locate`]).
    ///
    /// # Errors
    /// Those of [`Program::locate`]; [`Error::NotReady`] if a server does not
    /// start; [`Error::Io`] for the folder, the port and the kubeconfig. Nothing
    /// remains in these cases.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let etcd = locate(Program::Etcd).await?;
        let api_server = locate(Program::ApiServer).await?;
        let controller_manager = if options.controller_manager {
            Some(locate(Program::ControllerManager).await?)
        } else {
            None
        };

        let (port, number) = reserve_port().context("reserve a port of", HOST)?;
        let (folder, kubeconfig, cleanup) = make_folder(options.kubeconfig)?;
        let credentials = Credentials::create(&folder, number)?;
        credentials.write_admin_kubeconfig(&kubeconfig)?;

        let mut flags = api_server_flags(number);
        flags.extend(options.api_server_flags);
        let server =
            |component, program, flags| Mutex::new(Server::new(component, program, flags, &folder));
        let cluster = Self {
            controller_manager: controller_manager.map(|program| {
                let flags = controller_manager_flags(&kubeconfig);
                server(Component::ControllerManager, program, flags)
            }),
            api_server: server(Component::ApiServer, api_server, flags),
            etcd: server(Component::Etcd, etcd, etcd_flags()),
            credentials,
            kubeconfig,
            folder,
            cleanup,
            _port: port,
        };
        cluster.start_again(Component::Etcd).await?;
        cluster.start_again(Component::ApiServer).await?;
        if options.controller_manager {
            cluster.start_again(Component::ControllerManager).await?;
        }
        Ok(cluster)
    }

    /// Returns the folder with the servers' logs (`etcd.log`), keys and data. It
    /// is removed with the cluster, unless `DEVCLUSTER_KEEP` is set.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of the administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns the administrator's configuration of a client. The caller may
    /// change it, for example to impersonate a user or to turn off retries.
    #[must_use]
    pub fn config(&self) -> Config {
        self.credentials.config()
    }

    /// Returns a new client of the administrator. It belongs to the current
    /// runtime, and can be used until that ends.
    ///
    /// # Errors
    /// [`Error::Kube`] if the client cannot be created.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn client(&self) -> Result<Client, Error> {
        Ok(Client::try_from(self.config()).map_err(Box::new)?)
    }

    /// Writes a kubeconfig for a service account. Its token is valid for an hour,
    /// and its rights are those of its roles and bindings. Another call for the
    /// same account replaces the file.
    ///
    /// # Errors
    /// [`Error::Kube`] if the account does not exist or the API server does not
    /// answer; [`Error::Io`] if the file cannot be written.
    pub async fn service_account_kubeconfig(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, Error> {
        let accounts = Api::<ServiceAccount>::namespaced(self.client()?, namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(3600),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .map_err(Box::new)?;
        let token = answer
            .status
            .and_then(|status| status.token)
            .unwrap_or_default();
        // Names have no underscores, so that no two accounts share a file.
        let path = self.folder.join(format!("{namespace}_{name}.kubeconfig"));
        self.credentials.write_kubeconfig(&path, name, &token)?;
        Ok(path)
    }

    /// Sends SIGTERM to a server and waits until it has ended. Kills it after
    /// 20 s. Does nothing if it is not running.
    ///
    /// Stop the API server before etcd: without etcd it takes the 20 s.
    ///
    /// # Errors
    /// [`Error::NotAskedFor`] for a controller manager in a cluster without one;
    /// [`Error::Unkillable`].
    pub async fn stop(&self, component: Component) -> Result<(), Error> {
        self.server(component)?
            .lock()
            .await
            .stop(STOP_TIMEOUT)
            .await
    }

    /// Sends SIGKILL to a server and waits until it has ended. Does nothing if it
    /// is not running.
    ///
    /// # Errors
    /// As for [`Self::stop`].
    pub async fn kill(&self, component: Component) -> Result<(), Error> {
        self.server(component)?.lock().await.kill().await
    }

    /// Starts a server that has ended, with the same data and address, and waits
    /// until it is ready. The API server is not ready without etcd. A controller
    /// manager is ready when the default service account exists; it may still have
    /// to process what changed while it was down.
    ///
    /// # Errors
    /// [`Error::Running`] if it is running; [`Error::NotReady`] if it ends, or is
    /// not ready within 120 s and may still be running; [`Error::NotAskedFor`];
    /// [`Error::Io`] and [`Error::Kube`] if it cannot be started or probed.
    pub async fn start_again(&self, component: Component) -> Result<(), Error> {
        let mut server = self.server(component)?.lock().await;
        let probe = match component {
            Component::Etcd => Probe::Etcd(self.folder.join(ETCD_SOCKET)),
            Component::ApiServer => Probe::ApiServer(self.client_without_retry()?),
            Component::ControllerManager => Probe::ControllerManager(self.client_without_retry()?),
        };
        server.start(&self.cleanup, &probe).await
    }

    fn server(&self, component: Component) -> Result<&Mutex<Server>, Error> {
        match component {
            Component::Etcd => Ok(&self.etcd),
            Component::ApiServer => Ok(&self.api_server),
            Component::ControllerManager => self
                .controller_manager
                .as_ref()
                .ok_or(Error::NotAskedFor(component)),
        }
    }

    fn client_without_retry(&self) -> Result<Client, Error> {
        let mut config = self.config();
        config.default_retry = false;
        Ok(Client::try_from(config).map_err(Box::new)?)
    }
}

async fn locate(program: Program) -> Result<PathBuf, Error> {
    // A build takes minutes, and must not block the other tasks of the runtime.
    tokio::task::spawn_blocking(move || program.locate())
        .await
        .map_err(io::Error::from)
        .context("look for", program.name())?
}

/// Binds a free port without listening on it. This socket and the API server
/// share the port, so that no other process gets it while the server is down.
fn reserve_port() -> io::Result<(TcpSocket, u16)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

/// Creates the cluster's folder, chooses the path of the kubeconfig, and starts
/// the cleanup that removes both.
fn make_folder(kubeconfig: Option<PathBuf>) -> Result<(PathBuf, PathBuf, Cleanup), Error> {
    let folder = env::temp_dir().join(format!("devcluster-{:016x}", rand::random::<u64>()));
    // The folder is the servers' working folder, so that its path has to be absolute.
    let folder = path::absolute(&folder).context("resolve", folder)?;
    let socket = folder.join(ETCD_SOCKET);
    SocketAddr::from_pathname(&socket).context("have, with this TMPDIR, a socket at", socket)?;
    let mut files = vec![folder.clone()];
    let kubeconfig = match kubeconfig {
        None => folder.join("kubeconfig"),
        Some(place) => {
            let place = path::absolute(&place).context("resolve", place)?;
            // Created here, so that the cleanup does not remove a file of the user.
            File::create_new(&place).context("create the new file", &place)?;
            files.push(place.clone());
            place
        }
    };
    if env::var_os("DEVCLUSTER_KEEP").is_some() {
        files.clear();
    }
    let cleanup = Cleanup::spawn(&files).context("start the cleanup of", &folder)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .context("create", &folder)?;
    Ok((folder, kubeconfig, cleanup))
}
