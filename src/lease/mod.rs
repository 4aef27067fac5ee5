//! Leader election: of several processes the one acts that holds a `coordination.k8s.io/v1` Lease.
//!
//! Two clocks are never compared. A candidate counts, by its own clock, how long it has seen a lease
//! unchanged; a holder counts, by its own, since before it sent the renewal that was accepted. Every
//! write is made only if the lease is still as it was read (its resourceVersion). So the holder's
//! [`LeaseTerm`] ends before another process's can begin, and the holder checks it before each action.

mod election;
mod held;
mod term;

pub use held::{Election, HeldLease, Lost};
pub use term::LeaseTerm;
