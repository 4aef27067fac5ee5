//! Errors, with a message that names the next step.

use std::{io, path::PathBuf};

use crate::{Component, Program};

/// An error of a program, a cluster or a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, folder, socket or process could not be created or used.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// The action that failed, such as `read` or `start`.
        action: &'static str,
        /// The object of the action.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// `KUBEBUILDER_ASSETS` is set, and its folder lacks the program.
    #[error(
        "KUBEBUILDER_ASSETS is {}, which has no {program}; put it there, or unset the variable to have it built from source",
        folder.display()
    )]
    NotInAssets {
        /// The missing program.
        program: Program,
        /// The value of the variable.
        folder: PathBuf,
    },

    /// Neither `XDG_CACHE_HOME` nor `HOME` is an absolute path.
    #[error(
        "no folder to cache built programs in; set HOME, or XDG_CACHE_HOME, to an absolute path"
    )]
    NoCacheFolder,

    /// The Go toolchain could not be run.
    #[error(
        "could not run go, which builds the control plane: {reason}; install the Go release that {} names, or set KUBEBUILDER_ASSETS to a folder with the programs",
        go_mod.display()
    )]
    NoGo {
        /// The reason.
        reason: String,
        /// The module file that names the Go version.
        go_mod: PathBuf,
    },

    /// The module does not pin a version of Kubernetes, Helm or versitygw.
    #[error("{} requires no k8s.io/kubernetes v1.N.M, no helm.sh/helm/v4 and no versitygw; restore it from version control", go_mod.display())]
    NothingPinned {
        /// The module file.
        go_mod: PathBuf,
    },

    /// `go build` failed. Its messages are on stderr.
    #[error("go build {package} ended with {status}; its messages are on stderr, above")]
    Build {
        /// The Go package.
        package: &'static str,
        /// The exit status of go.
        status: std::process::ExitStatus,
    },

    /// A server ended, or was not ready in time, after its start.
    #[error(
        "{component} {reason}; {} ends with:\n{tail}\n(set DEVCLUSTER_KEEP=1 to keep the folder)",
        log.display()
    )]
    NotReady {
        /// The server.
        component: Component,
        /// What happened, such as `ended with exit status: 1`.
        reason: String,
        /// Its log, which is removed with the cluster.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },

    /// The S3 server ended, or was not ready in time, after its start.
    #[error(
        "versitygw {reason}; its log ends with:\n{tail}\n(set DEVCLUSTER_KEEP=1 to keep the folder)"
    )]
    S3NotReady {
        /// What happened.
        reason: String,
        /// The last lines of the log.
        tail: String,
    },

    /// The S3 server refused a request.
    #[error("the request to the S3 server failed: {0}")]
    S3(String),

    /// The server is running, so that it cannot be started.
    #[error("{0} is running; stop or kill it before starting it again")]
    Running(Component),

    /// The server did not end after SIGKILL.
    #[error("{0} did not end within seconds of SIGKILL; look for a hung disk or a tracer")]
    Unkillable(Component),

    /// The cluster was started without a controller manager.
    #[error("this cluster has no {0}; start it with Options {{ controller_manager: true, .. }}")]
    NotAskedFor(Component),

    /// A key or certificate could not be created.
    #[error("could not create the API server's certificate: {0}")]
    Certificate(#[from] rcgen::Error),

    /// A client could not be created, or the API server refused a request.
    #[error("the request to the API server failed: {0}")]
    Kube(#[from] Box<kube::Error>),
}

/// Adds the action and its object to an [`io::Error`].
pub(crate) trait Context<T> {
    fn context(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            action,
            path: path.into(),
            source,
        })
    }
}
