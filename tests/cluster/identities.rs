//! Credentials that are slow or broken: no call is made under any other identity, though the instance that
//! the operator runs on offers one.

use std::{fs, time::Duration};

use rstest::rstest;
use serde_json::json;
use tempfile::NamedTempFile;
use workmail_local::{CallFilter, Config, Fault, Metadata, Rule, SeedRole};
use workmail_operator::api::Reason;

use crate::world::{World, quick, status};

const OURS: &str = "210987654321";
const OURS_ROLE: &str = "arn:aws:iam::210987654321:role/operator";
/// The role of the instance, in another account.
const OTHERS: &str = "999999999999";
const OTHERS_ROLE: &str = "arn:aws:iam::999999999999:role/node";
const TOKEN: &str = "the-token";

/// An operator whose credentials are those of a web identity, on an instance with a profile of another
/// account. The file holds its token.
async fn world(token: &str) -> (World, NamedTempFile) {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let role = SeedRole::new(OURS_ROLE).web_identity_token(TOKEN);
    world.aws.seed_role(role).unwrap();
    let instance = Metadata {
        instance_role: Some(OTHERS_ROLE.into()),
        container_role: None,
    };
    world.aws.set_metadata(instance).unwrap();
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), token).unwrap();
    let url = world.aws.url();
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", None),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("AWS_EC2_METADATA_DISABLED", None),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", Some(url.as_str())),
        ("AWS_ROLE_ARN", Some(OURS_ROLE)),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.path().to_str()),
    ] {
        world.operator.set(name, value);
    }
    (world, file)
}

/// Asserts that nobody asked for anything with the credentials of the instance, STS included.
fn assert_nothing_of_others(world: &World) {
    let calls = world.aws.calls(&CallFilter::any().account(OTHERS));
    assert!(calls.is_empty(), "{calls:#?}");
}

/// Without the web identity, the instance's role would serve: the endpoint offers it.
#[tokio::test]
async fn the_instance_offers_another_identity_that_would_be_taken_without_a_web_identity() {
    let (mut world, _token) = world(TOKEN).await;
    world.operator.set("AWS_ROLE_ARN", None);
    world.operator.set("AWS_WEB_IDENTITY_TOKEN_FILE", None);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).account_id.as_deref(), Some(OTHERS));
}

#[tokio::test]
async fn a_web_identity_that_answers_after_six_seconds_is_waited_for() {
    let (mut world, _token) = world(TOKEN).await;
    let late = Fault::delay(Duration::from_secs(6));
    world.aws.fault(Rule::on("AssumeRoleWithWebIdentity", late));
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).account_id.as_deref(), Some(OURS));
    assert_nothing_of_others(&world);
}

#[rstest]
#[case::an_empty_token_file("")]
#[case::a_token_that_is_not_accepted("another-token")]
#[tokio::test]
async fn a_web_identity_that_is_broken_is_told_and_no_other_takes_its_place(#[case] token: &str) {
    let (mut world, file) = world(token).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world
        .until_refused("acme", Reason::CredentialsUnavailable)
        .await;
    assert_nothing_of_others(&world);
    assert!(world.mutating_calls().is_empty());
    fs::write(file.path(), TOKEN).unwrap();
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).account_id.as_deref(), Some(OURS));
    assert_nothing_of_others(&world);
}

#[tokio::test]
async fn a_token_file_that_is_missing_is_told_and_no_other_identity_takes_its_place() {
    let (mut world, file) = world(TOKEN).await;
    file.close().unwrap();
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world
        .until_refused("acme", Reason::CredentialsUnavailable)
        .await;
    assert_nothing_of_others(&world);
}

#[tokio::test]
async fn a_web_identity_without_an_answer_is_told_and_no_other_takes_its_place() {
    let (mut world, _token) = world(TOKEN).await;
    let operation = "AssumeRoleWithWebIdentity";
    world.aws.fault(Rule::on(operation, Fault::hang()));
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    // Asked for once more after the first try came to nothing.
    world.until_calls(&CallFilter::on(operation), 2).await;
    assert_nothing_of_others(&world);
    assert!(world.mutating_calls().is_empty());
}

#[tokio::test]
async fn a_session_that_has_expired_is_not_replaced_by_another_identity() {
    let (mut world, file) = world(TOKEN).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;
    fs::write(file.path(), "").unwrap();
    let mark = world.aws.last_call();
    world.aws.expire_sessions();
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    world
        .until("acme", "the change is refused", |object| {
            status(object).observed_generation == object.metadata.generation
        })
        .await;
    assert_nothing_of_others(&world);
    let tagged = CallFilter::on("TagResource").after(mark).with_effect();
    assert!(world.aws.calls(&tagged).is_empty());
    fs::write(file.path(), TOKEN).unwrap();
    world.look_now("acme").await;
    world.until_settled("acme").await;
    assert_eq!(world.aws.calls(&tagged).len(), 1);
    assert_nothing_of_others(&world);
}
