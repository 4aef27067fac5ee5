//! The `workmail-operator` program.

use std::{
    io::{Write, stderr, stdout},
    process::ExitCode,
};

use clap::Parser;
use workmail_operator::{
    api,
    runtime::{self, Command, Flags, Run},
};

fn main() -> ExitCode {
    let done = match Flags::parse().command {
        Command::Run(flags) => run(&flags),
        Command::Crds => crds(),
        Command::Version => writeln!(stdout(), "workmail-operator {}", env!("CARGO_PKG_VERSION"))
            .map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Once there is a log the error stands there, and nothing else is written. Nobody is left
            // to tell where standard error is closed.
            if !error.is_empty() {
                let _ = writeln!(stderr(), "workmail-operator: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Run) -> Result<(), String> {
    runtime::install_telemetry(&flags.log_level, flags.log_format)?;
    // One thread: the work is waiting for others, and is done a third cheaper where no task moves
    // between threads (docs/performance.md).
    let tasks = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let ended = tasks.block_on(runtime::run(flags));
    // A name that is still being resolved holds a thread of its own, and is not waited for.
    tasks.shutdown_background();
    ended.map_err(|error| {
        tracing::error!(%error, "ended");
        String::new()
    })
}

fn crds() -> Result<(), String> {
    let yaml = serde_saphyr::to_string(&api::crd()).map_err(|error| error.to_string())?;
    write!(stdout(), "{yaml}").map_err(|error| error.to_string())
}
