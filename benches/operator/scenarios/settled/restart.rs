//! The restart of the process, with many settled objects.

use super::{
    super::{RUNS, seconds_since},
    Settled,
};
use crate::{
    counters::{Counts, calls, writes},
    process::{Addresses, Memory},
    stage::Contender,
    table::{Row, Table},
};

pub async fn run(settled: &Settled<'_>, level: usize, table: &mut Table) {
    let mut operator = Vec::new();
    let mut floor = Vec::new();
    for _ in 0..RUNS {
        operator.push(Restarted::once(settled, Contender::Operator).await);
        floor.push(Restarted::once(settled, Contender::Floor).await);
    }
    let what = format!("restart with {} settled", settled.objects);
    let row = |text: &str, unit, value: fn(&Restarted) -> f64| {
        Row::new(format!("{what}: {text}"), unit)
            .operator(&operator.iter().map(value).collect())
            .floor(&floor.iter().map(value).collect())
    };
    let time = row("process start → all reconciled once", "s", |one| {
        one.seconds
    });
    let cpu = row("CPU time until then", "s", |one| one.cpu);
    if level == 10_000 {
        table.push(time.aim(4.0));
        table.push(cpu.aim(1.5));
    } else {
        table.push(time);
        table.push(cpu);
    }
    let lists = row("ListOrganizations calls", "", |one| one.lists);
    table.push(lists.aim(settled.objects as f64 / 100.0));
    let others = |one: &Restarted| one.calls.to_string();
    table.push(
        row("other WorkMail calls", "", |one| one.others)
            .note(operator.last().map(others).unwrap_or_default())
            .aim(0.0),
    );
    table.push(row("API-server writes", "", |one| one.writes).aim(0.0));
}

/// What a restart took.
pub struct Restarted {
    /// Until every object was reconciled once.
    seconds: f64,
    /// CPU seconds until then.
    cpu: f64,
    lists: f64,
    others: f64,
    calls: Counts,
    writes: f64,
    /// Once it is at rest.
    pub memory: Memory,
}

impl Restarted {
    pub async fn once(settled: &Settled<'_>, contender: Contender) -> Self {
        let Settled {
            stage,
            aws,
            objects,
        } = *settled;
        let before = writes(&stage.client).await;
        let mark = aws.last_call();
        let count = objects.to_string();
        let mut process = match contender {
            Contender::Operator => stage.launch(contender, aws, &[]),
            Contender::Floor | Contender::SameWrites => stage.launch(contender, aws, &[&count]),
        };
        match (contender, objects) {
            (Contender::Operator, _) => {
                let addresses = Addresses::of(&mut process).await;
                addresses.until_reconciled(objects).await;
                addresses.until_ready().await;
            }
            (Contender::Floor | Contender::SameWrites, 0) => {
                drop(process.until_logged("ready").await);
            }
            (Contender::Floor | Contender::SameWrites, _) => {
                drop(process.until_logged("reconciled").await);
            }
        }
        let (seconds, cpu) = (seconds_since(process.begun), process.cpu());
        process.until_at_rest(aws).await;
        let calls = calls(aws, mark);
        let lists = calls.of("ListOrganizations");
        // Who the credentials are of is asked of another service, once.
        let others = calls.total() - lists - calls.of("GetCallerIdentity");
        Self {
            seconds,
            cpu,
            lists: lists as f64,
            others: others as f64,
            calls,
            writes: writes(&stage.client).await.since(&before).total() as f64,
            memory: process.memory(),
        }
    }
}
