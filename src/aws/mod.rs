//! The one door to AWS: credentials and the account they are of, single calls, and the listing of
//! each region that everybody shares.
//!
//! Retries are the controller's alone: the SDK's own are off. Every call has a deadline, is
//! counted, and waits for its turn in the account's budget.

mod addresses;
mod assumed;
mod domains;
mod error;
mod exports;
mod gateway;
mod objects;
mod observer;
mod organizations;
mod rate_limit;
mod renewal;
mod session;
mod snapshot;
mod source;
#[cfg(test)]
mod tests;

pub use error::CallError;
pub use objects::{Bucket, Objects, Place};
pub use observer::{ListingState, Observer, Recency, Timing, Wanted};
pub use organizations::{Done, Organizations};
pub use session::{Aws, Identity, Session};
pub use snapshot::Snapshot;
