//! managementPolicy and suspend, switched on and off at any moment.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use workmail_local::{Delay, Knobs, Work};
use workmail_operator::api::{ConditionStatus, Origin, Reason};

use crate::{
    adoption::{adopt, seed, theirs},
    observing::{CLAIM, set, synced, until_suspended, watchful},
    world::{World, id, quick, status},
};

const HOUR: Duration = Duration::from_hours(1);

/// Suspended in between, it goes on under Full.
async fn suspend_and_go_on(world: &World) {
    let calls = world.mutating_calls();
    set(world, json!({"suspend": true})).await;
    until_suspended(world).await;
    assert_eq!(world.mutating_calls(), calls);
    set(world, json!({"suspend": false, "managementPolicy": "Full"})).await;
}

#[tokio::test]
async fn switched_while_it_is_being_created_it_is_watched_and_tagged_only_under_full() {
    let knobs = Knobs {
        creating_for: Delay::fixed(HOUR),
        ..quick()
    };
    let world = watchful(knobs).await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::Creating).await;
    for policy in ["Observe", "Full", "Observe"] {
        set(&world, json!({"managementPolicy": policy})).await;
        let object = world
            .until("acme", policy, |object| {
                status(object).observed_generation == object.metadata.generation
            })
            .await;
        assert_eq!(status(&object).origin, Some(Origin::Created));
    }
    world.aws.clock().advance(HOUR);
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).planned_calls, [CLAIM]);
    assert_eq!(synced(&object).status, ConditionStatus::False);
    world.look_now("acme").await;
    assert_eq!(world.mutating_calls(), ["CreateOrganization"]);

    suspend_and_go_on(&world).await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    assert_eq!(status(&object).planned_calls, [""; 0]);
    assert!(world.warnings("acme").await.is_empty());
}

#[rstest]
#[case::before_its_work(Work::NotDone)]
#[case::after_its_work(Work::Done)]
#[tokio::test]
async fn the_answer_of_a_create_that_was_under_way_is_kept_under_observe(#[case] work: Work) {
    let world = watchful(quick()).await;
    world.hold("CreateOrganization", work);
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_held("CreateOrganization").await;
    set(&world, json!({"managementPolicy": "Observe"})).await;
    world.aws.clear_faults();
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).origin, Some(Origin::Created));
    assert_eq!(status(&object).pending, None);
    world.look_now("acme").await;
    assert_eq!(world.mutating_calls(), ["CreateOrganization"]);

    suspend_and_go_on(&world).await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
}

#[tokio::test]
async fn a_create_that_was_recorded_and_not_done_is_not_repeated_under_observe() {
    let mut world = watchful(quick()).await;
    world.hold("CreateOrganization", Work::NotDone);
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_held("CreateOrganization").await;
    world.kill().await;
    set(&world, json!({"managementPolicy": "Observe"})).await;
    world.operator.start();
    let object = world.until_refused("acme", Reason::NotFound).await;
    assert!(status(&object).pending.is_some(), "it is remembered");
    assert_eq!(status(&object).planned_calls, ["CreateOrganization acme"]);
    world.look_now("acme").await;
    assert_eq!(world.calls("CreateOrganization").len(), 1);
    assert!(world.aws.organizations().is_empty());

    suspend_and_go_on(&world).await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
}

#[tokio::test]
async fn what_a_lost_create_has_made_is_seen_under_observe_and_ours_under_full() {
    let mut world = watchful(quick()).await;
    world.hold("CreateOrganization", Work::Done);
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_held("CreateOrganization").await;
    world.kill().await;
    set(&world, json!({"managementPolicy": "Observe"})).await;
    world.operator.start();
    let seen = world.until_settled("acme").await;
    assert_eq!(status(&seen).origin, None);
    assert!(status(&seen).pending.is_some(), "it is remembered");
    assert_eq!(id(&seen), world.aws.organizations()[0].id);
    world.look_now("acme").await;
    assert_eq!(world.mutating_calls(), ["CreateOrganization"]);

    suspend_and_go_on(&world).await;
    let object = world.until_settled("acme").await;
    assert_eq!(id(&object), id(&seen));
    world.assert_created_once(&object);
}

#[tokio::test]
async fn switched_between_a_claim_and_its_proof_it_is_ours_only_under_full() {
    let world = watchful(quick()).await;
    let theirs = seed(&world, theirs("acme"));
    world.create("acme", adopt()).await;
    world.until_called("TagResource", 1).await;
    set(&world, json!({"managementPolicy": "Observe"})).await;
    let object = world.until_settled("acme").await;
    assert_eq!(id(&object), theirs.id);
    let object = world.look_now("acme").await;
    assert_eq!(status(&object).origin, None);
    assert_eq!(synced(&object).status, ConditionStatus::True);
    assert!(!world.events("acme").await.contains(&"Adopted".to_owned()));

    suspend_and_go_on(&world).await;
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    world.until_told("acme", "Adopted", &theirs.id).await;
    assert_eq!(world.mutating_calls(), ["TagResource"]);
}

#[tokio::test]
async fn an_adopted_one_stays_ours_under_observe() {
    let world = watchful(quick()).await;
    let theirs = seed(&world, theirs("acme"));
    world.create("acme", adopt()).await;
    world.until_settled("acme").await;
    for policy in ["Observe", "Full", "Observe"] {
        set(&world, json!({"managementPolicy": policy})).await;
        let object = world.until_settled("acme").await;
        assert_eq!(id(&object), theirs.id);
        assert_eq!(status(&object).origin, Some(Origin::Adopted));
        assert_eq!(synced(&object).status, ConditionStatus::True);
    }
    assert_eq!(world.mutating_calls(), ["TagResource"]);
    assert!(world.warnings("acme").await.is_empty());
}
