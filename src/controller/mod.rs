//! The controller: from watch events to AWS calls and back to status.
//!
//! | file | does |
//! | --- | --- |
//! | `run` | wires the watches, the observers and the reconciler together |
//! | `driver` | one reconcile: performs the actions that [`crate::logic::organization`] decides |
//! | `executor` | makes the one call of an action |
//! | `publish`, `events` | write status, finalizer and events |
//! | `kubernetes` | reads the Kubernetes API, with deadlines and classified errors |
//! | `refusals` | reports what the Kubernetes API refuses |
//! | `registry`, `process` | what is known of all objects: who competes, and what a restart forgets |
//! | `own_writes` | tells the operator's own writes from those of others |
//! | `domain_waits`, `following`, `gone` | what one object's reconcile means for others |
//! | `accounts` | what is known of the accounts, and their status |
//! | `observers`, `places` | the listings of each account and region; who is reconciled next |
//! | `gate` | what a deletion that waits for exports reads and writes |
//! | `definition`, `resync` | watch the CRD; ask for full reads when they are due |

mod accounts;
mod context;
mod counting;
mod definition;
mod domain_waits;
mod driver;
mod endpoint;
mod error;
mod events;
mod executor;
mod export;
mod following;
mod gate;
mod gone;
mod kubernetes;
mod names;
mod namespaces;
mod observers;
mod own_writes;
mod places;
mod process;
mod publish;
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
pub const AUDIT_TARGET: &str = concat!(env!("CARGO_CRATE_NAME"), "::audit");
