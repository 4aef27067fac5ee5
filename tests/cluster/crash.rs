//! The operator killed anywhere on the way from apply to Active: one organization, found again.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{
    CallFilter, Config, Delay, Fault, Knobs, Lifetime, Rule, SeedOrganization, Work,
    Work::{Done, NotDone},
};
use workmail_operator::api::{PendingOperation, Reason, WorkMailOrganization};

use crate::world::{World, quick, status};

/// A spec with an input worth comparing, and tags that make every call come about.
fn spec() -> Value {
    json!({
        "alias": "acme",
        "domains": [{"domainName": "acme.example"}],
        "tags": {"team": "mail"},
    })
}

/// An endpoint that forgets client tokens at once.
fn forgetful() -> Knobs {
    Knobs {
        client_token_lifetime: Lifetime::from(Duration::ZERO),
        ..quick()
    }
}

/// A forgetful endpoint whose organizations stay in Creating until its clock is moved.
fn forgetful_and_slow() -> Knobs {
    Knobs {
        creating_for: Delay::fixed(HOUR),
        ..forgetful()
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[rstest]
#[case::before_the_account_is_known("GetCallerIdentity", NotDone, 0)]
#[case::after_the_account_is_known("GetCallerIdentity", Done, 0)]
#[case::before_the_first_list("ListOrganizations", NotDone, 0)]
#[case::after_the_first_list("ListOrganizations", Done, 0)]
#[case::before_the_create("CreateOrganization", NotDone, 0)]
#[case::after_the_create("CreateOrganization", Done, 0)]
#[case::before_a_look_at_its_state("ListOrganizations", NotDone, 1)]
#[case::after_a_look_at_its_state("ListOrganizations", Done, 2)]
#[case::before_the_description("DescribeOrganization", NotDone, 0)]
#[case::after_the_description("DescribeOrganization", Done, 0)]
#[case::before_the_tags_are_set("TagResource", NotDone, 0)]
#[case::after_the_tags_are_set("TagResource", Done, 0)]
#[tokio::test]
async fn killed_at_any_call_it_finds_its_one_organization_again(
    #[case] operation: &str,
    #[case] work: Work,
    #[case] skip: u64,
) {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.aws.fault(
        Rule::on(operation, Fault::Hang { work })
            .skip(skip)
            .times(1),
    );
    world.operator.start();
    world.create("acme", spec()).await;
    world.until_held(operation).await;
    world.kill().await;
    world.operator.start();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
}

#[tokio::test]
async fn killed_at_each_call_in_turn_it_still_makes_one_organization() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.create("acme", spec()).await;
    for (operation, work) in [
        ("GetCallerIdentity", Done),
        ("ListOrganizations", Done),
        ("CreateOrganization", NotDone),
        ("CreateOrganization", Done),
        ("CreateOrganization", Done),
        ("ListOrganizations", Done),
        ("DescribeOrganization", Done),
        ("TagResource", NotDone),
        ("TagResource", Done),
    ] {
        world.hold(operation, work);
        world.operator.start();
        world.until_held(operation).await;
        world.kill().await;
    }
    world.operator.start();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
    assert_eq!(
        world.calls("CreateOrganization").len(),
        4,
        "repeated as often as its answer was not seen"
    );
}

type Moment = fn(&WorkMailOrganization) -> bool;

#[rstest]
#[case::the_pending_create(|object: &WorkMailOrganization| status(object).pending.is_some())]
#[case::the_id(|object: &WorkMailOrganization| status(object).organization_id.is_some())]
#[case::the_state_creating(|object: &WorkMailOrganization| {
    status(object).state.as_deref() == Some("Creating")
})]
#[case::the_managed_tags(|object: &WorkMailOrganization| {
    !status(object).managed_tag_keys.is_empty()
})]
#[case::the_state_active(|object: &WorkMailOrganization| {
    status(object).state.as_deref() == Some("Active")
})]
#[tokio::test]
async fn killed_as_soon_as_it_has_written(#[case] moment: Moment) {
    let mut world = World::new().await;
    let mut history = world.history().await;
    world.create("acme", spec()).await;
    history.until("the moment", moment).await;
    world.kill().await;
    world.operator.start();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
}

#[tokio::test]
async fn what_is_asked_of_aws_is_recorded_before_and_nothing_is_asked_of_it_while_it_is_not() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let mut history = world.history().await;
    world.hold("CreateOrganization", NotDone);
    world.operator.start();
    world.create("acme", spec()).await;
    let call = world.until_held("CreateOrganization").await;
    let object = history
        .until("pending", |object| status(object).pending.is_some())
        .await;
    let status = status(&object);
    let pending = status.pending.unwrap();
    assert_eq!(pending.operation, PendingOperation::CreateOrganization);
    assert_eq!(pending.target, "acme");
    assert_eq!(
        pending.input.unwrap().domains[0].domain_name,
        call.request["Domains"][0]["DomainName"]
    );
    assert_eq!(status.account_id.as_deref(), Some("123456789012"));
    assert_eq!(status.region.as_deref(), Some("us-east-1"));
    assert_eq!(status.organization_id, None);
    world.aws.clear_faults();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
}

#[tokio::test]
async fn killed_with_the_answer_on_its_way() {
    let mut world = World::new().await;
    world.create("acme", spec()).await;
    let answered = CallFilter::on("CreateOrganization").completed();
    world.until_calls(&answered, 1).await;
    world.kill().await;
    world.operator.start();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
}

#[rstest]
#[case::and_not_again(None)]
#[case::and_again_at_the_refusal(Some("CreateOrganization"))]
#[case::and_again_before_it_describes_what_it_found(Some("DescribeOrganization"))]
#[case::and_again_before_it_reads_the_tags_of_what_it_found(Some("ListTagsForResource"))]
#[tokio::test]
async fn killed_after_the_create_with_a_token_that_is_forgotten(#[case] again: Option<&str>) {
    let mut world = World::without_operator(Config::with_knobs(forgetful())).await;
    world.hold("CreateOrganization", Done);
    world.operator.start();
    world.create("acme", spec()).await;
    let call = world.until_held("CreateOrganization").await;
    world.kill().await;
    world
        .until_aws(&call.organization_id.unwrap(), "Active")
        .await;
    if let Some(operation) = again {
        world.hold(operation, Done);
        world.operator.start();
        world.until_held(operation).await;
        world.kill().await;
    }
    world.operator.start();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
    assert_eq!(
        world.calls("CreateOrganization").len(),
        2 + usize::from(again.is_some()),
        "asked and refused once in each life, then found by its alias"
    );
}

#[tokio::test]
async fn killed_after_the_create_with_a_token_that_is_forgotten_it_finds_it_still_creating() {
    let mut world = World::without_operator(Config::with_knobs(forgetful_and_slow())).await;
    world.hold("CreateOrganization", Done);
    world.operator.start();
    world.create("acme", spec()).await;
    let id = world
        .until_held("CreateOrganization")
        .await
        .organization_id
        .unwrap();
    world.kill().await;
    world.until_aws(&id, "Creating").await;
    world.operator.start();
    let found = world
        .until("acme", "it is found by its alias", |object| {
            status(object).organization_id.as_deref() == Some(&id)
        })
        .await;
    assert_eq!(status(&found).pending, None);
    world.aws.clock().advance(HOUR);
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
}

#[rstest]
#[case::before_the_work_with_a_token_that_lasts(NotDone, quick())]
#[case::after_the_work_with_a_token_that_lasts(Done, quick())]
#[case::before_the_work_with_a_token_that_is_forgotten(NotDone, forgetful())]
#[case::after_the_work_with_a_token_that_is_forgotten(Done, forgetful())]
#[tokio::test]
async fn a_create_whose_reply_is_lost_makes_one_organization(
    #[case] work: Work,
    #[case] knobs: Knobs,
) {
    let world = World::with(Config::with_knobs(knobs)).await;
    world
        .aws
        .fault(Rule::on("CreateOrganization", Fault::LostReply { work }).times(1));
    world.create("acme", spec()).await;
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
    assert_eq!(world.calls("CreateOrganization").len(), 2);
}

#[rstest]
#[case::an_error_of_the_service(|work| Fault::Http { status: 500, work })]
#[case::an_answer_nobody_can_read(|work| Fault::Garbage { work })]
#[tokio::test]
async fn a_create_that_went_through_behind(#[case] fault: fn(Work) -> Fault) {
    let world = World::with(Config::with_knobs(forgetful())).await;
    world
        .aws
        .fault(Rule::on("CreateOrganization", fault(Done)).times(1));
    world.create("acme", spec()).await;
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
}

#[tokio::test]
async fn a_stranger_who_took_the_alias_while_the_operator_was_dead_is_left_alone() {
    let mut world = World::without_operator(Config::with_knobs(forgetful())).await;
    world.hold("CreateOrganization", NotDone);
    world.operator.start();
    world.create("acme", spec()).await;
    world.until_held("CreateOrganization").await;
    world.kill().await;
    let theirs = SeedOrganization {
        age: HOUR.into(),
        ..SeedOrganization::new("acme")
    };
    let theirs = world.aws.seed_organization(theirs).unwrap();
    world.operator.start();
    let object = world.until_refused("acme", Reason::AlreadyExists).await;
    assert_eq!(status(&object).organization_id, None);
    assert!(world.effects("CreateOrganization").is_empty());
    assert!(world.calls("TagResource").is_empty());
    assert_eq!(
        world.aws.organization(&theirs.id).unwrap().tags,
        theirs.tags
    );
}
