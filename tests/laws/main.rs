//! The laws of the operator's judgement, held against a small model of the world: AWS, the API server
//! and a driver that takes one action a step, with a fault or somebody else's edit between any two.
//! `decide`, `note`, `apply_answer`, `keep` and `report` are the real ones, unchanged.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "these are tests: what does not hold must panic, and each picks out what it is about"
)]

mod access;
mod accounts;
mod adoption;
mod always;
mod attacks;
mod conditions;
mod creation;
mod deletion;
mod domain_steps;
mod domains;
mod events;
mod eventually;
mod exports;
mod fits;
mod gate;
mod gitops;
mod hidden;
mod interleavings;
mod kubernetes;
mod outdated;
mod ownership;
mod passes;
mod table;
mod tags;
mod texts;
mod transitions;
#[path = "../verdicts/mod.rs"]
mod verdicts;
mod views;
mod world;
