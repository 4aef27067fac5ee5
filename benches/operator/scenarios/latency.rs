//! From the apply of one object to its `CreateOrganization`, one object after the other.

use std::time::Duration;

use workmail_local::{CallFilter, Delay, Knobs};

use super::{RUNS, millis};
use crate::{
    load::{Goal, Watch, apply, names},
    stage::{Contender, Stage, aws},
    table::{Row, Sample, Table},
};

const OBJECTS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn run(stage: &Stage, table: &mut Table) {
    let objects = stage.size(OBJECTS);
    let mut quantiles = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for run in 0..RUNS {
        for contender in Contender::BOTH {
            let times = one_by_one(stage, contender, run, objects).await;
            let [p50, p99, floor50, floor99] = &mut quantiles;
            match contender {
                Contender::Operator => {
                    p50.push(times.median());
                    p99.push(times.quantile(0.99));
                }
                Contender::Floor | Contender::SameWrites => {
                    floor50.push(times.median());
                    floor99.push(times.quantile(0.99));
                }
            }
        }
    }
    let [p50, p99, floor50, floor99] = quantiles.map(Sample::from_iter);
    let what = format!("latency: apply → CreateOrganization received, {objects} one by one");
    table.push(
        Row::new(format!("{what}, p50"), "ms")
            .operator(&p50)
            .floor(&floor50)
            .aim(4.0),
    );
    table.push(
        Row::new(format!("{what}, p50: times the floor"), "")
            .value(p50.median() / floor50.median())
            .aim(1.5),
    );
    table.push(
        Row::new(format!("{what}, p99"), "ms")
            .operator(&p99)
            .floor(&floor99)
            .aim(10.0),
    );
}

async fn one_by_one(stage: &Stage, contender: Contender, run: usize, objects: usize) -> Sample {
    // None of them changes before the last was applied.
    let aws = aws(Knobs {
        requested_for: Delay::fixed(Duration::from_mins(5)),
        ..Knobs::default()
    })
    .await;
    let process = stage.start(contender, &aws, &[]).await;
    let watch = Watch::begin(&stage.client).await;
    // The first finds out who it is and what there is in AWS; it is not counted.
    let names = names(&format!("latency-{}-{run}", contender.name()), objects + 1);
    let mut times = Vec::new();
    for (done, name) in names.iter().enumerate() {
        let mark = aws.last_call();
        let begun = apply(&stage.client, name).await;
        watch.until(Goal::Id, done + 1, PATIENCE).await;
        let calls = aws.calls(&CallFilter::on("CreateOrganization").after(mark));
        times.push(millis(begun, calls.first().unwrap().at));
    }
    drop(process);
    stage.clear().await;
    times.into_iter().skip(1).collect()
}
