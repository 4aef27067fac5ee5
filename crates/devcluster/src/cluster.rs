//! A control plane, from its start to its last trace.

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
    guardian::Janitor,
    ready::Probe,
    server::{ETCD_SOCKET, Server, api_server_flags, controller_manager_flags, etcd_flags},
};

/// How long a server may take to end after SIGTERM before it is killed. The API
/// server takes a second or two.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What a cluster is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether kube-controller-manager runs too, with the garbage collector, the
    /// namespace controller and the service account controller. Without it no
    /// dependent is collected, no namespace is ever gone, and no namespace gets
    /// its `default` service account.
    pub controller_manager: bool,
    /// A place for the kubeconfig other than the cluster's folder. The file must
    /// not exist, and is removed with the cluster.
    pub kubeconfig: Option<PathBuf>,
    /// More flags of kube-apiserver, such as `--feature-gates=WatchList=false`.
    pub api_server_flags: Vec<String>,
}

/// A running etcd and kube-apiserver on loopback, with RBAC, and everything of
/// theirs in a folder of its own.
///
/// All methods take `&self`, and nothing in here belongs to a runtime: a static
/// cluster can serve tests that each have a runtime of their own. Dropping it
/// kills the servers and removes the folder, and blocks for the milliseconds
/// that this takes. The same happens by itself when the process ends, `kill -9`
/// and a static that is never dropped included.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the API server before etcd, which it would wait
    // for, and the janitor last.
    controller_manager: Option<Mutex<Server>>,
    api_server: Mutex<Server>,
    etcd: Mutex<Server>,
    credentials: Credentials,
    kubeconfig: PathBuf,
    folder: PathBuf,
    janitor: Janitor,
    /// Bound, never listening: keeps the port for the API server, which shares
    /// it, while it is down.
    _port: TcpSocket,
}

impl Cluster {
    /// Starts a cluster and waits until it is ready: about 3 s, and minutes more
    /// when programs have to be built first ([`Program::locate`]).
    ///
    /// # Errors
    /// Those of [`Program::locate`]; [`Error::NotReady`] if a server does not
    /// start; [`Error::Io`] for the folder, the port and the kubeconfig. Nothing
    /// is left behind then.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let etcd = locate(Program::Etcd).await?;
        let api_server = locate(Program::ApiServer).await?;
        let controller_manager = if options.controller_manager {
            Some(locate(Program::ControllerManager).await?)
        } else {
            None
        };

        let (port, number) = reserve_port().context("reserve a port of", HOST)?;
        let (folder, kubeconfig, janitor) = make_folder(options.kubeconfig)?;
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
            janitor,
            _port: port,
        };
        cluster.start_again(Component::Etcd).await?;
        cluster.start_again(Component::ApiServer).await?;
        if options.controller_manager {
            cluster.start_again(Component::ControllerManager).await?;
        }
        Ok(cluster)
    }

    /// The folder with the servers' logs (`etcd.log`), keys and data. It goes
    /// when the cluster goes, unless `DEVCLUSTER_KEEP` is set.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The administrator's kubeconfig, which holds all that a client needs.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The administrator's configuration, to be changed: who asks, for example,
    /// or whether kube's client repeats what the server was too busy to answer.
    #[must_use]
    pub fn config(&self) -> Config {
        self.credentials.config()
    }

    /// A new client of the administrator. It belongs to the runtime in which it
    /// is made, and may be used until that ends.
    ///
    /// # Errors
    /// [`Error::Kube`] if it can't be set up.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn client(&self) -> Result<Client, Error> {
        Ok(Client::try_from(self.config()).map_err(Box::new)?)
    }

    /// Writes a kubeconfig for a service account, with the rights that roles and
    /// bindings give it; it is good for an hour. A second call for the same
    /// account replaces the file.
    ///
    /// # Errors
    /// [`Error::Kube`] if there is no such account or no API server to ask;
    /// [`Error::Io`] if the file can't be written.
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
        // No name has an underscore, so no two accounts share a file.
        let path = self.folder.join(format!("{namespace}_{name}.kubeconfig"));
        self.credentials.write_kubeconfig(&path, name, &token)?;
        Ok(path)
    }

    /// Asks a server to end (SIGTERM) and waits until it has ended; kills it if
    /// that takes more than 20 s. Does nothing if it is not running.
    ///
    /// Stop the API server before etcd: without etcd it takes those 20 s.
    ///
    /// # Errors
    /// [`Error::NotAskedFor`] for a controller manager that the cluster has not;
    /// [`Error::Unkillable`].
    pub async fn stop(&self, component: Component) -> Result<(), Error> {
        self.server(component)?.lock().await.stop(STOP_WITHIN).await
    }

    /// Kills a server (SIGKILL) and waits until it has ended. Does nothing if it
    /// is not running.
    ///
    /// # Errors
    /// As for [`Self::stop`].
    pub async fn kill(&self, component: Component) -> Result<(), Error> {
        self.server(component)?.lock().await.kill().await
    }

    /// Starts a server that was stopped or killed or ended by itself, with the
    /// same data and address, and waits until it is ready. The API server is not
    /// ready without etcd. A controller manager is when it runs and service
    /// accounts are there; what happened in its absence it does afterwards.
    ///
    /// # Errors
    /// [`Error::Running`] if it runs; [`Error::NotReady`] if it ends or is not
    /// ready within 120 s, and then it may still be running;
    /// [`Error::NotAskedFor`]; [`Error::Io`] and [`Error::Kube`] if it can't be
    /// started or asked.
    pub async fn start_again(&self, component: Component) -> Result<(), Error> {
        let mut server = self.server(component)?.lock().await;
        let probe = match component {
            Component::Etcd => Probe::Etcd(self.folder.join(ETCD_SOCKET)),
            Component::ApiServer => Probe::ApiServer(self.client_without_retry()?),
            Component::ControllerManager => Probe::ControllerManager(self.client_without_retry()?),
        };
        server.start(&self.janitor, &probe).await
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
    // It may build for minutes, which must not stop the runtime's other tasks.
    tokio::task::spawn_blocking(move || program.locate())
        .await
        .map_err(io::Error::from)
        .context("look for", program.name())?
}

/// Binds a free port without listening on it. Both this socket and the API
/// server allow the port to be shared, so it is the server's to use whenever it
/// runs, and nobody else's while it does not.
fn reserve_port() -> io::Result<(TcpSocket, u16)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

/// Makes the cluster's folder, names its kubeconfig, and hires the janitor who
/// removes both.
fn make_folder(kubeconfig: Option<PathBuf>) -> Result<(PathBuf, PathBuf, Janitor), Error> {
    let folder = env::temp_dir().join(format!("devcluster-{:016x}", rand::random::<u64>()));
    // Servers run in the folder, so no path may be relative to this process's.
    let folder = path::absolute(&folder).context("resolve", folder)?;
    let socket = folder.join(ETCD_SOCKET);
    SocketAddr::from_pathname(&socket).context("have, with this TMPDIR, a socket at", socket)?;
    let mut files = vec![folder.clone()];
    let kubeconfig = match kubeconfig {
        None => folder.join("kubeconfig"),
        Some(place) => {
            let place = path::absolute(&place).context("resolve", place)?;
            // Made here and now: what is removed in the end must not be the user's.
            File::create_new(&place).context("create the new file", &place)?;
            files.push(place.clone());
            place
        }
    };
    if env::var_os("DEVCLUSTER_KEEP").is_some() {
        files.clear();
    }
    let janitor = Janitor::spawn(&files).context("start the janitor of", &folder)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .context("create", &folder)?;
    Ok((folder, kubeconfig, janitor))
}
