//! managementPolicy Observe: everything is looked at and told, and nothing is changed in AWS.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{Config, Knobs, OrganizationChange, SeedDomain, SeedOrganization};
use workmail_operator::api::{
    Condition, ConditionStatus, ConditionType, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE,
    WorkMailOrganization,
};

use crate::{
    adoption::{seed, theirs},
    world::{World, assert_not_ready, condition, id, quick, status},
};

/// The planned claim.
pub const CLAIM: &str = "TagResource workmail-operator.dev/cluster, workmail-operator.dev/name, \
                     workmail-operator.dev/namespace";

/// A world of the cluster blue that looks at the list every second.
pub async fn watchful(knobs: Knobs) -> World {
    let mut world = World::without_operator(Config::with_knobs(knobs)).await;
    world.operator.argument("--resync-interval=1s");
    world.operator.argument("--cluster-name=blue");
    world.operator.start();
    world
}

fn observe() -> Value {
    json!({"alias": "acme", "managementPolicy": "Observe"})
}

pub fn synced(object: &WorkMailOrganization) -> Condition {
    condition(object, ConditionType::Synced).unwrap()
}

/// Changes fields of the spec.
pub async fn set(world: &World, spec: Value) {
    world.patch("acme", json!({"spec": spec})).await;
}

async fn count(world: &World, reason: &str) -> usize {
    let events = world.events("acme").await;
    events.iter().filter(|event| *event == reason).count()
}

pub async fn until_suspended(world: &World) {
    let suspended =
        |object: &WorkMailOrganization| condition(object, ConditionType::Suspended).is_some();
    world.until("acme", "Suspended", suspended).await;
}

#[tokio::test]
async fn all_that_differs_is_told_with_the_calls_that_full_would_make() {
    let world = watchful(quick()).await;
    let theirs = SeedOrganization {
        tags: [("team".to_owned(), "b".to_owned())].into(),
        ..theirs("acme")
    };
    let theirs = seed(&world, theirs.with_domain(SeedDomain::new("acme.example")));
    let mut spec = observe();
    spec["adoptionPolicy"] = json!("Adopt");
    spec["tags"] = json!({"team": "a"});
    spec["domains"] = json!([{"domainName": "acme.example"}, {"domainName": "new.example"}]);
    spec["defaultDomain"] = json!("acme.example");
    world.create("acme", spec).await;
    let object = world.until_settled("acme").await;
    let status = status(&object);
    assert_eq!(status.organization_id, Some(theirs.id.clone()));
    assert_eq!(status.origin, None, "it was merely seen");
    assert_eq!(status.state.as_deref(), Some("Active"));
    let drift: BTreeMap<&str, (Option<&str>, Option<&str>)> = status
        .drift
        .iter()
        .map(|one| (&*one.path, (one.desired.as_deref(), one.actual.as_deref())))
        .collect();
    let us = format!("blue/{}/acme", world.namespace);
    assert_eq!(
        drift,
        [
            ("owner", (Some(&*us), None)),
            (
                "spec.defaultDomain",
                (Some("acme.example"), Some("acme.awsapps.com"))
            ),
            ("spec.domains[new.example]", (Some("registered"), None)),
            ("spec.tags[team]", (Some("a"), Some("b"))),
        ]
        .into()
    );
    assert_eq!(
        status.planned_calls,
        [
            CLAIM,
            "TagResource team",
            "RegisterMailDomain new.example",
            "UpdateDefaultMailDomain acme.example",
        ]
    );
    let told = synced(&object);
    assert_eq!(told.status, ConditionStatus::False);
    assert_eq!(told.reason, "DriftFound");
    for text in ["spec.tags[team]", "nobody owns it yet", "Full"] {
        assert!(told.message.contains(text), "{}", told.message);
    }
    world
        .until_told("acme", "DriftFound", "nobody owns it yet")
        .await;

    // Looked at again, it is told and written no more.
    world.look_now("acme").await;
    let before = world.get("acme").await;
    world.until_listed(3).await;
    let after = world.get("acme").await;
    assert_eq!(
        after.metadata.resource_version,
        before.metadata.resource_version
    );
    assert_eq!(count(&world, "DriftFound").await, 1);
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);

    // Somebody makes it as the spec says.
    let change = OrganizationChange::default()
        .set_tag("team", "a")
        .set_tag(TAG_CLUSTER, "blue")
        .set_tag(TAG_NAMESPACE, &world.namespace)
        .set_tag(TAG_NAME, "acme")
        .set_domain(SeedDomain::new("new.example").verified())
        .default_domain("acme.example");
    world.aws.change_organization(&theirs.id, change).unwrap();
    let object = world.look_now("acme").await;
    assert_eq!(synced(&object).status, ConditionStatus::True);
    let status = crate::world::status(&object);
    assert!(status.drift.is_empty(), "{:#?}", status.drift);
    assert_eq!(status.planned_calls, [""; 0]);
    assert_eq!(status.origin, None, "tags that are seen claim nothing");
    assert!(world.warnings("acme").await.is_empty());
    world.assert_left_alone();
}

#[rstest]
#[case::that_full_would_create("Create", &["CreateOrganization acme"])]
#[case::that_full_would_create_too("AdoptOrCreate", &["CreateOrganization acme"])]
#[case::that_full_would_not_create("Adopt", &[])]
#[tokio::test]
async fn nothing_there_is_told_and_not_made(#[case] policy: &str, #[case] planned: &[&str]) {
    let world = watchful(quick()).await;
    let mut spec = observe();
    spec["adoptionPolicy"] = json!(policy);
    world.create("acme", spec).await;
    world.until_refused("acme", Reason::NotFound).await;
    let object = world.look_now("acme").await;
    assert_not_ready(&object, Reason::NotFound, &["acme"]);
    assert_eq!(status(&object).planned_calls, planned);
    assert_eq!(status(&object).pending, None);
    world.assert_warned_once("acme", Reason::NotFound).await;

    let theirs = seed(&world, theirs("acme"));
    world.ask_to_look("acme", "it is there").await;
    let object = world.until_settled("acme").await;
    assert_eq!(id(&object), theirs.id, "whatever the policy");
    assert_eq!(status(&object).origin, None);
    assert_eq!(synced(&object).status, ConditionStatus::False);
    world.assert_left_alone();
}

#[tokio::test]
async fn an_organization_of_another_cluster_is_shown_and_its_owner_named() {
    let world = watchful(quick()).await;
    let tags = [
        (TAG_CLUSTER, "green"),
        (TAG_NAMESPACE, "mail"),
        (TAG_NAME, "acme"),
        ("team", "theirs"),
    ];
    let theirs = seed(
        &world,
        SeedOrganization {
            tags: tags.map(|(key, value)| (key.into(), value.into())).into(),
            ..theirs("acme")
        },
    );
    let mut spec = observe();
    spec["tags"] = json!({"team": "ours"});
    world.create("acme", spec).await;
    world.until_settled("acme").await;
    let object = world.look_now("acme").await;
    assert_eq!(id(&object), theirs.id);
    let told = synced(&object);
    assert_eq!(told.status, ConditionStatus::False);
    assert_eq!(told.reason, "OwnershipConflict");
    assert!(
        told.message.contains("mail/acme of cluster green"),
        "{}",
        told.message
    );
    let status = status(&object);
    assert_eq!(status.origin, None);
    assert_eq!(status.arn, Some(theirs.arn.clone()));
    assert_eq!(status.planned_calls, [""; 0], "Full would be refused");
    let owner: Vec<_> = status
        .drift
        .iter()
        .filter(|one| one.path == "owner")
        .collect();
    assert_eq!(owner[0].actual.as_deref(), Some("green/mail/acme"));
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);
}

#[tokio::test]
async fn who_only_looks_is_nobodys_rival_and_names_the_owner() {
    let world = watchful(quick()).await;
    world.create("acme", observe()).await;
    world.until_refused("acme", Reason::NotFound).await;
    world.create("owner", json!({"alias": "acme"})).await;
    let owner = world.until_settled("owner").await;
    world.assert_created_once(&owner);

    // It was woken by the alias, perhaps before the owner's tags were there.
    world.until_settled("acme").await;
    let object = world.look_now("acme").await;
    assert_eq!(id(&object), id(&owner));
    assert_eq!(status(&object).origin, None);
    let told = synced(&object);
    let name = format!("{}/owner of this cluster", world.namespace);
    assert!(told.message.contains(&name), "{}", told.message);
    world.look_now("owner").await;
    assert!(world.warnings("owner").await.is_empty());
    world.assert_warned_once("acme", Reason::NotFound).await;
    assert_eq!(
        world.mutating_calls(),
        ["CreateOrganization", "TagResource"]
    );
}

#[rstest]
#[case::until_full(json!({"managementPolicy": "Full"}), "Deleted")]
#[case::until_retain(json!({"deletionPolicy": "Retain"}), "Active")]
#[tokio::test]
async fn its_deletion_is_blocked(#[case] way_out: Value, #[case] state: &str) {
    let world = watchful(quick()).await;
    let spec = json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    });
    world.create("acme", spec).await;
    let id = id(&world.until_settled("acme").await);
    set(&world, json!({"managementPolicy": "Observe"})).await;
    world.until_settled("acme").await;
    let calls = world.mutating_calls();
    world.delete("acme").await;
    let object = world.until_refused("acme", Reason::DeletionBlocked).await;
    assert_not_ready(
        &object,
        Reason::DeletionBlocked,
        &["Observe", "Full", "Retain"],
    );
    world.until_event("acme", "DeletionBlocked").await;
    world.until_listed(3).await;
    assert_eq!(world.mutating_calls(), calls);
    assert_eq!(world.aws.organization(&id).unwrap().state, "Active");

    set(&world, way_out).await;
    world.until_gone("acme").await;
    world.until_aws(&id, state).await;
}

#[tokio::test]
async fn what_was_merely_seen_is_let_go_under_policy_delete() {
    let world = watchful(quick()).await;
    let theirs = seed(&world, theirs("acme"));
    let mut spec = observe();
    spec["deletionPolicy"] = json!("Delete");
    spec["deletion"] = json!({"confirmAlias": "acme"});
    world.create("acme", spec).await;
    world.until_settled("acme").await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_event("acme", "Released").await;
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);
}
