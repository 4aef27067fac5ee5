//! Builds of the programs from source, once per machine.
//!
//! The pinned Go modules in `tools` name each program as a tool, so that a build
//! needs a Go module proxy and no other download.

use std::{
    env,
    ffi::OsString,
    fmt::Write as _,
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest as _, Sha256};

use crate::{Error, Program, error::Context as _, pinned::pinned, program::is_executable};

/// The folder of the Go modules, in the same checkout.
const MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools");

/// How to build a program.
struct Recipe {
    /// The folder of the Go module, and of its programs in the cache.
    module: &'static str,
    /// The main package.
    package: &'static str,
    /// How long the build takes on two cores with an empty Go cache.
    takes: &'static str,
}

/// Returns the recipe of a program. Modules of their own pin the oldest versions
/// that the chart supports.
const fn recipe(program: Program, oldest: bool) -> Recipe {
    let kubernetes = if oldest {
        "controlplane-oldest"
    } else {
        "controlplane"
    };
    let (module, package, takes) = match program {
        Program::Etcd => ("controlplane", "go.etcd.io/etcd/server/v3", "1 minute"),
        Program::ApiServer => (
            kubernetes,
            "k8s.io/kubernetes/cmd/kube-apiserver",
            "4 minutes",
        ),
        Program::ControllerManager => (
            kubernetes,
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            "2 minutes",
        ),
        Program::Scheduler => (
            "controlplane",
            "k8s.io/kubernetes/cmd/kube-scheduler",
            "1 minute",
        ),
        Program::Kubelet => ("controlplane", "k8s.io/kubernetes/cmd/kubelet", "2 minutes"),
        Program::Proxy => (
            "controlplane",
            "k8s.io/kubernetes/cmd/kube-proxy",
            "1 minute",
        ),
        Program::Kubectl => ("controlplane", "k8s.io/kubernetes/cmd/kubectl", "1 minute"),
        Program::S3 => (
            "s3",
            "github.com/versity/versitygw/cmd/versitygw",
            "3 minutes",
        ),
        Program::Helm if oldest => ("helm3", "helm.sh/helm/v3/cmd/helm", "2 minutes"),
        Program::Helm => ("helm", "helm.sh/helm/v4/cmd/helm", "3 minutes"),
    };
    Recipe {
        module,
        package,
        takes,
    }
}

/// Whether `DEVCLUSTER_OLDEST` asks for the oldest versions.
fn oldest() -> bool {
    env::var_os("DEVCLUSTER_OLDEST").is_some_and(|value| !value.is_empty())
}

/// Returns the path of a program in the user's cache folder, and builds it if it
/// is missing.
pub(crate) fn cached(program: Program) -> Result<PathBuf, Error> {
    let recipe = recipe(program, oldest());
    let module = recipe.module;
    let path = Path::new(MODULES).join(module);
    let source = Source::read(&fs::canonicalize(&path).context("find", path)?)?;
    let folder = cache_folder(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))?
        .join("workmail-operator")
        .join(module)
        .join(source.key());
    let file = folder.join(program.name());
    if !is_executable(&file) {
        fs::create_dir_all(&folder).context("create", &folder)?;
        let lock = lock(&folder.join("lock"))?;
        // Another process may have built it while this one waited.
        if !is_executable(&file) {
            source.build(program, &recipe, &file, lock)?;
        }
    }
    Ok(file)
}

/// Returns the cache folder by the rules of XDG, which ignore a relative
/// `XDG_CACHE_HOME`.
fn cache_folder(
    xdg_cache_home: Option<OsString>,
    home: Option<OsString>,
) -> Result<PathBuf, Error> {
    xdg_cache_home
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(PathBuf::from(home?).join(".cache")).filter(|folder| folder.is_absolute()))
        .ok_or(Error::NoCacheFolder)
}

/// Locks a file until every process that has it open closes it.
fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).context("create", path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            report("another process is building the programs; waiting for it");
            file.lock().context("lock", path)?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("lock", path),
    }
    Ok(file)
}

/// Everything that a built program depends on.
#[derive(Debug)]
struct Source {
    module: PathBuf,
    go_mod: String,
    go_sum: String,
    /// `go version go1.26.8 linux/amd64`
    go_version: String,
    ldflags: String,
    /// What the module pins: `Kubernetes v1.37.2`
    pinned: String,
}

impl Source {
    fn read(module: &Path) -> Result<Self, Error> {
        let text = |name| {
            let path = module.join(name);
            fs::read_to_string(&path).context("read", path)
        };
        let go_mod = text("go.mod")?;
        let Some((pinned, ldflags)) = pinned(&go_mod) else {
            return Err(Error::NothingPinned {
                go_mod: module.join("go.mod"),
            });
        };
        Ok(Self {
            module: module.to_owned(),
            go_sum: text("go.sum")?,
            go_version: go_version(module)?,
            go_mod,
            ldflags,
            pinned,
        })
    }

    /// Returns the name of the folder for the programs of exactly this source.
    fn key(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.go_mod, &self.go_sum, &self.go_version, &self.ldflags] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hash.finalize()
            .iter()
            .take(8)
            .fold(String::new(), |mut key, byte| {
                let _ = write!(key, "{byte:02x}");
                key
            })
    }

    /// Builds to another name and renames, so that `file` is complete or absent.
    fn build(
        &self,
        program: Program,
        recipe: &Recipe,
        file: &Path,
        lock: File,
    ) -> Result<(), Error> {
        let Recipe { package, takes, .. } = *recipe;
        report(&format!(
            "building {program} from source with {}, once: about {takes} on two idle cores, into {}",
            self.pinned,
            file.display()
        ));
        let partial = file.with_extension("partial");
        let status = go(&self.module)
            .args([
                "build",
                "-mod=readonly",
                "-trimpath",
                "-ldflags",
                &self.ldflags,
                "-o",
            ])
            .args([partial.as_os_str(), package.as_ref()])
            .env("CGO_ENABLED", "0")
            // If this process is killed, go holds the lock until it has finished.
            .stdin(lock)
            .status()
            .map_err(|error| self.no_go(&error))?;
        if !status.success() {
            return Err(Error::Build { package, status });
        }
        fs::rename(&partial, file).context("rename", partial)
    }

    fn no_go(&self, error: &io::Error) -> Error {
        Error::NoGo {
            reason: error.to_string(),
            go_mod: self.module.join("go.mod"),
        }
    }
}

/// Returns a go command in the module's folder, where go uses the toolchain that
/// go.mod names.
fn go(module: &Path) -> Command {
    let mut go = Command::new("go");
    // The environment of the user must not change the module or the target.
    go.current_dir(module)
        .env("GOWORK", "off")
        .env_remove("GOOS")
        .env_remove("GOARCH");
    go
}

fn go_version(module: &Path) -> Result<String, Error> {
    let no_go = |reason| Error::NoGo {
        reason,
        go_mod: module.join("go.mod"),
    };
    let output = go(module)
        .arg("version")
        .output()
        .map_err(|error| no_go(error.to_string()))?;
    if !output.status.success() {
        return Err(no_go(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Writes to stderr, also under a test runner, because the user waits for the
/// build.
fn report(message: &str) {
    let _ = writeln!(io::stderr(), "devcluster: {message}");
}

#[cfg(test)]
mod tests;
