//! What is measured, by name.

mod accounts;
mod burst;
mod deletion;
mod endpoint;
mod exports;
mod hang;
mod lag;
mod latency;
mod settled;
mod start;
mod throttle;
mod verify;

use workmail_local::Timestamp;

use crate::{stage::Stage, table::Table};

/// Measurements of time are repeated so often.
const RUNS: usize = 5;

/// Every scenario, in the order in which they are run. The settled ones come last, and together: they
/// share their objects.
const ALL: [&str; 15] = [
    "verify", "endpoint", "start", "latency", "burst", "deletion", "hang", "lag", "throttle",
    "accounts", "exports", "memory", "restart", "resync", "idle",
];

/// Runs the scenarios of these names, or all where none is named.
pub async fn run(names: &[String], stage: &Stage, table: &mut Table) {
    for name in names {
        let known = ALL.contains(&name.as_str());
        assert!(known, "no scenario is called {name}; there are {ALL:?}");
    }
    let is_chosen = |name: &str| names.is_empty() || names.iter().any(|chosen| chosen == name);
    for name in ALL.into_iter().filter(|name| is_chosen(name)) {
        match name {
            "verify" => verify::run(stage, table).await,
            "endpoint" => endpoint::run(stage, table).await,
            "start" => start::run(stage, table).await,
            "latency" => latency::run(stage, table).await,
            "burst" => burst::run(stage, table).await,
            "deletion" => deletion::run(stage, table).await,
            "hang" => hang::run(stage, table).await,
            "lag" => lag::run(stage, table).await,
            "throttle" => throttle::run(stage, table).await,
            "accounts" => accounts::run(stage, table).await,
            "exports" => exports::run(stage, table).await,
            _ => {}
        }
    }
    settled::run(is_chosen, stage, table).await;
}

/// Milliseconds from one moment to another.
fn millis(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_nanosecond() - from.as_nanosecond()) as f64 / 1e6
}

/// Seconds since a moment.
fn seconds_since(from: Timestamp) -> f64 {
    millis(from, Timestamp::now()) / 1e3
}
