//! An end that is asked for, an API server that goes away, and a start with nothing left to do.

use std::time::{Duration, Instant};

use devcluster::{Cluster, Component, Options};
use kube::ResourceExt;
use rstest::rstest;
use serde_json::json;
use workmail_local::{
    CallFilter, Config, Delay, Knobs, Lifetime, Reply,
    Work::{self, Done, NotDone},
};
use workmail_operator::api::Reason;

use crate::world::{World, id, install_crd, quick, status};

/// Within this the process ends: a call in flight has 15 s, and its answer is written.
const BOUND: Duration = Duration::from_secs(25);

#[rstest]
#[case::before_its_work(NotDone)]
#[case::after_its_work(Done)]
#[tokio::test]
async fn sigterm_lets_the_create_in_flight_end_and_records_its_answer(#[case] work: Work) {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.hold("CreateOrganization", work);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let call = world.until_held("CreateOrganization").await;
    world.operator.terminate();
    world
        .operator
        .until_logged("stopping", |line| {
            line["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("stopping"))
        })
        .await;
    world.aws.clear_faults();
    let released = Instant::now();
    assert!(world.operator.ended().await.success());
    assert!(released.elapsed() < BOUND);

    let object = world.get("acme").await;
    let created = &world.aws.organizations()[0];
    assert_eq!(id(&object), created.id);
    assert_eq!(status(&object).pending, None);
    assert_eq!(status(&object).state.as_deref(), Some("Requested"));
    assert_eq!(
        world.called_after(call.sequence),
        [""; 0],
        "nothing new is begun"
    );

    world.operator.start();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
    assert_eq!(
        world.calls("CreateOrganization").len(),
        1,
        "known by status"
    );
}

#[tokio::test]
async fn sigterm_ends_the_process_although_the_create_in_flight_is_never_answered() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.hold("CreateOrganization", Done);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let call = world.until_held("CreateOrganization").await;
    let asked = Instant::now();
    world.operator.terminate();
    assert!(world.operator.ended().await.success());
    assert!(asked.elapsed() < BOUND, "{:?}", asked.elapsed());
    assert_eq!(world.called_after(call.sequence), [""; 0]);
    assert!(status(&world.get("acme").await).pending.is_some());
    world.aws.clear_faults();

    world.operator.start();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
}

#[tokio::test]
async fn sigterm_lets_the_deletion_in_flight_end_and_records_its_answer() {
    let mut world = World::new().await;
    world
        .create(
            "acme",
            json!({
                "alias": "acme",
                "deletionPolicy": "Delete",
                "deletion": {"confirmAlias": "acme"},
            }),
        )
        .await;
    world.until_active("acme").await;
    world.hold("DeleteOrganization", NotDone);
    world.delete("acme").await;
    let call = world.until_held("DeleteOrganization").await;
    world.operator.terminate();
    world
        .operator
        .until_logged("stopping", |line| {
            line["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("stopping"))
        })
        .await;
    world.aws.clear_faults();
    assert!(world.operator.ended().await.success());
    assert_eq!(world.called_after(call.sequence), [""; 0]);
    let object = world.get("acme").await;
    assert_eq!(status(&object).pending, None);
    assert_eq!(status(&object).state.as_deref(), Some("Deleting"));
    world.operator.start();
    world.until_gone("acme").await;
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
    assert_eq!(world.aws.organizations()[0].state, "Deleted");
}

#[tokio::test]
async fn sigterm_while_nothing_is_in_flight_ends_the_process_at_once() {
    let mut world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_active("acme").await;
    let calls = world.aws.last_call();
    let asked = Instant::now();
    world.operator.terminate();
    assert!(world.operator.ended().await.success());
    assert!(asked.elapsed() < BOUND);
    assert_eq!(world.called_after(calls), [""; 0]);
    let after = world.get("acme").await;
    assert_eq!(after.resource_version(), before.resource_version());
}

#[tokio::test]
async fn sigterm_ends_a_process_that_never_saw_its_objects() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    // No CRD: the objects cannot be listed.
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world.operator.start();
    let failed = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("watch of WorkMailOrganizations failed")
    };
    world.operator.until_logged("the watch fails", failed).await;
    world.operator.terminate();
    let asked = Instant::now();
    assert!(world.operator.ended().await.success());
    assert!(asked.elapsed() < BOUND);
    assert_eq!(world.aws.last_call(), 0, "AWS was not asked anything");
}

#[tokio::test]
async fn a_start_with_everything_settled_costs_one_list_and_no_write() {
    let mut world = World::new().await;
    let names = ["one", "two", "three"];
    let mut before = Vec::new();
    for name in names {
        world
            .create(name, json!({"alias": name, "tags": {"team": "mail"}}))
            .await;
    }
    for name in names {
        before.push(world.until_active(name).await);
        world.until_event(name, "Active").await;
    }
    let mut events = Vec::new();
    for name in names {
        events.push(world.events(name).await);
    }
    let calls = world.aws.last_call();

    world.operator.kill_and_start();
    world.until_reconciled("Active", 3).await;

    for ((name, before), events) in names.into_iter().zip(before).zip(events) {
        let after = world.get(name).await;
        assert_eq!(
            after.resource_version(),
            before.resource_version(),
            "{name}"
        );
        assert_eq!(world.events(name).await, events);
    }
    assert_eq!(
        world.called_after(calls),
        ["GetCallerIdentity", "ListOrganizations"]
    );
}

/// An object whose create is in flight while the API server dies, on a control plane of its own.
async fn api_server_dies_during_the_create(cluster: &Cluster, knobs: Knobs, work: Work) {
    let mut world = World::on(cluster, Config::with_knobs(knobs)).await;
    // An API server that has just been started does not know all roles yet.
    world.operator.may_be_refused();
    world.hold("CreateOrganization", work);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_held("CreateOrganization").await;
    cluster.kill(Component::ApiServer).await.unwrap();
    world.aws.clear_faults();
    let answered = CallFilter::on("CreateOrganization").completed();
    let call = &world.until_calls(&answered, 1).await[0];
    assert_eq!(call.reply, Reply::Sent);
    world
        .operator
        .until_logged("the answer cannot be written", |line| {
            line["level"] == "ERROR"
        })
        .await;
    cluster.start_again(Component::ApiServer).await.unwrap();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
    assert_eq!(
        id(&object),
        call.organization_id.clone().unwrap(),
        "the one that was answered while nobody could write it down"
    );
}

#[tokio::test]
async fn an_api_server_that_dies_and_comes_back_makes_no_second_organization() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    api_server_dies_during_the_create(&cluster, quick(), NotDone).await;
    let forgetful = Knobs {
        client_token_lifetime: Lifetime::from(Duration::ZERO),
        ..quick()
    };
    api_server_dies_during_the_create(&cluster, forgetful, Done).await;
}

#[tokio::test]
async fn an_organization_that_becomes_active_while_the_api_server_is_away_is_ready_afterwards() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    let slow = Knobs {
        creating_for: Delay::fixed(Duration::from_hours(1)),
        ..quick()
    };
    let mut world = World::on(&cluster, Config::with_knobs(slow)).await;
    world.operator.may_be_refused();
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let creating = world.until_refused("acme", Reason::Creating).await;
    cluster.kill(Component::ApiServer).await.unwrap();
    world.aws.clock().advance(Duration::from_hours(1));
    world.until_aws(&id(&creating), "Active").await;
    world.until_listed(2).await;
    cluster.start_again(Component::ApiServer).await.unwrap();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
    assert_eq!(world.calls("CreateOrganization").len(), 1);
}
