//! Server processes that end when their owner ends. The owner is the process that
//! holds the cluster.
//!
//! Each server is the child of a small shell, its supervisor, which reads names
//! of signals from a pipe. Only the owner holds the other end. When the owner
//! ends, `kill -9` included, the kernel closes that end: the supervisor reads the
//! end of the pipe and kills the server. Another shell, the [`Cleanup`], waits
//! until the owner and all supervisors have ended, and removes the folder. All
//! ways in which the owner can end lead to this one cleanup.
//!
//! Only a parent sends signals to a pid, so no signal can hit a process that got
//! the same pid later. Every shell has a process group of its own: Ctrl-C at a
//! terminal signals the owner only.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, PipeWriter, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Runs `"$@"`. Each line of stdin is the name of a signal that is sent to it,
/// and the end of stdin is KILL. Ends when the server ends, with its status.
/// stderr is the server's log; stdout stays open so that the cleanup waits.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
{
  while read -r signal; do kill -s "$signal" "$server"; done
  kill -s KILL "$server"
} <&3 2>/dev/null &
reader=$!
exec 3<&- </dev/null
wait "$server"
status=$?
kill -s KILL "$reader"
exit "$status"
"#;

/// Waits for the end of stdin, then removes its arguments.
const CLEANUP: &str = r#"
while read -r _; do :; done
exec rm -rf -- "$@"
"#;

/// How often a wait checks whether a process has ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// How long SIGKILL may take to end a process.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns a shell in a process group of its own, without the owner's
/// environment: etcd, for example, reads every `ETCD_*` variable as a flag.
fn shell(script: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", script, "devcluster"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .process_group(0);
    shell
}

/// Removes the cluster's files when the owner and all supervisors have ended.
#[derive(Debug)]
pub(crate) struct Cleanup {
    process: Child,
    /// Held by the owner, and by each supervisor as its stdout. The cleanup reads
    /// the end of the pipe when the last of them has ended.
    alive: Option<PipeWriter>,
}

impl Cleanup {
    /// Starts the process that removes `files` in the end.
    pub(crate) fn spawn(files: &[PathBuf]) -> io::Result<Self> {
        let (gone, alive) = io::pipe()?;
        let process = shell(CLEANUP)
            .args(files)
            .current_dir("/")
            .stdin(gone)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            process,
            alive: Some(alive),
        })
    }

    fn alive(&self) -> io::Result<PipeWriter> {
        self.alive
            .as_ref()
            .ok_or(io::ErrorKind::BrokenPipe)?
            .try_clone()
    }
}

impl Drop for Cleanup {
    /// Blocks until the files are removed, which takes milliseconds if all
    /// supervisors have ended. Stops waiting after 10 s; the cleanup continues.
    fn drop(&mut self) {
        self.alive = None;
        wait(&mut self.process, KILL_TIMEOUT);
    }
}

/// A server with its supervisor.
#[derive(Debug)]
pub(crate) struct Supervised {
    supervisor: Child,
}

impl Supervised {
    /// Starts `program` in `folder`, with `log` as its stdout and stderr.
    pub(crate) fn spawn(
        program: &Path,
        args: impl IntoIterator<Item: AsRef<OsStr>>,
        folder: &Path,
        log: File,
        cleanup: &Cleanup,
    ) -> io::Result<Self> {
        let supervisor = shell(SUPERVISOR)
            .arg(program)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(cleanup.alive()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { supervisor })
    }

    /// Returns the server's exit status if it has ended. After a signal it is the
    /// shell's status: 128 plus the number of the signal.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        // An error means that there is no child to wait for: it has ended.
        self.supervisor
            .try_wait()
            .unwrap_or_else(|_| Some(ExitStatus::default()))
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&mut self) {
        self.send("TERM");
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.send("KILL");
    }

    fn send(&mut self, signal: &str) {
        if let Some(pipe) = &mut self.supervisor.stdin {
            // Writing fails if the supervisor, and so the server, has ended.
            let _ = writeln!(pipe, "{signal}");
        }
    }

    /// Waits at most `timeout` for the server to end.
    pub(crate) async fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Kills the server and waits at most 10 s for it to end.
    pub(crate) async fn end(&mut self) -> Option<ExitStatus> {
        self.kill();
        self.wait(KILL_TIMEOUT).await
    }
}

impl Drop for Supervised {
    /// Kills the server if it is running, and blocks until it has ended, which
    /// takes milliseconds.
    fn drop(&mut self) {
        self.kill();
        wait(&mut self.supervisor, KILL_TIMEOUT);
    }
}

/// Waits for a process that is about to end, without an async runtime.
fn wait(process: &mut Child, timeout: Duration) {
    let deadline = Instant::now() + timeout;
    while matches!(process.try_wait(), Ok(None)) && Instant::now() < deadline {
        thread::sleep(CHECK_INTERVAL);
    }
}

#[cfg(test)]
mod tests;
