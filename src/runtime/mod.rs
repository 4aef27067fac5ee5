//! The process around the controller: flags, logs, probes and metrics over HTTP, start and end.

mod client;
mod flags;
mod http;
mod leader;
mod listener;
mod operator;
mod telemetry;

pub use client::client;
pub use flags::{Command, Flags, Run};
pub use operator::{Failed, run};
pub use telemetry::{LogFormat, install as install_telemetry};
