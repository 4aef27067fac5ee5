//! A definition of the kind that is older than the operator.

use devcluster::{Cluster, Options};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, CustomResourceExt, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use serde_json::json;
use tokio::time::timeout;
use workmail_local::{Config, SeedOrganization};
use workmail_operator::api::{
    ConditionStatus, ConditionType, ManagementPolicy, Reason, WorkMailOrganization, account_crd,
    crd, crds,
};

use crate::{
    adoption::theirs,
    world::{PATIENCE, World, condition, id, quick, ready, status},
};

/// The definition that version 0.1 installed.
const OF_0_1: &str = include_str!("../fixtures/crd-0.1.yaml");

/// Fields that a definition from before them would not have: each of them makes the operator do less.
const BRAKES: [&str; 4] = [
    "managementPolicy",
    "suspend",
    "adoptionPolicy",
    "deletionPolicy",
];

fn of_0_1() -> CustomResourceDefinition {
    serde_saphyr::from_str(OF_0_1).unwrap()
}

/// Today's definition without the brakes, and without the rules that speak of them.
fn without_brakes() -> CustomResourceDefinition {
    let mut value = serde_json::to_value(crd()).unwrap();
    let version = &mut value["spec"]["versions"][0];
    let spec = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"];
    for field in BRAKES {
        let fields = spec["properties"].as_object_mut().unwrap();
        assert!(fields.remove(field).is_some(), "{field}");
    }
    let rules = spec["x-kubernetes-validations"].as_array_mut().unwrap();
    rules.retain(|rule| {
        !BRAKES
            .iter()
            .any(|field| rule["rule"].as_str().unwrap().contains(field))
    });
    version["additionalPrinterColumns"] = json!([]);
    serde_json::from_value(value).unwrap()
}

/// A control plane of the test's own, with this definition.
async fn cluster_with(definition: &CustomResourceDefinition) -> Cluster {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client().unwrap());
    let plain = PostParams::default();
    for definition in [definition, &account_crd()] {
        definitions.create(&plain, definition).await.unwrap();
    }
    let name = WorkMailOrganization::crd_name();
    let established = await_condition(definitions, name, is_crd_established());
    timeout(PATIENCE, established).await.unwrap().unwrap();
    cluster
}

/// Puts another definition in its place, as `kubectl replace` does.
async fn install(cluster: &Cluster, mut definition: CustomResourceDefinition) {
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client().unwrap());
    let name = WorkMailOrganization::crd_name();
    let present = definitions.get(name).await.unwrap();
    definition.metadata.resource_version = present.resource_version();
    let plain = PostParams::default();
    definitions
        .replace(name, &plain, &definition)
        .await
        .unwrap();
}

/// Waits until objects are shown with this field, or without it.
async fn until_shown(world: &World, name: &str, field: &str, shown: bool) {
    let objects: Api<kube::api::DynamicObject> = {
        let kind = kube::api::ApiResource::erase::<WorkMailOrganization>(&());
        Api::namespaced_with(world.client.clone(), &world.namespace, &kind)
    };
    let what = format!("{field} of {name} is shown: {shown}");
    world
        .poll(&what, async || {
            let object = objects.get(name).await.ok()?;
            (object.data["spec"].get(field).is_some() == shown).then_some(())
        })
        .await;
}

/// Three objects that would change something in AWS if their brakes were off.
async fn braked(world: &World) -> [&'static str; 3] {
    let organization = SeedOrganization {
        tags: std::collections::BTreeMap::new(),
        ..theirs("adopted")
    };
    world.aws.seed_organization(organization).unwrap();
    let observed = json!({"alias": "observed", "managementPolicy": "Observe"});
    world.create("observed", observed).await;
    let suspended = json!({"alias": "suspended", "suspend": true});
    world.create("suspended", suspended).await;
    let adopted =
        json!({"alias": "adopted", "managementPolicy": "Observe", "adoptionPolicy": "Adopt"});
    world.create("adopted", adopted).await;
    ["observed", "suspended", "adopted"]
}

#[tokio::test]
async fn a_definition_that_hides_observe_and_suspend_changes_nothing_in_aws() {
    let cluster = cluster_with(&crd()).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    let names = braked(&world).await;
    install(&cluster, without_brakes()).await;
    until_shown(&world, "observed", "managementPolicy", false).await;

    world.operator.start();
    for name in names {
        let text = "Apply the operator's CRDs first";
        world.until_told(name, "SchemaOutdated", text).await;
    }
    let line = world.operator.until_logged("what is missing", |line| {
        line["missing"]
            .as_str()
            .is_some_and(|missing| BRAKES.iter().all(|field| missing.contains(field)))
    });
    assert_eq!(line.await["level"], "ERROR");
    assert!(world.aws.journal().is_empty(), "AWS is asked for nothing");
    for name in names {
        assert_eq!(
            ready(&world.get(name).await),
            None,
            "a write would lose the brakes"
        );
    }

    install(&cluster, crd()).await;
    world
        .until_ready_is("observed", ConditionStatus::False, Reason::NotFound)
        .await;
    world
        .until_ready_is("suspended", ConditionStatus::Unknown, Reason::Suspended)
        .await;
    world
        .until_ready_is("adopted", ConditionStatus::True, Reason::Active)
        .await;
    let observed = world.get("observed").await;
    assert_eq!(observed.spec.management_policy, ManagementPolicy::Observe);
    assert!(
        world.mutating_calls().is_empty(),
        "{:?}",
        world.mutating_calls()
    );

    // It works again, without a restart.
    world
        .patch("observed", json!({"spec": {"managementPolicy": "Full"}}))
        .await;
    world.until_active("observed").await;
}

#[tokio::test]
async fn a_definition_that_gets_older_while_the_operator_runs_stops_it() {
    let cluster = cluster_with(&crd()).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_settled("acme").await;
    install(&cluster, without_brakes()).await;
    world.until_event("acme", "SchemaOutdated").await;

    let last = world.aws.last_call();
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    world.create("later", json!({"alias": "later"})).await;
    world.until_event("later", "SchemaOutdated").await;
    let change = world.get("acme").await.metadata.generation;
    assert_ne!(change, before.metadata.generation);
    install(&cluster, crd()).await;
    world.until_active("later").await;
    world.until_settled("acme").await;
    let first = &world.called_after(last)[0];
    assert!(
        !first.starts_with("Tag") && !first.starts_with("Create"),
        "{first}"
    );
}

#[tokio::test]
async fn an_operator_that_comes_before_its_definition_says_so_in_a_condition() {
    let cluster = cluster_with(&of_0_1()).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.operator.start();
    let object = world.until_refused("acme", Reason::SchemaOutdated).await;
    let told = ready(&object).unwrap();
    assert!(
        told.message.starts_with("Apply the operator's CRDs first"),
        "{told:?}"
    );
    assert!(condition(&object, ConditionType::Stalled).is_some());
    assert!(world.aws.journal().is_empty());

    install(&cluster, crd()).await;
    world.until_settled("acme").await;
}

#[tokio::test]
async fn objects_of_0_1_go_on_and_those_that_break_a_newer_rule_can_be_braked() {
    let cluster = cluster_with(&of_0_1()).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world
        .create("acme", json!({"alias": "acme", "tags": {"team": "a"}}))
        .await;
    let broken = json!({
        "alias": "broken", "region": "eu-central-1", "tags": {"AWS:team": "a", "env": "b"},
        "deletionPolicy": "Delete", "deletion": {"confirmAlias": "broken"},
    });
    world.create("broken", broken.clone()).await;
    install(&cluster, crd()).await;
    until_shown(&world, "acme", "dns", true).await;

    for brake in [
        json!({"managementPolicy": "Observe"}),
        json!({"suspend": true}),
        json!({"deletionPolicy": "Retain"}),
        json!({"tags": {"env": "c"}}),
        json!({"tags": {"AWS:team": null}}),
    ] {
        let tried = world.try_patch("broken", json!({"spec": brake})).await;
        assert!(tried.is_ok(), "{brake}: {tried:?}");
    }
    let refused = world.try_patch("broken", json!({"spec": {"tags": {"AWS:team": "a"}}}));
    let refused = refused.await.unwrap_err();
    assert!(refused.contains("are reserved"), "{refused}");
    let refused = world.try_create("anew", broken).await.unwrap_err();
    assert!(refused.contains("region must be"), "{refused}");

    world.operator.start();
    let acme = world.until_settled("acme").await;
    world.assert_created_once(&acme);
    assert!(status(&acme).organization_id.is_some() && !id(&acme).is_empty());
    world
        .organizations()
        .delete("broken", &DeleteParams::default())
        .await
        .unwrap();
    world.until_gone("broken").await;
}

#[tokio::test]
async fn a_definition_that_is_not_there_is_told_and_looked_for() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world.operator.start();
    let told = world.operator.until_logged("that it is not there", |line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with("the CustomResourceDefinition is not there: apply")
    });
    assert_eq!(told.await["level"], "ERROR");
    let definitions: Api<CustomResourceDefinition> = Api::all(world.client.clone());
    let apply = PatchParams::apply("test").force();
    for definition in crds() {
        let name = definition.name_any();
        let applied = Patch::Apply(definition);
        definitions.patch(&name, &apply, &applied).await.unwrap();
    }
    let created = async || {
        world
            .try_create("acme", json!({"alias": "acme"}))
            .await
            .ok()
    };
    world.poll("the kind is served", created).await;
    world.until_active("acme").await;
}
