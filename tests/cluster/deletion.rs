//! `deletionPolicy: Delete`: one `DeleteOrganization`, looked after until the organization is gone.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{
    CallFilter, Config, Delay, Fault, Knobs, Lifetime, Rule, Span,
    Work::{self, Done, NotDone},
};
use workmail_operator::api::{PendingOperation, Reason};

use crate::world::{World, assert_not_ready, id, quick, ready, status};

const HOUR: Duration = Duration::from_hours(1);

/// A spec whose organization is deleted with it.
fn doomed() -> Value {
    json!({"alias": "acme", "deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"}})
}

/// A world that looks at the list every second, whatever it has concluded.
async fn watchful(knobs: Knobs) -> World {
    let mut world = World::without_operator(Config::with_knobs(knobs)).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world
}

fn slow() -> Knobs {
    Knobs {
        creating_for: Delay::fixed(HOUR),
        ..quick()
    }
}

/// Waits until the object is gone, and asserts that its organization is too: by one effect, and every
/// repeat of that call was the same call.
async fn until_deleted_once(world: &World, id: &str) {
    world.until_gone("acme").await;
    world.until_told("acme", "Deleted", id).await;
    assert_eq!(world.aws.organization(id).unwrap().state, "Deleted");
    let calls = world.calls("DeleteOrganization");
    assert_eq!(world.effects("DeleteOrganization").len(), 1, "{calls:#?}");
    assert!(
        calls.iter().all(|call| call.request == calls[0].request),
        "a repeat is the same call: {calls:#?}"
    );
    let told = world.events("acme").await;
    assert!(!told.iter().any(|reason| reason == "Retained"), "{told:?}");
}

#[rstest]
#[case::as_by_default(json!({}), false, false)]
#[case::with_its_directory(json!({"deleteDirectory": true}), true, false)]
#[case::with_its_application(json!({"deleteIdentityCenterApplication": true}), false, true)]
#[tokio::test]
async fn an_organization_is_deleted(
    #[case] how: Value,
    #[case] directory: bool,
    #[case] application: bool,
) {
    let world = World::new().await;
    let mut spec = doomed();
    for (field, value) in how.as_object().unwrap() {
        spec["deletion"][field] = value.clone();
    }
    world.create("acme", spec).await;
    let object = world.until_active("acme").await;
    let id = id(&object);
    let before = world.aws.last_call();
    world.delete("acme").await;
    let going = world
        .until("acme", "AWS is deleting it", |object| {
            status(object).state.as_deref() == Some("Deleting")
        })
        .await;
    assert_not_ready(&going, Reason::Deleting, &[&id]);
    until_deleted_once(&world, &id).await;

    let calls = world.calls("DeleteOrganization");
    assert_eq!(calls.len(), 1);
    let request = &calls[0].request;
    assert_eq!(request["OrganizationId"], *id);
    assert_eq!(request["DeleteDirectory"], directory);
    assert_eq!(request["DeleteIdentityCenterApplication"], application);
    assert_eq!(request["ForceDelete"], false);
    assert_ne!(
        request["ClientToken"],
        world.calls("CreateOrganization")[0].request["ClientToken"]
    );

    let around = world.called_after(before);
    let proof: Vec<_> = around
        .iter()
        .filter(|operation| *operation != "ListOrganizations")
        .collect();
    assert_eq!(
        proof,
        [
            "DescribeOrganization",
            "ListTagsForResource",
            "DeleteOrganization"
        ],
        "proof just before, and the list alone afterwards"
    );
    let directory_id = status(&object).directory_id.unwrap();
    let told = world.events("acme").await;
    if directory {
        assert!(!told.iter().any(|reason| reason == "DirectoryLeft"));
    } else {
        world
            .until_told("acme", "DirectoryLeft", &directory_id)
            .await;
    }
    assert_eq!(
        world.aws.directory(&directory_id).unwrap().deleted,
        directory
    );
    // It was noticed at once.
    let called = calls[0].at;
    let noticed = Timestamp::now().duration_since(called);
    assert!(noticed < SignedDuration::from_secs(60), "{noticed}");
}

#[tokio::test]
async fn a_state_that_lags_behind_the_deletion_makes_no_second_call() {
    let knobs = Knobs {
        delete_hidden_for: Span(Duration::from_secs(4)),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    world.create("acme", doomed()).await;
    let id = id(&world.until_active("acme").await);
    world.delete("acme").await;
    let call = world.until_called("DeleteOrganization", 1).await[0].sequence;
    let looks = CallFilter::on("ListOrganizations").after(call).completed();
    world.until_calls(&looks, 2).await;
    assert_eq!(
        world.aws.organization(&id).unwrap().state,
        "Active",
        "it lags"
    );
    let going = world.get("acme").await;
    assert_eq!(status(&going).state.as_deref(), Some("Deleting"));
    assert_eq!(ready(&going).unwrap().reason, "Deleting");
    until_deleted_once(&world, &id).await;
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[tokio::test]
async fn a_deleted_organization_that_vanishes_is_gone_once_it_was_missed_twice() {
    let knobs = Knobs {
        deleted_visible_for: Lifetime::from(Duration::ZERO),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    world.create("acme", doomed()).await;
    let id = id(&world.until_active("acme").await);
    world.delete("acme").await;
    world
        .poll("it vanishes", async || {
            world.aws.organization(&id).is_none().then_some(())
        })
        .await;
    let vanished = Timestamp::now();
    world.until_gone("acme").await;
    let waited = Timestamp::now().duration_since(vanished);
    assert!(
        waited >= SignedDuration::from_secs(28),
        "{waited}: seen once is not enough"
    );
    world.until_told("acme", "Deleted", &id).await;
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[rstest]
#[case::before_its_work(NotDone, quick())]
#[case::after_its_work(Done, quick())]
#[case::before_its_work_with_a_token_that_is_forgotten(NotDone, forgetful())]
#[case::after_its_work_with_a_token_that_is_forgotten(Done, forgetful())]
#[case::after_its_work_with_a_state_that_lags(Done, lagging())]
#[case::after_its_work_with_both(Done, lagging_and_forgetful())]
#[tokio::test]
async fn killed_at_the_deletion_it_deletes_once(#[case] work: Work, #[case] knobs: Knobs) {
    let mut world = watchful(knobs).await;
    world.create("acme", doomed()).await;
    let id = id(&world.until_active("acme").await);
    world.hold("DeleteOrganization", work);
    world.delete("acme").await;
    world.until_held("DeleteOrganization").await;
    let pending = status(&world.get("acme").await).pending.unwrap();
    assert_eq!(pending.operation, PendingOperation::DeleteOrganization);
    assert_eq!(pending.target, id);
    world.kill().await;
    world.operator.start();
    until_deleted_once(&world, &id).await;
}

fn forgetful() -> Knobs {
    Knobs {
        client_token_lifetime: Lifetime::from(Duration::ZERO),
        ..quick()
    }
}

fn lagging() -> Knobs {
    Knobs {
        delete_hidden_for: Span(Duration::from_secs(5)),
        ..quick()
    }
}

/// A repeat of the call is refused although the state still reads Active.
fn lagging_and_forgetful() -> Knobs {
    Knobs {
        client_token_lifetime: Lifetime::from(Duration::ZERO),
        ..lagging()
    }
}

#[tokio::test]
async fn killed_as_soon_as_the_deletion_is_recorded_it_deletes_once() {
    let mut world = World::new().await;
    let mut history = world.history().await;
    world.create("acme", doomed()).await;
    let id = id(&world.until_active("acme").await);
    world.delete("acme").await;
    history
        .until("the pending deletion", |object| {
            status(object)
                .pending
                .is_some_and(|pending| pending.operation == PendingOperation::DeleteOrganization)
        })
        .await;
    world.kill().await;
    world.operator.start();
    until_deleted_once(&world, &id).await;
}

#[rstest]
#[case::before_the_description("DescribeOrganization", NotDone)]
#[case::before_the_tags_are_read("ListTagsForResource", NotDone)]
#[case::after_the_tags_are_read("ListTagsForResource", Done)]
#[tokio::test]
async fn killed_while_it_proves_what_it_deletes(#[case] operation: &str, #[case] work: Work) {
    let mut world = World::new().await;
    world.create("acme", doomed()).await;
    let id = id(&world.until_active("acme").await);
    world.hold(operation, work);
    world.delete("acme").await;
    world.until_held(operation).await;
    assert!(world.calls("DeleteOrganization").is_empty());
    world.kill().await;
    world.operator.start();
    until_deleted_once(&world, &id).await;
}

#[rstest]
#[case::before_the_work(Fault::lost_reply_before_work(), quick())]
#[case::after_the_work(Fault::lost_reply_after_work(), quick())]
#[case::after_the_work_while_the_state_lags(Fault::lost_reply_after_work(), lagging())]
#[case::after_the_work_with_both(Fault::lost_reply_after_work(), lagging_and_forgetful())]
#[case::by_an_error_of_the_service(Fault::Http { status: 503, work: Done }, quick())]
#[tokio::test]
async fn a_deletion_whose_reply_is_lost_is_made_once(#[case] fault: Fault, #[case] knobs: Knobs) {
    let world = watchful(knobs).await;
    world.create("acme", doomed()).await;
    let id = id(&world.until_active("acme").await);
    world
        .aws
        .fault(Rule::on("DeleteOrganization", fault).times(1));
    world.delete("acme").await;
    until_deleted_once(&world, &id).await;
}

#[rstest]
#[case::in_requested(Knobs { requested_for: Delay::fixed(HOUR), ..quick() }, "Requested")]
#[case::in_creating(slow(), "Creating")]
#[tokio::test]
async fn an_organization_that_is_still_created_is_deleted_afterwards(
    #[case] knobs: Knobs,
    #[case] state: &str,
) {
    let world = World::with(Config::with_knobs(knobs)).await;
    world.create("acme", doomed()).await;
    let id = id(&world
        .until("acme", "it is under way", |object| {
            status(object).state.as_deref() == Some(state)
        })
        .await);
    world.delete("acme").await;
    let waiting = world.until_refused("acme", Reason::Deleting).await;
    assert!(ready(&waiting).unwrap().message.contains(state));
    world.until_listed(2).await;
    assert!(world.calls("DeleteOrganization").is_empty());
    world.aws.clock().advance(HOUR);
    until_deleted_once(&world, &id).await;
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
    assert_eq!(world.effects("CreateOrganization").len(), 1);
}

#[tokio::test]
async fn an_organization_that_could_not_be_created_is_deleted_too() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world
        .aws
        .fault(Rule::on("CreateOrganization", Fault::fail_creation("No.")).times(1));
    world.operator.start();
    world.create("acme", doomed()).await;
    let id = id(&world.until_refused("acme", Reason::CreationFailed).await);
    world.delete("acme").await;
    until_deleted_once(&world, &id).await;
}
