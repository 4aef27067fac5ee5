//! Exports of mailboxes: how long an organization takes, and what many objects cost in memory.

use std::time::Duration;

use futures::{StreamExt, stream};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use workmail_local::{CallFilter, Delay, Knobs, Server, Timestamp};
use workmail_operator::api::{
    WorkMailMailboxExport, WorkMailOrganization, WorkMailOrganizationExport,
};

use super::seconds_since;
use crate::{
    counters::calls,
    load::{Goal, NAMESPACE, Watch},
    process::Process,
    stage::{Contender, Stage, aws},
    table::{Row, Table},
};

/// 500 mailboxes would take 17 minutes: the ratio is that of each round.
const MAILBOXES: usize = 100;
const JOB: Duration = Duration::from_secs(20);
/// As many jobs of an organization run at once.
const SLOTS: usize = 10;
const OBJECTS: usize = 5_000;
const MAILBOXES_EACH: usize = 100;
const PATIENCE: Duration = Duration::from_mins(10);

pub async fn run(stage: &Stage, table: &mut Table) {
    wall(stage, table).await;
    memory(stage, table).await;
}

/// One organization, from the resource to its last mailbox.
async fn wall(stage: &Stage, table: &mut Table) {
    let mailboxes = stage.size(MAILBOXES).max(SLOTS + 1);
    let aws = endpoint(JOB).await;
    let process = adopted(stage, &aws, 1, mailboxes).await;
    let begun = Timestamp::now();
    let exports: Api<WorkMailOrganizationExport> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let spec = json!({
        "metadata": {"name": "all"},
        "spec": {
            "organizationRef": {"name": alias(0)}, "destination": destination(),
            "verification": "None",
        },
    });
    let spec = serde_json::from_value(spec).unwrap();
    exports.create(&PostParams::default(), &spec).await.unwrap();
    let done = timeout(PATIENCE, async {
        loop {
            let status = exports.get("all").await.unwrap().status.unwrap();
            if status.completed_at.is_some() {
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
    });
    done.await.expect("everything is exported");
    // The canary has a round of its own.
    let rounds = 1 + (mailboxes - 1).div_ceil(SLOTS);
    let ideal = JOB.as_secs_f64() * rounds as f64;
    let what = format!(
        "exports: {mailboxes} mailboxes, jobs of {} s",
        JOB.as_secs()
    );
    let took = seconds_since(begun);
    table.push(
        Row::new(format!("{what}: wall over {rounds} rounds of jobs"), "×")
            .value(took / ideal)
            .note(format!("{took:.1} s"))
            .aim(1.15),
    );
    let counts = calls(&aws, 0);
    let note = counts.per(mailboxes);
    table.push(
        Row::new(format!("{what}: AWS calls per mailbox"), "")
            .value(counts.total() as f64 / mailboxes as f64)
            .note(note),
    );
    drop(process);
    clear(stage).await;
}

/// Many exports of single mailboxes, of which ten in each organization run.
async fn memory(stage: &Stage, table: &mut Table) {
    let organizations = stage.size(OBJECTS / MAILBOXES_EACH).max(1);
    let aws = endpoint(Duration::from_hours(20)).await;
    let process = adopted(stage, &aws, organizations, MAILBOXES_EACH).await;
    process.until_at_rest(&aws).await;
    let idle = process.memory().resident;
    let exports: Api<WorkMailMailboxExport> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let all = (0..organizations).flat_map(|n| (0..MAILBOXES_EACH).map(move |m| (n, m)));
    stream::iter(all)
        .for_each_concurrent(16, |(n, m)| {
            let exports = exports.clone();
            async move {
                let object = json!({
                    "metadata": {"name": format!("{}-{m:03}", alias(n))},
                    "spec": {
                        "organizationRef": {"name": alias(n)}, "mailbox": user(m),
                        "destination": destination(), "verification": "None",
                    },
                });
                let object = serde_json::from_value(object).unwrap();
                exports
                    .create(&PostParams::default(), &object)
                    .await
                    .unwrap();
            }
        })
        .await;
    let running = organizations * SLOTS;
    let started = timeout(PATIENCE, async {
        let starts = CallFilter::on("StartMailboxExportJob");
        while aws.calls(&starts).len() < running {
            sleep(Duration::from_millis(100)).await;
        }
    });
    started.await.expect("every slot is taken");
    // What waits has been looked at again once.
    sleep(Duration::from_mins(1)).await;
    assert_eq!(
        aws.calls(&CallFilter::on("StartMailboxExportJob")).len(),
        running,
        "at most {SLOTS} run in an organization"
    );
    let now = process.memory().resident;
    let objects = organizations * MAILBOXES_EACH;
    table.push(
        Row::new(
            format!("exports: {objects} objects, {running} run: resident memory over idle"),
            "MiB",
        )
        .value(now - idle)
        .note(format!("{now:.1} MiB, idle {idle:.1} MiB"))
        .aim(40.0),
    );
    drop(process);
    clear(stage).await;
}

async fn endpoint(job: Duration) -> Server {
    aws(Knobs {
        export_for: Delay::fixed(job),
        ..Knobs::immediate()
    })
    .await
}

fn alias(n: usize) -> String {
    format!("exported-{n:03}")
}

fn user(n: usize) -> String {
    format!("user{n:03}")
}

fn destination() -> Value {
    json!({
        "bucket": "archive", "prefix": "mail",
        "roleArn": "arn:aws:iam::123456789012:role/workmail-export",
        "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    })
}

/// An operator that has adopted so many organizations with so many mailboxes each.
async fn adopted(stage: &Stage, aws: &Server, organizations: usize, mailboxes: usize) -> Process {
    let users: Vec<_> = (0..mailboxes)
        .map(|n| json!({"name": user(n), "mailboxSize": 1.0 + n as f64}))
        .collect();
    for n in 0..organizations {
        let seed = json!({"alias": alias(n), "users": users});
        aws.seed_organization(serde_json::from_value(seed).unwrap())
            .unwrap();
    }
    let process = stage.start(Contender::Operator, aws, &[]).await;
    let watch = Watch::begin(&stage.client).await;
    let api: Api<WorkMailOrganization> = Api::namespaced(stage.client.clone(), NAMESPACE);
    for n in 0..organizations {
        let object = json!({
            "metadata": {"name": alias(n)},
            "spec": {"alias": alias(n), "adoptionPolicy": "Adopt"},
        });
        let object = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }
    watch.until(Goal::Active, organizations, PATIENCE).await;
    process
}

/// Deletes everything, without anybody at work: no finalizer is waited for.
async fn clear(stage: &Stage) {
    let (how, all) = (DeleteParams::default(), ListParams::default());
    let parents: Api<WorkMailOrganizationExport> = Api::namespaced(stage.client.clone(), NAMESPACE);
    parents.delete_collection(&how, &all).await.unwrap();
    let exports: Api<WorkMailMailboxExport> = Api::namespaced(stage.client.clone(), NAMESPACE);
    exports.delete_collection(&how, &all).await.unwrap();
    stage.clear().await;
}
