//! A process that has nothing to do.

use std::time::Duration;

use tokio::time::sleep;

use super::Settled;
use crate::{
    counters::calls,
    process::Addresses,
    stage::Contender,
    table::{Row, Table},
};

const WINDOW: Duration = Duration::from_mins(2);

pub async fn run(settled: &Settled<'_>, level: usize, table: &mut Table) {
    let Settled {
        stage,
        aws,
        objects,
    } = *settled;
    let mut process = stage.launch(Contender::Operator, aws, &[]);
    let addresses = Addresses::of(&mut process).await;
    addresses.until_reconciled(objects).await;
    process.until_at_rest(aws).await;
    let (cpu, mark) = (process.cpu(), aws.last_call());
    sleep(WINDOW).await;
    let used = process.cpu() - cpu;
    let calls = calls(aws, mark);
    let row = Row::new(
        format!("idle: {objects} settled objects, CPU time an hour"),
        "s",
    )
    .value(used * 3600.0 / WINDOW.as_secs_f64())
    .note(format!(
        "{used:.2} s in {} s; AWS calls: {}",
        WINDOW.as_secs(),
        calls.total()
    ));
    table.push(if level == 0 { row } else { row.aim(2.0) });
}
