//! Which changes of a spec the API server takes: immutable fields, and the emergency brake.

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::Config;
use workmail_operator::api::DeletionPolicy;

use crate::world::World;

const IMMUTABLE: &str = "create a new resource instead (to delete this one, set deletionPolicy to \
                         Retain first)";

fn whole() -> Value {
    json!({
        "alias": "acme",
        "region": "us-east-1",
        "directoryId": "d-0123456789",
        "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
        "enableInteroperability": true,
        "domains": [
            {"domainName": "a.example", "hostedZoneId": "Z1"},
            {"domainName": "b.example"},
        ],
    })
}

fn bare() -> Value {
    json!({"alias": "acme"})
}

async fn with(spec: Value) -> World {
    let world = World::without_operator(Config::default()).await;
    world.create("acme", spec).await;
    world
}

#[rstest]
#[case::another_alias(bare(), json!({"alias": "acme2"}), "alias is immutable")]
#[case::another_case_of_the_alias(bare(), json!({"alias": "Acme"}), "alias is immutable")]
#[case::another_region(whole(), json!({"region": "us-west-2"}), "region is immutable")]
#[case::a_region(bare(), json!({"region": "us-west-2"}), "region is immutable")]
#[case::no_region(whole(), json!({"region": null}), "region is immutable")]
#[case::another_directory(
    whole(),
    json!({"directoryId": "d-9999999999"}),
    "directoryId is immutable"
)]
#[case::a_directory(bare(), json!({"directoryId": "d-9999999999"}), "directoryId is immutable")]
#[case::no_directory(
    whole(),
    json!({"directoryId": null, "enableInteroperability": false}),
    "directoryId is immutable"
)]
#[case::another_key(
    whole(),
    json!({"kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/2"}),
    "kmsKeyArn is immutable"
)]
#[case::a_key(
    bare(),
    json!({"kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/2"}),
    "kmsKeyArn is immutable"
)]
#[case::no_key(whole(), json!({"kmsKeyArn": null}), "kmsKeyArn is immutable")]
#[case::no_interoperability(
    whole(),
    json!({"enableInteroperability": false}),
    "enableInteroperability is immutable"
)]
#[tokio::test]
async fn what_aws_cannot_change_is_refused_with_the_way_out(
    #[case] before: Value,
    #[case] change: Value,
    #[case] says: &str,
) {
    let world = with(before).await;
    let said = world
        .try_patch("acme", json!({"spec": change}))
        .await
        .expect_err("it is refused");
    for text in [says, IMMUTABLE] {
        assert!(said.contains(text), "{text:?} in {said:?}");
    }
    assert_eq!(world.get("acme").await.metadata.generation, Some(1));
}

#[tokio::test]
async fn interoperability_cannot_be_added_even_where_there_is_a_directory() {
    let world = with(json!({"alias": "acme", "directoryId": "d-0123456789"})).await;
    let said = world
        .try_patch("acme", json!({"spec": {"enableInteroperability": true}}))
        .await
        .unwrap_err();
    assert!(
        said.contains("enableInteroperability is immutable"),
        "{said}"
    );
}

#[tokio::test]
async fn domains_in_another_order_are_the_same_domains() {
    let world = with(whole()).await;
    let other_order = json!([
        {"domainName": "b.example"},
        {"domainName": "a.example", "hostedZoneId": "Z1"},
    ]);
    world
        .patch("acme", json!({"spec": {"domains": other_order}}))
        .await;
}

#[rstest]
#[case::tags(json!({"tags": {"team": "a"}}))]
#[case::suspend(json!({"suspend": true}))]
#[case::a_deletion(json!({"deletion": {"confirmAlias": "acme", "deleteDirectory": true}}))]
#[case::the_policy(json!({"deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"}}))]
#[tokio::test]
async fn what_is_not_in_aws_may_change_at_any_time_and_back(#[case] change: Value) {
    let world = with(whole()).await;
    world.patch("acme", json!({"spec": change})).await;
    let back =
        json!({"tags": null, "suspend": false, "deletion": null, "deletionPolicy": "Retain"});
    let object = world.patch("acme", json!({"spec": back})).await;
    assert_eq!(object.spec.deletion_policy, DeletionPolicy::Retain);
    assert_eq!(object.metadata.generation, Some(3));
}

#[rstest]
#[case::alone(json!({"deletionPolicy": "Retain"}))]
#[case::with_the_confirmations_gone(json!({"deletionPolicy": "Retain", "deletion": null}))]
#[case::with_another_alias_confirmed(
    json!({"deletionPolicy": "Retain", "deletion": {"confirmAlias": "another"}})
)]
#[case::with_a_force_that_nobody_confirmed(
    json!({"deletionPolicy": "Retain", "deletion": {"forceDelete": true, "confirmOrganizationId": null}})
)]
#[case::by_leaving_the_policy_out(json!({"deletionPolicy": null}))]
#[tokio::test]
async fn the_emergency_brake_is_one_patch(#[case] brake: Value) {
    let id = format!("m-{}", "0".repeat(32));
    let world = with(json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme", "forceDelete": true, "confirmOrganizationId": id},
    }))
    .await;
    let object = world.patch("acme", json!({"spec": brake})).await;
    assert_eq!(object.spec.deletion_policy, DeletionPolicy::Retain);
}

#[rstest]
#[case::the_confirmation(json!({"deletion": null}))]
#[case::the_confirmed_alias(json!({"deletion": {"confirmAlias": null}}))]
#[case::the_right_alias(json!({"deletion": {"confirmAlias": "another"}}))]
#[tokio::test]
async fn under_policy_delete_nobody_takes_away(#[case] change: Value) {
    let world = with(json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    }))
    .await;
    let said = world
        .try_patch("acme", json!({"spec": change}))
        .await
        .unwrap_err();
    assert!(said.contains("deletion.confirmAlias"), "{said}");
}
