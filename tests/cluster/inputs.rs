//! What of a spec goes to AWS with the create.

use serde_json::{Map, Value, json};
use workmail_local::{Config, DirectoryKind, SeedDirectory, SeedZone};
use workmail_operator::api::Reason;

use crate::world::{World, assert_not_ready, quick, status};

const DIRECTORY: &str = "d-0123456789";

#[tokio::test]
async fn every_field_of_the_spec_goes_along_and_zoned_domains_go_first() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world
        .aws
        .seed_directory(SeedDirectory {
            id: Some(DIRECTORY.into()),
            region: "eu-west-1".into(),
            alias: Some("acme".into()),
            kind: DirectoryKind::AdConnector,
            ..SeedDirectory::default()
        })
        .unwrap();
    world
        .aws
        .seed_zone(SeedZone {
            id: "Z1".into(),
            name: "zoned.example".into(),
            account: "123456789012".into(),
        })
        .unwrap();
    world.operator.start();
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1";
    let spec = json!({
        "alias": "acme",
        "region": "eu-west-1",
        "directoryId": DIRECTORY,
        "kmsKeyArn": key,
        "enableInteroperability": true,
        "domains": [
            {"domainName": "b.example"},
            {"domainName": "zoned.example", "hostedZoneId": "Z1"},
            {"domainName": "a.example"},
        ],
    });
    let uid = world.create("acme", spec).await.metadata.uid;
    let object = world.until_settled("acme").await;

    let calls = world.calls("CreateOrganization");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].region.as_deref(), Some("eu-west-1"));
    assert_eq!(
        calls[0].request,
        json!({
            "Alias": "acme",
            "ClientToken": uid,
            "DirectoryId": DIRECTORY,
            "KmsKeyArn": key,
            "EnableInteroperability": true,
            "Domains": [
                {"DomainName": "zoned.example", "HostedZoneId": "Z1"},
                {"DomainName": "b.example"},
                {"DomainName": "a.example"},
            ],
        })
    );
    let status = status(&object);
    assert_eq!(status.region.as_deref(), Some("eu-west-1"));
    assert_eq!(status.directory_id.as_deref(), Some(DIRECTORY));
    assert_eq!(status.interoperability_enabled, Some(true));
    assert!(
        world
            .aws
            .journal()
            .iter()
            .filter(|call| call.operation != "GetCallerIdentity")
            .all(|call| call.region.as_deref() == Some("eu-west-1")),
        "WorkMail is called in no other region"
    );
}

#[tokio::test]
async fn a_bare_spec_sends_nothing_that_was_not_asked_for() {
    let world = World::new().await;
    let uid = world
        .create("acme", json!({"alias": "Acme-1"}))
        .await
        .metadata
        .uid;
    world.until_settled("acme").await;
    let bare = json!({"Alias": "Acme-1", "ClientToken": uid});
    assert_eq!(world.calls("CreateOrganization")[0].request, bare);
}

#[tokio::test]
async fn as_many_tags_as_the_spec_takes_fit_beside_those_of_ownership() {
    let world = World::new().await;
    let tags: Map<String, Value> = (0..47)
        .map(|number| (format!("key-{number}"), json!("x")))
        .collect();
    world
        .create("acme", json!({"alias": "acme", "tags": tags}))
        .await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    assert_eq!(world.aws.organizations()[0].tags.len(), 50);

    // All of them anew: neither AWS nor the record has room for both.
    let mut anew: Map<String, Value> = (0..47)
        .map(|number| (format!("other-{number}"), json!("x")))
        .collect();
    anew.extend(tags.keys().map(|key| (key.clone(), Value::Null)));
    world.patch("acme", json!({"spec": {"tags": anew}})).await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    let tags = world.aws.organizations()[0].tags.clone();
    assert_eq!(tags.len(), 50);
    assert!(!tags.contains_key("key-0"));
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn without_a_region_anywhere_the_object_says_where_to_name_one() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.set("AWS_REGION", None);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world
        .create("other", json!({"alias": "other", "region": "us-west-2"}))
        .await;
    let object = world.until_refused("acme", Reason::InvalidParameter).await;
    assert_not_ready(
        &object,
        Reason::InvalidParameter,
        &["No AWS region is known", "spec.region", "--region"],
    );
    let other = world.until_settled("other").await;
    assert_eq!(status(&other).region.as_deref(), Some("us-west-2"));
    world.until_event("acme", "InvalidParameter").await;
    assert_eq!(world.calls("CreateOrganization").len(), 1, "of the other");

    world.operator.kill();
    world.operator.argument("--region=eu-west-1");
    world.operator.start();
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).region.as_deref(), Some("eu-west-1"));
    world
        .assert_warned_once("acme", Reason::InvalidParameter)
        .await;
}
