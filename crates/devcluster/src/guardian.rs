//! Processes that do not outlive their owner, however it ends.
//!
//! Each server is the child of a small shell, its guardian, and takes its
//! orders from a pipe whose other end only the owner holds. When the owner is
//! gone, `kill -9` included, the kernel closes that end: the guardian reads the
//! end of its orders and kills the server. One more shell, the [`Janitor`],
//! waits until the owner and all guardians are gone and removes the folder. So
//! there is one way to clean up, and no ending of the owner that skips it.
//!
//! Only a parent sends signals to a pid here, so none can hit a stranger that
//! was given the same pid later. Every shell has a process group of its own:
//! Ctrl-C at a terminal ends the owner, and nothing behind its back.

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

/// Runs `"$@"` and obeys: each line of stdin is the name of a signal for it, and
/// the end of stdin is KILL. Ends when the server ends, with its status. stderr
/// is the server's log; stdout is held open for the janitor to notice.
const GUARDIAN: &str = r#"
exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
{
  while read -r signal; do kill -s "$signal" "$server"; done
  kill -s KILL "$server"
} <&3 2>/dev/null &
orders=$!
exec 3<&- </dev/null
wait "$server"
status=$?
kill -s KILL "$orders"
exit "$status"
"#;

/// Waits for the end of stdin, then removes its arguments.
const JANITOR: &str = r#"
while read -r _; do :; done
exec rm -rf -- "$@"
"#;

/// How often a process is looked at while its end is awaited.
const LOOK: Duration = Duration::from_millis(5);

/// How long SIGKILL may take to end a process.
const KILL_TAKES: Duration = Duration::from_secs(10);

/// A shell in a process group of its own, with nothing of the owner's
/// environment: etcd, for one, takes every `ETCD_*` variable for a flag.
fn shell(script: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", script, "devcluster"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .process_group(0);
    shell
}

/// Removes the cluster's files when the owner and all guardians are gone.
#[derive(Debug)]
pub(crate) struct Janitor {
    process: Child,
    /// Held by the owner, and by each guardian as its stdout. The janitor reads
    /// its end when the last of them is gone.
    alive: Option<PipeWriter>,
}

impl Janitor {
    /// Starts it; `files` are removed when its time has come, and may be none.
    pub(crate) fn spawn(files: &[PathBuf]) -> io::Result<Self> {
        let (gone, alive) = io::pipe()?;
        let process = shell(JANITOR)
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

impl Drop for Janitor {
    /// Blocks until the files are removed; milliseconds if all guardians are
    /// gone. Gives up after some seconds: the janitor does not.
    fn drop(&mut self) {
        self.alive = None;
        wait(&mut self.process, KILL_TAKES);
    }
}

/// A running server under its guardian.
#[derive(Debug)]
pub(crate) struct Guarded {
    guardian: Child,
}

impl Guarded {
    /// Starts `program` in `folder`, with `log` as its stdout and stderr.
    pub(crate) fn spawn(
        program: &Path,
        args: impl IntoIterator<Item: AsRef<OsStr>>,
        folder: &Path,
        log: File,
        janitor: &Janitor,
    ) -> io::Result<Self> {
        let guardian = shell(GUARDIAN)
            .arg(program)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(janitor.alive()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { guardian })
    }

    /// The server's exit status if it has ended. One that was ended by a signal
    /// has the shell's status for it: 128 and the signal's number.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        // An error means that the child is not there to be waited for: ended.
        self.guardian
            .try_wait()
            .unwrap_or_else(|_| Some(ExitStatus::default()))
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&mut self) {
        self.order("TERM");
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.order("KILL");
    }

    fn order(&mut self, signal: &str) {
        if let Some(orders) = &mut self.guardian.stdin {
            // It fails if the guardian is gone: the server has ended already.
            let _ = writeln!(orders, "{signal}");
        }
    }

    /// Waits at most `within` for the server's end.
    pub(crate) async fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Kills the server and waits for its end, at most some seconds.
    pub(crate) async fn end(&mut self) -> Option<ExitStatus> {
        self.kill();
        self.wait(KILL_TAKES).await
    }
}

impl Drop for Guarded {
    /// Kills the server if it is running, and blocks until it has ended:
    /// milliseconds.
    fn drop(&mut self) {
        self.kill();
        wait(&mut self.guardian, KILL_TAKES);
    }
}

/// Waits for a process that is about to end, without a runtime to wait in.
fn wait(process: &mut Child, within: Duration) {
    let deadline = Instant::now() + within;
    while matches!(process.try_wait(), Ok(None)) && Instant::now() < deadline {
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
#[path = "guardian_tests.rs"]
mod tests;
