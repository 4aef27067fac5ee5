//! The chart: what the pinned Helm makes of it, what it refuses, what a real API server says to it, and
//! what its README promises.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

mod admitted;
mod deployment;
mod helm;
mod matrix;
mod network;
mod notes;
mod readme;
mod rights;
mod schema;
mod values;
