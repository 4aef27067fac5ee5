//! After the last day of the service: nothing is changed or concluded, and everything can go.

use serde_json::json;
use workmail_local::Config;
use workmail_operator::api::{ConditionStatus, ConditionType, Reason, WorkMailOrganization};

use crate::world::{World, condition, id, quick, ready, status};

const PAST: &str = "--end-of-service-date=2026-03-31";

fn assert_ended(object: &WorkMailOrganization) {
    let ready = ready(object).unwrap();
    assert_eq!(ready.status, ConditionStatus::Unknown);
    assert_eq!(ready.reason, "EndOfService");
    let end = condition(object, ConditionType::EndOfService).unwrap();
    assert_eq!(end.status, ConditionStatus::True);
    for message in [ready.message, end.message] {
        assert!(message.contains("ended on 2026-03-31"), "{message}");
        assert!(message.contains("can be deleted"), "{message}");
    }
    for absent in [ConditionType::Reconciling, ConditionType::Stalled] {
        assert_eq!(condition(object, absent), None);
    }
    assert_eq!(
        status(object).observed_generation,
        object.metadata.generation
    );
}

#[tokio::test]
async fn nothing_is_created_after_the_end() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.argument(PAST);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world
        .until_ready_is("acme", ConditionStatus::Unknown, Reason::EndOfService)
        .await;
    assert_ended(&object);
    assert_eq!(status(&object).pending, None);
    world.assert_left_alone();
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn an_object_under_policy_delete_goes_at_once_and_its_organization_stays() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.start();
    let spec = json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    });
    world.create("acme", spec).await;
    let before = world.until_settled("acme").await;
    let id = id(&before);

    // The service is over, and whatever it answers means nothing.
    world.operator.kill();
    world.aws.remove_organization(&id).unwrap();
    let calls = world.mutating_calls();
    world.operator.argument(PAST);
    world.operator.start();
    let object = world
        .until_ready_is("acme", ConditionStatus::Unknown, Reason::EndOfService)
        .await;
    assert_ended(&object);
    assert_eq!(status(&object).organization_id, Some(id.clone()));
    assert_eq!(status(&object).state, status(&before).state, "as last seen");
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    world
        .until("acme", "the edit is seen", |object| {
            status(object).observed_generation == Some(2)
        })
        .await;

    world.delete("acme").await;
    world.until_gone("acme").await;
    world
        .until_told("acme", "Retained", "the service has ended")
        .await;
    assert_eq!(world.mutating_calls(), calls);
    assert!(world.warnings("acme").await.is_empty());
}
