//! The start of the process, with one object waiting.

use std::{fs, time::Duration};

use workmail_local::{CallFilter, Knobs};

use super::{RUNS, millis, seconds_since};
use crate::{
    load::apply,
    process::Addresses,
    stage::{Contender, Stage, aws},
    table::{Row, Sample, Table},
};

const PATIENCE: Duration = Duration::from_mins(1);

pub async fn run(stage: &Stage, table: &mut Table) {
    let size = |contender| {
        let bytes = fs::metadata(stage.program(contender)).unwrap().len();
        bytes as f64 / f64::from(1 << 20)
    };
    let floor_size = Sample::from_iter([size(Contender::Floor)]);
    table.push(
        Row::new("start: size of the program", "MiB")
            .value(size(Contender::Operator))
            .floor(&floor_size),
    );
    let mut ready = Vec::new();
    let mut first = [Vec::new(), Vec::new()];
    for run in 0..RUNS {
        for (contender, first) in Contender::BOTH.into_iter().zip(&mut first) {
            let aws = aws(Knobs::immediate()).await;
            apply(&stage.client, &format!("start-{}-{run}", contender.name())).await;
            let mut process = stage.launch(contender, &aws, &[]);
            let begun = process.begun;
            if contender == Contender::Operator {
                Addresses::of(&mut process).await.until_ready().await;
                ready.push(seconds_since(begun) * 1e3);
            }
            let calls = aws.wait_for_calls(&CallFilter::any(), 1, PATIENCE).await;
            first.push(millis(begun, calls.unwrap().first().unwrap().at));
            drop(process);
            stage.clear().await;
        }
    }
    let [operator, floor] = first.map(Sample::from_iter);
    table.push(
        Row::new(
            "start: process start → first AWS call for a waiting object",
            "ms",
        )
        .operator(&operator)
        .floor(&floor),
    );
    table.push(
        Row::new("start: process start → /readyz says yes", "ms")
            .operator(&ready.into_iter().collect()),
    );
}
