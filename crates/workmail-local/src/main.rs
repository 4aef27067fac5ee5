//! The local Amazon WorkMail endpoint as a program.

#![allow(clippy::doc_markdown, reason = "WorkMail is a name, not code")]

use std::{
    io::Write,
    net::{AddrParseError, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use workmail_local::{Config, ConfigError, Delay, KnobError, S3Target, Server, ServerError};

/// A local endpoint that speaks the Amazon WorkMail API, for development and tests.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Flags {
    /// The address to listen on, such as 127.0.0.1:4579 or 4579; port 0 takes a free port
    /// [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS", env = "WORKMAIL_LOCAL_LISTEN", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Allow an address that other machines can reach; nothing on the port asks for a secret
    #[arg(long)]
    allow_remote: bool,
    /// A JSON file with knobs, seeds and faults
    #[arg(long, value_name = "FILE", env = "WORKMAIL_LOCAL_CONFIG")]
    config: Option<PathBuf>,
    /// How long an organization is Requested, such as 2s or 1s..5s
    #[arg(long, value_name = "DELAY")]
    requested_for: Option<Delay>,
    /// How long an organization is Creating, such as 2s or 15s..75s
    #[arg(long, value_name = "DELAY")]
    creating_for: Option<Delay>,
    /// How long an organization is Deleting, such as 2s or 5s..30s
    #[arg(long, value_name = "DELAY")]
    deleting_for: Option<Delay>,
    /// The URL of the S3 server that export jobs write to; without it they write nothing
    #[arg(long, value_name = "URL", env = "WORKMAIL_LOCAL_S3_ENDPOINT")]
    s3_endpoint: Option<String>,
    /// The access key for the S3 server
    #[arg(
        long,
        value_name = "KEY",
        env = "WORKMAIL_LOCAL_S3_ACCESS_KEY",
        default_value = ""
    )]
    s3_access_key: String,
    /// The secret key for the S3 server
    #[arg(
        long,
        value_name = "KEY",
        env = "WORKMAIL_LOCAL_S3_SECRET_KEY",
        default_value = ""
    )]
    s3_secret_key: String,
    /// A knob by name, its value as JSON or as a plain word; may be repeated
    #[arg(long = "knob", value_name = "NAME=VALUE")]
    knobs: Vec<String>,
}

/// Parses an address, or a port of the loopback address.
fn address(text: &str) -> Result<SocketAddr, AddrParseError> {
    match text.parse() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => text.parse(),
    }
}

/// An error that ends the program.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Knob(#[from] KnobError),
    #[error("--knob {0}: write NAME=VALUE")]
    KnobForm(String),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Flags {
    /// Returns the configuration of the file with the values of the flags, which win.
    fn config(self) -> Result<Config, Failure> {
        let mut config = self
            .config
            .as_deref()
            .map(Config::read)
            .transpose()?
            .unwrap_or_default();
        config.listen = self.listen.unwrap_or(config.listen);
        config.allow_remote |= self.allow_remote;
        if let Some(endpoint) = self.s3_endpoint {
            config.s3 = Some(S3Target {
                endpoint,
                access_key: self.s3_access_key,
                secret_key: self.s3_secret_key,
            });
        }
        let knobs = &mut config.knobs;
        knobs.requested_for = self.requested_for.unwrap_or(knobs.requested_for);
        knobs.creating_for = self.creating_for.unwrap_or(knobs.creating_for);
        knobs.deleting_for = self.deleting_for.unwrap_or(knobs.deleting_for);
        for knob in self.knobs {
            let (name, value) = knob
                .split_once('=')
                .ok_or(Failure::KnobForm(knob.clone()))?;
            *knobs = knobs.with(name, value)?;
        }
        Ok(config)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // The error cannot be reported if standard error is closed.
            let _written = writeln!(std::io::stderr(), "workmail-local: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), Failure> {
    let config = flags.config()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = Server::start(config).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", server.url())?;
    stdout.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await;
    Ok(())
}
