//! Consents to take over, where something else stands in the way.

use serde_json::json;
use workmail_local::{Fault, Rule};
use workmail_operator::api::{ConditionStatus, Origin, Reason};

use crate::{
    adoption::{adopt, assert_not_taken, seed, theirs},
    observing::synced,
    two_clusters::{annotate, changes_by, clusters, owner, until_owned},
    world::{assert_not_ready, id, status},
};

#[tokio::test]
async fn a_former_owner_that_has_not_noticed_takes_it_back_at_once() {
    let [blue, green] = clusters().await;
    let theirs = seed(&blue, theirs("acme"));
    blue.create("acme", adopt()).await;
    until_owned(&blue, &theirs).await;
    green.create("acme", adopt()).await;
    green.until_refused("acme", Reason::OwnershipConflict).await;
    annotate(&green, &owner(&blue, "blue")).await;
    until_owned(&green, &theirs).await;

    // It is still Ready: its last whole look is not an hour old.
    annotate(&blue, &owner(&green, "green")).await;
    blue.until_called("TagResource", 3).await;
    let object = blue.until_settled("acme").await;
    blue.assert_tagged(&blue.aws.organization(&theirs.id).unwrap(), &object);
}

#[tokio::test]
async fn what_cannot_change_and_differs_is_not_taken_over() {
    let [blue, green] = clusters().await;
    let theirs = seed(&blue, theirs("acme"));
    blue.create("acme", adopt()).await;
    until_owned(&blue, &theirs).await;
    let mut spec = adopt();
    spec["directoryId"] = json!("d-0123456789");
    green.create("acme", spec).await;
    green.until_refused("acme", Reason::OwnershipConflict).await;
    annotate(&green, &owner(&blue, "blue")).await;
    let object = green
        .until_refused("acme", Reason::ImmutableFieldDiffers)
        .await;
    assert_not_ready(
        &object,
        Reason::ImmutableFieldDiffers,
        &[&theirs.directory_id],
    );
    assert_not_taken(&object);
    assert_eq!(changes_by(&green, "green"), []);
    blue.look_now("acme").await;
    until_owned(&blue, &theirs).await;
}

#[tokio::test]
async fn under_observe_a_consent_is_planned_and_used_only_under_full() {
    let [blue, green] = clusters().await;
    let theirs = seed(&blue, theirs("acme"));
    blue.create("acme", adopt()).await;
    until_owned(&blue, &theirs).await;
    let mut spec = adopt();
    spec["managementPolicy"] = json!("Observe");
    green.create("acme", spec).await;
    green.until_settled("acme").await;
    annotate(&green, &owner(&blue, "blue")).await;
    let object = green.look_now("acme").await;
    assert_eq!(id(&object), theirs.id);
    assert_eq!(status(&object).origin, None);
    assert_eq!(synced(&object).status, ConditionStatus::False);
    assert_eq!(
        status(&object).planned_calls,
        [crate::observing::CLAIM],
        "the claim"
    );
    assert_eq!(changes_by(&green, "green"), []);

    let full = json!({"spec": {"managementPolicy": "Full"}});
    green.patch("acme", full).await;
    until_owned(&green, &theirs).await;
    assert_eq!(changes_by(&green, "green").len(), 1);
}

#[tokio::test]
async fn a_take_over_that_aws_fails_at_is_tried_again_and_done_once() {
    let [blue, green] = clusters().await;
    let theirs = seed(&blue, theirs("acme"));
    blue.create("acme", adopt()).await;
    until_owned(&blue, &theirs).await;
    let lost = Fault::lost_reply_after_work();
    green.aws.fault(Rule::on("TagResource", lost).times(1));
    let describe = Rule::on("DescribeOrganization", Fault::http(503)).times(1);
    green.aws.fault(describe);
    let mut spec = adopt();
    spec["adoptionPolicy"] = json!("Create");
    spec["tags"] = json!({"team": "mail"});
    green.create("acme", spec).await;
    annotate(&green, &owner(&blue, "blue")).await;
    until_owned(&green, &theirs).await;
    let object = green.get("acme").await;
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    let events = green.events("acme").await;
    let adopted = events.iter().filter(|event| *event == "Adopted").count();
    assert_eq!(adopted, 1, "{events:?}");
    let calls = changes_by(&green, "green");
    let done = calls.iter().filter(|call| call.effect).count();
    assert_eq!(done, 2, "the claim, and the user's tags: {calls:#?}");
    assert!(calls.iter().all(|call| call.operation == "TagResource"));
}
