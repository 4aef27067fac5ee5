//! What an export of many mailboxes costs, and that kills change nothing about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Instant,
};

use futures::StreamExt;
use kube::{
    ResourceExt,
    runtime::watcher::{self, watcher},
};
use serde_json::json;
use workmail_local::CallFilter;
use workmail_operator::api::{ExportState, WorkMailMailboxExport, WorkMailOrganizationExport};

use super::{Site, destination, reason, state};

const MAILBOXES: usize = 100;

/// The versions that each mailbox export has had, from now on: each was a write. Beside each, how many
/// seconds the mailbox had waited for a slot when that was said.
type Versions = BTreeMap<String, BTreeMap<String, Option<i64>>>;

fn versions(site: &Site) -> Arc<Mutex<Versions>> {
    let seen: Arc<Mutex<Versions>> = Arc::default();
    let mut events = Box::pin(watcher(
        site.api::<WorkMailMailboxExport>(),
        watcher::Config::default(),
    ));
    let all = seen.clone();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) = event {
                let version = object.resource_version().unwrap();
                let mut all = all.lock().unwrap();
                let of_one = all.entry(object.name_any()).or_default();
                of_one.insert(version, waited(&object));
            }
        }
    });
    seen
}

/// For how many seconds a mailbox export had waited when its status began to say so.
fn waited(object: &WorkMailMailboxExport) -> Option<i64> {
    let mut conditions = object.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions.find(|one| one.r#type == "Ready" && one.reason == "Queued")?;
    let made = object.metadata.creation_timestamp.as_ref().unwrap().0;
    Some(ready.last_transition_time.duration_since(made).as_secs())
}

#[tokio::test]
async fn a_hundred_mailboxes_take_a_hundred_starts_a_page_a_second_and_six_writes_each() {
    let site = Site::with(MAILBOXES, 1).await;
    let versions = versions(&site);
    let begun = Instant::now();
    let spec = json!({"organizationRef": {"name": "acme"}, "destination": destination()});
    site.create::<WorkMailOrganizationExport>("all", spec)
        .await
        .unwrap();
    site.until("all", |object: &WorkMailOrganizationExport| {
        reason(object) == "Completed"
    })
    .await;
    let took = begun.elapsed().as_secs_f64();
    let count = |operation: &str| site.world.aws.calls(&CallFilter::on(operation)).len();
    assert_eq!(count("StartMailboxExportJob"), MAILBOXES);
    assert_eq!(count("CancelMailboxExportJob"), 0);
    // A page has 100 jobs: one page is never more than a description of each job that runs.
    assert_eq!(count("DescribeMailboxExportJob"), 0);
    let pages = u32::try_from(count("ListMailboxExportJobs")).unwrap();
    assert!(f64::from(pages) <= took / 0.9 + 2.0, "{pages} in {took} s");
    assert_eq!((count("ListUsers"), count("ListResources")), (1, 1));
    assert_eq!(
        count("GetMailboxDetails"),
        2 * MAILBOXES,
        "each size is read once for the order, and once as the job is started"
    );
    let versions = versions.lock().unwrap().clone();
    assert_eq!(versions.len(), MAILBOXES);
    for (name, versions) in versions {
        // That it waits is worth a write only where it lasts 10 s, which a slow machine may need.
        let (queued, others): (Vec<_>, Vec<_>) = versions.values().partition(|one| one.is_some());
        assert!(others.len() <= 6, "{versions:?} of {name}");
        assert!(queued.len() <= 1, "{versions:?} of {name}");
        let is_long = |waited: &&Option<i64>| waited.is_some_and(|seconds| seconds >= 9);
        assert!(queued.iter().all(is_long), "{versions:?} of {name}");
    }
}

#[tokio::test]
async fn ten_kills_as_jobs_are_started_make_no_second_job_and_miss_no_mailbox() {
    let mut site = Site::with(24, 1).await;
    let spec = json!({"organizationRef": {"name": "acme"}, "destination": destination()});
    site.create::<WorkMailOrganizationExport>("all", spec)
        .await
        .unwrap();
    let starts = CallFilter::on("StartMailboxExportJob");
    for kill in 0..10 {
        let before = site.starts().len();
        // Each is killed a little later after a start: before its answer is stored, and after.
        site.world.until_calls(&starts, before + 1).await;
        tokio::time::sleep(std::time::Duration::from_millis(7 * kill)).await;
        site.world.operator.kill_and_start();
    }
    site.until("all", |object: &WorkMailOrganizationExport| {
        reason(object) == "Completed"
    })
    .await;
    let made: Vec<_> = site
        .starts()
        .into_iter()
        .filter(|call| call.effect)
        .collect();
    let distinct = |field: &str| {
        let values = made.iter().map(|call| call.request[field].to_string());
        values.collect::<BTreeSet<_>>().len()
    };
    assert_eq!(
        (made.len(), distinct("ClientToken"), distinct("EntityId")),
        (24, 24, 24)
    );
    assert_eq!(distinct("S3Prefix"), 24, "no key is written twice");
    let children = site.children().await;
    assert_eq!(children.len(), 24);
    for child in children {
        assert_eq!(state(&child), Some(ExportState::Completed));
        assert_eq!(child.status.unwrap().attempts.len(), 1);
    }
}
