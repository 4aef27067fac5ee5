//! An S3 server on loopback: versitygw, which keeps buckets as folders.
//!
//! It has what exports need: versions, Object Lock, ranged reads, bucket policies and their
//! status, the expected bucket owner. Public access blocks and the encryption of buckets answer
//! `NotImplemented`. The encryption that a request asks for is accepted and not shown.

use std::{
    env,
    fs::{DirBuilder, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region},
    error::DisplayErrorContext,
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
        VersioningConfiguration,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Error, Program,
    error::Context as _,
    server::tail,
    supervisor::{Cleanup, Supervised},
};

/// How long the server may take until it answers. It takes less than 0.1 s.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

const PROBE_INTERVAL: Duration = Duration::from_millis(10);

/// How often another port is tried, if the server ends at its start: another process may have
/// taken the port.
const ATTEMPTS: u32 = 3;

/// A bucket to create.
#[derive(Clone, Copy, Debug, Default)]
pub struct BucketOptions {
    /// Whether it keeps versions.
    pub versioned: bool,
    /// Whether it has Object Lock, which needs versions and turns them on.
    pub object_lock: bool,
}

/// A running S3 server. Dropping it kills the server and removes its buckets, as for a
/// [`Cluster`](crate::Cluster).
#[derive(Debug)]
pub struct S3Server {
    // Fields are dropped in this order.
    _server: Supervised,
    address: SocketAddr,
    region: String,
    folder: PathBuf,
    _cleanup: Cleanup,
}

impl S3Server {
    /// The access key. It is the owner of every bucket, and so it looks like an AWS account: that
    /// is what `ExpectedBucketOwner` is compared with.
    pub const ACCESS_KEY: &str = "123456789012";

    /// The secret access key.
    pub const SECRET_KEY: &str = "devcluster-secret";

    /// Starts a server in `us-east-1` and waits until it answers. This takes less than a second,
    /// and minutes more if the program has to be built first ([`Program::locate`]).
    ///
    /// # Errors
    /// As for [`Self::start_in`].
    pub async fn start() -> Result<Self, Error> {
        Self::start_in("us-east-1").await
    }

    /// Starts a server in a region. Requests that are signed for another one are refused.
    ///
    /// # Errors
    /// Those of [`Program::locate`]; [`Error::S3NotReady`] if the server does not start;
    /// [`Error::Io`] for its folder.
    pub async fn start_in(region: &str) -> Result<Self, Error> {
        let program = tokio::task::spawn_blocking(|| Program::S3.locate())
            .await
            .map_err(io::Error::from)
            .context("look for", Program::S3.name())??;
        let (folder, cleanup) = make_folder()?;
        let mut attempt = 1;
        loop {
            match spawn(&program, &folder, region, &cleanup).await {
                Ok((server, address)) => {
                    return Ok(Self {
                        _server: server,
                        address,
                        region: region.to_owned(),
                        folder,
                        _cleanup: cleanup,
                    });
                }
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    /// Returns the URL for `AWS_ENDPOINT_URL_S3`. Buckets are in its path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the folder with the log and the buckets. It is removed with the server, unless
    /// `DEVCLUSTER_KEEP` is set.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns a new client with all rights.
    #[must_use]
    pub fn client(&self) -> Client {
        let keys = Credentials::new(Self::ACCESS_KEY, Self::SECRET_KEY, None, None, "devcluster");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .endpoint_url(self.url())
            .force_path_style(true)
            .credentials_provider(keys)
            .build();
        Client::from_conf(config)
    }

    /// Creates a bucket.
    ///
    /// # Errors
    /// [`Error::S3`] if the server refuses the name or the options.
    pub async fn create_bucket(&self, name: &str, options: BucketOptions) -> Result<(), Error> {
        let client = self.client();
        let location = (self.region != "us-east-1").then(|| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(self.region.as_str()))
                .build()
        });
        let created = client
            .create_bucket()
            .bucket(name)
            .set_create_bucket_configuration(location)
            .object_lock_enabled_for_bucket(options.object_lock)
            .send()
            .await;
        created.map_err(|error| Error::S3(DisplayErrorContext(error).to_string()))?;
        if options.versioned && !options.object_lock {
            let versioning = VersioningConfiguration::builder()
                .status(BucketVersioningStatus::Enabled)
                .build();
            let set = client
                .put_bucket_versioning()
                .bucket(name)
                .versioning_configuration(versioning)
                .send()
                .await;
            set.map_err(|error| Error::S3(DisplayErrorContext(error).to_string()))?;
        }
        Ok(())
    }
}

/// The folders of the server: buckets, former versions, and what the file system need not keep in
/// extended attributes.
const FOLDERS: [&str; 3] = ["buckets", "versions", "metadata"];

fn make_folder() -> Result<(PathBuf, Cleanup), Error> {
    let folder = env::temp_dir().join(format!("devcluster-s3-{:016x}", rand::random::<u64>()));
    let folder = std::path::absolute(&folder).context("resolve", folder)?;
    let keep = env::var_os("DEVCLUSTER_KEEP").is_some();
    let removed = if keep { vec![] } else { vec![folder.clone()] };
    let cleanup = Cleanup::spawn(&removed).context("start the cleanup of", &folder)?;
    for folder in [folder.clone()]
        .into_iter()
        .chain(FOLDERS.map(|name| folder.join(name)))
    {
        let created = DirBuilder::new().mode(0o700).create(&folder);
        created.context("create", folder)?;
    }
    Ok((folder, cleanup))
}

/// Starts the server on a free port, and waits until it answers.
async fn spawn(
    program: &Path,
    folder: &Path,
    region: &str,
    cleanup: &Cleanup,
) -> Result<(Supervised, SocketAddr), Error> {
    let address = free_address().context("find a port of", "127.0.0.1")?;
    let path = folder.join("versitygw.log");
    let log = File::create(&path).context("create", &path)?;
    let [buckets, versions, metadata] = FOLDERS;
    let flags = [
        format!("--port={address}"),
        format!("--access={}", S3Server::ACCESS_KEY),
        format!("--secret={}", S3Server::SECRET_KEY),
        format!("--region={region}"),
        "--quiet".to_owned(),
        "--keep-alive".to_owned(),
        "posix".to_owned(),
        format!("--versioning-dir={}", folder.join(versions).display()),
        format!("--sidecar={}", folder.join(metadata).display()),
        folder.join(buckets).display().to_string(),
    ];
    let mut server =
        Supervised::spawn(program, flags, folder, log, cleanup).context("start", program)?;
    let deadline = Instant::now() + READY_TIMEOUT;
    let reason = loop {
        if answers(address).await {
            return Ok((server, address));
        }
        if let Some(status) = server.ended() {
            break format!("ended with {status}");
        }
        if Instant::now() >= deadline {
            break format!("was not ready within {} s", READY_TIMEOUT.as_secs());
        }
        tokio::time::sleep(PROBE_INTERVAL).await;
    };
    let tail = tail(&path).unwrap_or_else(|error| format!("(could not be read: {error})"));
    Err(Error::S3NotReady { reason, tail })
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Whether the server answers a request, with whatever status.
async fn answers(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        Ok::<_, io::Error>(answer == *b"HTTP/")
    };
    matches!(timeout(Duration::from_secs(2), ask).await, Ok(Ok(true)))
}
