//! Adoptions that cannot be, cannot be yet, or that AWS makes hard.

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{CallFilter, Fault, OrganizationChange, Rule, SeedOrganization};
use workmail_operator::api::{Drift, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE};

use crate::{
    adoption::{adopt, assert_not_taken, in_state, seed, tagged, theirs, until_adopted},
    world::{World, assert_not_ready, status},
};

#[rstest]
#[case::directory(
    theirs("acme"),
    json!({"alias": "acme", "directoryId": "d-0123456789"}),
    "spec.directoryId"
)]
#[case::interoperability(
    SeedOrganization { interoperability_enabled: true, ..theirs("acme") },
    json!({"alias": "acme"}),
    "spec.enableInteroperability"
)]
#[case::alias(theirs("other"), json!({"alias": "acme"}), "spec.alias")]
#[tokio::test]
async fn what_cannot_change_and_differs_is_told_and_it_is_not_taken(
    #[case] theirs: SeedOrganization,
    #[case] mut spec: Value,
    #[case] path: &str,
) {
    let world = World::new().await;
    let theirs = seed(&world, theirs);
    spec["adoptionPolicy"] = json!("Adopt");
    spec["tags"] = json!({"team": "mail"});
    if theirs.alias != "acme" {
        spec["organizationId"] = json!(theirs.id);
    }
    let (desired, actual) = match path {
        "spec.directoryId" => ("d-0123456789", theirs.directory_id.as_str()),
        "spec.enableInteroperability" => ("false", "true"),
        _ => ("acme", "other"),
    };
    world.create("acme", spec).await;
    world
        .until_refused("acme", Reason::ImmutableFieldDiffers)
        .await;
    let object = world.look_now("acme").await;
    assert_not_ready(
        &object,
        Reason::ImmutableFieldDiffers,
        &[path, desired, actual],
    );
    assert_not_taken(&object);
    let drift = Drift {
        path: path.to_owned(),
        desired: Some(desired.to_owned()),
        actual: Some(actual.to_owned()),
    };
    let told = status(&object).drift;
    assert!(told.contains(&drift), "{told:#?}");
    world
        .assert_warned_once("acme", Reason::ImmutableFieldDiffers)
        .await;
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);
}

#[rstest]
#[case::requested("Requested")]
#[case::creating("Creating")]
#[case::validating("Validating")]
#[tokio::test]
async fn one_that_is_still_being_made_is_taken_once_it_is_active(#[case] state: &str) {
    let world = World::new().await;
    let theirs = seed(&world, in_state(state));
    world.create("acme", adopt()).await;
    let object = world.until_refused("acme", Reason::OrganizationBusy).await;
    assert_not_ready(&object, Reason::OrganizationBusy, &[&theirs.id, state]);
    assert_not_taken(&object);
    world.assert_left_alone();

    let active = OrganizationChange::state("Active");
    world.aws.change_organization(&theirs.id, active).unwrap();
    until_adopted(&world, "acme", &theirs).await;
    assert!(world.warnings("acme").await.is_empty());
    assert_eq!(world.mutating_calls(), ["TagResource"]);
}

#[rstest]
#[case::failed("Failed", Reason::CreationFailed)]
#[case::impaired("Impaired", Reason::Impaired)]
#[case::inactive("Inactive", Reason::Inactive)]
#[case::a_word_of_tomorrow("Hibernating", Reason::UnknownState)]
#[tokio::test]
async fn one_that_is_not_well_is_told_and_taken_once_it_is(
    #[case] state: &str,
    #[case] reason: Reason,
) {
    let world = World::new().await;
    let theirs = seed(&world, in_state(state));
    world.create("acme", adopt()).await;
    world.until_refused("acme", reason).await;
    let object = world.look_now("acme").await;
    assert_not_ready(&object, reason, &[&theirs.id, state]);
    assert_not_taken(&object);
    let drift = status(&object).drift;
    assert!(
        drift
            .iter()
            .any(|one| one.path == "state" && one.actual.as_deref() == Some(state)),
        "{drift:#?}"
    );
    world.assert_warned_once("acme", reason).await;
    world.assert_left_alone();

    let active = OrganizationChange::state("Active");
    world.aws.change_organization(&theirs.id, active).unwrap();
    world.ask_to_look("acme", "it is well").await;
    until_adopted(&world, "acme", &theirs).await;
}

#[rstest]
#[case::a_throttled_claim(Rule::on("TagResource", Fault::throttle()).times(2))]
#[case::a_claim_that_was_not_done(
    Rule::on("TagResource", Fault::lost_reply_before_work()).times(1)
)]
#[case::a_claim_whose_answer_is_lost(
    Rule::on("TagResource", Fault::lost_reply_after_work()).times(1)
)]
#[case::no_list(Rule::on("ListOrganizations", Fault::http(503)).times(1))]
#[case::no_description(Rule::on("DescribeOrganization", Fault::http(503)).times(2))]
#[case::no_tags(Rule::on("ListTagsForResource", Fault::garbage()).times(1))]
#[case::no_tags_after_the_claim(
    Rule::on("ListTagsForResource", Fault::throttle()).skip(1).times(2)
)]
#[tokio::test]
async fn what_aws_fails_at_is_tried_again_and_it_is_taken_once(#[case] rule: Rule) {
    let world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    world.aws.fault(rule);
    let mut spec = adopt();
    spec["tags"] = json!({"team": "mail"});
    world.create("acme", spec).await;
    until_adopted(&world, "acme", &theirs).await;
    assert!(
        world.aws.faults().iter().all(|rule| rule.hits > 0),
        "it did go wrong"
    );

    // Whatever was repeated: three tags, then a look, then the user's.
    let written = tagged(&world);
    let (users, claims) = written.split_last().unwrap();
    assert_eq!(*users, ["team"]);
    assert!(!claims.is_empty());
    for claim in claims {
        assert_eq!(*claim, [TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE]);
    }
    let writes = world.effects("TagResource");
    let [claim, users] = &writes[..] else {
        panic!("each is done once: {writes:#?}")
    };
    let between = world.aws.calls(
        &CallFilter::on("ListTagsForResource")
            .after(claim.sequence)
            .completed(),
    );
    assert!(between.iter().any(|read| read.sequence < users.sequence));
}

#[tokio::test]
async fn a_claim_that_may_not_be_made_is_told_and_made_once_it_may() {
    let world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    let denied = Fault::error("AccessDeniedException", "not authorized");
    world.aws.fault(Rule::on("TagResource", denied));
    world.create("acme", adopt()).await;
    let object = world.until_refused("acme", Reason::AccessDenied).await;
    assert_not_ready(&object, Reason::AccessDenied, &["TagResource"]);
    assert_not_taken(&object);
    world.until_event("acme", "AccessDenied").await;

    world.aws.clear_faults();
    world.ask_to_look("acme", "it may").await;
    until_adopted(&world, "acme", &theirs).await;
    world.assert_warned_once("acme", Reason::AccessDenied).await;
    assert_eq!(world.effects("TagResource").len(), 1);
}
