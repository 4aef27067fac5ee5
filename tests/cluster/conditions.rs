//! Conditions as tools read them: the shape of each phase, and times that move with the status alone.

use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use workmail_local::{CallFilter, Config, Fault, Knobs, OrganizationChange, Rule};
use workmail_operator::api::{
    ConditionStatus, ConditionType, RECONCILE_REQUESTED_AT, Reason, WorkMailOrganization,
};

use crate::world::{World, assert_not_ready, condition, id, quick, ready, status};

/// An endpoint that changes nothing by itself for an hour.
fn still() -> Knobs {
    let hour = std::time::Duration::from_hours(1).into();
    Knobs {
        requested_for: hour,
        creating_for: hour,
        ..quick()
    }
}

/// Every type of condition the object has, in alphabetical order.
fn types(object: &WorkMailOrganization) -> Vec<String> {
    let mut types: Vec<_> = status(object)
        .conditions
        .into_iter()
        .map(|condition| condition.r#type)
        .collect();
    types.sort();
    types
}

#[tokio::test]
async fn each_phase_of_a_creation_has_the_shape_that_kstatus_reads() {
    let world = World::with(Config::with_knobs(still())).await;
    world.create("acme", json!({"alias": "acme"})).await;
    let under_way = ["EndOfService", "Ready", "Reconciling", "Synced"];

    let object = world.until_refused("acme", Reason::Requested).await;
    let id = id(&object);
    assert_not_ready(
        &object,
        Reason::Requested,
        &[&id, "AWS accepted the creation"],
    );
    assert_eq!(types(&object), under_way);
    assert_eq!(status(&object).state.as_deref(), Some("Requested"));
    let since = ready(&object).unwrap().last_transition_time;

    for word in ["Creating", "Validating"] {
        world
            .aws
            .change_organization(&id, OrganizationChange::state(word))
            .unwrap();
        let object = world
            .until("acme", word, |object| {
                status(object).state.as_deref() == Some(word)
            })
            .await;
        assert_not_ready(&object, Reason::Creating, &[&id]);
        assert_eq!(types(&object), under_way);
        assert_eq!(ready(&object).unwrap().last_transition_time, since);
    }

    world
        .aws
        .change_organization(&id, OrganizationChange::state("Active"))
        .unwrap();
    let object = world.until_settled("acme").await;
    assert_eq!(types(&object), ["EndOfService", "Ready", "Synced"]);
    for kind in [ConditionType::Ready, ConditionType::Synced] {
        let told = condition(&object, kind).unwrap();
        assert_eq!(told.status, ConditionStatus::True);
        assert_eq!(told.reason, "Active");
        assert_eq!(told.observed_generation, 1);
        assert!(told.last_transition_time <= Timestamp::now());
    }
    assert_eq!(
        world.mutating_calls(),
        ["CreateOrganization", "TagResource"]
    );
    assert_eq!(
        world.events("acme").await,
        ["Active"],
        "the way there makes no other event"
    );
}

#[tokio::test]
async fn the_time_of_a_condition_moves_with_its_status_and_with_nothing_else() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let first = world.until_settled("acme").await;
    let times = |object: &WorkMailOrganization| {
        let mut times: Vec<_> = status(object)
            .conditions
            .into_iter()
            .map(|one| (one.r#type, one.last_transition_time))
            .collect();
        times.sort();
        times
    };
    // Let time pass: a second later, everything that moved would show it.
    let second = first.status.as_ref().unwrap().conditions[0]
        .last_transition_time
        .as_second();
    world
        .poll("the next second", async || {
            (Timestamp::now().as_second() > second + 1).then_some(())
        })
        .await;

    for value in ["a", "b"] {
        world
            .patch("acme", json!({"spec": {"tags": {"team": value}}}))
            .await;
        let edited = world.until_settled("acme").await;
        assert_eq!(times(&edited), times(&first), "an edit that keeps Ready");
        for kind in [ConditionType::Ready, ConditionType::Synced] {
            let told = condition(&edited, kind).unwrap();
            assert_eq!(Some(told.observed_generation), edited.metadata.generation);
        }
    }

    let id = id(&first);
    world
        .aws
        .change_organization(&id, OrganizationChange::state("Impaired"))
        .unwrap();
    let impaired = world.until_refused("acme", Reason::Impaired).await;
    let moved = ready(&impaired).unwrap().last_transition_time;
    assert!(moved > ready(&first).unwrap().last_transition_time);
    world
        .aws
        .change_organization(&id, OrganizationChange::state("Inactive"))
        .unwrap();
    let inactive = world.until_refused("acme", Reason::Inactive).await;
    assert_eq!(
        ready(&inactive).unwrap().last_transition_time,
        moved,
        "False for another reason is False"
    );
}

#[tokio::test]
async fn the_end_of_the_service_is_announced_with_its_date() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_settled("acme").await;
    let end = condition(&object, ConditionType::EndOfService).unwrap();
    assert_eq!(end.status, ConditionStatus::False);
    assert_eq!(end.reason, "Announced");
    let page =
        "https://docs.aws.amazon.com/workmail/latest/adminguide/workmail-end-of-support.html";
    for text in ["2027-03-31", "days left", "export the mailboxes", page] {
        assert!(end.message.contains(text), "{text} in {}", end.message);
    }
}

#[tokio::test]
async fn a_requested_look_is_whole_and_is_echoed_once_it_is_done() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;
    let before = world.look_now("acme").await;
    let mark = world.aws.last_call();

    world
        .aws
        .fault(Rule::on("ListTagsForResource", Fault::hang()).times(1));
    let asked = "second";
    world.ask_to_look("acme", asked).await;
    world.until_held("ListTagsForResource").await;
    let object = world.get("acme").await;
    assert_eq!(object.status, before.status, "it is not done yet");

    world.aws.release(None);
    let object = world
        .until("acme", "the look is done", |object| {
            status(object).last_handled_reconcile_at.as_deref() == Some(asked)
        })
        .await;
    let whole = [
        "ListOrganizations",
        "DescribeOrganization",
        "ListTagsForResource",
        "ListMailDomains",
    ];
    assert_eq!(
        world.called_after(mark),
        whole,
        "each once, and nothing else"
    );
    assert_eq!(status(&object).conditions, status(&before).conditions);
    assert_eq!(object.metadata.generation, Some(1));

    // The same value again asks for nothing; nor does another annotation.
    world
        .patch(
            "acme",
            json!({"metadata": {"annotations": {
                RECONCILE_REQUESTED_AT: asked,
                "example.com/note": "x",
            }}}),
        )
        .await;
    world.create("other", json!({"alias": "other"})).await;
    world.until_settled("other").await;
    let id = id(&object);
    let more = CallFilter::any().after(mark).organization(id);
    let more: Vec<_> = world.aws.calls(&more);
    assert_eq!(more.len(), 3, "{more:#?}");
}

#[tokio::test]
async fn a_requested_look_goes_past_the_backoff() {
    let world = World::new().await;
    world
        .aws
        .change_knobs(|knobs| knobs.organization_quota = Some(0));
    world.create("acme", json!({"alias": "acme"})).await;
    // A backoff that doubles: soon it is far longer than a look on request takes.
    for calls in 1..=6 {
        world.until_called("CreateOrganization", calls).await;
        world.look_now("acme").await;
    }
    world
        .aws
        .change_knobs(|knobs| knobs.organization_quota = None);
    world.look_now("acme").await;
    world.until_settled("acme").await;
    world
        .assert_warned_once("acme", Reason::LimitExceeded)
        .await;
}
