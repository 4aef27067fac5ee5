//! The programs of a cluster and its clients, and where this machine has them.

use std::{
    env,
    ffi::OsStr,
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{Error, source};

/// A program that a cluster, or a user of one, runs.
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
}

impl Program {
    /// All of them, in the order of a cluster's start.
    pub const ALL: [Self; 8] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kubelet,
        Self::Proxy,
        Self::Kubectl,
        Self::Helm,
    ];

    /// The name of its file.
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
        }
    }

    /// Finds the program, and builds it if it is nowhere; that is once per
    /// machine and takes minutes, which stderr says. Blocks: on a runtime call
    /// it where blocking is allowed.
    ///
    /// 1. If `KUBEBUILDER_ASSETS` is set: that folder and no other place, but for
    ///    Helm, which is not of Kubernetes.
    /// 2. kubectl: the first one on `PATH`.
    /// 3. The user's cache folder, where it is put by a build from source. If
    ///    `DEVCLUSTER_OLDEST` is set, the API server, its controller manager and
    ///    Helm are the oldest that the chart supports.
    ///
    /// # Errors
    /// [`Error::NotInAssets`] if the folder lacks it; [`Error::NoGo`],
    /// [`Error::NoCacheFolder`], [`Error::NothingPinned`], [`Error::Build`] or
    /// [`Error::Io`] if it can't be built.
    pub fn locate(self) -> Result<PathBuf, Error> {
        if self != Self::Helm
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
        // Absolute, because servers have working folders of their own.
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

/// Whether it is a file that someone may execute.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_that_lack_a_program_are_an_error_that_names_both() {
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
    fn kubectl_is_looked_for_on_the_path_as_a_shell_would() {
        // A folder of that name is no program, nor is a relative place.
        assert_eq!(
            Program::Kubectl.on_path(Some(OsStr::new("/nowhere:relative:/etc"))),
            None
        );
        assert_eq!(Program::Kubectl.on_path(None), None);
        assert!(is_executable(Path::new("/bin/sh")) && !is_executable(Path::new("/etc")));
    }
}
