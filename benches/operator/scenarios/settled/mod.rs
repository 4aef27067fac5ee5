//! Objects that are settled: what they cost in memory, at a restart, at a resync, and at rest.
//!
//! The operator makes them itself, a few at first and then more, and at each number of them everything
//! is measured that was chosen.

mod idle;
mod memory;
mod restart;
mod resync;

use std::time::Duration;

use workmail_local::{Knobs, Server};

use crate::{
    load::{Watch, apply_all, names},
    process::Process,
    stage::{Contender, Stage, aws},
    table::Table,
};

const LEVELS: [usize; 4] = [0, 100, 1_000, 10_000];
const MANY: usize = 1_000;
const PATIENCE: Duration = Duration::from_mins(8);

pub async fn run(is_chosen: impl Fn(&str) -> bool, stage: &Stage, table: &mut Table) {
    let (memory, restart) = (is_chosen("memory"), is_chosen("restart"));
    let (resync, idle) = (is_chosen("resync"), is_chosen("idle"));
    let highest = match (memory || restart || resync, idle) {
        (true, _) => 10_000,
        (false, true) => MANY,
        (false, false) => return,
    };
    let aws = aws(Knobs::immediate()).await;
    let names = names("settled", stage.size(highest));
    let mut made = 0;
    for level in LEVELS.into_iter().filter(|level| *level <= highest) {
        let settled = Settled {
            stage,
            aws: &aws,
            objects: stage.size(level),
        };
        let process = settled.grow(&names[made..settled.objects]).await;
        made = settled.objects;
        if memory && level > 0 {
            memory::after_the_burst(&settled, &process, level, table);
        }
        drop(process);
        if memory {
            memory::after_a_restart(&settled, level, table).await;
        }
        if restart && level >= MANY {
            restart::run(&settled, level, table).await;
        }
        if resync && level >= MANY {
            resync::by_list(&settled, table).await;
        }
        if resync && level == MANY {
            resync::deep(&settled, table).await;
        }
        if idle && (level == 0 || level == MANY) {
            idle::run(&settled, level, table).await;
        }
    }
    // Nothing is measured after this: the objects go with the control plane.
}

/// So many settled objects.
struct Settled<'a> {
    stage: &'a Stage,
    aws: &'a Server,
    objects: usize,
}

impl Settled<'_> {
    /// Has an operator make more of them, up to this number; gives it when it is at rest.
    async fn grow(&self, names: &[String]) -> Process {
        let process = self.stage.start(Contender::Operator, self.aws, &[]).await;
        let watch = Watch::begin(&self.stage.client).await;
        apply_all(&self.stage.client, names).await;
        let goal = Contender::Operator.goal();
        watch.until(goal, names.len(), PATIENCE).await;
        process.until_at_rest(self.aws).await;
        process
    }
}
