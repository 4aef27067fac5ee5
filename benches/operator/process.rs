//! The processes that are measured, and what the kernel says of them.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use procfs::process::Process as Proc;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use workmail_local::{Server, Timestamp};

/// How long a process may take to say something.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often its log is read while it is waited for.
const POLL: Duration = Duration::from_millis(2);
/// As long as this without a tick of CPU time and without a call, and it is at rest.
const AT_REST: Duration = Duration::from_secs(1);
const MIB: f64 = 1024.0 * 1024.0;

/// A running process; killed and waited for when it is dropped.
pub struct Process {
    child: Child,
    log: tempfile::NamedTempFile,
    /// When it was started.
    pub begun: Timestamp,
}

/// Memory in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All pages that are in memory.
    pub resident: f64,
    /// Those that no other process shares.
    pub private: f64,
}

impl Process {
    /// Starts a program that works against a control plane and an endpoint.
    pub fn start(program: &Path, arguments: &[String], kubeconfig: &Path, endpoint: &str) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let begun = Timestamp::now();
        // The kernel ends it with this process, `kill -9` included.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("AWS_ENDPOINT_URL_WORKMAIL", endpoint)
            .env("AWS_ENDPOINT_URL_STS", endpoint)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(log.reopen().unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self { child, log, begun }
    }

    /// CPU seconds, user and system, since its start.
    pub fn cpu(&self) -> f64 {
        cpu(&self.proc())
    }

    pub fn memory(&self) -> Memory {
        let rollup = self.proc().smaps_rollup().unwrap().memory_map_rollup;
        let map = &rollup.0.first().unwrap().extension.map;
        let mib = |names: &[&str]| {
            let bytes = names.iter().filter_map(|name| map.get(*name)).sum::<u64>();
            bytes as f64 / MIB
        };
        Memory {
            resident: mib(&["Rss"]),
            private: mib(&["Private_Clean", "Private_Dirty"]),
        }
    }

    fn proc(&self) -> Proc {
        Proc::new(self.child.id().cast_signed()).unwrap()
    }

    /// Waits for a line of its log that holds this text.
    pub async fn until_logged(&mut self, text: &str) -> String {
        let found = timeout(PATIENCE, async {
            loop {
                let log = fs::read_to_string(self.log.path()).unwrap();
                if let Some(line) = log.lines().find(|line| line.contains(text)) {
                    return line.to_owned();
                }
                if let Some(status) = self.child.try_wait().unwrap() {
                    panic!("it ended with {status}:\n{log}");
                }
                sleep(POLL).await;
            }
        });
        found.await.unwrap_or_else(|_| {
            let log = fs::read_to_string(self.log.path()).unwrap();
            panic!("not logged: {text}\n{log}");
        })
    }

    /// Waits until it does nothing more: it calls AWS no more and uses no CPU time.
    pub async fn until_at_rest(&self, aws: &Server) {
        let rest = timeout(PATIENCE, async {
            loop {
                let before = (self.cpu(), aws.last_call());
                sleep(AT_REST).await;
                // The kernel counts CPU time in ticks of 10 ms: one of them is a timer or a scrape.
                if self.cpu() - before.0 < 0.015 && aws.last_call() == before.1 {
                    return;
                }
            }
        });
        rest.await.expect("the process comes to rest");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU seconds of this process: of the endpoint and of the load.
pub fn own_cpu() -> f64 {
    cpu(&Proc::myself().unwrap())
}

fn cpu(process: &Proc) -> f64 {
    let stat = process.stat().unwrap();
    (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64
}

/// The operator's addresses.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    probes: SocketAddr,
    metrics: SocketAddr,
}

impl Addresses {
    /// Waits until the operator listens.
    pub async fn of(process: &mut Process) -> Self {
        let line = process.until_logged("\"listening\"").await;
        let line: Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
        Self {
            probes: address("probes"),
            metrics: address("metrics"),
        }
    }

    /// Waits until `/readyz` says yes.
    pub async fn until_ready(self) {
        let ready = timeout(PATIENCE, async {
            while !get(self.probes, "/readyz").await.contains(" 200 ") {
                sleep(POLL).await;
            }
        });
        ready.await.expect("the operator is ready");
    }

    /// Waits until so many reconciles are done, whatever their result.
    pub async fn until_reconciled(self, count: usize) {
        let done = timeout(2 * PATIENCE, async {
            loop {
                let text = get(self.metrics, "/metrics").await;
                let reconciles: u64 = text
                    .lines()
                    .filter(|line| line.starts_with("workmail_operator_reconciles_total{"))
                    .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
                    .sum();
                if reconciles >= count as u64 {
                    return;
                }
                // Each look costs the operator some of what is measured.
                sleep(Duration::from_millis(20)).await;
            }
        });
        done.await.expect("every object is reconciled");
    }
}

/// A page over HTTP, its head included; empty if nobody answers.
async fn get(address: SocketAddr, path: &str) -> String {
    let answer = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        std::io::Result::Ok(text)
    };
    answer.await.unwrap_or_default()
}
