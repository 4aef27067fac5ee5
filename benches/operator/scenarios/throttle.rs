//! Creation while AWS throttles half of all calls, and what follows.

use std::time::Duration;

use workmail_local::{CallFilter, Fault, Knobs, Outcome, Rule, Timestamp};

use super::seconds_since;
use crate::{
    counters::writes,
    load::{Goal, Watch, apply_all, names},
    stage::{Contender, Stage, aws},
    table::{Row, Table},
};

const OBJECTS: usize = 300;
const THROTTLED_FOR: Duration = Duration::from_secs(30);
/// If it has not settled by then, that is the result.
const PATIENCE: Duration = Duration::from_mins(3);

pub async fn run(stage: &Stage, table: &mut Table) {
    let objects = stage.size(OBJECTS);
    let aws = aws(Knobs::immediate()).await;
    let rule = aws.fault(Rule::any(Fault::throttle()).probability(0.5));
    let process = stage.start(Contender::Operator, &aws, &[]).await;
    let watch = Watch::begin(&stage.client).await;
    let before = writes(&stage.client).await;

    let begun = Timestamp::now();
    apply_all(&stage.client, &names("throttle", objects)).await;
    watch.reaches(Goal::Active, objects, THROTTLED_FOR).await;
    let throttled_for = seconds_since(begun);
    let early = watch.seen().active.len();
    let mark = aws.last_call();
    aws.remove_fault(rule);
    let stopped = Timestamp::now();
    let settled = watch.reaches(Goal::Active, objects, PATIENCE).await;
    let took = seconds_since(stopped);
    let late = watch.seen().active.len();

    let all = aws.calls(&CallFilter::any()).len();
    let refusal = Outcome::Error("ThrottlingException".to_owned());
    let throttled = aws.calls(&CallFilter::any().outcome(refusal)).len();
    let what = format!("throttle: {objects} created while half of the calls are throttled");
    table.push(
        Row::new(format!("{what}: AWS calls"), "")
            .value(all as f64)
            .note(format!(
                "one run; {throttled} throttled, {} after the throttling",
                aws.last_call() - mark
            )),
    );
    let ending = if settled {
        format!("one run; {early} Active after {throttled_for:.0} s of throttling")
    } else {
        format!("given up with {late} Active; {early} after {throttled_for:.0} s of throttling")
    };
    table.push(
        Row::new(format!("{what}: end of the throttling → all Active"), "s")
            .value(took)
            .note(ending)
            .aim(45.0),
    );
    let written = writes(&stage.client).await.since(&before);
    table.push(
        Row::new(format!("{what}: API-server writes per object"), "")
            .value(written.total() as f64 / objects as f64)
            .note(written.per(objects))
            .aim(5.0),
    );
    drop(process);
    stage.clear().await;
}
