//! What the operator costs, on a real control plane and over the wire, beside the floor: a bare
//! controller that does the least that can be done.
//!
//! `make bench` runs every scenario and writes `benches/results.md`; `make bench SCENARIO=burst` runs
//! one and shows its rows. `BENCH_DIVISOR=10` makes the sizes a tenth, to try a change of a scenario.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on ends with a message; its numbers are small"
)]

mod counters;
mod load;
mod process;
mod scenarios;
mod stage;
mod table;

use stage::Stage;
use table::Table;

#[tokio::main]
async fn main() {
    // `cargo test --benches` starts this too, without this argument, and runs nothing of it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let stage = Stage::set().await;
    let mut table = Table::default();
    scenarios::run(&chosen, &stage, &mut table).await;
    let command = match chosen.as_slice() {
        [] => "make bench".to_owned(),
        names => format!("make bench SCENARIO='{}'", names.join(" ")),
    };
    let report = table.report(&stage.client, &command).await;
    println!("\n{report}");
    if chosen.is_empty() && stage.is_whole() {
        table::write(&report);
    }
}
