//! Adoptions among the objects of one cluster, where they look, and what their deletion deletes.

use k8s_openapi::jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{Fault, OrganizationView, Rule, SeedOrganization};
use workmail_operator::api::{Origin, Reason, WorkMailOrganization};

use crate::{
    adoption::{adopt, assert_not_taken, seed, theirs, until_adopted},
    world::{World, assert_not_ready, id, status},
};

/// Creates an object, and waits until the next one is younger by the clock of the API server.
async fn create_older(world: &World, spec: Value) -> WorkMailOrganization {
    let older = world.create("older", spec).await;
    let born = older.metadata.creation_timestamp.clone().unwrap().0;
    world
        .poll("the next second", async || {
            (Timestamp::now().as_second() > born.as_second()).then_some(())
        })
        .await;
    older
}

async fn assert_younger_waits(world: &World, theirs: &OrganizationView) {
    let younger = world
        .until_refused("younger", Reason::OwnershipConflict)
        .await;
    let older = format!("{}/older", world.namespace);
    assert_not_ready(&younger, Reason::OwnershipConflict, &[&older]);
    assert_not_taken(&younger);
    until_adopted(world, "older", theirs).await;
    let younger = world.look_now("younger").await;
    assert_not_ready(&younger, Reason::OwnershipConflict, &[&older]);
    assert_not_taken(&younger);
    assert_eq!(world.mutating_calls(), ["TagResource"]);
    assert!(!world.events("younger").await.contains(&"Adopted".into()));
}

#[rstest]
#[case::by_alias_twice(false, adopt())]
#[case::by_id_and_by_alias(true, adopt())]
#[case::and_one_that_might_create(
    false,
    json!({"alias": "ACME", "adoptionPolicy": "AdoptOrCreate"})
)]
#[case::and_one_that_only_creates(false, json!({"alias": "acme"}))]
#[tokio::test]
async fn of_two_that_mean_it_the_older_takes_it(#[case] by_id: bool, #[case] younger: Value) {
    let world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    // The claim of the older is not done before the younger is there.
    world
        .aws
        .fault(Rule::on("TagResource", Fault::throttle()).times(1));
    let mut older = adopt();
    if by_id {
        older["organizationId"] = json!(theirs.id);
    }
    create_older(&world, older).await;
    world.create("younger", younger).await;
    world
        .until_refused("younger", Reason::OwnershipConflict)
        .await;
    until_adopted(&world, "older", &theirs).await;
    assert!(world.warnings("older").await.len() <= 1);
    let effects = world.effects("TagResource");
    assert_eq!(effects.len(), 1, "{effects:#?}");
    let younger = world.look_now("younger").await;
    let older = format!("{}/older", world.namespace);
    assert_not_ready(&younger, Reason::OwnershipConflict, &[&older]);
    assert_not_taken(&younger);
    assert!(world.calls("CreateOrganization").is_empty());
    assert!(!world.events("younger").await.contains(&"Adopted".into()));
}

#[tokio::test]
async fn of_two_that_wait_for_it_the_older_takes_it() {
    let world = World::new().await;
    create_older(&world, adopt()).await;
    world.create("younger", adopt()).await;
    for name in ["older", "younger"] {
        world.until_refused(name, Reason::NotFound).await;
    }
    let theirs = seed(&world, theirs("acme"));
    for name in ["younger", "older"] {
        world.ask_to_look(name, "it is there").await;
    }
    assert_younger_waits(&world, &theirs).await;
}

#[tokio::test]
async fn one_that_waits_for_what_is_not_there_keeps_nobody_from_creating_it() {
    let world = World::new().await;
    create_older(&world, adopt()).await;
    world.until_refused("older", Reason::NotFound).await;
    world.create("younger", json!({"alias": "acme"})).await;
    let younger = world.until_settled("younger").await;
    world.assert_created_once(&younger);

    // It may have looked while the younger one was creating, and told of that.
    let older = world.look_now("older").await;
    let owner = format!("{}/younger", world.namespace);
    assert_not_ready(&older, Reason::OwnershipConflict, &[&owner, &id(&younger)]);
    assert_not_taken(&older);
    world.look_now("younger").await;
    world.until_settled("younger").await;
    assert_eq!(
        world.mutating_calls(),
        ["CreateOrganization", "TagResource"]
    );
}

#[tokio::test]
async fn it_is_looked_for_in_the_objects_region() {
    let world = World::new().await;
    let theirs = seed(
        &world,
        SeedOrganization {
            region: "eu-west-1".to_owned(),
            ..theirs("acme")
        },
    );
    world.create("here", adopt()).await;
    let here = world.until_refused("here", Reason::NotFound).await;
    assert_not_ready(&here, Reason::NotFound, &["us-east-1", &theirs.account]);
    assert_not_taken(&here);
    assert_eq!(status(&here).region, None, "nothing is frozen");
    world.assert_left_alone();

    let mut spec = adopt();
    spec["region"] = json!("eu-west-1");
    world.create("there", spec).await;
    until_adopted(&world, "there", &theirs).await;
    let there = world.get("there").await;
    assert_eq!(status(&there).region.as_deref(), Some("eu-west-1"));
    world.look_now("here").await;
    assert_eq!(world.mutating_calls(), ["TagResource"]);
}

fn delete() -> Value {
    let mut spec = adopt();
    spec["deletionPolicy"] = json!("Delete");
    spec["deletion"] = json!({"confirmAlias": "acme"});
    spec
}

#[tokio::test]
async fn an_adopted_one_is_deleted_under_policy_delete() {
    let world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    world.create("acme", delete()).await;
    until_adopted(&world, "acme", &theirs).await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_event("acme", "Deleted").await;
    world.until_aws(&theirs.id, "Deleted").await;
    assert_eq!(
        world.mutating_calls(),
        ["TagResource", "DeleteOrganization"]
    );
}

#[rstest]
#[case::of_the_claim(false)]
#[case::of_its_proof(true)]
#[tokio::test]
async fn an_object_that_is_deleted_before_the_end_deletes_nothing(#[case] claimed: bool) {
    let world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    let denied = Fault::error("AccessDeniedException", "not authorized");
    if !claimed {
        world.aws.fault(Rule::on("TagResource", denied));
    }
    world.create("acme", delete()).await;
    world.until_called("TagResource", 1).await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_event("acme", "Released").await;
    assert_eq!(world.effects("TagResource").len(), usize::from(claimed));
    assert!(world.calls("DeleteOrganization").is_empty());
    assert_eq!(world.aws.organization(&theirs.id).unwrap().state, "Active");

    // Applied again it is adopted.
    world.aws.clear_faults();
    let again = world.create("acme", delete()).await;
    assert_eq!(
        again.status.and_then(|status| status.origin),
        None::<Origin>
    );
    let object = world.until_settled("acme").await;
    assert_eq!(id(&object), theirs.id);
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    assert_eq!(world.effects("TagResource").len(), 1);
}
