//! Many objects at once.

use std::time::Duration;

use workmail_local::{CallFilter, Knobs, Server, Timestamp};

use super::{RUNS, millis, seconds_since};
use crate::{
    counters::{ApiServer, Counts, calls},
    load::{Watch, apply_all, names},
    process::own_cpu,
    stage::{Contender, Stage, aws},
    table::{Row, Sample, Table},
};

const OBJECTS: usize = 1_000;
const CONCURRENCIES: [u16; 4] = [16, 64, 128, 256];
const PATIENCE: Duration = Duration::from_mins(3);

pub async fn run(stage: &Stage, table: &mut Table) {
    let objects = stage.size(OBJECTS);
    let mut operator = Vec::new();
    let mut floor = Vec::new();
    let mut same_writes = Vec::new();
    let mut alone = Vec::new();
    for run in 0..RUNS {
        for contender in Contender::ALL {
            let name = format!("burst-{}-{run}", contender.name());
            let burst = Burst::new(contender, &name, objects).run(stage).await;
            match contender {
                Contender::Operator => operator.push(burst),
                Contender::Floor => floor.push(burst),
                Contender::SameWrites => same_writes.push(burst),
            }
        }
        alone.push(applies_alone(stage, run, objects).await);
    }
    let what = format!("burst of {objects}");
    let row = |text: &str, unit, value: fn(&Measured) -> f64| {
        Row::new(format!("{what}: {text}"), unit)
            .operator(&operator.iter().map(value).collect())
            .floor(&floor.iter().map(value).collect())
    };
    table.push(row("first apply → all Active", "s", |one| one.wall).aim(3.0));
    let wall = |all: &[Measured]| all.iter().map(|one| one.wall).collect::<Sample>().median();
    for (than, others, aim) in [
        ("the floor", &floor, 2.0),
        ("the floor with the same writes", &same_writes, 1.2),
    ] {
        table.push(
            Row::new(
                format!("{what}: first apply → all Active: times {than}"),
                "",
            )
            .value(wall(&operator) / wall(others))
            .aim(aim),
        );
    }
    table.push(row("CPU time", "s", |one| one.cpu).aim(objects as f64 / 1000.0));
    table.push(row("CPU time of the API server", "s", |one| one.server_cpu));
    let of_server = |one: &Measured| 1e3 * one.server_cpu / objects as f64;
    table.push(
        row(
            "CPU time of the API server per object, applies included",
            "ms",
            |_| 0.0,
        )
        .operator(&operator.iter().map(of_server).collect())
        .floor(&floor.iter().map(of_server).collect()),
    );
    table.push(
        Row::new(
            format!("{what}: the same for the floor with the same writes"),
            "ms",
        )
        .floor(&same_writes.iter().map(of_server).collect()),
    );
    table.push(row("CPU time of endpoint and load", "s", |one| one.own_cpu));
    table.push(row("first apply → last apply answered", "s", |one| {
        one.applies
    }));
    table.push(
        Row::new(format!("{what}: the applies alone, nobody at work"), "s")
            .operator(&alone.into_iter().collect()),
    );
    let quantile = |text: &str, part| {
        let of = |all: &[Measured]| all.iter().map(|one| one.received.quantile(part)).collect();
        Row::new(
            format!("{what}: apply → CreateOrganization received, {text}"),
            "ms",
        )
        .operator(&of(&operator))
        .floor(&of(&floor))
    };
    table.push(quantile("p50", 0.5));
    table.push(quantile("p99", 0.99));
    let counted = |text: &str, counts: fn(&Measured) -> &Counts| {
        let per = |one: &Measured| counts(one).total() as f64 / objects as f64;
        let example = operator.first().map(|one| counts(one).per(objects));
        Row::new(format!("{what}: {text} per object"), "")
            .value(operator.iter().map(per).collect::<Sample>().median())
            .note(example.unwrap_or_default())
            .floor(&floor.iter().map(per).collect())
    };
    table.push(counted("AWS calls", |one| &one.calls).aim(3.0));
    table.push(counted("API-server writes", |one| &one.writes).aim(4.0));
    for concurrency in CONCURRENCIES {
        let name = format!("burst-at-{concurrency}");
        let mut burst = Burst::new(Contender::Operator, &name, objects);
        burst.arguments = vec![format!("--concurrency={concurrency}")];
        let measured = burst.run(stage).await;
        table.push(
            Row::new(format!("{what} with --concurrency={concurrency}"), "s")
                .value(measured.wall)
                .note(format!("one run; CPU {:.2} s", measured.cpu)),
        );
    }
}

/// A burst that is to be made.
pub struct Burst<'a> {
    contender: Contender,
    prefix: &'a str,
    objects: usize,
    /// Arguments of the operator.
    pub arguments: Vec<String>,
    /// So many of them are not waited for.
    pub left_out: usize,
    /// What is done to the endpoint before.
    pub prepare: fn(&Server, names: &[String]),
}

/// What a burst took.
pub struct Measured {
    /// Seconds from the first apply until all have come to their goal.
    pub wall: f64,
    /// Seconds that the applies took meanwhile.
    pub applies: f64,
    /// CPU seconds of the process, until it was at rest.
    pub cpu: f64,
    /// CPU seconds of the API server meanwhile.
    pub server_cpu: f64,
    /// CPU seconds of endpoint and load meanwhile.
    pub own_cpu: f64,
    /// Milliseconds from the apply of each to its create.
    pub received: Sample,
    /// The calls to AWS.
    pub calls: Counts,
    /// The writes to the API server.
    pub writes: Counts,
}

impl<'a> Burst<'a> {
    pub fn new(contender: Contender, prefix: &'a str, objects: usize) -> Self {
        Self {
            contender,
            prefix,
            objects,
            arguments: Vec::new(),
            left_out: 0,
            prepare: |_, _| {},
        }
    }

    /// Makes it, on an endpoint and with a process of its own, and clears up.
    pub async fn run(&self, stage: &Stage) -> Measured {
        let aws = aws(Knobs::immediate()).await;
        let names = names(self.prefix, self.objects);
        (self.prepare)(&aws, &names);
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let process = stage.start(self.contender, &aws, &arguments).await;
        let watch = Watch::begin(&stage.client).await;
        let server_before = ApiServer::now(&stage.client).await;
        let (cpu_before, own_before) = (process.cpu(), own_cpu());

        let begun = Timestamp::now();
        let applied_at = apply_all(&stage.client, &names).await;
        let applies = seconds_since(begun);
        let goal = self.contender.goal();
        let wanted = self.objects - self.left_out;
        watch.until(goal, wanted, PATIENCE).await;
        let wall = seconds_since(begun);

        if self.left_out == 0 {
            process.until_at_rest(&aws).await;
        }
        let cpu = process.cpu() - cpu_before;
        let own_cpu = own_cpu() - own_before;
        let server = ApiServer::now(&stage.client).await;
        let creates = aws.calls(&CallFilter::on("CreateOrganization"));
        // The first create of each: a later one would be a repeat.
        let received = applied_at.iter().filter_map(|(name, begun)| {
            let of_it = |alias: &serde_json::Value| *alias == **name;
            let first = creates.iter().find(|call| of_it(&call.request["Alias"]))?;
            Some(millis(*begun, first.at))
        });
        let measured = Measured {
            wall,
            applies,
            cpu,
            server_cpu: server.cpu - server_before.cpu,
            own_cpu,
            received: received.collect(),
            calls: calls(&aws, 0),
            writes: server.writes.since(&server_before.writes),
        };
        drop(process);
        stage.clear().await;
        measured
    }
}

/// Seconds to apply so many objects that nobody looks at.
async fn applies_alone(stage: &Stage, run: usize, objects: usize) -> f64 {
    let begun = Timestamp::now();
    apply_all(&stage.client, &names(&format!("alone-{run}"), objects)).await;
    let took = seconds_since(begun);
    stage.clear().await;
    took
}
