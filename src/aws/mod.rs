//! The one door to AWS: credentials and the account they are of, single calls, and the listing of
//! each region that everybody shares.
//!
//! Retries are the controller's alone: the SDK's own are off. Every call has a deadline, is
//! counted, and waits for its turn in the account's budget.

mod domains;
mod door;
#[cfg(test)]
mod edge;
mod error;
mod observer;
mod organizations;
mod pace;
mod renewal;
mod session;
mod snapshot;
mod source;

pub use error::CallError;
pub use observer::{Ledger, Observer, Recency, Timing, Wanted};
pub use organizations::{Done, Organizations};
pub use session::{Aws, Session};
pub use snapshot::Snapshot;
