//! Organizations that exist already: taken when that is asked for, and never made.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{
    CallFilter, Config, Knobs, OrganizationChange, OrganizationView, SeedOrganization,
};
use workmail_operator::api::{
    Origin, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, WorkMailOrganization,
};

use crate::world::{World, assert_not_ready, id, quick, ready, status};

const DAY: Duration = Duration::from_hours(24);

/// An organization that was there before.
pub fn theirs(alias: &str) -> SeedOrganization {
    SeedOrganization {
        age: DAY.into(),
        ..SeedOrganization::new(alias)
    }
}

/// One that was there before, in this state.
pub fn in_state(state: &str) -> SeedOrganization {
    SeedOrganization {
        state: state.to_owned(),
        ..theirs("acme")
    }
}

/// A spec that takes it by its alias.
pub fn adopt() -> Value {
    json!({"alias": "acme", "adoptionPolicy": "Adopt"})
}

/// Puts an organization into AWS.
pub fn seed(world: &World, seed: SeedOrganization) -> OrganizationView {
    world.aws.seed_organization(seed).unwrap()
}

/// The keys that each call has tagged, in order.
pub fn tagged(world: &World) -> Vec<Vec<String>> {
    let keys = |call: workmail_local::Call| {
        let tags = call.request["Tags"].as_array().unwrap().clone();
        let mut keys: Vec<String> = tags
            .iter()
            .map(|tag| tag["Key"].as_str().unwrap().to_owned())
            .collect();
        keys.sort();
        keys
    };
    world.calls("TagResource").into_iter().map(keys).collect()
}

/// Asserts that nothing is this object's yet.
pub fn assert_not_taken(object: &WorkMailOrganization) {
    let status = status(object);
    assert_eq!(status.origin, None);
    assert_eq!(status.organization_id, None);
    assert_eq!(status.created_at, None);
    assert_eq!(status.pending, None);
}

/// Waits until the organization is the object's, and asserts that it was taken and told once.
pub async fn until_adopted(world: &World, name: &str, theirs: &OrganizationView) {
    let object = world.until_settled(name).await;
    assert_eq!(id(&object), theirs.id);
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    world.assert_tagged(&world.aws.organization(&theirs.id).unwrap(), &object);
    world.until_told(name, "Adopted", &theirs.id).await;
    world.until_event(name, "Active").await;
    let events = world.events(name).await;
    let adopted = events.iter().filter(|event| *event == "Adopted").count();
    assert_eq!(adopted, 1, "{events:?}");
    assert_eq!(world.calls("CreateOrganization").len(), 0);
}

#[tokio::test]
async fn it_is_claimed_by_three_tags_and_read_again_before_anything_else_is_written() {
    let world = World::new().await;
    let theirs = seed(
        &world,
        SeedOrganization {
            tags: [("cost".to_owned(), "42".to_owned())].into(),
            ..theirs("acme")
        },
    );
    let mut spec = adopt();
    spec["tags"] = json!({"team": "mail"});
    let created = world.create("acme", spec).await;
    let object = world
        .until("acme", "claimed", |object| {
            ready(object).is_some_and(|ready| ready.message.contains("ownership tags"))
        })
        .await;
    assert_not_taken(&object);
    assert_not_ready(&object, Reason::Progressing, &["ownership tags"]);
    assert_eq!(status(&object).account_id, Some(theirs.account.clone()));
    assert_eq!(status(&object).region, Some(theirs.region.clone()));
    assert_eq!(status(&object).managed_tag_keys, [""; 0]);

    until_adopted(&world, "acme", &theirs).await;
    let marks = [TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE].map(str::to_owned);
    assert_eq!(tagged(&world), [marks.to_vec(), vec!["team".to_owned()]]);
    let writes = world.calls("TagResource");
    let mut reads = world.calls("ListTagsForResource");
    reads.retain(|read| read.sequence < writes[1].sequence);
    let proof = reads.last().unwrap().at.duration_since(writes[0].at);
    assert!(proof.as_secs_f64() >= 5.0, "read again after {proof:?}");
    let told = world
        .until_event("acme", "Adopted")
        .await
        .event_time
        .unwrap();
    let told = told.0.duration_since(writes[0].at).as_secs_f64();
    assert!(told >= 5.0, "told after {told} s");
    assert_eq!(world.mutating_calls(), ["TagResource", "TagResource"]);
    let object = world.get("acme").await;
    assert_eq!(status(&object).arn, Some(theirs.arn));
    assert_eq!(status(&object).directory_id, Some(theirs.directory_id));
    assert_eq!(status(&object).managed_tag_keys, ["team"]);
    assert!(status(&object).drift.is_empty());
    let tags = world.aws.organization(&theirs.id).unwrap().tags;
    assert_eq!(tags["cost"], "42", "what was there stays");
    assert!(world.warnings("acme").await.is_empty());

    // The user's own part of the object was not written.
    assert_eq!(object.spec, created.spec);
    assert_eq!(object.metadata.generation, Some(1));
    for entry in object.metadata.managed_fields.unwrap() {
        if entry.manager.as_deref() == Some("workmail-operator") {
            assert_eq!(entry.subresource.as_deref(), Some("status"));
        }
    }
}

#[tokio::test]
async fn a_claim_that_a_crash_interrupted_is_read_again_by_the_next_process() {
    let mut world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    world.create("acme", adopt()).await;
    world.until_called("TagResource", 1).await;
    world.operator.kill_and_start();
    let mark = world.aws.last_call();
    until_adopted(&world, "acme", &theirs).await;
    assert_eq!(world.mutating_calls(), ["TagResource"]);
    let read = CallFilter::on("ListTagsForResource").after(mark);
    assert!(!world.aws.calls(&read).is_empty());
}

#[tokio::test]
async fn deleted_ones_of_the_same_alias_are_passed_over() {
    let world = World::new().await;
    seed(&world, in_state("Deleted"));
    let theirs = seed(&world, theirs("ACME"));
    seed(&world, in_state("Deleted"));
    world.create("acme", adopt()).await;
    until_adopted(&world, "acme", &theirs).await;
    assert_eq!(world.effects("TagResource").len(), 1);
}

#[tokio::test]
async fn exactly_the_organization_of_the_id_is_taken() {
    let world = World::new().await;
    let decoy = seed(&world, theirs("acme"));
    let wanted = seed(&world, theirs("acme"));
    seed(&world, in_state("Deleted"));
    let mut spec = adopt();
    spec["organizationId"] = json!(wanted.id);
    world.create("acme", spec).await;
    until_adopted(&world, "acme", &wanted).await;
    assert_eq!(world.aws.organization(&decoy.id).unwrap(), decoy);
}

#[rstest]
#[case::nothing(None, false)]
#[case::a_deleted_one(Some("Deleted"), false)]
#[case::one_that_is_being_deleted(Some("Deleting"), false)]
#[case::a_deleted_one_by_id(Some("Deleted"), true)]
#[tokio::test]
async fn where_there_is_none_it_is_waited_for(#[case] state: Option<&str>, #[case] by_id: bool) {
    let world = World::new().await;
    let gone = state.map(|state| seed(&world, in_state(state)).id);
    let mut spec = adopt();
    if by_id {
        spec["organizationId"] = json!(gone);
    }
    let what = match state {
        Some("Deleting") => gone.unwrap(),
        _ if by_id => gone.unwrap(),
        _ => "alias acme".to_owned(),
    };
    world.create("acme", spec).await;
    world.until_refused("acme", Reason::NotFound).await;
    let object = world.look_now("acme").await;
    assert_not_ready(&object, Reason::NotFound, &[&what]);
    assert_not_taken(&object);
    world.assert_warned_once("acme", Reason::NotFound).await;
    world.assert_left_alone();

    if by_id {
        let active = OrganizationChange::state("Active");
        world.aws.change_organization(&what, active).unwrap();
    } else {
        seed(&world, theirs("acme"));
    }
    world.ask_to_look("acme", "it is there").await;
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    assert_eq!(world.mutating_calls(), ["TagResource"]);
}

#[tokio::test]
async fn an_id_that_is_not_there_is_not_replaced_by_the_alias() {
    let world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    let wanted = format!("m-{}", "0".repeat(32));
    let mut spec = adopt();
    spec["organizationId"] = json!(wanted);
    world.create("acme", spec).await;
    let object = world.until_refused("acme", Reason::NotFound).await;
    assert_not_ready(&object, Reason::NotFound, &[&wanted]);
    assert_not_taken(&object);
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);
}

#[tokio::test]
async fn adopt_or_create_takes_what_is_there_and_makes_what_is_not() {
    let world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    let spec = |alias: &str| json!({"alias": alias, "adoptionPolicy": "AdoptOrCreate"});
    world.create("acme", spec("acme")).await;
    until_adopted(&world, "acme", &theirs).await;

    world.create("fresh", spec("fresh")).await;
    let fresh = world.until_settled("fresh").await;
    assert_eq!(status(&fresh).origin, Some(Origin::Created));
    world.assert_created_once_in_the_end(&fresh);
    assert_eq!(
        world.mutating_calls(),
        ["TagResource", "CreateOrganization", "TagResource"]
    );
    assert_eq!(world.aws.organizations().len(), 2);
}

#[tokio::test]
async fn policy_create_leaves_an_older_one_alone_until_it_is_told_to_adopt() {
    let world = World::new().await;
    let theirs = seed(&world, theirs("acme"));
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::AlreadyExists).await;
    let object = world.look_now("acme").await;
    assert_not_ready(
        &object,
        Reason::AlreadyExists,
        &[&theirs.id, "adoptionPolicy to Adopt"],
    );
    assert_not_taken(&object);
    world
        .assert_warned_once("acme", Reason::AlreadyExists)
        .await;
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);

    let policy = json!({"spec": {"adoptionPolicy": "Adopt"}});
    world.patch("acme", policy).await;
    until_adopted(&world, "acme", &theirs).await;
    assert_eq!(world.mutating_calls(), ["TagResource"]);
}

#[tokio::test]
async fn it_is_found_on_every_page_of_the_list() {
    let knobs = Knobs {
        organization_quota: None,
        ..quick()
    };
    let mut world = World::without_operator(Config::with_knobs(knobs)).await;
    let mut all = Vec::new();
    for number in 0..250_u64 {
        let age = DAY + Duration::from_secs(250 - number);
        all.push(seed(
            &world,
            SeedOrganization {
                age: age.into(),
                ..SeedOrganization::new(format!("acme-{number}"))
            },
        ));
    }
    world.operator.start();
    let wanted = [0, 99, 100, 199, 200, 249].map(|number: usize| &all[number]);
    for one in wanted {
        let spec = json!({"alias": one.alias, "adoptionPolicy": "Adopt"});
        world.create(&one.alias, spec).await;
    }
    for one in wanted {
        until_adopted(&world, &one.alias, one).await;
    }
    assert_eq!(world.mutating_calls(), ["TagResource"; 6]);
    let touched = world.aws.organizations();
    let touched = touched.iter().filter(|one| !one.tags.is_empty()).count();
    assert_eq!(touched, 6);
}
