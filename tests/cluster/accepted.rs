//! What comes after AWS accepted a deletion: that it comes to nothing, and that somebody wants it back.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{
    Config, Delay, Knobs, OrganizationChange, Rule, SeedDirectory, SharedDirectory,
    Work::{self, Done, NotDone},
};
use workmail_operator::api::{FINALIZER, Reason};

use crate::world::{World, assert_not_ready, id, quick, status};

const HOUR: Duration = Duration::from_hours(1);

/// A spec whose organization is deleted with it.
fn doomed() -> Value {
    json!({"alias": "acme", "deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"}})
}

/// A world whose organization is deleted only when the clock of the endpoint is moved.
async fn world_that_deletes_slowly() -> (World, String) {
    let world = World::with(Config::with_knobs(Knobs {
        deleting_for: Delay::fixed(HOUR),
        ..quick()
    }))
    .await;
    world.create("acme", doomed()).await;
    let id = id(&world.until_active("acme").await);
    (world, id)
}

/// Asks for the deletion, and waits until AWS has accepted it and that is told; gives when it was.
async fn until_accepted(world: &World, id: &str) -> String {
    let asked = Timestamp::now();
    world.delete("acme").await;
    let event = world.until_told("acme", "DeletionStarted", id).await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    let object = world.get("acme").await;
    let accepted = status(&object).deletion.unwrap().accepted_at;
    assert!(accepted.as_second() >= asked.as_second(), "{accepted}");
    accepted.to_string()
}

/// The events about the object of that reason.
async fn told(world: &World, reason: &str) -> usize {
    let all = world.events("acme").await;
    all.iter().filter(|one| *one == reason).count()
}

#[rstest]
#[case::on_request(json!({"metadata": {"annotations": {
    "workmail-operator.dev/reconcile-requested-at": "now",
}}}), false)]
#[case::once_the_cause_is_removed(json!({"spec": {"deletion": {"deleteDirectory": false}}}), true)]
#[tokio::test]
async fn a_deletion_that_aws_accepts_and_does_not_finish_is_told_and_asked_for_again(
    #[case] patch: Value,
    #[case] goes: bool,
) {
    let knobs = Knobs {
        shared_directory: SharedDirectory::FailLater,
        ..quick()
    };
    let mut world = World::without_operator(Config::with_knobs(knobs)).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    let shared = SeedDirectory {
        other_applications: true,
        ..SeedDirectory::default()
    };
    let directory = world.aws.seed_directory(shared).unwrap();
    let mut spec = doomed();
    spec["directoryId"] = directory.id.clone().into();
    spec["deletion"]["deleteDirectory"] = true.into();
    world.create("acme", spec).await;
    let id = id(&world.until_active("acme").await);
    let confirmed = json!({"spec": {"deletion": {"confirmOrganizationId": id}}});
    world.patch("acme", confirmed).await;
    world.until_settled("acme").await;

    until_accepted(&world, &id).await;
    let object = world.until_refused("acme", Reason::DeletionBlocked).await;
    let says = [
        "Failed",
        "in use by other applications",
        "deletionPolicy to Retain",
    ];
    assert_not_ready(&object, Reason::DeletionBlocked, &says);
    assert_eq!(status(&object).state.as_deref(), Some("Failed"));
    let said = status(&object).error_message.unwrap();
    assert!(said.contains(&directory.id), "{said}");
    world.until_listed(2).await;
    assert_eq!(
        world.calls("DeleteOrganization").len(),
        1,
        "not again at once"
    );

    world.patch("acme", patch).await;
    let calls = world.until_called("DeleteOrganization", 2).await;
    assert_ne!(
        calls[0].request["ClientToken"], calls[1].request["ClientToken"],
        "it is a new intent"
    );
    if goes {
        world.until_gone("acme").await;
        world.until_told("acme", "Deleted", &id).await;
        assert_eq!(world.aws.organization(&id).unwrap().state, "Deleted");
    }
    world
        .poll("both acceptances are told", async || {
            (told(&world, "DeletionStarted").await == 2).then_some(())
        })
        .await;
    assert_eq!(told(&world, "DeletionBlocked").await, 1);
    assert_eq!(world.calls("DeleteOrganization").len(), 2);
}

#[tokio::test]
async fn a_deletion_of_somebody_else_that_comes_to_nothing_is_followed_by_the_one_asked_for() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world.create("acme", doomed()).await;
    let id = id(&world.until_active("acme").await);
    let become_ = |state| {
        let change = OrganizationChange::state(state);
        world.aws.change_organization(&id, change).unwrap();
    };
    become_("Deleting");
    world.until_refused("acme", Reason::OrganizationGone).await;
    world.delete("acme").await;
    world.until_refused("acme", Reason::Deleting).await;
    assert!(world.calls("DeleteOrganization").is_empty());
    become_("Active");
    world.until_gone("acme").await;
    world.until_told("acme", "Deleted", &id).await;
    assert_eq!(world.effects("DeleteOrganization").len(), 1);
    assert_eq!(told(&world, "DeletionStarted").await, 1);
    assert_eq!(told(&world, "DeletionBlocked").await, 0);
}

#[rstest]
#[case::retain(json!({"spec": {"deletionPolicy": "Retain"}}), "deletionPolicy is Retain")]
#[case::the_finalizer_removed_by_hand(json!({"metadata": {"finalizers": null}}), "by hand")]
#[tokio::test]
async fn a_brake_that_comes_too_late_says_that_the_mail_is_lost(
    #[case] patch: Value,
    #[case] because: &str,
) {
    let (world, id) = world_that_deletes_slowly().await;
    let accepted = until_accepted(&world, &id).await;
    world.patch("acme", patch).await;
    world.until_gone("acme").await;
    let event = world.until_told("acme", "TooLate", &id).await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    let note = event.note.unwrap();
    for text in [&accepted, "its mail is lost", because] {
        assert!(note.contains(text), "{text:?} in {note:?}");
    }
    assert_eq!(told(&world, "TooLate").await, 1);
    assert_eq!(told(&world, "Retained").await, 0);
    assert_eq!(world.metric("workmail_operator_retained_total").await, 0);
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[tokio::test]
async fn suspend_that_comes_too_late_says_so_and_holds_the_resource_without_a_call() {
    let (world, id) = world_that_deletes_slowly().await;
    until_accepted(&world, &id).await;
    world
        .patch("acme", json!({"spec": {"suspend": true}}))
        .await;
    let note = world.until_told("acme", "TooLate", &id).await.note.unwrap();
    assert!(note.contains("spec.suspend came too late"), "{note}");
    let object = world.until_refused("acme", Reason::DeletionBlocked).await;
    assert_not_ready(
        &object,
        Reason::DeletionBlocked,
        &["Set spec.suspend to false", &id],
    );
    world.aws.clock().advance(HOUR);
    world
        .patch("acme", json!({"spec": {"suspend": false}}))
        .await;
    world.until_gone("acme").await;
    world.until_told("acme", "Deleted", &id).await;
    assert_eq!(told(&world, "TooLate").await, 1);
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[tokio::test]
async fn observe_that_comes_too_late_says_so_and_the_resource_goes_with_its_organization() {
    let (world, id) = world_that_deletes_slowly().await;
    until_accepted(&world, &id).await;
    let observe = json!({"spec": {"managementPolicy": "Observe"}});
    world.patch("acme", observe).await;
    let note = world.until_told("acme", "TooLate", &id).await.note.unwrap();
    assert!(note.contains("Observe came too late"), "{note}");
    world.aws.clock().advance(HOUR);
    world.until_gone("acme").await;
    world.until_told("acme", "Deleted", &id).await;
    assert_eq!(told(&world, "TooLate").await, 1);
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[rstest]
#[case::before_its_work(NotDone)]
#[case::after_its_work(Done)]
#[tokio::test]
async fn a_brake_while_the_deletion_is_unanswered_does_not_say_that_the_organization_stays(
    #[case] work: Work,
) {
    let (mut world, id) = world_that_deletes_slowly().await;
    world.hold("DeleteOrganization", work);
    world.delete("acme").await;
    world.until_held("DeleteOrganization").await;
    world.kill().await;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    world.patch("acme", retain).await;
    world.operator.start();
    world.until_gone("acme").await;
    let note = world.until_told("acme", "TooLate", &id).await.note.unwrap();
    assert!(note.contains("the answer is not known"), "{note}");
    assert_eq!(told(&world, "Retained").await, 0);
}

#[tokio::test]
async fn a_finalizer_removed_by_hand_before_anything_was_deleted_is_told() {
    let world = World::new().await;
    let mut spec = doomed();
    spec["deletion"]["confirmOrganizationId"] = format!("m-{:032x}", 7).into();
    world.create("acme", spec).await;
    let id = id(&world.until_active("acme").await);
    world.delete("acme").await;
    world.until_refused("acme", Reason::DeletionBlocked).await;
    let bare = json!({"metadata": {"finalizers": null}});
    world.patch("acme", bare).await;
    world.until_gone("acme").await;
    let note = world
        .until_told("acme", "Retained", &id)
        .await
        .note
        .unwrap();
    for text in ["removed by hand", "stays in AWS"] {
        assert!(note.contains(text), "{text:?} in {note:?}");
    }
    assert_eq!(told(&world, "TooLate").await, 0);
    assert_eq!(world.metric("workmail_operator_retained_total").await, 1);
    assert_eq!(world.aws.organization(&id).unwrap().state, "Active");
    assert!(world.calls("DeleteOrganization").is_empty());
}

#[tokio::test]
async fn a_finalizer_removed_by_hand_beside_another_one_is_told_when_the_object_goes() {
    let (world, id) = world_that_deletes_slowly().await;
    let finalizers = |all: &[&str]| json!({"metadata": {"finalizers": all}});
    let (ours, theirs) = (FINALIZER, "example.com/theirs");
    world.patch("acme", finalizers(&[ours, theirs])).await;
    until_accepted(&world, &id).await;
    let deleting =
        r#"workmail_operator_reconciles_total{kind="WorkMailOrganization",result="Deleting"}"#;
    let before = world.metric(deleting).await;
    let object = world.patch("acme", finalizers(&[theirs])).await;
    let version = object.resource_version();
    world.until_reconciled("Deleting", before + 1).await;
    assert_eq!(told(&world, "TooLate").await, 0, "it is there still");
    assert_eq!(world.get("acme").await.resource_version(), version);
    world.patch("acme", finalizers(&[])).await;
    world.until_gone("acme").await;
    let note = world.until_told("acme", "TooLate", &id).await.note.unwrap();
    assert!(note.contains("removed by hand"), "{note}");
    assert_eq!(told(&world, "TooLate").await, 1);
}

#[tokio::test]
async fn the_answer_of_a_slow_create_counts_as_its_time() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let slow = Duration::from_secs(3);
    let rule = Rule::on("CreateOrganization", workmail_local::Fault::delay(slow));
    world.aws.fault(rule);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    let asked = world.calls("CreateOrganization")[0].at;
    let waited = status(&object).created_at.unwrap().duration_since(asked);
    // Status keeps whole seconds.
    assert!(waited.as_secs() >= 2, "{waited}");
}
