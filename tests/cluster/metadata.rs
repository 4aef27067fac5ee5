//! What others write into the metadata of an object: it stays theirs, and fills no memory.

use futures::{StreamExt, stream};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use workmail_local::Config;
use workmail_operator::api::TAKE_OVER;

use crate::world::{World, quick};

/// Applies the object on the server's side, with this metadata, as a tool of that name would.
async fn apply(world: &World, tool: &str, metadata: Value) {
    let object = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailOrganization",
        "metadata": metadata, "spec": {"alias": "acme"},
    });
    world
        .organizations()
        .patch("acme", &PatchParams::apply(tool), &Patch::Apply(&object))
        .await
        .unwrap();
}

#[tokio::test]
async fn labels_and_annotations_stay_those_of_the_tool_that_applied_them() {
    let world = World::new().await;
    let metadata = json!({
        "name": "acme",
        "labels": {"team": "mail"},
        "annotations": {"example.com/note": "a", TAKE_OVER: "none/of/them",
            "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    });
    apply(&world, "tool", metadata).await;
    let object = world.until_active("acme").await;
    assert_eq!(object.labels()["team"], "mail");
    assert_eq!(object.annotations()["example.com/note"], "a");
    // What a tool no longer applies goes, because the tool is still known as its owner.
    apply(&world, "tool", json!({"name": "acme"})).await;
    let object = world.get("acme").await;
    assert!(object.labels().is_empty(), "{:?}", object.labels());
    assert!(
        object.annotations().is_empty(),
        "{:?}",
        object.annotations()
    );
    world.until_settled("acme").await;
}

/// How many objects there are, and how many bytes of annotations each has: the most that Kubernetes takes.
const OBJECTS: usize = 200;
const BYTES: usize = 255 * 1024;

/// Waits until the operator has dealt with every object, and gives the MiB of memory that it has.
async fn memory(world: &World, objects: usize) -> u64 {
    let counted = async || {
        let text = world.metrics().await;
        let lines = text
            .lines()
            .filter(|line| line.starts_with("workmail_operator_organizations{"));
        let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
        (counts.sum::<usize>() == objects).then_some(())
    };
    world.poll("every object is dealt with", counted).await;
    world.metric("process_resident_memory_bytes").await >> 20
}

#[tokio::test]
async fn the_annotations_of_others_fill_no_memory() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.start();
    let before = memory(&world, 0).await;
    let note = "x".repeat(BYTES);
    let create = async |number: usize| {
        let name = format!("acme-{number}");
        let object = serde_json::from_value(json!({
            "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailOrganization",
            "metadata": {"name": name, "annotations": {"example.com/note": note}},
            "spec": {"alias": name, "suspend": true},
        }));
        let created = world.organizations();
        created
            .create(&kube::api::PostParams::default(), &object.unwrap())
            .await
            .unwrap();
    };
    stream::iter(0..OBJECTS)
        .for_each_concurrent(8, create)
        .await;
    let watched = memory(&world, OBJECTS).await;
    world.operator.kill_and_start();
    world
        .poll("it listens again", async || {
            (world.operator.logged("listening").len() == 2).then_some(())
        })
        .await;
    let listed = memory(&world, OBJECTS).await;
    // One by one: a single call for 50 MiB of objects can take longer than the API server gives a request.
    let delete = async |number: usize| {
        let (all, name) = (world.organizations(), format!("acme-{number}"));
        all.delete(&name, &DeleteParams::default()).await.unwrap();
    };
    stream::iter(0..OBJECTS)
        .for_each_concurrent(8, delete)
        .await;

    let most = before + u64::try_from((OBJECTS * BYTES) >> 20).unwrap() / 2;
    assert!(
        watched < most,
        "{watched} MiB after {before} MiB, {most} at most"
    );
    assert!(
        listed < most,
        "{listed} MiB after {before} MiB, {most} at most"
    );
}
