//! Memory, by the number of settled objects.

use super::{Settled, restart::Restarted};
use crate::{
    process::{Memory, Process},
    stage::Contender,
    table::{Row, Sample, Table},
};

pub fn after_the_burst(settled: &Settled<'_>, process: &Process, level: usize, table: &mut Table) {
    let what = format!(
        "memory: {} settled objects, after they were made",
        settled.objects
    );
    table.push(row(&what, process.memory(), level));
}

pub async fn after_a_restart(settled: &Settled<'_>, level: usize, table: &mut Table) {
    let operator = Restarted::once(settled, Contender::Operator).await.memory;
    let floor = Restarted::once(settled, Contender::Floor).await.memory;
    let what = format!(
        "memory: {} settled objects, after a restart",
        settled.objects
    );
    let floor = Sample::from_iter([floor.resident]);
    table.push(row(&what, operator, level).floor(&floor));
}

fn row(what: &str, memory: Memory, level: usize) -> Row {
    let row = Row::new(format!("{what}: resident"), "MiB")
        .value(memory.resident)
        .note(format!("private {:.1} MiB", memory.private));
    match level {
        0 => row.aim(20.0),
        1_000 => row.aim(30.0),
        10_000 => row.aim(75.0),
        _ => row,
    }
}
