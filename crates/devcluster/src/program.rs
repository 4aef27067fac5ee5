//! The programs of a cluster and its clients, and where they are on this machine.

use std::{
    env,
    ffi::OsStr,
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{Error, source};

/// A program that a cluster or its user runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `etcd`
    Etcd,
    /// `kube-apiserver`
    ApiServer,
    /// `kube-controller-manager`
    ControllerManager,
    /// `kube-scheduler`
    Scheduler,
    /// `kubelet`
    Kubelet,
    /// `kube-proxy`
    Proxy,
    /// `kubectl`
    Kubectl,
    /// `helm`
    Helm,
    /// `versitygw`, an S3 server
    S3,
}

impl Program {
    /// All programs, in the order of a cluster's start.
    pub const ALL: [Self; 9] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kubelet,
        Self::Proxy,
        Self::Kubectl,
        Self::Helm,
        Self::S3,
    ];

    /// Returns the name of its file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::Proxy => "kube-proxy",
            Self::Kubectl => "kubectl",
            Self::Helm => "helm",
            Self::S3 => "versitygw",
        }
    }

    /// Returns the path of the program, and builds the program if it is missing.
    /// A build happens once per machine, takes minutes, and is announced on
    /// stderr. This function blocks; call it where a runtime allows that.
    ///
    /// 1. If `KUBEBUILDER_ASSETS` is set, only that folder is used, except for
    ///    Helm and the S3 server, which are not part of Kubernetes.
    /// 2. kubectl is the first one on `PATH`.
    /// 3. Otherwise the user's cache folder, which builds from source fill. If
    ///    `DEVCLUSTER_OLDEST` is set, the API server, its controller manager and
    ///    Helm are the oldest that the chart supports.
    ///
    /// # Errors
    /// [`Error::NotInAssets`] if the folder lacks it; [`Error::NoGo`],
    /// [`Error::NoCacheFolder`], [`Error::NothingPinned`], [`Error::Build`] or
    /// [`Error::Io`] if it cannot be built.
    pub fn locate(self) -> Result<PathBuf, Error> {
        if !matches!(self, Self::Helm | Self::S3)
            && let Some(folder) =
                env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty())
        {
            return self.in_assets(PathBuf::from(folder));
        }
        if self == Self::Kubectl
            && let Some(found) = self.on_path(env::var_os("PATH").as_deref())
        {
            return Ok(found);
        }
        source::cached(self)
    }

    fn in_assets(self, folder: PathBuf) -> Result<PathBuf, Error> {
        // Absolute, because servers have other working folders.
        std::path::absolute(folder.join(self.name()))
            .ok()
            .filter(|file| is_executable(file))
            .ok_or(Error::NotInAssets {
                program: self,
                folder,
            })
    }

    fn on_path(self, path: Option<&OsStr>) -> Option<PathBuf> {
        env::split_paths(path?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(self.name()))
            .find(|file| is_executable(file))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a path is an executable file.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_missing_program_names_program_and_folder() {
        let error = Program::ControllerManager
            .in_assets("/nowhere".into())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nowhere") && error.contains("kube-controller-manager"),
            "{error}"
        );
    }

    #[test]
    fn kubectl_is_an_executable_file_in_an_absolute_folder_of_the_path() {
        // Relative folders are ignored.
        assert_eq!(
            Program::Kubectl.on_path(Some(OsStr::new("/nowhere:relative:/etc"))),
            None
        );
        assert_eq!(Program::Kubectl.on_path(None), None);
        assert!(is_executable(Path::new("/bin/sh")) && !is_executable(Path::new("/etc")));
    }
}
