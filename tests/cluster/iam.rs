//! The IAM policies of `docs/iam`: with those of a feature it works, and without one of them it does
//! not.

use std::{collections::BTreeSet, fs, path::Path};

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{Config, Credential, SeedDomain, SeedOrganization, SeedZone};
use workmail_operator::api::{ConditionStatus, Origin, Reason};

use crate::world::{World, assert_not_ready, quick, ready, status};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const ZONE: &str = "Z0123456789ABC";

const ALL: [&str; 8] = [
    "observe",
    "tags",
    "create",
    "domains",
    "hosted-zones",
    "customer-key",
    "delete",
    "delete-directory",
];

/// The actions of a policy.
fn actions(policy: &str) -> BTreeSet<String> {
    let file = format!("docs/iam/{policy}.json");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let of_statement = |statement: &Value| match statement["Action"].as_str() {
        Some(action) => vec![action.to_owned()],
        None => serde_json::from_value(statement["Action"].clone()).unwrap(),
    };
    let statements = policy["Statement"].as_array().unwrap();
    statements.iter().flat_map(of_statement).collect()
}

/// A caller who lacks what is in the other policies alone.
fn allow(world: &World, policies: &[&str]) {
    let of = |names: &[&str]| -> BTreeSet<String> {
        names.iter().flat_map(|name| actions(name)).collect()
    };
    let mut caller = Credential::new("AKIDEXAMPLE", "123456789012");
    caller.denied = of(&ALL).difference(&of(policies)).cloned().collect();
    world.aws.seed_credential(caller).unwrap();
}

async fn world_with(policies: &[&str]) -> World {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    allow(&world, policies);
    let zone = SeedZone {
        id: ZONE.to_owned(),
        name: "acme.example".to_owned(),
        account: "123456789012".to_owned(),
    };
    world.aws.seed_zone(zone).unwrap();
    world.operator.start();
    world
}

/// A spec that needs every policy.
fn everything() -> Value {
    json!({
        "alias": "acme",
        "kmsKeyArn": KEY,
        "domains": [{"domainName": "acme.example", "hostedZoneId": ZONE}],
        "tags": {"team": "platform"},
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme", "deleteDirectory": true},
    })
}

#[tokio::test]
async fn to_observe_the_policy_observe_is_enough() {
    let world = world_with(&["observe"]).await;
    let there = SeedOrganization::new("acme").with_domain(SeedDomain::new("acme.example"));
    world.aws.seed_organization(there).unwrap();
    let spec = json!({
        "alias": "acme",
        "managementPolicy": "Observe",
        "adoptionPolicy": "Adopt",
        "domains": [{"domainName": "acme.example"}],
        "tags": {"team": "platform"},
    });
    world.create("acme", spec).await;
    world
        .until("acme", "Ready, and it says what it would do", |object| {
            !status(object).planned_calls.is_empty()
                && ready(object).is_some_and(|ready| ready.status == ConditionStatus::True)
        })
        .await;
}

#[tokio::test]
async fn to_adopt_observe_and_tags_are_enough() {
    let world = world_with(&["observe", "tags"]).await;
    world
        .aws
        .seed_organization(SeedOrganization::new("acme"))
        .unwrap();
    let spec = json!({"alias": "acme", "adoptionPolicy": "Adopt", "tags": {"team": "platform"}});
    world.create("acme", spec).await;
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    world
        .patch("acme", json!({"spec": {"tags": {"team": null}}}))
        .await;
    world.until_settled("acme").await;
    assert_eq!(world.calls("UntagResource").len(), 1);
}

#[tokio::test]
async fn an_organization_with_its_domains_is_created_changed_and_deleted_with_all_policies() {
    let world = world_with(&ALL).await;
    world.create("acme", everything()).await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    world.patch("acme", json!({"spec": {"domains": []}})).await;
    world.until_settled("acme").await;
    assert_eq!(world.calls("DeregisterMailDomain").len(), 1);
    world.delete("acme").await;
    world.until_gone("acme").await;
    assert_eq!(world.effects("DeleteOrganization").len(), 1);
}

#[rstest]
#[case::observe("observe", "GetCallerIdentity")]
#[case::create("create", "CreateOrganization")]
#[case::domains("domains", "CreateOrganization")]
#[case::hosted_zones("hosted-zones", "CreateOrganization")]
#[case::customer_key("customer-key", "CreateOrganization")]
#[case::tags("tags", "TagResource")]
#[tokio::test]
async fn without_a_policy_that_it_needs_no_organization_becomes_ready(
    #[case] policy: &str,
    #[case] refused: &str,
) {
    let others: Vec<_> = ALL.into_iter().filter(|other| *other != policy).collect();
    let world = world_with(&others).await;
    world.create("acme", everything()).await;
    let object = world.until_refused("acme", Reason::AccessDenied).await;
    assert_not_ready(&object, Reason::AccessDenied, &[refused]);

    allow(&world, &ALL);
    world.look_now("acme").await;
    world.until_settled("acme").await;
}

#[rstest]
#[case::delete("delete", "workmail:DeleteOrganization")]
#[case::delete_directory("delete-directory", "ds:DeleteDirectory")]
#[tokio::test]
async fn without_a_policy_to_delete_nothing_is_deleted(#[case] policy: &str, #[case] lacks: &str) {
    let others: Vec<_> = ALL.into_iter().filter(|other| *other != policy).collect();
    let world = world_with(&others).await;
    world.create("acme", everything()).await;
    world.until_settled("acme").await;
    world.delete("acme").await;
    let object = world.until_refused("acme", Reason::AccessDenied).await;
    assert_not_ready(&object, Reason::AccessDenied, &[lacks]);
    assert!(world.effects("DeleteOrganization").is_empty());

    allow(&world, &ALL);
    world.look_now("acme").await;
    world.until_gone("acme").await;
}
