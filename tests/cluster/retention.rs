//! `deletionPolicy: Retain`, and all that comes to the same: the object goes, the organization stays.

use devcluster::{Cluster, Options};
use k8s_openapi::{
    api::core::v1::{Namespace, NamespaceSpec},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, CustomResourceExt, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    runtime::wait::await_condition,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;
use workmail_local::{
    Config,
    Work::{Done, NotDone},
};
use workmail_operator::api::{FINALIZER, Reason, WorkMailOrganization};

use crate::world::{PATIENCE, Rights, World, create_namespace, id, install_crd, quick, status};

/// A spec whose organization is deleted with it.
fn doomed() -> Value {
    json!({"alias": "acme", "deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"}})
}

fn has_finalizer(object: &WorkMailOrganization) -> bool {
    object.finalizers().iter().any(|one| one == FINALIZER)
}

/// Asserts that the organization is untouched: as it was, and nobody asked AWS for its deletion.
fn assert_stays(world: &World, id: &str) {
    assert_eq!(world.aws.organization(id).unwrap().state, "Active");
    assert!(world.calls("DeleteOrganization").is_empty());
    assert!(world.calls("UntagResource").is_empty());
}

#[tokio::test]
async fn a_retained_organization_stays_and_the_event_says_so() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    assert_eq!(object.finalizers(), [""; 0]);
    let calls = world.aws.last_call();
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_told("acme", "Retained", &id(&object)).await;
    assert_eq!(world.called_after(calls), [""; 0], "no call for it");
    assert_stays(&world, &id(&object));
}

#[tokio::test]
async fn retain_is_never_stuck_although_aws_is_down() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    world.aws.stop().await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_told("acme", "Retained", &id(&object)).await;
    assert_stays(&world, &id(&object));
}

#[tokio::test]
async fn retain_is_never_stuck_although_no_operator_runs() {
    let mut world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    world.kill().await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    assert_stays(&world, &id(&object));
}

#[tokio::test]
async fn an_object_deleted_while_its_create_is_in_flight_tells_what_came_of_it() {
    let world = World::new().await;
    world.hold("CreateOrganization", NotDone);
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_held("CreateOrganization").await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.aws.clear_faults();
    let created = world
        .poll("it is created", async || world.aws.organizations().pop())
        .await;
    world.until_told("acme", "Retained", &created.id).await;
    world.until_aws(&created.id, "Active").await;
    assert_eq!(world.mutating_calls(), ["CreateOrganization"]);
    let gone = world.organizations().get_opt("acme").await.unwrap();
    assert!(gone.is_none(), "its answer brought nothing back");
}

#[tokio::test]
async fn an_object_that_goes_with_a_create_unanswered_says_that_something_may_remain() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.hold("CreateOrganization", Done);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_held("CreateOrganization").await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_told("acme", "Retained", "alias acme").await;
}

#[tokio::test]
async fn the_finalizer_is_there_exactly_while_the_policy_is_delete() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    assert!(!has_finalizer(&world.until_active("acme").await));
    let calls = world.mutating_calls();
    world
        .patch(
            "acme",
            json!({"spec": {
                "deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"},
            }}),
        )
        .await;
    world
        .until("acme", "the finalizer comes", has_finalizer)
        .await;
    world.until_settled("acme").await;
    // The confirmation may stay.
    world
        .patch("acme", json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    world
        .until("acme", "the finalizer goes", |object| {
            !has_finalizer(object)
        })
        .await;
    let object = world.until_settled("acme").await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_told("acme", "Retained", &id(&object)).await;
    assert_stays(&world, &id(&object));
    assert_eq!(world.mutating_calls(), calls);
}

#[tokio::test]
async fn the_finalizer_comes_before_anything_is_recorded_or_created() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let mut history = world.history().await;
    world.operator.start();
    world.create("acme", doomed()).await;
    let object = world.until_active("acme").await;
    let versions = history.up_to(&object).await;
    assert!(
        versions
            .iter()
            .all(|one| has_finalizer(one) || status(one).pending.is_none()),
        "nothing is pending without it"
    );
    assert!(has_finalizer(&object));
}

#[tokio::test]
async fn never_created_under_policy_delete_goes_although_aws_is_down() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.aws.stop().await;
    world.operator.start();
    world.create("acme", doomed()).await;
    world.until("acme", "the finalizer", has_finalizer).await;
    world
        .until_refused("acme", Reason::ServiceUnavailable)
        .await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_event("acme", "Released").await;
    assert!(world.aws.journal().is_empty());
    assert!(world.aws.organizations().is_empty());
}

#[tokio::test]
async fn a_finalizer_of_somebody_else_keeps_the_object_and_we_keep_our_hands_off() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    world
        .patch(
            "acme",
            json!({"metadata": {"finalizers": ["example.com/theirs"]}}),
        )
        .await;
    world.delete("acme").await;
    world
        .until("acme", "it is being deleted", |object| {
            object.metadata.deletion_timestamp.is_some()
        })
        .await;
    let going = world.get("acme").await;
    assert_eq!(going.finalizers(), ["example.com/theirs"]);
    world
        .patch("acme", json!({"metadata": {"finalizers": null}}))
        .await;
    world.until_gone("acme").await;
    world.until_told("acme", "Retained", &id(&object)).await;
    assert_stays(&world, &id(&object));
}

#[tokio::test]
async fn the_emergency_brake_releases_a_blocked_deletion_and_keeps_the_organization() {
    let world = World::new().await;
    let mut spec = doomed();
    spec["deletion"]["confirmOrganizationId"] = format!("m-{:032x}", 7).into();
    world.create("acme", spec).await;
    let object = world.until_active("acme").await;
    world.delete("acme").await;
    world.until_refused("acme", Reason::DeletionBlocked).await;
    world
        .patch("acme", json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    world.until_gone("acme").await;
    world.until_told("acme", "Retained", &id(&object)).await;
    assert_stays(&world, &id(&object));
}

#[rstest]
#[case::while_the_operator_runs(true)]
#[case::before_the_operator_starts(false)]
#[tokio::test]
async fn a_namespace_that_goes_takes_no_organization_with_it(#[case] running: bool) {
    // With rights that go with the namespace, none would be left to let the object go.
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let home = create_namespace(&world.client).await;
    let everywhere = Rights::of_chart(&home, &[]).await;
    world.with_rights(&everywhere).await;
    world.operator.start();
    world.create("acme", doomed()).await;
    let object = world.until_active("acme").await;
    if !running {
        world.kill().await;
    }
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let namespace = world.namespace.clone();
    namespaces
        .delete(&namespace, &DeleteParams::default())
        .await
        .unwrap();
    if !running {
        world
            .until("acme", "the namespace deletes it", |object| {
                object.metadata.deletion_timestamp.is_some()
            })
            .await;
        world.operator.start();
    }
    let gone = await_condition(namespaces, &namespace, |namespace: Option<&Namespace>| {
        namespace.is_none()
    });
    timeout(PATIENCE, gone).await.unwrap().unwrap();
    // A namespace that is being deleted takes no events; the log has it all the same.
    world
        .operator
        .until_logged("the organization is retained", |line| {
            let said = line["message"].as_str().unwrap_or_default();
            line["reason"] == "Retained" && said.contains(&id(&object))
        })
        .await;
    assert_eq!(world.metric("workmail_operator_retained_total").await, 1);
    assert_stays(&world, &id(&object));
}

#[tokio::test]
async fn a_namespace_that_was_made_anew_takes_no_organization_with_it() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let home = create_namespace(&world.client).await;
    let everywhere = Rights::of_chart(&home, &[]).await;
    world.with_rights(&everywhere).await;
    world.operator.start();
    world.create("acme", doomed()).await;
    let object = world.until_active("acme").await;
    world.kill().await;
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let namespace = world.namespace.clone();
    namespaces
        .delete(&namespace, &DeleteParams::default())
        .await
        .unwrap();
    world
        .until("acme", "the namespace deletes it", |object| {
            object.metadata.deletion_timestamp.is_some()
        })
        .await;
    // As somebody does whose namespace hangs.
    let mut bare = namespaces.get(&namespace).await.unwrap();
    bare.spec = Some(NamespaceSpec::default());
    let by_default = PostParams::default();
    namespaces
        .replace_subresource("finalize", &namespace, &by_default, &bare)
        .await
        .unwrap();
    let gone = await_condition(
        namespaces.clone(),
        &namespace,
        |namespace: Option<&Namespace>| namespace.is_none(),
    );
    timeout(PATIENCE, gone).await.unwrap().unwrap();
    let anew = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
    namespaces.create(&by_default, &anew).await.unwrap();

    world.operator.start();
    world.until_gone("acme").await;
    let event = world.until_told("acme", "Retained", &id(&object)).await;
    let note = event.note.unwrap();
    assert!(
        note.contains("namespace is younger than this resource"),
        "{note}"
    );
    assert_eq!(world.metric("workmail_operator_retained_total").await, 1);
    assert_stays(&world, &id(&object));
}

async fn delete_definition(world: &World) -> Api<CustomResourceDefinition> {
    let definitions: Api<CustomResourceDefinition> = Api::all(world.client.clone());
    definitions
        .delete(WorkMailOrganization::crd_name(), &DeleteParams::default())
        .await
        .unwrap();
    definitions
}

async fn until_no_definition(definitions: Api<CustomResourceDefinition>) {
    let gone = await_condition(
        definitions,
        WorkMailOrganization::crd_name(),
        |crd: Option<&CustomResourceDefinition>| crd.is_none(),
    );
    timeout(PATIENCE, gone).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_crd_that_was_made_anew_takes_no_organization_with_it() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world.operator.start();
    world.create("acme", doomed()).await;
    let object = world.until_active("acme").await;
    world.kill().await;
    let definitions = delete_definition(&world).await;
    world
        .until("acme", "the definition deletes it", |object| {
            object.metadata.deletion_timestamp.is_some()
        })
        .await;
    // As somebody does whose definition hangs.
    let bare = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    definitions
        .patch(
            WorkMailOrganization::crd_name(),
            &PatchParams::default(),
            &bare,
        )
        .await
        .unwrap();
    until_no_definition(definitions).await;
    install_crd(&cluster).await;

    world.operator.start();
    world.until_gone("acme").await;
    let event = world.until_told("acme", "Retained", &id(&object)).await;
    let note = event.note.unwrap();
    assert!(note.contains("is younger than this resource"), "{note}");
    assert_stays(&world, &id(&object));
}

#[tokio::test]
async fn a_crd_that_goes_takes_no_organization_with_it() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world.operator.start();
    world.create("acme", doomed()).await;
    let object = world.until_active("acme").await;
    let definitions = delete_definition(&world).await;
    until_no_definition(definitions).await;
    world.until_told("acme", "Retained", &id(&object)).await;
    assert_stays(&world, &id(&object));
}

#[tokio::test]
async fn a_retained_organization_that_was_deleted_in_aws_does_not_hold_its_object() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    world.aws.remove_organization(&id(&object)).unwrap();
    world.delete("acme").await;
    world.until_gone("acme").await;
    assert!(world.calls("DeleteOrganization").is_empty());
}
