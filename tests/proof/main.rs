//! `verify` and `unpack` as a person runs them: the real binary and a real S3 server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

mod interrupted;
mod job;
mod memory;
mod unpack;
mod verify;
mod world;
