//! Transient errors: reported in the status and in no event, and retried automatically.

use rstest::rstest;
use serde_json::json;
use workmail_local::{Config, Fault, Reply, Rule, Work};
use workmail_operator::api::{Class, Reason};

use crate::world::{World, assert_not_ready, page, quick, status};

#[rstest]
#[case::throttled(Fault::throttle(), Reason::Throttled, "more slowly")]
#[case::throttled_by_a_front_end(Fault::too_many_requests(), Reason::Throttled, "more slowly")]
#[case::out_of_order(Fault::http(503), Reason::ServiceUnavailable, "a fault of its own")]
#[case::failing(
    Fault::Error { code: "InternalFailure".into(), message: String::new(), status: 500, work: Work::NotDone },
    Reason::ServiceUnavailable,
    "a fault of its own"
)]
#[case::talking_nonsense(Fault::garbage(), Reason::ServiceUnavailable, "cannot be read")]
#[case::talking_nonsense_after_the_work(
    Fault::Garbage { work: Work::Done },
    Reason::ServiceUnavailable,
    "cannot be read"
)]
#[case::hanging_up(
    Fault::lost_reply_before_work(),
    Reason::ServiceUnavailable,
    "could not be reached"
)]
#[case::hanging_up_after_the_work(
    Fault::lost_reply_after_work(),
    Reason::ServiceUnavailable,
    "could not be reached"
)]
#[tokio::test]
async fn while_aws_is(#[case] fault: Fault, #[case] reason: Reason, #[case] says: &str) {
    let world = World::new().await;
    world
        .aws
        .fault(Rule::on("CreateOrganization", fault.clone()));
    world.create("acme", json!({"alias": "acme"})).await;

    let object = world.until_refused("acme", reason).await;
    assert_eq!(reason.class(), Class::Transient);
    assert_not_ready(&object, reason, &[says, "CreateOrganization"]);
    let pending = status(&object).pending.expect("the intent stays recorded");
    assert_eq!(pending.target, "acme");

    world.aws.clear_faults();
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    assert!(world.warnings("acme").await.is_empty(), "it makes no event");
}

#[tokio::test]
async fn an_aws_that_never_answers_is_waited_for_15_seconds_and_asked_again() {
    let world = World::new().await;
    world
        .aws
        .fault(Rule::on("CreateOrganization", Fault::hang()));
    world.create("acme", json!({"alias": "acme"})).await;

    let object = world
        .until_refused("acme", Reason::ServiceUnavailable)
        .await;
    assert_not_ready(
        &object,
        Reason::ServiceUnavailable,
        &["did not answer in time on CreateOrganization"],
    );
    let call = world.calls("CreateOrganization").remove(0);
    assert_eq!(call.reply, Reply::Abandoned);
    let waited = call.completed_at.unwrap().duration_since(call.at);
    assert!(waited.as_secs() >= 13, "{waited:?}");
    assert!(waited.as_secs() < 20, "{waited:?}");

    world.aws.clear_faults();
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    assert!(world.warnings("acme").await.is_empty(), "it makes no event");
}

#[rstest]
#[case::the_list("ListOrganizations", Fault::throttle(), Reason::Throttled)]
#[case::a_page_of_the_list("ListOrganizations", Fault::garbage(), Reason::ServiceUnavailable)]
#[case::the_account("GetCallerIdentity", Fault::http(500), Reason::ServiceUnavailable)]
#[tokio::test]
async fn nothing_is_created_by_one_who_cannot_see(
    #[case] operation: &str,
    #[case] fault: Fault,
    #[case] reason: Reason,
) {
    let world = World::new().await;
    world.aws.fault(Rule::on(operation, fault.clone()));
    let object = world.create("acme", json!({"alias": "acme"})).await;

    world.until_called(operation, 2).await;
    let seen = world.until_refused("acme", reason).await;
    assert_not_ready(&seen, reason, &[operation]);
    assert_eq!(
        status(&seen).pending,
        None,
        "nothing is recorded before a look"
    );
    assert_eq!(status(&seen).account_id, None);
    world.assert_left_alone();

    world.aws.clear_faults();
    let settled = world.until_settled("acme").await;
    assert_eq!(settled.metadata.uid, object.metadata.uid);
    world.assert_created_once(&settled);
    assert!(world.warnings("acme").await.is_empty(), "it makes no event");
}

#[tokio::test]
async fn without_aws_the_operator_starts_and_is_ready_and_goes_on_when_aws_is_back() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.aws.stop().await;
    world.operator.start();
    let (probes, _) = world.operator.addresses().await;
    for path in ["/livez", "/readyz"] {
        world
            .poll(path, async || {
                page(probes, path).await.filter(|(code, _)| *code == 200)
            })
            .await;
    }
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world
        .until_refused("acme", Reason::ServiceUnavailable)
        .await;
    assert_not_ready(
        &object,
        Reason::ServiceUnavailable,
        &[
            "AWS STS could not be reached",
            "Nothing needs to be done unless this lasts",
        ],
    );
    assert_eq!(page(probes, "/readyz").await.unwrap().0, 200);

    world.aws.resume().await.unwrap();
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    assert!(world.warnings("acme").await.is_empty(), "it makes no event");
}

#[tokio::test]
async fn a_ready_object_is_left_as_it_is_while_aws_cannot_be_looked_at() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_settled("acme").await;

    world
        .aws
        .fault(Rule::on("ListOrganizations", Fault::http(503)));
    world.until_listed(3).await;
    world
        .operator
        .until_logged("that it cannot look", |line| {
            line["message"] == "the organizations could not be listed"
        })
        .await;
    // Asked to look, it cannot either.
    let reconciles =
        r#"workmail_operator_reconciles_total{kind="WorkMailOrganization",result="Active"}"#;
    let so_far = world.metric(reconciles).await;
    world.ask_to_look("acme", "now").await;
    world
        .poll("a look that fails", async || {
            (world.metric(reconciles).await > so_far).then_some(())
        })
        .await;
    let after = world.get("acme").await;
    assert_eq!(after.status, before.status, "not a word of it is written");
    assert!(world.warnings("acme").await.is_empty());

    world.aws.clear_faults();
    world
        .until("acme", "the look is done", |object| {
            status(object).last_handled_reconcile_at.as_deref() == Some("now")
        })
        .await;
}
