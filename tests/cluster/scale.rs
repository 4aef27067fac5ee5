//! Many organizations: what is looked at, how often, and who waits for whom.

use std::time::Duration;

use kube::ResourceExt;
use serde_json::json;
use workmail_local::{CallFilter, Config, Delay, Fault, Knobs, Rule, SeedOrganization};
use workmail_operator::api::Reason;

use crate::world::{World, id, page, quick, status};

const HOUR: Duration = Duration::from_hours(1);

/// A world in whose account others have organizations, and the operator is not started.
async fn among(others: usize, knobs: Knobs) -> World {
    let knobs = Knobs {
        organization_quota: None,
        ..knobs
    };
    let world = World::without_operator(Config::with_knobs(knobs)).await;
    for number in 0..others {
        let seed = SeedOrganization::new(format!("other-{number}"));
        world.aws.seed_organization(seed).unwrap();
    }
    world
}

#[tokio::test]
async fn one_organization_in_transition_among_many_is_described_and_the_list_left_alone() {
    let knobs = Knobs {
        creating_for: Delay::fixed(HOUR),
        ..quick()
    };
    let mut world = among(250, knobs).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let described = CallFilter::on("DescribeOrganization");
    let looks = world.until_calls(&described, 5).await;
    assert_eq!(
        world.calls("ListOrganizations").len(),
        3,
        "one listing of three pages, before the create"
    );
    let gap = looks[4].at.duration_since(looks[3].at).as_secs_f64();
    assert!(gap > 0.9, "a look a second, not more: {gap} s");
    world.aws.clock().advance(HOUR);
    let object = world.until_active("acme").await;
    world.assert_tagged(&world.aws.organization(&id(&object)).unwrap(), &object);
    assert_eq!(
        world.mutating_calls(),
        ["CreateOrganization", "TagResource"]
    );
}

#[tokio::test]
async fn an_organization_that_cannot_be_described_is_found_in_the_list() {
    let mut world = among(250, quick()).await;
    let rule = Rule::on("DescribeOrganization", Fault::http(503));
    let rule = world.aws.fault(rule);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world
        .until_calls(&CallFilter::on("DescribeOrganization"), 1)
        .await;
    // The list shows that it is Active; its details have to wait until they can be had.
    world
        .until_refused("acme", Reason::ServiceUnavailable)
        .await;
    assert_eq!(
        status(&world.get("acme").await).state.as_deref(),
        Some("Active")
    );
    let pages = world.calls("ListOrganizations").len();
    assert!(
        pages >= 6,
        "a second listing, or more on a slow machine: {pages}"
    );
    world.aws.remove_fault(rule);
    world.until_active("acme").await;
    assert_eq!(
        world.mutating_calls(),
        ["CreateOrganization", "TagResource"]
    );
}

#[tokio::test]
async fn a_restart_costs_the_pages_of_the_list_and_writes_nothing() {
    let mut world = among(148, quick()).await;
    world.operator.start();
    let names = ["one", "two", "three"];
    for name in names {
        world.create(name, json!({"alias": name})).await;
    }
    let mut before = Vec::new();
    for name in names {
        before.push(world.until_active(name).await);
        world.until_event(name, "Active").await;
    }
    world.kill().await;
    let mark = world.aws.last_call();
    world.operator.start();
    world.until_reconciled("Active", 3).await;
    let expected = [("GetCallerIdentity", 1), ("ListOrganizations", 2)];
    let expected = expected.map(|(operation, count)| (operation.to_owned(), count));
    assert_eq!(world.counts_after(mark), expected.into());
    for (name, before) in names.into_iter().zip(before) {
        let after = world.get(name).await;
        assert_eq!(after.resource_version(), before.resource_version());
    }
}

/// An eighth of the concurrency is one.
fn start_with_one_resync_at_a_time(world: &mut World) {
    for flag in [
        "--concurrency=2",
        "--resync-interval=1s",
        "--deep-resync-interval=2s",
    ] {
        world.operator.argument(flag);
    }
    world.operator.start();
}

#[tokio::test]
async fn an_edit_does_not_wait_behind_resyncs() {
    let mut world = among(0, quick()).await;
    start_with_one_resync_at_a_time(&mut world);
    for number in 0..6 {
        let name = format!("org-{number}");
        world.create(&name, json!({"alias": name})).await;
    }
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(id(&world.until_active(&format!("org-{number}")).await));
    }
    // A resync waits from now on until its read of the tags times out.
    let mark = world.aws.last_call();
    for id in &ids {
        let rule = Rule::on("ListTagsForResource", Fault::hang());
        world.aws.fault(rule.organization(id));
    }
    let hangs = CallFilter::on("ListTagsForResource").after(mark);
    world.until_calls(&hangs, 1).await;
    world.create("edited", json!({"alias": "edited"})).await;
    world.until_active("edited").await;
    let hanging = world.aws.calls(&hangs.in_flight());
    assert!(hanging.len() <= 1, "one resync at a time: {hanging:?}");
}

#[tokio::test]
async fn an_object_that_goes_during_its_resync_keeps_no_place_among_the_resyncs() {
    let mut world = among(0, quick()).await;
    start_with_one_resync_at_a_time(&mut world);
    for name in ["goes", "stays"] {
        world.create(name, json!({"alias": name})).await;
    }
    let goes = id(&world.until_active("goes").await);
    let stays = id(&world.until_active("stays").await);
    let slow = Rule::on("ListTagsForResource", Fault::delay(Duration::from_secs(2)));
    world.aws.fault(slow.organization(&goes));
    let reads = CallFilter::on("ListTagsForResource").organization(&goes);
    let mark = world.aws.last_call();
    world.until_calls(&reads.after(mark), 1).await;
    world.delete("goes").await;
    world.until_gone("goes").await;
    let reads = CallFilter::on("ListTagsForResource").organization(&stays);
    let mark = world.aws.last_call();
    world.until_calls(&reads.after(mark), 4).await;
    world
        .poll("only one organization is counted", async || {
            let (_, metrics) = world.operator.addresses().await;
            let (_, metrics) = page(metrics, "/metrics").await?;
            let counts = metrics.lines().filter_map(|line| {
                let counted = line.starts_with("workmail_operator_organizations{");
                line.rsplit(' ')
                    .next()
                    .filter(|_| counted)?
                    .parse::<i64>()
                    .ok()
            });
            (counts.sum::<i64>() == 1).then_some(())
        })
        .await;
}

#[tokio::test]
async fn one_organization_that_hangs_holds_nobody_up() {
    let mut world = among(0, quick()).await;
    world.operator.argument("--concurrency=2");
    world.operator.start();
    world.create("hangs", json!({"alias": "hangs"})).await;
    let stuck = world.until_active("hangs").await;
    for operation in ["DescribeOrganization", "ListTagsForResource"] {
        let rule = Rule::on(operation, Fault::hang()).organization(id(&stuck));
        world.aws.fault(rule);
    }
    world.ask_to_look("hangs", "now").await;
    let hanging = CallFilter::on("DescribeOrganization")
        .organization(id(&stuck))
        .in_flight();
    world
        .poll("its look hangs", async || {
            (world.aws.calls(&hanging).len() == 1).then_some(())
        })
        .await;
    for number in 0..10 {
        let name = format!("org-{number}");
        world.create(&name, json!({"alias": name})).await;
    }
    for number in 0..10 {
        world.until_active(&format!("org-{number}")).await;
    }
    assert_eq!(
        world.aws.calls(&hanging).len(),
        1,
        "it still hangs: nobody waited for its end"
    );
}
