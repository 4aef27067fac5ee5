//! The command line program, for the demo and for use by hand.

use std::{
    error::Error,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    thread,
};

use clap::{Parser, Subcommand};
use devcluster::{BucketOptions, Cluster, Options, Program, S3Server};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// A real etcd and kube-apiserver on loopback, removed completely when it ends.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the path of each program, one per line, and build what is missing.
    ///
    /// The first build takes minutes. Programs come from `KUBEBUILDER_ASSETS` if it
    /// is set, else kubectl from PATH and the others from the user's cache folder.
    Binaries {
        /// Only these: etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
        /// kubelet, kube-proxy, kubectl, helm or versitygw.
        #[arg(value_name = "NAME", value_parser = program)]
        programs: Vec<Program>,
    },
    /// Start a cluster, print the path of its kubeconfig when it is ready, and run
    /// until SIGINT or SIGTERM.
    ///
    /// Set `DEVCLUSTER_KEEP` to keep the folder with the servers' logs.
    Up {
        /// The path of the kubeconfig, a file that does not exist yet. It is removed
        /// in the end. By default it is in the cluster's folder.
        #[arg(long, value_name = "PATH")]
        kubeconfig: Option<PathBuf>,
        /// Run kube-controller-manager too: garbage collection, the deletion of
        /// namespaces, default service accounts.
        #[arg(long)]
        controller_manager: bool,
        /// End when standard input ends too, which happens when the program that
        /// started this one is killed.
        #[arg(long)]
        until_stdin_ends: bool,
    },
    /// Start an S3 server, print its URL, access key and secret key on one line when it is ready,
    /// and run until SIGINT or SIGTERM.
    S3 {
        /// Create a bucket with versions; may be repeated.
        #[arg(long = "bucket", value_name = "NAME")]
        buckets: Vec<String>,
        /// The region.
        #[arg(long, default_value = "us-east-1")]
        region: String,
        /// As for `up`.
        #[arg(long)]
        until_stdin_ends: bool,
    },
}

fn program(name: &str) -> Result<Program, String> {
    let found = Program::ALL
        .into_iter()
        .find(|program| program.name() == name);
    found.ok_or_else(|| format!("not one of {}", Program::ALL.map(Program::name).join(", ")))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "devcluster: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Binaries { programs } => {
            let all = Program::ALL.to_vec();
            for program in if programs.is_empty() { all } else { programs } {
                writeln!(io::stdout(), "{}", program.locate()?.display())?;
            }
            Ok(())
        }
        Command::Up {
            kubeconfig,
            controller_manager,
            until_stdin_ends,
        } => {
            up(
                Options {
                    controller_manager,
                    kubeconfig,
                    ..Options::default()
                },
                until_stdin_ends,
            )
            .await
        }
        Command::S3 {
            buckets,
            region,
            until_stdin_ends,
        } => s3(&region, &buckets, until_stdin_ends).await,
    }
}

async fn s3(
    region: &str,
    buckets: &[String],
    until_stdin_ends: bool,
) -> Result<(), Box<dyn Error>> {
    let server = S3Server::start_in(region).await?;
    for bucket in buckets {
        let options = BucketOptions {
            versioned: true,
            ..BucketOptions::default()
        };
        server.create_bucket(bucket, options).await?;
    }
    let (url, key, secret) = (server.url(), S3Server::ACCESS_KEY, S3Server::SECRET_KEY);
    until_end(&format!("{url} {key} {secret}"), until_stdin_ends).await
}

async fn up(options: Options, until_stdin_ends: bool) -> Result<(), Box<dyn Error>> {
    // A signal before this line ends this process, and so the servers.
    let cluster = Cluster::start(options).await?;
    let line = cluster.kubeconfig().display().to_string();
    until_end(&line, until_stdin_ends).await
}

/// Prints a line, and waits until this process has to end.
async fn until_end(line: &str, until_stdin_ends: bool) -> Result<(), Box<dyn Error>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    writeln!(io::stdout(), "{line}")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = stdin_ends(), if until_stdin_ends => {}
    }
    Ok(())
}

/// Waits for the end of stdin. The thread that reads tokio's stdin would keep this
/// process from ending.
async fn stdin_ends() {
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}
