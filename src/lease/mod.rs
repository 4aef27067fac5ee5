//! Which of several processes acts: the one that holds a `coordination.k8s.io/v1` Lease.
//!
//! Two clocks are never compared. A candidate counts, by its own clock, how long it has seen a lease
//! unchanged; a holder counts, by its own, since before it sent the renewal that was accepted. Every
//! write is made only if the lease is still as it was read (its resourceVersion). So the holder's
//! [`LeaseTerm`] is over before anybody else's can begin, and what it does asks the lease term first.

mod election;
mod held;
mod term;

pub use held::{Election, HeldLease, Lost};
pub use term::LeaseTerm;
