//! An organization that the list does not show: when that means that it is gone.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use rstest::rstest;
use serde_json::json;
use workmail_local::{Config, Knobs, OrganizationChange, SeedOrganization, Span};
use workmail_operator::api::{Reason, WorkMailOrganization};

use crate::world::{World, assert_not_ready, id, quick, ready, status};

/// So many looks, at least 0.9 s apart, take longer than the 30 s that two have to be apart.
const MORE_THAN_APART: usize = 36;

/// A world that looks at the list every second, with an object that is Ready.
async fn watchful() -> (World, WorkMailOrganization) {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
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
    let object = world.until_active("acme").await;
    (world, object)
}

/// Makes the organization look as if it had become the object's long ago.
async fn age(world: &World) -> WorkMailOrganization {
    let long_ago = Timestamp::now() - Duration::from_mins(16);
    world
        .patch_status("acme", json!({"createdAt": long_ago.to_string()}))
        .await
}

#[tokio::test]
async fn an_old_organization_that_vanished_is_gone_once_it_was_missed_twice() {
    let (world, object) = watchful().await;
    let id = id(&object);
    age(&world).await;
    let calls = world.mutating_calls();
    world.aws.remove_organization(&id).unwrap();
    let vanished = Timestamp::now();
    let object = world.until_refused("acme", Reason::OrganizationGone).await;
    let waited = Timestamp::now().duration_since(vanished);
    assert!(
        waited >= SignedDuration::from_secs(28),
        "{waited}: seen once is not enough"
    );
    assert_not_ready(
        &object,
        Reason::OrganizationGone,
        &[&id, "never created again"],
    );
    assert_eq!(
        status(&object).organization_id.as_deref(),
        Some(id.as_str())
    );
    assert_eq!(status(&object).state, None);
    world
        .assert_warned_once("acme", Reason::OrganizationGone)
        .await;
    world
        .patch("acme", json!({"spec": {"tags": {"team": "mail"}}}))
        .await;
    world.until_listed(3).await;
    assert_eq!(world.mutating_calls(), calls, "it is not created again");
    assert!(world.aws.organizations().is_empty());
    // Nothing is left to delete.
    world.delete("acme").await;
    world.until_gone("acme").await;
    assert_eq!(world.mutating_calls(), calls);
}

#[rstest]
#[case::before_the_object("Deleted")]
#[case::while_the_object_waits("Deleting")]
#[tokio::test]
async fn an_organization_that_somebody_else_deleted_is_not_deleted_again(#[case] state: &str) {
    let (world, object) = watchful().await;
    let id = id(&object);
    let calls = world.mutating_calls();
    let change = |state| OrganizationChange::state(state);
    world.aws.change_organization(&id, change(state)).unwrap();
    world.until_refused("acme", Reason::OrganizationGone).await;
    world.delete("acme").await;
    if state == "Deleting" {
        world.until_refused("acme", Reason::Deleting).await;
        world.until_listed(3).await;
        world.get("acme").await;
        world
            .aws
            .change_organization(&id, change("Deleted"))
            .unwrap();
    }
    world.until_gone("acme").await;
    world.until_told("acme", "Deleted", &id).await;
    assert_eq!(world.mutating_calls(), calls, "no call for it");
}

#[tokio::test]
async fn a_young_organization_that_is_missing_is_waited_for_and_an_old_one_is_not() {
    let (world, before) = watchful().await;
    let id = id(&before);
    world.aws.remove_organization(&id).unwrap();
    world.until_listed(MORE_THAN_APART).await;
    let object = world.get("acme").await;
    assert_eq!(
        object.resource_version(),
        before.resource_version(),
        "nothing is concluded, so nothing is written"
    );
    assert!(world.warnings("acme").await.is_empty());
    assert_eq!(world.effects("CreateOrganization").len(), 1);

    age(&world).await;
    let object = world.until_refused("acme", Reason::OrganizationGone).await;
    assert_eq!(
        status(&object).organization_id.as_deref(),
        Some(id.as_str())
    );
    assert_eq!(world.effects("CreateOrganization").len(), 1);
}

#[tokio::test]
async fn an_organization_that_was_missed_once_and_is_back_was_never_gone() {
    let (world, object) = watchful().await;
    let id = id(&object);
    age(&world).await;
    let before = world.get("acme").await;
    let gone = world.aws.organization(&id).unwrap();
    world.aws.remove_organization(&id).unwrap();
    world.until_listed(5).await;
    let back = SeedOrganization {
        id: Some(id.clone()),
        tags: gone.tags.clone(),
        ..SeedOrganization::new("acme")
    };
    world.aws.seed_organization(back).unwrap();
    world.until_listed(MORE_THAN_APART).await;
    let after = world.get("acme").await;
    assert_eq!(ready(&after), ready(&before), "it was Ready all the time");
    assert!(world.warnings("acme").await.is_empty());
    assert_eq!(world.effects("CreateOrganization").len(), 1);
}

#[tokio::test]
async fn a_list_and_a_description_that_lag_behind_the_create_conclude_nothing() {
    let knobs = Knobs {
        list_missing_for: Span(Duration::from_secs(5)),
        describe_not_found_for: Span(Duration::from_secs(7)),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
    assert!(world.warnings("acme").await.is_empty());
    assert_eq!(world.calls("CreateOrganization").len(), 1);
}
