//! What can go wrong, said so that the reader knows what to do next.

use std::{io, path::PathBuf};

use crate::{Component, Program};

/// Why a program, a cluster or a client could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, folder, socket or process could not be made or used.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `start`.
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// What the operating system said.
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
        /// What was wrong.
        reason: String,
        /// The module file with the wanted Go version.
        go_mod: PathBuf,
    },

    /// The module does not say which Kubernetes or Helm it pins.
    #[error("{} requires no k8s.io/kubernetes v1.N.M and no helm.sh/helm/v4; restore it from version control", go_mod.display())]
    NothingPinned {
        /// The module file.
        go_mod: PathBuf,
    },

    /// `go build` failed; it said why on stderr.
    #[error("go build {package} ended with {status}; its own words are on stderr, above")]
    Build {
        /// The Go package.
        package: &'static str,
        /// The exit status of go.
        status: std::process::ExitStatus,
    },

    /// A server ended, or did not answer in time, while it was being started.
    #[error(
        "{component} {reason}; {} ends with:\n{tail}\n(set DEVCLUSTER_KEEP=1 to keep the folder after the cluster's end)",
        log.display()
    )]
    NotReady {
        /// The server.
        component: Component,
        /// What it did: `ended with exit status: 1`.
        reason: String,
        /// Its log, which goes when the cluster goes.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },

    /// The server is up, so it can't be started.
    #[error("{0} is running; stop or kill it before starting it again")]
    Running(Component),

    /// The server did not end, not even when killed.
    #[error("{0} did not end within seconds of SIGKILL; look for a hung disk or a tracer")]
    Unkillable(Component),

    /// The cluster was started without a controller manager.
    #[error("this cluster has no {0}; start it with Options {{ controller_manager: true, .. }}")]
    NotAskedFor(Component),

    /// A key or certificate could not be made.
    #[error("could not make the API server's certificate: {0}")]
    Certificate(#[from] rcgen::Error),

    /// A client could not be made, or the API server refused a request.
    #[error("the API server could not be asked: {0}")]
    Kube(#[from] Box<kube::Error>),
}

/// Adds to an [`io::Error`] what was tried and on what.
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
