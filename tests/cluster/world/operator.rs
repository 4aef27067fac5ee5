//! The operator's real process.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    thread,
    time::Duration,
};

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::PATIENCE;

/// The operator's process, its setting and its log. Ended with the test, however the test ends.
pub struct Operator {
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    folder: tempfile::TempDir,
    child: Option<Child>,
    may_be_refused: bool,
}

impl Operator {
    /// An operator for one namespace and one endpoint, not started yet.
    pub fn new(kubeconfig: &Path, endpoint: &str, namespace: &str) -> Self {
        let environment = [
            ("KUBECONFIG", kubeconfig.to_str().unwrap()),
            ("AWS_ENDPOINT_URL_WORKMAIL", endpoint),
            ("AWS_ENDPOINT_URL_STS", endpoint),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        Self {
            environment: environment
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            arguments: [
                "run",
                "--watch-namespaces",
                namespace,
                "--metrics-bind-address",
                "127.0.0.1:0",
                "--health-probe-bind-address",
                "127.0.0.1:0",
            ]
            .map(str::to_owned)
            .to_vec(),
            folder: tempfile::tempdir().unwrap(),
            child: None,
            may_be_refused: false,
        }
    }

    /// Another replica of it, set up the same, not started yet.
    pub fn twin(&self) -> Self {
        Self {
            environment: self.environment.clone(),
            arguments: self.arguments.clone(),
            folder: tempfile::tempdir().unwrap(),
            child: None,
            may_be_refused: false,
        }
    }

    /// Sets a variable of its environment, or takes it away, from the next start on.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment
            .extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// Adds an argument from the next start on.
    pub fn argument(&mut self, argument: &str) {
        self.arguments.push(argument.to_owned());
    }

    /// Lets the API server refuse it something; else its test fails if that happens.
    pub fn may_be_refused(&mut self) {
        self.may_be_refused = true;
    }

    /// The lines of its log about what the API server refused it. A namespace that is being deleted
    /// takes no events, whatever the rights.
    pub fn refusals(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let of_deletion = |line: &str| {
            line.contains("an event could not be sent") && line.contains("is being terminated")
        };
        log.lines()
            .filter(|line| line.contains("code: 403") && !of_deletion(line))
            .map(str::to_owned)
            .collect()
    }

    /// Starts the process.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        // setpriv lets the kernel end the process with the thread of its test, kill -9 included.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(env!("CARGO_BIN_EXE_workmail-operator"))
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .env("HOME", self.folder.path())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Ends the process at once (SIGKILL).
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends the process and starts it anew.
    pub fn kill_and_start(&mut self) {
        self.kill();
        self.start();
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the process a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits until the process has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("it runs");
        let status = timeout(PATIENCE, async {
            loop {
                if let Some(status) = child.try_wait().unwrap() {
                    return status;
                }
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("the operator ends");
        self.child = None;
        status
    }

    /// Every line of its log.
    pub fn log(&self) -> Vec<Value> {
        fs::read_to_string(self.log_path())
            .unwrap_or_default()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.into())))
            .collect()
    }

    /// The last lines of its log, for a failed test.
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Waits until its log has a line like this, and gives it.
    pub async fn until_logged(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(line) = self.log().into_iter().rev().find(&wanted) {
                    return line;
                }
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        found.unwrap_or_else(|_| panic!("not logged: {what}\n{}", self.log_tail()))
    }

    /// Waits until its log has a line with this message, and gives it.
    pub async fn until_said(&self, message: &str) -> Value {
        self.until_logged(message, |line| line["message"] == message)
            .await
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        // A test that fails anyway has more to say.
        if !self.may_be_refused && !thread::panicking() {
            let refusals = self.refusals();
            assert!(refusals.is_empty(), "it lacks rights: {refusals:#?}");
        }
    }
}
