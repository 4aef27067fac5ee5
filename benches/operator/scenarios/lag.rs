//! From Active in AWS to Active in the status.

use std::{collections::HashMap, time::Duration};

use workmail_local::{Delay, Knobs};

use super::{RUNS, millis};
use crate::{
    counters::calls,
    load::{Goal, Watch, apply_all, names},
    stage::{Contender, Stage, aws},
    table::{Row, Sample, Table},
};

const OBJECTS: usize = 1_000;
const LEAST: Duration = Duration::from_secs(15);
const MOST: Duration = Duration::from_secs(75);
const PATIENCE: Duration = Duration::from_mins(4);

pub async fn run(stage: &Stage, table: &mut Table) {
    let objects = stage.size(OBJECTS);
    let mut runs = Vec::new();
    for run in 0..RUNS {
        runs.push(once(stage, run, objects).await);
    }
    let what = format!("lag: {objects} created in 15–75 s");
    let row = |text: &str, unit, value: fn(&Lag) -> f64| {
        Row::new(format!("{what}: {text}"), unit).operator(&runs.iter().map(value).collect())
    };
    let lag = "Active in AWS → Active in status";
    table.push(row(&format!("{lag}, p50"), "s", |run| run.lags.median()).aim(1.0));
    table.push(row(&format!("{lag}, p99"), "s", |run| run.lags.quantile(0.99)).aim(3.0));
    table.push(row("ListOrganizations calls", "", |run| run.lists));
    table.push(row("DescribeOrganization calls", "", |run| run.describes));
    table.push(row("CPU time", "s", |run| run.cpu));
}

struct Lag {
    lags: Sample,
    lists: f64,
    describes: f64,
    cpu: f64,
}

async fn once(stage: &Stage, run: usize, objects: usize) -> Lag {
    let aws = aws(Knobs {
        requested_for: Delay::NONE,
        creating_for: Delay::between(LEAST, MOST),
        ..Knobs::default()
    })
    .await;
    let process = stage.start(Contender::Operator, &aws, &[]).await;
    let watch = Watch::begin(&stage.client).await;
    let cpu_before = process.cpu();
    apply_all(&stage.client, &names(&format!("lag-{run}"), objects)).await;
    watch.until(Goal::Active, objects, PATIENCE).await;
    let cpu = process.cpu() - cpu_before;
    let in_aws: HashMap<_, _> = aws
        .organizations()
        .into_iter()
        .filter_map(|one| Some((one.alias, one.completed_date?)))
        .collect();
    let lags = watch
        .seen()
        .active
        .iter()
        .map(|(name, in_status)| millis(in_aws[name], *in_status) / 1e3)
        .collect();
    let calls = calls(&aws, 0);
    drop(process);
    stage.clear().await;
    Lag {
        lags,
        lists: calls.of("ListOrganizations") as f64,
        describes: calls.of("DescribeOrganization") as f64,
        cpu,
    }
}
