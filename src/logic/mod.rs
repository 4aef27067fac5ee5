//! The decisions of the operator, as pure functions over values.
//!
//! Nothing here knows a client, a clock or a task. Every value can be cloned, compared and hashed, so that
//! the tests in `tests/laws` drive these functions unchanged against a model of AWS and of the API server.
//!
//! Each kind of resource has a module of its own ([`organization`]) with the steps of its reconcile. What
//! the kinds share is here: [`Failure`] and its table, [`Retry`], conditions and events, ownership by tags.

pub mod account;
mod clock;
mod condition;
pub mod export;
mod failure;
pub mod gate;
mod identity;
pub mod organization;
mod ownership;
pub mod schedule;
mod text;

pub use clock::{Moment, Now};
pub use condition::{EventKind, ObjectEvent, Verdict};
pub use failure::{ErrorKind, Failure, Operation, Service};
pub use identity::{AccountId, ObjectKey, OrganizationId, Region};
pub use ownership::{ClusterIdentity, Owner, OwnerName};
pub use schedule::Retry;
