//! From watch events to AWS calls and back to status: the only place where layers meet.
//!
//! [`run()`] wires the watch, the observers and the reconciler together; `driver` takes one step
//! after another as [`crate::logic::organization::decide`] says; `act` makes the one call of a step; `publish`
//! writes status and events; `resync` asks for whole looks when they are due; `definition` watches the
//! definition of the kind.

mod context;
mod counting;
mod definition;
mod domain_waits;
mod driver;
mod endpoint;
mod error;
mod events;
mod executor;
mod following;
mod gone;
mod kubernetes;
mod news;
mod process;
mod publish;
mod recency;
mod refusals;
mod registry;
mod resync;
mod run;

pub use context::{Context, Settings};
pub use error::Error;
pub use run::{run, stopped};
