//! Which of several processes acts: the one that holds a `coordination.k8s.io/v1` Lease.
//!
//! Two clocks are never compared. A candidate counts, by its own clock, how long it has seen a lease
//! unchanged; a holder counts, by its own, since before it sent the renewal that was accepted. Every
//! write is made only if the lease is still as it was read (its resourceVersion). So the holder's
//! [`Tenure`] is over before anybody else's can begin, and what it does asks the tenure first.

mod election;
mod hold;
mod tenure;

pub use hold::{Election, Hold, Lost};
pub use tenure::Tenure;
