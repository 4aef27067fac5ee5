//! Many objects with policy Delete, deleted at once, until they and their organizations are gone.

use std::time::Duration;

use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::json;
use workmail_local::{Knobs, Timestamp};
use workmail_operator::api::WorkMailOrganization;

use super::{RUNS, seconds_since};
use crate::{
    counters::{ApiServer, Counts, calls},
    load::{Goal, NAMESPACE, Watch, apply_specs, names},
    stage::{Contender, Stage, aws},
    table::{Row, Sample, Table},
};

const OBJECTS: usize = 1_000;
const PATIENCE: Duration = Duration::from_mins(3);

struct Measured {
    wall: f64,
    cpu: f64,
    server_cpu: f64,
    calls: Counts,
    writes: Counts,
}

pub async fn run(stage: &Stage, table: &mut Table) {
    let objects = stage.size(OBJECTS);
    let mut runs = Vec::new();
    for run in 0..RUNS {
        runs.push(delete_all(stage, &format!("deletion-{run}"), objects).await);
    }
    let what = format!("deletion of {objects} with policy Delete");
    let sample = |value: fn(&Measured) -> f64| runs.iter().map(value).collect::<Sample>();
    table.push(
        Row::new(format!("{what}: first delete → all gone"), "s").operator(&sample(|one| one.wall)),
    );
    table.push(Row::new(format!("{what}: CPU time"), "s").operator(&sample(|one| one.cpu)));
    table.push(
        Row::new(format!("{what}: CPU time of the API server"), "s")
            .operator(&sample(|one| one.server_cpu)),
    );
    let mut counted = |text: &str, counts: fn(&Measured) -> &Counts| {
        let per = |one: &Measured| counts(one).total() as f64 / objects as f64;
        let each = runs.first().map(|one| counts(one).per(objects));
        table.push(
            Row::new(format!("{what}: {text} per object"), "")
                .value(runs.iter().map(per).collect::<Sample>().median())
                .note(each.unwrap_or_default()),
        );
    };
    counted("AWS calls", |one| &one.calls);
    counted("API-server writes", |one| &one.writes);
}

async fn delete_all(stage: &Stage, prefix: &str, objects: usize) -> Measured {
    let aws = aws(Knobs::immediate()).await;
    let process = stage.start(Contender::Operator, &aws, &[]).await;
    let watch = Watch::begin(&stage.client).await;
    let specs = names(prefix, objects).into_iter().map(|name| {
        let spec = json!({
            "alias": name, "deletionPolicy": "Delete", "deletion": {"confirmAlias": name},
        });
        (name, spec)
    });
    apply_specs(&stage.client, specs.collect()).await;
    watch.until(Goal::Active, objects, PATIENCE).await;
    process.until_at_rest(&aws).await;

    let before = ApiServer::now(&stage.client).await;
    let (cpu, mark) = (process.cpu(), aws.last_call());
    let begun = Timestamp::now();
    let api: Api<WorkMailOrganization> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let (how, all) = (DeleteParams::default(), ListParams::default());
    api.delete_collection(&how, &all).await.unwrap();
    watch.until(Goal::Gone, objects, PATIENCE).await;
    let wall = seconds_since(begun);
    process.until_at_rest(&aws).await;
    let after = ApiServer::now(&stage.client).await;
    let measured = Measured {
        wall,
        cpu: process.cpu() - cpu,
        server_cpu: after.cpu - before.cpu,
        calls: calls(&aws, mark),
        writes: after.writes.since(&before.writes),
    };
    drop(process);
    stage.clear().await;
    measured
}
