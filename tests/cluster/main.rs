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

mod absence;
mod blocked;
mod changes;
mod conditions;
mod crash;
mod create;
mod credentials;
mod deletion;
mod found_again;
mod inputs;
mod interrupted;
mod ownership;
mod presentation;
mod refusals;
mod retention;
mod scale;
mod schema;
mod service_end;
mod states;
mod steady;
mod suspend;
mod tags;
mod telemetry;
mod trouble;
mod world;
