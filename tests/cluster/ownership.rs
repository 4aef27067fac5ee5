//! Ownership of an organization: by its tags, and among the objects of one cluster.

use std::time::Duration;

use k8s_openapi::{api::core::v1::Namespace, jiff::Timestamp};
use kube::{Api, ResourceExt};
use serde_json::json;
use workmail_local::{
    AliasReuse, CallFilter, Config, Knobs, OrganizationChange, OrganizationView, SeedOrganization,
};
use workmail_operator::api::{
    Origin, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, WorkMailOrganization,
};

use crate::world::{World, assert_not_ready, id, quick, ready, status};

fn tagged(cluster: &str, namespace: &str, name: &str) -> SeedOrganization {
    SeedOrganization {
        age: Duration::from_hours(24).into(),
        tags: [
            (TAG_CLUSTER, cluster),
            (TAG_NAMESPACE, namespace),
            (TAG_NAME, name),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
        ..SeedOrganization::new("acme")
    }
}

async fn beside(theirs: impl FnOnce(&World) -> SeedOrganization) -> (World, OrganizationView) {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let theirs = world.aws.seed_organization(theirs(&world)).unwrap();
    world.operator.argument("--cluster-name=blue");
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    (world, theirs)
}

#[tokio::test]
async fn an_organization_of_another_cluster_is_respected() {
    let (world, theirs) = beside(|_| tagged("green", "mail", "acme")).await;
    let object = world.until_refused("acme", Reason::OwnershipConflict).await;
    assert_not_ready(
        &object,
        Reason::OwnershipConflict,
        &[
            &theirs.id,
            "WorkMailOrganization mail/acme of cluster green",
            "take-over=green/mail/acme",
        ],
    );
    let object = world.look_now("acme").await;
    assert_eq!(status(&object).organization_id, None);
    assert_eq!(status(&object).origin, None);
    assert_eq!(status(&object).pending, None);
    world
        .assert_warned_once("acme", Reason::OwnershipConflict)
        .await;
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);

    // Its owner lets it go, and it is given to this object.
    let ours = OrganizationChange::default()
        .set_tag(TAG_CLUSTER, "blue")
        .set_tag(TAG_NAMESPACE, &world.namespace);
    world.aws.change_organization(&theirs.id, ours).unwrap();
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    assert_eq!(id(&object), theirs.id);
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    world.assert_left_alone();
}

#[tokio::test]
async fn an_organization_of_another_object_of_this_cluster_is_respected_while_that_lives() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let owner = json!({"alias": "acme", "suspend": true});
    world.create("owner", owner).await;
    let theirs = tagged("blue", &world.namespace, "owner");
    let theirs = world.aws.seed_organization(theirs).unwrap();
    world.operator.argument("--cluster-name=blue");
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let named = format!("blue/{}/owner", world.namespace);
    let object = world.until_refused("acme", Reason::OwnershipConflict).await;
    assert_not_ready(&object, Reason::OwnershipConflict, &[&theirs.id, &named]);
    world.assert_left_alone();

    // The owner goes, and its tags are void: the organization has no owner, and nobody asked for it.
    world.delete("owner").await;
    world.until_gone("owner").await;
    world.look_now("acme").await;
    let object = world.until_refused("acme", Reason::AlreadyExists).await;
    assert_eq!(status(&object).organization_id, None);
    world.assert_left_alone();
}

/// The UID of kube-system: the name in tags of a cluster that has no other, and of a copy of it.
async fn uid(world: &World) -> String {
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    namespaces.get("kube-system").await.unwrap().uid().unwrap()
}

#[tokio::test]
async fn a_clone_of_a_cluster_with_a_name_of_its_own_leaves_the_originals_organizations_alone() {
    let uid = uid(&World::without_operator(Config::with_knobs(quick())).await).await;
    let (world, theirs) = beside(|world| tagged(&uid, &world.namespace, "acme")).await;
    let object = world.until_refused("acme", Reason::OwnershipConflict).await;
    let owner = format!("{uid}/{}/acme", world.namespace);
    assert_not_ready(&object, Reason::OwnershipConflict, &[&theirs.id, &owner]);
    let seen = status(&object).owner.unwrap();
    assert_eq!(seen.cluster, Some(uid));
    assert_eq!(seen.name.as_deref(), Some("acme"));
    assert_eq!(status(&object).organization_id, None);
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);
}

#[tokio::test]
async fn tags_with_the_clusters_uid_are_its_own_and_stay_where_it_has_no_name() {
    let world = World::without_operator(Config::with_knobs(quick())).await;
    let seeded = tagged(&uid(&world).await, &world.namespace, "acme");
    let ours = world.aws.seed_organization(seeded).unwrap();
    let mut world = world;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_settled("acme").await;
    assert_eq!(id(&object), ours.id);
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    world.until_event("acme", "Adopted").await;
    assert!(world.warnings("acme").await.is_empty());
    world.assert_left_alone();
}

#[tokio::test]
async fn a_cluster_that_gets_a_name_later_rewrites_its_tags_where_its_uid_is_a_former_name() {
    let mut world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_settled("acme").await;
    let seen = status(&before).owner.unwrap();
    let uid = uid(&world).await;
    assert_eq!(seen.cluster, Some(uid.clone()));
    let writes = world.mutating_calls().len();

    world.kill().await;
    let former = format!("--former-cluster-names=blue-of-old,{uid}");
    world.operator.argument("--cluster-name=blue");
    world.operator.argument(&former);
    world.operator.start();
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    assert_eq!(id(&object), id(&before));
    let tags = world.aws.organization(&id(&object)).unwrap().tags;
    assert_eq!(tags.get(TAG_CLUSTER).map(String::as_str), Some("blue"));
    let now = status(&object).owner.unwrap();
    assert_eq!(now.cluster.as_deref(), Some("blue"));
    assert_eq!(now.name, seen.name);
    assert_eq!(world.mutating_calls()[writes..], ["TagResource"]);
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn a_deletion_while_the_tags_of_another_owner_are_hidden_deletes_nothing() {
    let world = World::new().await;
    let spec = json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    });
    world.create("acme", spec).await;
    let id = id(&world.until_settled("acme").await);
    let theirs = OrganizationChange::default().set_tag(TAG_CLUSTER, "green");
    world.aws.change_organization(&id, theirs).unwrap();
    world.look_now("acme").await;
    world.until_refused("acme", Reason::OwnershipConflict).await;
    let impaired = OrganizationChange::state("Impaired");
    world.aws.change_organization(&id, impaired).unwrap();

    world.delete("acme").await;
    let object = world.until_refused("acme", Reason::DeletionBlocked).await;
    let owner = format!("{}/acme of cluster green", world.namespace);
    assert_not_ready(&object, Reason::DeletionBlocked, &[&id, &owner, "Impaired"]);
    assert!(world.calls("DeleteOrganization").is_empty());

    // It is Active again, and its tags can be read.
    let active = OrganizationChange::state("Active");
    world.aws.change_organization(&id, active).unwrap();
    world.ask_to_look("acme", "it is well").await;
    world
        .until("acme", "it names the owner", |object| {
            ready(object).is_some_and(|ready| ready.message.contains("belongs to"))
        })
        .await;
    assert!(world.calls("DeleteOrganization").is_empty());
}

#[tokio::test]
async fn a_deletion_while_hidden_tags_last_named_this_object_goes_through() {
    let world = World::new().await;
    let spec = json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    });
    world.create("acme", spec).await;
    let object = world.until_settled("acme").await;
    let owner = status(&object).owner.unwrap();
    assert_eq!(owner.namespace.as_deref(), Some(&*world.namespace));
    let impaired = OrganizationChange::state("Impaired");
    world
        .aws
        .change_organization(&id(&object), impaired)
        .unwrap();
    world.ask_to_look("acme", "it is not well").await;
    world.until_refused("acme", Reason::Impaired).await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[tokio::test]
async fn an_organization_that_somebody_else_tags_later_is_changed_no_more() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let id = id(&world.until_settled("acme").await);
    let theirs = OrganizationChange::default().set_tag(TAG_CLUSTER, "green");
    world.aws.change_organization(&id, theirs).unwrap();
    let calls = world.mutating_calls();

    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    let object = world.until_refused("acme", Reason::OwnershipConflict).await;
    let owner = format!("{}/acme of cluster green", world.namespace);
    assert_not_ready(&object, Reason::OwnershipConflict, &[&id, &owner]);
    assert_eq!(world.mutating_calls(), calls);
}

#[tokio::test]
async fn an_organization_of_another_owner_that_leaves_active_and_comes_back_is_not_tagged_over() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let id = id(&world.until_settled("acme").await);
    let theirs = OrganizationChange::default().set_tag(TAG_CLUSTER, "green");
    world.aws.change_organization(&id, theirs).unwrap();
    world.look_now("acme").await;
    world.until_refused("acme", Reason::OwnershipConflict).await;
    let calls = world.mutating_calls();
    let validating = OrganizationChange::state("Validating");
    world.aws.change_organization(&id, validating).unwrap();
    world.ask_to_look("acme", "it is away").await;
    world.until_refused("acme", Reason::Creating).await;
    let active = OrganizationChange::state("Active");
    world.aws.change_organization(&id, active).unwrap();
    world.until_refused("acme", Reason::OwnershipConflict).await;
    assert_eq!(world.mutating_calls(), calls);
    let tags = world.aws.organization(&id).unwrap().tags;
    assert_eq!(tags.get(TAG_CLUSTER).map(String::as_str), Some("green"));
}

#[tokio::test]
async fn an_alias_that_is_free_once_aws_has_deleted_its_organization_is_used_within_seconds() {
    let knobs = Knobs {
        alias_reuse: AliasReuse::AfterDeletion,
        ..quick()
    };
    let mut world = World::without_operator(Config::with_knobs(knobs)).await;
    let theirs = tagged("green", "mail", "acme");
    let theirs = world.aws.seed_organization(theirs).unwrap();
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::OwnershipConflict).await;
    let change = |state| {
        let change = OrganizationChange::state(state);
        world.aws.change_organization(&theirs.id, change).unwrap();
    };
    change("Deleting");
    world.ask_to_look("acme", "it leaves").await;
    let object = world.until_refused("acme", Reason::OrganizationBusy).await;
    assert_not_ready(&object, Reason::OrganizationBusy, &[&theirs.id]);
    world.assert_left_alone();

    // Nobody asks for a read: the operator sees by itself that the alias is free.
    change("Deleted");
    let object = world.until_settled("acme").await;
    assert_ne!(id(&object), theirs.id);
    assert_eq!(world.calls("CreateOrganization").len(), 1);
}

/// Two objects of one alias; the second is the younger by the clock of the API server.
async fn twins(world: &World, older: serde_json::Value) -> [WorkMailOrganization; 2] {
    let first = world.create("older", older).await;
    let born = first.metadata.creation_timestamp.clone().unwrap().0;
    world
        .poll("the next second", async || {
            (Timestamp::now().as_second() > born.as_second()).then_some(())
        })
        .await;
    let second = world.create("younger", json!({"alias": "ACME"})).await;
    [first, second]
}

#[tokio::test]
async fn of_two_objects_with_one_alias_the_older_works_and_both_are_warned() {
    let world = World::new().await;
    twins(&world, json!({"alias": "acme"})).await;

    let younger = world
        .until_refused("younger", Reason::OwnershipConflict)
        .await;
    let competitor = format!("{}/older", world.namespace);
    assert_not_ready(
        &younger,
        Reason::OwnershipConflict,
        &[&competitor, "comes first", "Delete this resource"],
    );
    let older = world.until_settled("older").await;
    let delete = format!("Delete WorkMailOrganization {}/younger", world.namespace);
    world
        .until_told("older", "OwnershipConflict", &delete)
        .await;
    world.look_now("younger").await;
    for name in ["older", "younger"] {
        world
            .assert_warned_once(name, Reason::OwnershipConflict)
            .await;
    }
    let younger = world.get("younger").await;
    assert_eq!(status(&younger).organization_id, None);
    assert_eq!(status(&younger).pending, None);
    world.assert_created_once(&older);
    assert_eq!(ready(&world.get("older").await), ready(&older));

    // The older goes and leaves its organization: its tags are void, but it was not made for the younger,
    // which neither takes it nor asks for one of its own.
    let mark = world.aws.last_call();
    let calls = world.mutating_calls();
    world.delete("older").await;
    world.until_gone("older").await;
    let look = CallFilter::on("ListTagsForResource").after(mark);
    world.until_calls(&look.organization(id(&older)), 1).await;
    let younger = world.until_refused("younger", Reason::AlreadyExists).await;
    assert_not_ready(&younger, Reason::AlreadyExists, &[&id(&older)]);
    assert_eq!(world.mutating_calls(), calls);
}

#[tokio::test]
async fn when_the_older_goes_before_it_began_the_younger_takes_its_place() {
    let world = World::new().await;
    twins(&world, json!({"alias": "acme", "suspend": true})).await;
    let younger = world
        .until_refused("younger", Reason::OwnershipConflict)
        .await;
    assert_not_ready(&younger, Reason::OwnershipConflict, &["/older"]);
    world.assert_left_alone();

    world.delete("older").await;
    let younger = world.until_settled("younger").await;
    world.assert_created_once_in_the_end(&younger);
    assert!(
        !world.events("older").await.contains(&"Retained".to_owned()),
        "nothing remained of it"
    );
}
