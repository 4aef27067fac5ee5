//! The `workmail-operator` program.

use std::{
    io::{self, Write, stderr, stdout},
    process::ExitCode,
};

use clap::Parser;
use thiserror::Error;
use workmail_operator::{
    api,
    commands::{self, Failed},
    runtime::{self, Command, Flags, Run},
};

/// Why the program ends with a failure.
#[derive(Debug, Error)]
enum Error {
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    #[error("cannot write the CustomResourceDefinition: {0}")]
    Definition(#[from] serde_saphyr::ser_error::Error),
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error("{0}")]
    Telemetry(String),
    #[error(transparent)]
    Command(#[from] Failed),
    /// The log has the error, and nothing else is written to standard error.
    #[error("the operator ended; the log says why")]
    Logged,
}

fn main() -> ExitCode {
    let done = match Flags::parse().command {
        Command::Run(flags) => run(&flags),
        Command::Crds => crds(),
        Command::Verify(flags) => block_on(commands::verify::run(&flags)),
        Command::Unpack(flags) => block_on(commands::unpack::run(&flags)),
        Command::Version => writeln!(stdout(), "workmail-operator {}", env!("CARGO_PKG_VERSION"))
            .map_err(Error::from),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Logged) => ExitCode::FAILURE,
        Err(error) => {
            // Where standard error is closed, nothing can be reported.
            let _ = writeln!(stderr(), "workmail-operator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Run) -> Result<(), Error> {
    runtime::install_telemetry(&flags.log_level, flags.log_format).map_err(Error::Telemetry)?;
    // One thread: the work is waiting for others, and is done a third cheaper where no task moves
    // between threads (docs/performance.md).
    let tasks = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let ended = tasks.block_on(runtime::run(flags));
    // A name that is still being resolved holds a thread of its own, and is not waited for.
    tasks.shutdown_background();
    ended.map_err(|error| {
        tracing::error!(%error, "ended");
        Error::Logged
    })
}

/// Runs a command that a person waits for.
fn block_on(command: impl Future<Output = Result<(), Failed>>) -> Result<(), Error> {
    let tasks = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let done = tasks.block_on(command);
    tasks.shutdown_background();
    Ok(done?)
}

fn crds() -> Result<(), Error> {
    let definitions = api::crds();
    let yaml = definitions.iter().map(serde_saphyr::to_string);
    let yaml = yaml.collect::<Result<Vec<_>, _>>()?.join("---\n");
    write!(stdout(), "{yaml}")?;
    Ok(())
}
