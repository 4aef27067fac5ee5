//! The operator as its users run it: the real binary, a real etcd and kube-apiserver, and the wire
//! protocol of Amazon WorkMail.
//!
//! Each test has a namespace, a WorkMail endpoint and an operator of its own; they share one control
//! plane and run in parallel.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

mod create;
mod world;
