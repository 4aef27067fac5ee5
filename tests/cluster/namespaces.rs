//! One operator for several namespaces.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt, api::PostParams};
use serde_json::{Value, json};
use workmail_local::Config;
use workmail_operator::api::{Reason, WorkMailOrganization};

use crate::world::{Rights, World, control_plane, page, quick, status};

/// A world, and another whose namespace the operator of the first watches too. It is not started yet.
pub async fn two_namespaces() -> (World, World) {
    let mut one = World::without_operator(Config::with_knobs(quick())).await;
    let other = one.beside().await;
    watches(&mut one, &other.namespace);
    let both = Rights::of_chart(&one.namespace, &[&one.namespace, &other.namespace]).await;
    one.with_rights(&both).await;
    (one, other)
}

fn watches(world: &mut World, namespace: &str) {
    let argument = format!("--watch-namespaces={namespace}");
    world.operator.argument(&argument);
}

#[tokio::test]
async fn the_objects_of_every_watched_namespace_are_worked_on() {
    let (mut one, other) = two_namespaces().await;
    let third = one.beside().await;
    one.operator.start();
    for (world, alias) in [(&one, "one"), (&other, "other"), (&third, "third")] {
        world.create("acme", json!({"alias": alias})).await;
    }
    one.until_active("acme").await;
    other.until_active("acme").await;
    let untouched = third.get("acme").await;
    assert!(
        status(&untouched).conditions.is_empty(),
        "nobody watches its namespace"
    );
    assert_eq!(one.effects("CreateOrganization").len(), 2);
}

#[tokio::test]
async fn of_two_objects_in_two_namespaces_with_one_alias_the_elder_comes_first_at_every_start() {
    for _ in 0..4 {
        let (mut one, other) = two_namespaces().await;
        let spec = json!({"alias": "acme"});
        let a = one.create("acme", spec.clone()).await;
        let b = other.create("acme", spec).await;
        one.operator.start();
        let order = |object: &WorkMailOrganization| {
            (object.creation_timestamp().map(|time| time.0), object.uid())
        };
        let (elder, younger) = if order(&a) < order(&b) {
            (&one, &other)
        } else {
            (&other, &one)
        };
        younger
            .until_refused("acme", Reason::OwnershipConflict)
            .await;
        elder.until_active("acme").await;
        let created = one.calls("CreateOrganization");
        assert_eq!(created.len(), 1, "the younger asked for nothing");
        assert_eq!(
            created[0].request["ClientToken"],
            elder.get("acme").await.uid().unwrap()
        );
    }
}

#[tokio::test]
async fn a_namespace_that_cannot_be_read_is_told_of_and_holds_up_no_other() {
    let mut one = World::without_operator(Config::with_knobs(quick())).await;
    let other = one.beside().await;
    watches(&mut one, &other.namespace);
    one.operator.may_be_refused();
    one.operator.start();
    one.create("acme", json!({"alias": "acme"})).await;
    one.until_active("acme").await;
    let told = |line: &Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("cannot be read; work begins") && line["namespaces"] == other.namespace
    };
    one.operator
        .until_logged("which cannot be read", told)
        .await;
    let (probes, _) = one.operator.addresses().await;
    let (code, why) = page(probes, "/readyz").await.unwrap();
    assert_eq!((code, why.contains("not read")), (503, true), "{why}");
}

#[tokio::test]
async fn a_watched_namespace_that_does_not_exist_is_warned_of_and_watched_all_the_same() {
    let mut one = World::without_operator(Config::with_knobs(quick())).await;
    let absent = format!("{}-absent", one.namespace);
    watches(&mut one, &absent);
    // The chart gives no rights in it before it exists.
    let administrator = control_plane().await.kubeconfig();
    one.operator.set("KUBECONFIG", administrator.to_str());
    one.operator.start();
    let warning = one
        .operator
        .until_logged("which does not exist", |line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.contains("--watch-namespaces does not exist")
        })
        .await;
    assert_eq!(
        (&warning["level"], &warning["namespace"]),
        (&json!("WARN"), &json!(absent))
    );

    let namespace = json!({"metadata": {"name": absent}});
    let namespaces: Api<Namespace> = Api::all(one.client.clone());
    let namespace = serde_json::from_value(namespace).unwrap();
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    let there: Api<WorkMailOrganization> = Api::namespaced(one.client.clone(), &absent);
    let object = serde_json::from_value(json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailOrganization",
        "metadata": {"name": "acme"}, "spec": {"alias": "acme"},
    }));
    there
        .create(&PostParams::default(), &object.unwrap())
        .await
        .unwrap();
    one.until_called("CreateOrganization", 1).await;
    let warnings = one
        .operator
        .logged("a namespace of --watch-namespaces does not exist: create it, or correct the name");
    assert_eq!(warnings.len(), 1, "the other one exists");
}
