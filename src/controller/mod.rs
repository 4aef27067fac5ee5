//! From watch events to AWS calls and back to status: the only place where layers meet.
//!
//! [`run()`] wires the watch, the observers and the reconciler together; `driver` takes one step
//! after another as [`crate::logic::organization::decide`] says; `act` makes the one call of a step; `publish`
//! writes status and events; `resync` asks for whole looks when they are due; `definition` watches the
//! definition of the kind.

mod context;
mod definition;
mod domain_waits;
mod driver;
mod endpoint;
mod error;
mod executor;
mod limits;
mod names;
mod namespaces;
mod news;
mod process;
mod publish;
mod reads;
mod recency;
mod refusals;
mod registry;
mod resync;
mod run;

pub use context::{Context, Settings};
pub use error::Error;
pub use run::{WATCH, run, stopped};

/// The target of the log lines about calls that change something in AWS. It is a target of its own, so
/// that they are written at every log level.
pub const AUDIT_TARGET: &str = "workmail_operator::audit";
