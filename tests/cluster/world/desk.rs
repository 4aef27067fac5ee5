//! A page of the documentation as its reader has it: a shell, a folder, and the programs it names.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use devcluster::Program;
use tempfile::TempDir;

/// Where the commands of a page are run.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    /// A folder with these programs on its path, the chart and the examples, and a kubeconfig for them.
    pub fn new(programs: &[Program], kubeconfig: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = folder.path();
        fs::write(desk.join("kubeconfig"), kubeconfig).unwrap();
        fs::create_dir(desk.join("bin")).unwrap();
        for program in programs {
            let found = program.locate().unwrap();
            symlink(found, desk.join("bin").join(program.name())).unwrap();
        }
        for shipped in ["charts", "examples"] {
            let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(shipped);
            symlink(there, desk.join(shipped)).unwrap();
        }
        Self { folder }
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the commands of a page, and gives what they print.
    pub async fn follow(&self, page: &str) -> String {
        let commands = commands(page);
        assert!(!commands.is_empty(), "it has some");
        self.run(&commands).await
    }

    /// Runs a script, every command of which succeeds, and gives what it prints.
    pub async fn run(&self, script: &str) -> String {
        let done = self.try_run(script).await;
        done.unwrap_or_else(|said| panic!("{said}"))
    }

    /// Runs a script that stops at the first command that fails, and gives what it prints or, where
    /// one failed, all that was said.
    pub async fn try_run(&self, script: &str) -> Result<String, String> {
        let script = format!("set -euxo pipefail\n{script}");
        let home = self.folder.path().to_owned();
        let path = std::env::var("PATH").unwrap();
        let done = tokio::task::spawn_blocking(move || {
            Command::new("bash")
                .args(["-c", &script])
                .current_dir(&home)
                .env("HOME", &home)
                .env("KUBECONFIG", home.join("kubeconfig"))
                .env("PATH", format!("{}:{path}", home.join("bin").display()))
                .output()
                .unwrap()
        })
        .await
        .unwrap();
        let printed = String::from_utf8_lossy(&done.stdout);
        if done.status.success() {
            Ok(printed.into_owned())
        } else {
            let said = String::from_utf8_lossy(&done.stderr);
            Err(format!("{}\n{printed}\n{said}", done.status))
        }
    }
}

/// The commands of a page, in its order.
fn commands(page: &str) -> String {
    let lines = page.lines().filter(|line| *line != ">");
    let commands = lines.filter_map(|line| line.strip_prefix("$ ").or(line.strip_prefix("> ")));
    commands.fold(String::new(), |script, command| script + command + "\n")
}
