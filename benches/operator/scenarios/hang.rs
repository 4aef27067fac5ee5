//! One organization whose calls get no answer, among many that do.

use workmail_local::{Fault, Rule};

use super::{RUNS, burst::Burst};
use crate::{
    stage::{Contender, Stage},
    table::{Row, Sample, Table},
};

const OBJECTS: usize = 1_000;

pub async fn run(stage: &Stage, table: &mut Table) {
    let objects = stage.size(OBJECTS);
    let mut without = Vec::new();
    let mut with = Vec::new();
    for run in 0..RUNS {
        let name = format!("hang-none-{run}");
        let burst = Burst::new(Contender::Operator, &name, objects);
        without.push(burst.run(stage).await.wall);
        let name = format!("hang-one-{run}");
        let mut burst = Burst::new(Contender::Operator, &name, objects);
        burst.left_out = 1;
        burst.prepare = |aws, names| {
            let one = &names[names.len() / 2];
            aws.fault(Rule::any(Fault::hang()).alias(one));
        };
        with.push(burst.run(stage).await.wall);
    }
    let (without, with) = (Sample::from_iter(without), Sample::from_iter(with));
    let what = format!("hang: burst of {objects}");
    table.push(Row::new(format!("{what}, all answered"), "s").operator(&without));
    table.push(Row::new(format!("{what}, one without an answer: the rest"), "s").operator(&with));
    table.push(
        Row::new(format!("{what}: ratio of the two"), "")
            .value(with.median() / without.median())
            .aim(1.0),
    );
}
