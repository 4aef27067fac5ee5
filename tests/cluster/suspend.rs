//! `spec.suspend`: AWS is left alone, and everything stays as last seen.

use serde_json::{Value, json};
use workmail_local::{CallFilter, Config};
use workmail_operator::api::{ConditionStatus, ConditionType, Reason, WorkMailOrganization};

use crate::world::{
    World, assert_not_ready, assert_told_once, condition, id, quick, ready, status,
};

/// A world that looks at the list every second.
async fn watchful() -> World {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world
}

async fn until_suspended(world: &World) -> WorkMailOrganization {
    world
        .until("acme", "Suspended", |object| {
            condition(object, ConditionType::Suspended).is_some()
        })
        .await
}

/// Asserts that AWS is called no more, for longer than the list is left alone otherwise.
async fn assert_silence(world: &World) {
    let mark = world.aws.last_call();
    let any = CallFilter::any().after(mark);
    let calls = world
        .aws
        .wait_for_calls(&any, 1, std::time::Duration::from_secs(3))
        .await;
    assert!(calls.is_err(), "{calls:#?}");
}

fn delete() -> Value {
    json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    })
}

async fn suspend(world: &World, suspend: bool) {
    world
        .patch("acme", json!({"spec": {"suspend": suspend}}))
        .await;
}

#[tokio::test]
async fn suspended_from_the_start_it_calls_nothing_until_it_goes_on() {
    let world = watchful().await;
    world
        .create("acme", json!({"alias": "acme", "suspend": true}))
        .await;
    let object = until_suspended(&world).await;
    let suspended = condition(&object, ConditionType::Suspended).unwrap();
    assert_eq!(suspended.status, ConditionStatus::True);
    assert!(suspended.message.contains("nothing is called in AWS"));
    assert_eq!(ready(&object).unwrap().status, ConditionStatus::Unknown);
    assert_eq!(ready(&object).unwrap().reason, "Suspended");
    assert_eq!(
        status(&object).observed_generation,
        Some(-1),
        "nothing was observed"
    );
    for absent in [ConditionType::Reconciling, ConditionType::Stalled] {
        assert_eq!(condition(&object, absent), None);
    }
    world.ask_to_look("acme", "now").await;
    assert_silence(&world).await;
    assert!(world.aws.journal().is_empty(), "not even its name is asked");
    assert_eq!(
        status(&world.get("acme").await).last_handled_reconcile_at,
        None
    );

    suspend(&world, false).await;
    let object = world.until_settled("acme").await;
    assert_eq!(condition(&object, ConditionType::Suspended), None);
    assert_eq!(
        status(&object).last_handled_reconcile_at.as_deref(),
        Some("now")
    );
    world.assert_created_once(&object);
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn a_suspended_organization_stays_as_last_seen() {
    let world = watchful().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_settled("acme").await;

    suspend(&world, true).await;
    let object = until_suspended(&world).await;
    assert_eq!(ready(&object), ready(&before));
    let synced = ConditionType::Synced;
    assert_eq!(condition(&object, synced), condition(&before, synced));
    assert_eq!(status(&object).observed_generation, Some(1));
    assert_eq!(object.metadata.generation, Some(2));
    assert_silence(&world).await;

    // What happens meanwhile is not looked at.
    let id = id(&before);
    let impaired = workmail_local::OrganizationChange::state("Impaired");
    world.aws.change_organization(&id, impaired).unwrap();
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    assert_silence(&world).await;
    let as_seen = |object: &WorkMailOrganization| {
        let mut status = status(object);
        // They speak of the present spec, and of nothing that was seen.
        let of_spec = ["Suspended", "Synced"];
        status
            .conditions
            .retain(|one| !of_spec.contains(&&*one.r#type));
        status
    };
    assert_eq!(as_seen(&world.get("acme").await), as_seen(&object));

    suspend(&world, false).await;
    let object = world.until_refused("acme", Reason::Impaired).await;
    assert_eq!(condition(&object, ConditionType::Suspended), None);
    let active = workmail_local::OrganizationChange::state("Active");
    world.aws.change_organization(&id, active).unwrap();
    world.until_settled("acme").await;
    assert_eq!(world.aws.organization(&id).unwrap().tags["team"], "a");
}

#[tokio::test]
async fn what_is_wrong_or_under_way_is_no_longer_so_once_suspended() {
    let world = watchful().await;
    world
        .aws
        .change_knobs(|knobs| knobs.organization_quota = Some(0));
    world.create("acme", json!({"alias": "acme"})).await;
    let refused = world.until_refused("acme", Reason::LimitExceeded).await;

    suspend(&world, true).await;
    let object = until_suspended(&world).await;
    assert_eq!(condition(&object, ConditionType::Reconciling), None);
    assert_eq!(condition(&object, ConditionType::Stalled), None);
    assert_eq!(ready(&object), ready(&refused), "as last seen");
    assert_silence(&world).await;
}

#[tokio::test]
async fn a_suspended_object_under_policy_delete_is_not_deleted_until_it_goes_on() {
    let world = watchful().await;
    world.create("acme", delete()).await;
    let id = id(&world.until_settled("acme").await);
    suspend(&world, true).await;
    until_suspended(&world).await;
    let mark = world.aws.last_call();

    world.delete("acme").await;
    let object = world.until_refused("acme", Reason::DeletionBlocked).await;
    assert_not_ready(
        &object,
        Reason::DeletionBlocked,
        &[
            "suspended",
            "Set spec.suspend to false",
            "Setting deletionPolicy to Retain releases",
        ],
    );
    assert!(condition(&object, ConditionType::Suspended).is_some());
    assert_silence(&world).await;
    assert_eq!(world.called_after(mark), [""; 0]);
    world.until_event("acme", "DeletionBlocked").await;
    world
        .assert_warned_once("acme", Reason::DeletionBlocked)
        .await;
    assert_eq!(world.aws.organization(&id).unwrap().state, "Active");

    suspend(&world, false).await;
    world.until_gone("acme").await;
    assert_eq!(world.aws.organization(&id).unwrap().state, "Deleted");
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
    world.until_event("acme", "Deleted").await;
}

#[tokio::test]
async fn a_suspended_object_under_policy_delete_is_let_go_by_the_brake() {
    let world = watchful().await;
    world.create("acme", delete()).await;
    let id = id(&world.until_settled("acme").await);
    suspend(&world, true).await;
    until_suspended(&world).await;
    world.delete("acme").await;
    world.until_refused("acme", Reason::DeletionBlocked).await;
    let mark = world.aws.last_call();

    world
        .patch("acme", json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    world.until_gone("acme").await;
    world.until_event("acme", "Retained").await;
    assert_eq!(world.called_after(mark), [""; 0]);
    assert_eq!(world.aws.organization(&id).unwrap().state, "Active");
}

#[tokio::test]
async fn a_suspended_object_that_was_never_created_goes_at_once() {
    let world = watchful().await;
    let mut spec = delete();
    spec["suspend"] = json!(true);
    world.create("acme", spec).await;
    let object = until_suspended(&world).await;
    assert!(
        object.metadata.finalizers.is_some(),
        "the finalizer asks nothing of AWS"
    );
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_event("acme", "Released").await;
    assert!(world.aws.journal().is_empty());
}

#[rstest::rstest]
#[case::alone(json!({"suspend": true}), ConditionStatus::True)]
#[case::with_a_change(json!({"suspend": true, "tags": {"team": "a"}}), ConditionStatus::Unknown)]
#[tokio::test]
async fn no_condition_claims_that_a_change_which_came_with_suspend_is_applied(
    #[case] spec: Value,
    #[case] synced: ConditionStatus,
) {
    let world = watchful().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_settled("acme").await;
    world.patch("acme", json!({"spec": spec})).await;
    let object = until_suspended(&world).await;
    assert_eq!(ready(&object), ready(&before), "as last seen");
    assert!(!ready(&object).unwrap().message.contains("spec"));
    let told = condition(&object, ConditionType::Synced).unwrap();
    assert_eq!(told.status, synced, "{told:?}");
    let says = "The last change of the spec is not applied";
    assert_eq!(
        told.message.contains(says),
        synced == ConditionStatus::Unknown
    );
    assert_told_once(&object);
    assert_silence(&world).await;

    // A later change is not applied either.
    let change = json!({"spec": {"tags": {"team": "b"}}});
    let generation = world
        .patch("acme", change)
        .await
        .metadata
        .generation
        .unwrap();
    let object = world
        .until("acme", "the change is seen", |object| {
            condition(object, ConditionType::Suspended)
                .is_some_and(|told| told.observed_generation == generation)
        })
        .await;
    let told = condition(&object, ConditionType::Synced).unwrap();
    assert_eq!(told.status, ConditionStatus::Unknown);
    suspend(&world, false).await;
    let object = world.until_settled("acme").await;
    let told = condition(&object, ConditionType::Synced).unwrap();
    assert_eq!(told.status, ConditionStatus::True);
    assert_told_once(&object);
}
