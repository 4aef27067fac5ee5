//! What AWS refuses when an organization is to be created: told once, nothing is created, nothing
//! stays pending, and it goes on once the cause is gone.

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{
    Config, Credential, DirectoryKind, Fault, Rule, SeedDirectory, SeedOrganization, SeedZone,
};
use workmail_operator::api::{ConditionType, Reason};

use crate::world::{World, assert_not_ready, condition, quick, ready, status};

const DIRECTORY: &str = "d-0123456789";
const OURS: &str = "123456789012";
const OTHERS: &str = "210987654321";
const KEY: &str = "AKIDEXAMPLE";

fn acme() -> Value {
    json!({"alias": "acme"})
}

fn on_the_directory() -> Value {
    json!({"alias": "acme", "directoryId": DIRECTORY})
}

fn in_a_zone() -> Value {
    json!({
        "alias": "acme",
        "domains": [{"domainName": "acme.example", "hostedZoneId": "Z0123456789ABC"}],
    })
}

fn nothing(_: &World) {}

fn add_the_zone(world: &World) {
    world
        .aws
        .seed_zone(SeedZone {
            id: "Z0123456789ABC".into(),
            name: "acme.example".into(),
            account: OURS.into(),
        })
        .unwrap();
}

fn take_the_alias_elsewhere(world: &World) {
    world
        .aws
        .seed_organization(SeedOrganization {
            account: OTHERS.into(),
            ..SeedOrganization::new("acme")
        })
        .unwrap();
}

fn add_the_directory(world: &World) {
    world
        .aws
        .seed_directory(SeedDirectory {
            id: Some(DIRECTORY.into()),
            alias: Some("acme".into()),
            kind: DirectoryKind::SimpleAd,
            ..SeedDirectory::default()
        })
        .unwrap();
}

fn use_the_directory(world: &World) {
    add_the_directory(world);
    world
        .aws
        .seed_organization(SeedOrganization {
            directory_id: Some(DIRECTORY.into()),
            ..SeedOrganization::new("another")
        })
        .unwrap();
}

fn remove_the_others(world: &World) {
    for organization in world.aws.organizations() {
        world.aws.remove_organization(&organization.id).unwrap();
    }
}

fn fill_the_account(world: &World) {
    world
        .aws
        .change_knobs(|knobs| knobs.organization_quota = Some(0));
}

fn raise_the_quota(world: &World) {
    world
        .aws
        .change_knobs(|knobs| knobs.organization_quota = Some(1));
}

fn deny(world: &World, action: &str) {
    world
        .aws
        .seed_credential(Credential::new(KEY, OURS).without(action))
        .unwrap();
}

fn deny_creating(world: &World) {
    deny(world, "workmail:CreateOrganization");
}

fn deny_a_directory(world: &World) {
    deny(world, "ds:CreateIdentityPoolDirectory");
}

fn allow_all(world: &World) {
    world
        .aws
        .seed_credential(Credential::new(KEY, OURS))
        .unwrap();
}

fn answer(world: &World, code: &str) {
    world.aws.fault(Rule::on(
        "CreateOrganization",
        Fault::error(code, "Not so."),
    ));
}

fn invent_a_code(world: &World) {
    answer(world, "BrandNewException");
}

fn expire_the_token(world: &World) {
    answer(world, "ExpiredTokenException");
}

fn forget_the_key(world: &World) {
    answer(world, "UnrecognizedClientException");
}

fn front_end(world: &World) {
    answer(world, "ValidationException");
}

fn unsupported(world: &World) {
    answer(world, "UnsupportedOperationException");
}

fn answer_well(world: &World) {
    world.aws.clear_faults();
}

#[rstest]
#[case::an_unknown_hosted_zone(
    in_a_zone(), nothing, add_the_zone, Reason::InvalidParameter,
    &["InvalidParameterException", "hosted zone Z0123456789ABC was not found", "Correct the spec"]
)]
#[case::a_value_that_a_front_end_refuses(
    acme(), front_end, answer_well, Reason::InvalidParameter, &["ValidationException"]
)]
#[case::an_alias_of_another_account(
    acme(), take_the_alias_elsewhere, remove_the_others, Reason::AliasUnavailable,
    &["NameAvailabilityException", "may never be free again", "another alias"]
)]
#[case::a_directory_in_use(
    on_the_directory(), use_the_directory, remove_the_others, Reason::DirectoryInUse,
    &["DirectoryInUseException", "another directoryId"]
)]
#[case::a_directory_that_is_not_there(
    on_the_directory(), nothing, add_the_directory, Reason::DirectoryUnavailable,
    &["DirectoryUnavailableException", "in the organization's region"]
)]
#[case::a_directory_that_allows_it_not(
    acme(), unsupported, answer_well, Reason::UnsupportedOperation,
    &["UnsupportedOperationException"]
)]
#[case::a_full_account(
    acme(), fill_the_account, raise_the_quota, Reason::LimitExceeded,
    &["LimitExceededException", "a higher quota"]
)]
#[case::a_role_without_the_right(
    acme(), deny_creating, allow_all, Reason::AccessDenied,
    &["not authorized to perform: workmail:CreateOrganization", "Allow workmail:CreateOrganization"]
)]
#[case::a_role_without_a_right_elsewhere(
    acme(), deny_a_directory, allow_all, Reason::AccessDenied,
    &["Allow ds:CreateIdentityPoolDirectory to the operator's role"]
)]
#[case::an_expired_token(
    acme(), expire_the_token, answer_well, Reason::AccessDenied,
    &["does not accept the operator's credentials", "ExpiredTokenException"]
)]
#[case::an_unknown_key(
    acme(), forget_the_key, answer_well, Reason::AccessDenied,
    &["does not accept the operator's credentials", "UnrecognizedClientException"]
)]
#[case::a_code_that_nobody_knows(
    acme(), invent_a_code, answer_well, Reason::UnexpectedError,
    &["BrandNewException: Not so"]
)]
#[tokio::test]
async fn a_refused_create_is_told_once_and_goes_on_when_the_cause_is_gone(
    #[case] spec: Value,
    #[case] cause: fn(&World),
    #[case] cure: fn(&World),
    #[case] reason: Reason,
    #[case] says: &[&str],
) {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    cause(&world);
    world.operator.start();
    world.create("acme", spec).await;

    let object = world.until_refused("acme", reason).await;
    assert_not_ready(&object, reason, says);
    // A second look refuses it a second time, and says nothing new.
    let again = world.look_now("acme").await;
    for (before, now) in [
        (ready(&object), ready(&again)),
        (
            condition(&object, ConditionType::Synced),
            condition(&again, ConditionType::Synced),
        ),
    ] {
        assert_eq!(before, now, "the conditions are stable");
    }
    for object in [&object, &again] {
        let status = status(object);
        assert_eq!(status.pending, None, "AWS has answered");
        assert_eq!(status.organization_id, None);
        assert_eq!(status.origin, None);
    }
    world.assert_warned_once("acme", reason).await;
    assert!(world.calls("CreateOrganization").len() >= 2);
    assert!(world.effects("CreateOrganization").is_empty());

    cure(&world);
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    let others = world
        .aws
        .organizations()
        .into_iter()
        .filter(|one| one.account != OURS);
    assert_eq!(others.count(), 0);
    world.assert_created_once_in_the_end(&object);
    world.assert_warned_once("acme", reason).await;
    // STS is asked once more about credentials that AWS did not accept.
    let rejected = says.contains(&"does not accept the operator's credentials");
    assert_eq!(
        world.calls("GetCallerIdentity").len(),
        1 + usize::from(rejected),
        "one set of credentials is asked about once"
    );
}

#[tokio::test]
async fn an_alias_of_this_account_is_left_alone_and_no_create_is_tried() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let theirs = world
        .aws
        .seed_organization(SeedOrganization {
            age: std::time::Duration::from_hours(24).into(),
            ..SeedOrganization::new("Acme")
        })
        .unwrap();
    world.operator.start();
    world.create("acme", acme()).await;

    let object = world.until_refused("acme", Reason::AlreadyExists).await;
    assert_not_ready(
        &object,
        Reason::AlreadyExists,
        &[&theirs.id, "Set adoptionPolicy to Adopt", "no owner"],
    );
    let object = world.look_now("acme").await;
    let status = status(&object);
    assert_eq!(status.pending, None, "nothing was begun");
    assert_eq!(status.organization_id, None);
    assert_eq!(status.account_id, None, "nothing is frozen either");
    world
        .assert_warned_once("acme", Reason::AlreadyExists)
        .await;
    world.assert_left_alone();

    world.aws.remove_organization(&theirs.id).unwrap();
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
}
