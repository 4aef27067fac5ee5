//! Logs: one JSON object a line on standard output.

use std::io::{IsTerminal, stdout};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Installs the log. A level alone speaks of the operator; its libraries stay at warnings.
///
/// # Errors
/// The level is not understood, or a log is installed already.
pub fn install(level: &str, format: LogFormat) -> Result<(), String> {
    let directives = if level.contains('=') || level.contains(',') {
        level.to_owned()
    } else {
        format!("warn,workmail_operator={level}")
    };
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| format!("--log-level {level:?} is not understood: {error}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false),
            )
            .try_init(),
        LogFormat::Text => registry
            .with(fmt::layer().with_ansi(stdout().is_terminal()))
            .try_init(),
    }
    .map_err(|error| error.to_string())
}
