//! What AWS says of an organization, and nobody asked for.

use rstest::rstest;
use serde_json::json;
use workmail_local::{Config, Fault, OrganizationChange, Rule};
use workmail_operator::api::{ConditionType, Reason};

use crate::world::{World, assert_not_ready, condition, id, quick, ready, status};

/// A world that looks at the list every second.
async fn watchful() -> World {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world
}

#[rstest]
#[case::impaired(
    "Impaired",
    Reason::Impaired,
    &["Impaired (its directory is down)", "AWS Support"]
)]
#[case::inactive(
    "Inactive",
    Reason::Inactive,
    &["Inactive (its directory is down)", "AWS Support"]
)]
#[case::a_word_of_tomorrow(
    "Hibernating",
    Reason::UnknownState,
    &["\"Hibernating\"", "newer version"]
)]
#[tokio::test]
async fn a_state_that_may_pass_is_told_and_watched(
    #[case] state: &str,
    #[case] reason: Reason,
    #[case] says: &[&str],
) {
    let world = watchful().await;
    let active = world.until_settled("acme").await;
    let id = id(&active);
    let calls = world.mutating_calls();

    let change = OrganizationChange::state(state).error_message("its directory is down");
    world.aws.change_organization(&id, change).unwrap();
    let object = world.until_refused("acme", reason).await;
    assert_not_ready(&object, reason, &[says, &[id.as_str()]].concat());
    assert_eq!(status(&object).state.as_deref(), Some(state));
    assert_eq!(
        status(&object).error_message.as_deref(),
        Some("its directory is down")
    );
    world.look_now("acme").await;
    world.until_listed(3).await;
    world.assert_warned_once("acme", reason).await;

    world
        .aws
        .change_organization(&id, OrganizationChange::state("Active"))
        .unwrap();
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).error_message, None);
    assert_eq!(condition(&object, ConditionType::Reconciling), None);
    world.assert_warned_once("acme", reason).await;
    assert_eq!(world.mutating_calls(), calls, "nothing was changed in AWS");
}

#[rstest]
#[case::on_its_way("Deleting", "is being deleted")]
#[case::done("Deleted", "was deleted")]
#[tokio::test]
async fn a_deletion_by_somebody_else_is_told_and_nothing_is_created_again(
    #[case] state: &str,
    #[case] says: &str,
) {
    let mut world = watchful().await;
    let id = id(&world.until_settled("acme").await);
    let calls = world.mutating_calls();

    world
        .aws
        .change_organization(&id, OrganizationChange::state(state))
        .unwrap();
    let object = world.until_refused("acme", Reason::OrganizationGone).await;
    assert_not_ready(
        &object,
        Reason::OrganizationGone,
        &[&id, says, "never created again", "CloudTrail"],
    );
    let object = world.look_now("acme").await;
    assert_eq!(status(&object).organization_id, Some(id.clone()));

    // Nor after a change of the spec, nor by another process.
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    world.operator.kill_and_start();
    let object = world.look_now("acme").await;
    assert_not_ready(&object, Reason::OrganizationGone, &[&id]);
    world
        .assert_warned_once("acme", Reason::OrganizationGone)
        .await;
    assert_eq!(world.mutating_calls(), calls, "nothing was changed in AWS");
}

#[tokio::test]
async fn a_creation_that_failed_is_told_and_never_tried_again() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.aws.fault(
        Rule::on(
            "CreateOrganization",
            Fault::fail_creation("The directory could not be built."),
        )
        .times(1),
    );
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;

    let object = world.until_refused("acme", Reason::CreationFailed).await;
    let id = id(&object);
    assert_not_ready(
        &object,
        Reason::CreationFailed,
        &[
            &id,
            "The directory could not be built.",
            "not created again",
            "a new resource",
        ],
    );
    assert_eq!(status(&object).state.as_deref(), Some("Failed"));
    assert_eq!(
        status(&object).error_message.as_deref(),
        Some("The directory could not be built.")
    );

    world.look_now("acme").await;
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    world.operator.kill_and_start();
    let object = world.look_now("acme").await;
    assert_not_ready(&object, Reason::CreationFailed, &[&id]);
    world
        .assert_warned_once("acme", Reason::CreationFailed)
        .await;
    assert_eq!(world.mutating_calls(), ["CreateOrganization"]);
    assert_eq!(world.aws.organizations().len(), 1);

    // Under policy Retain it goes as any other, and the failed organization stays.
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_event("acme", "Retained").await;
    assert_eq!(world.mutating_calls(), ["CreateOrganization"]);
}

#[tokio::test]
async fn what_aws_says_in_passing_does_not_move_a_ready_object() {
    let world = watchful().await;
    let before = world.until_settled("acme").await;
    let id = id(&before);
    // The default domain is one of those that the list shows: it is read again, and nothing else moves.
    let change = OrganizationChange {
        default_mail_domain: Some("mail.example".into()),
        ..OrganizationChange::default()
    };
    world.aws.change_organization(&id, change).unwrap();
    let object = world
        .until("acme", "the new default domain", |object| {
            status(object).default_domain.as_deref() == Some("mail.example")
        })
        .await;
    assert_eq!(ready(&object), ready(&before));
    assert!(world.warnings("acme").await.is_empty());
}
