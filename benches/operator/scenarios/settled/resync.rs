//! Resyncs: the list alone, and the deep ones that look at each object.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use workmail_local::{CallFilter, Server};

use super::{super::RUNS, Settled};
use crate::{
    counters::{calls, calls_between, writes},
    process::{Addresses, Process},
    stage::Contender,
    table::{Row, Sample, Table},
};

/// CPU time is counted in ticks of 10 ms, so it is measured over several resyncs.
const ROUNDS: usize = 4;
const PATIENCE: Duration = Duration::from_mins(2);
/// Every object has had several deep resyncs then.
const DEEP_WINDOW: Duration = Duration::from_secs(30);

pub async fn by_list(settled: &Settled<'_>, table: &mut Table) {
    let arguments = ["--resync-interval=2s", "--deep-resync-interval=100h"];
    let process = start(settled, &arguments).await;
    let aws = settled.aws;
    // Of the first one the list alone may be left.
    let first = next_rounds(aws, aws.last_call(), 1).await;
    let before = writes(&settled.stage.client).await;
    let mut mark = first;
    let mut cpu = Vec::new();
    for _ in 0..RUNS {
        let cpu_before = process.cpu();
        mark = next_rounds(aws, mark, ROUNDS).await;
        cpu.push((process.cpu() - cpu_before) / ROUNDS as f64);
    }
    let rounds = (RUNS * ROUNDS) as f64;
    let calls = calls_between(aws, first, mark);
    let writes = writes(&settled.stage.client).await.since(&before);
    let lists = calls.of("ListOrganizations");
    let what = format!("resync of {} settled", settled.objects);
    table.push(
        Row::new(format!("{what}: ListOrganizations calls"), "")
            .value(lists as f64 / rounds)
            .note(format!("{lists} in {rounds} resyncs"))
            .aim(settled.objects as f64 / 100.0),
    );
    table.push(
        Row::new(format!("{what}: other AWS calls"), "")
            .value((calls.total() - lists) as f64 / rounds)
            .aim(0.0),
    );
    table.push(
        Row::new(format!("{what}: API-server writes"), "")
            .value(writes.total() as f64 / rounds)
            .note(writes.to_string())
            .aim(0.0),
    );
    table.push(
        Row::new(format!("{what}: CPU time"), "s").operator(&cpu.into_iter().collect::<Sample>()),
    );
}

pub async fn deep(settled: &Settled<'_>, table: &mut Table) {
    let arguments = ["--resync-interval=1h", "--deep-resync-interval=10s"];
    let process = start(settled, &arguments).await;
    let before = writes(&settled.stage.client).await;
    let (mark, cpu) = (settled.aws.last_call(), process.cpu());
    sleep(DEEP_WINDOW).await;
    let cpu = process.cpu() - cpu;
    let calls = calls(settled.aws, mark);
    let writes = writes(&settled.stage.client).await.since(&before);
    // Each deep resync reads the tags, once.
    let looks = calls.of("ListTagsForResource") as f64;
    let what = format!("deep resync of one of {} settled", settled.objects);
    table.push(
        Row::new(format!("{what}: AWS calls"), "")
            .value(calls.total() as f64 / looks)
            .note(format!("{calls} in {} s", DEEP_WINDOW.as_secs())),
    );
    table.push(
        Row::new(format!("{what}: API-server writes"), "")
            .value(writes.total() as f64 / looks)
            .note(writes.to_string())
            .aim(0.0),
    );
    table.push(Row::new(format!("{what}: CPU time"), "ms").value(cpu / looks * 1e3));
}

/// An operator that has reconciled every object once.
async fn start(settled: &Settled<'_>, arguments: &[&str]) -> Process {
    let mut process = settled
        .stage
        .launch(Contender::Operator, settled.aws, arguments);
    let addresses = Addresses::of(&mut process).await;
    addresses.until_reconciled(settled.objects).await;
    process
}

/// Waits until so many listings were begun after a mark; gives the mark of the last one's first call.
async fn next_rounds(aws: &Server, mark: u64, rounds: usize) -> u64 {
    let begun = timeout(PATIENCE, async {
        loop {
            let lists = aws.calls(&CallFilter::on("ListOrganizations").after(mark));
            let first_pages = lists
                .iter()
                .filter(|call| call.request.get("NextToken").is_none());
            if let Some(call) = first_pages.clone().nth(rounds - 1) {
                return call.sequence;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    begun
        .await
        .expect("the organizations are listed again and again")
}
