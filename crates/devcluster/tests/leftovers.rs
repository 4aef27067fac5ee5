//! `devcluster up` leaves no files and no processes, in whichever way it ends.

// What clippy.toml allows in tests it does not allow in their helpers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
};

use common::until;

/// A running `devcluster up`.
struct Owner {
    process: Child,
    stdin: Option<ChildStdin>,
}

impl Owner {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_devcluster"))
            .arg("up")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take();
        Self { process, stdin }
    }

    /// Waits until it is ready.
    fn kubeconfig(&mut self) -> PathBuf {
        let mut line = String::new();
        BufReader::new(self.process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        PathBuf::from(line.trim_end())
    }

    /// Returns the folder, which is an argument of its first child.
    fn folder(&self) -> Option<PathBuf> {
        let pid = self.process.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        let cleanup = children.split(' ').next()?;
        let arguments = fs::read_to_string(format!("/proc/{cleanup}/cmdline")).ok()?;
        arguments
            .split('\0')
            .find(|argument| argument.contains("/devcluster-"))
            .map(Into::into)
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

/// Returns the processes that run in the folder or have it in their arguments.
fn processes(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let about_folder = |pid: &Path| {
        let arguments = fs::read(pid.join("cmdline")).ok()?;
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        // The link still has the name of a folder that was removed.
        let place = fs::read_link(pid.join("cwd")).unwrap_or_default();
        let is = arguments.contains(folder) || place.to_string_lossy().starts_with(folder);
        is.then_some(arguments)
    };
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| about_folder(&entry.ok()?.path()))
        .collect()
}

async fn nothing_is_left(folder: &Path) {
    until("the folder is removed", async || !folder.exists()).await;
    until("all processes are gone", async || {
        processes(folder).is_empty()
    })
    .await;
}

/// Starts a cluster, ends it by `end`, and waits until nothing is left.
async fn leaves_nothing(arguments: &[&str], end: impl FnOnce(&mut Owner)) -> ExitStatus {
    let mut owner = Owner::start(arguments);
    let kubeconfig = owner.kubeconfig();
    let folder = owner.folder().unwrap();
    assert!(kubeconfig.exists() && folder.exists());
    let running = processes(&folder);
    for server in ["etcd ", "kube-apiserver ", "kube-controller-manager "] {
        assert!(
            running.iter().any(|arguments| arguments.contains(server)),
            "{running:#?}"
        );
    }
    end(&mut owner);
    let status = owner.process.wait().unwrap();
    nothing_is_left(&folder).await;
    assert!(!kubeconfig.exists());
    status
}

#[tokio::test]
async fn nothing_is_left_when_the_owner_is_killed() {
    let status = leaves_nothing(&["--controller-manager"], |owner| {
        owner.process.kill().unwrap();
    })
    .await;
    assert_eq!(status.code(), None);
}

#[tokio::test]
async fn nothing_is_left_when_the_owner_is_killed_while_it_starts() {
    let mut owner = Owner::start(&[]);
    until("etcd is there", async || {
        owner
            .folder()
            .is_some_and(|folder| folder.join("etcd.sock").exists())
    })
    .await;
    let folder = owner.folder().unwrap();
    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    nothing_is_left(&folder).await;
}

#[tokio::test]
async fn nothing_is_left_after_sigterm_and_the_exit_status_is_0() {
    let status = leaves_nothing(&["--controller-manager"], |owner| owner.signal("TERM")).await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn nothing_is_left_after_the_end_of_stdin_with_until_stdin_ends() {
    let place = env::temp_dir().join(format!("kubeconfig-{}", std::process::id()));
    let kubeconfig = format!("--kubeconfig={}", place.display());
    let arguments = ["--controller-manager", "--until-stdin-ends", &kubeconfig];
    let status = leaves_nothing(&arguments, |owner| {
        assert!(place.exists());
        owner.stdin = None;
    })
    .await;
    assert!(status.success(), "{status}");
    assert!(!place.exists());
}

#[test]
fn an_existing_file_is_not_overwritten_with_a_kubeconfig() {
    let file = env::temp_dir().join(format!("precious-{}", std::process::id()));
    fs::write(&file, "mine").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_devcluster"))
        .args(["up".as_ref(), "--kubeconfig".as_ref(), file.as_os_str()])
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && message.contains(file.to_str().unwrap()),
        "{message}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    fs::remove_file(file).unwrap();
}

#[test]
fn binaries_prints_the_path_of_each_program() {
    let binaries = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_devcluster"))
            .arg("binaries")
            .args(arguments)
            .output()
            .unwrap()
    };
    let output = binaries(&["kubectl", "etcd"]);
    let paths = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = paths
        .lines()
        .map(|line| Path::new(line).file_name().unwrap())
        .collect();
    assert_eq!(names, ["kubectl", "etcd"]);
    assert!(
        paths
            .lines()
            .all(|line| Path::new(line).is_absolute() && Path::new(line).is_file())
    );

    let output = binaries(&["kubeadm"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("kube-controller-manager"));
}
