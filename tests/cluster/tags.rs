//! The tags in AWS: the user's are kept as the spec says, nobody else's are touched.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use workmail_local::{Call, Fault, OrganizationChange, Rule};
use workmail_operator::api::{Reason, TAG_NAME};

use crate::world::{World, assert_not_ready, domains, id, status};

async fn write(world: &World, tags: Value) {
    world.patch("acme", json!({"spec": {"tags": tags}})).await;
    world.until_settled("acme").await;
}

/// The tags of the organization besides those of ownership.
fn tags(world: &World, id: &str) -> BTreeMap<String, String> {
    let mut tags = world.aws.organization(id).unwrap().tags;
    tags.retain(|key, _| !key.starts_with("workmail-operator.dev/"));
    tags
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn tags_are_written_changed_and_removed_and_those_of_others_stay() {
    let world = World::new().await;
    let spec = json!({"alias": "acme", "tags": {"team": "a", "env": ""}});
    world.create("acme", spec).await;
    let object = world.until_settled("acme").await;
    let id = id(&object);
    assert_eq!(tags(&world, &id), map(&[("team", "a"), ("env", "")]));
    assert_eq!(status(&object).managed_tag_keys, ["env", "team"]);
    let calls = world.calls("TagResource");
    let keys = |call: &Call| -> Vec<String> {
        let tags = call.request["Tags"].as_array().unwrap().iter();
        tags.map(|tag| tag["Key"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(calls.len(), 2, "the ownership tags, then the user's");
    assert!(
        keys(&calls[0])
            .iter()
            .all(|key| key.starts_with("workmail-operator.dev/"))
    );
    assert_eq!(keys(&calls[1]), ["env", "team"]);

    let theirs = OrganizationChange::default()
        .set_tag("cost", "42")
        .set_tag("shared", "theirs");
    world.aws.change_organization(&id, theirs).unwrap();

    // One is changed, one is left out, and one was there before.
    let now = json!({"team": "b", "env": null, "shared": "ours"});
    write(&world, now).await;
    assert_eq!(
        tags(&world, &id),
        map(&[("team", "b"), ("cost", "42"), ("shared", "ours")])
    );
    let object = world.get("acme").await;
    assert_eq!(
        status(&object).managed_tag_keys,
        ["team"],
        "what existed before is never managed"
    );
    let untag = &world.calls("UntagResource")[0].request["TagKeys"];
    assert_eq!(*untag, json!(["env"]));

    write(&world, Value::Null).await;
    assert_eq!(
        tags(&world, &id),
        map(&[("cost", "42"), ("shared", "ours")]),
        "the key that existed before stays"
    );
    assert!(status(&world.get("acme").await).managed_tag_keys.is_empty());
    let object = world.get("acme").await;
    world.assert_created_once(&object);
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn tags_that_somebody_changed_are_written_again_at_the_next_whole_look() {
    let world = World::new().await;
    let spec = json!({"alias": "acme", "tags": {"team": "a"}});
    world.create("acme", spec).await;
    let id = id(&world.until_settled("acme").await);
    let change = OrganizationChange::default()
        .set_tag("team", "b")
        .remove_tag(TAG_NAME)
        .remove_tag("workmail-operator.dev/namespace")
        .remove_tag("workmail-operator.dev/cluster");
    world.aws.change_organization(&id, change).unwrap();

    let object = world.look_now("acme").await;
    world.assert_tagged(&world.aws.organization(&id).unwrap(), &object);
    let tagged = world.calls("TagResource").len();
    assert_eq!(
        tagged,
        2 + 2,
        "the ownership tags and the user's, each time"
    );
    assert!(world.calls("UntagResource").is_empty());
}

#[tokio::test]
async fn a_tag_key_that_a_crash_left_recorded_and_not_written_is_written_and_managed() {
    let mut world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let id = id(&world.until_settled("acme").await);
    world.hold("TagResource", workmail_local::Work::NotDone);
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    world.until_held("TagResource").await;
    let object = world.get("acme").await;
    assert_eq!(
        status(&object).managed_tag_keys,
        ["team"],
        "recorded before the call"
    );
    world.kill().await;
    assert!(tags(&world, &id).is_empty());

    world.operator.start();
    world.until_settled("acme").await;
    assert_eq!(tags(&world, &id), map(&[("team", "a")]));
    write(&world, Value::Null).await;
    assert!(tags(&world, &id).is_empty(), "it was ours to remove");
}

#[tokio::test]
async fn a_refused_tag_is_told_and_a_spec_without_it_is_ready_again() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;
    world.aws.fault(refusal_of_tags());
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    let object = world.until_refused("acme", Reason::InvalidParameter).await;
    assert_not_ready(&object, Reason::InvalidParameter, &["a reason of AWS"]);
    world.look_now("acme").await;
    world
        .assert_warned_once("acme", Reason::InvalidParameter)
        .await;
    write(&world, Value::Null).await;
}

fn refusal_of_tags() -> Rule {
    let refusal = Fault::error("InvalidParameterException", "a reason of AWS");
    Rule::on("TagResource", refusal)
}

#[tokio::test]
async fn a_user_tag_that_aws_refuses_leaves_no_organization_unmarked_and_keeps_no_domain_waiting() {
    let world = World::new().await;
    // The ownership tags pass.
    world.aws.fault(refusal_of_tags().skip(1));
    let names = ["a.a", "b.b", "c.c", "d.d", "e.e", "f.f"];
    let spec = json!({"alias": "acme", "tags": {"team": "a"}, "domains": domains(&names)});
    world.create("acme", spec).await;
    let object = world.until_refused("acme", Reason::InvalidParameter).await;
    let organization = world.aws.organization(&id(&object)).unwrap();
    assert_eq!(organization.tags.len(), 3, "{:?}", organization.tags);
    assert_eq!(organization.tags[TAG_NAME], "acme");
    world.until_called("RegisterMailDomain", 1).await;
    for name in names {
        assert!(
            world
                .domains_in_aws(&id(&object))
                .contains(&name.to_owned()),
            "{name}"
        );
    }

    // The object is lost: its manifest finds the organization again.
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.create("acme", json!({"alias": "acme"})).await;
    let again = world.until_settled("acme").await;
    assert_eq!(id(&again), id(&object));
    assert_eq!(world.effects("CreateOrganization").len(), 1);
}

#[tokio::test]
async fn too_many_tags_are_told_and_written_once_there_is_room() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_settled("acme").await;
    let id = id(&object);
    let mut theirs = OrganizationChange::default();
    for number in 0..47 {
        theirs = theirs.set_tag(format!("theirs-{number}"), "x");
    }
    world.aws.change_organization(&id, theirs).unwrap();

    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    let object = world.until_refused("acme", Reason::TooManyTags).await;
    assert_not_ready(
        &object,
        Reason::TooManyTags,
        &["TooManyTagsException", "50 tags", "Remove some"],
    );
    world.look_now("acme").await;
    world.assert_warned_once("acme", Reason::TooManyTags).await;
    assert!(
        !world
            .aws
            .organization(&id)
            .unwrap()
            .tags
            .contains_key("team")
    );

    let room = OrganizationChange::default().remove_tag("theirs-0");
    world.aws.change_organization(&id, room).unwrap();
    world.look_now("acme").await;
    world.until_settled("acme").await;
    let tags = world.aws.organization(&id).unwrap().tags;
    assert_eq!(tags["team"], "a");
    assert_eq!(tags.len(), 50, "nobody else's tag was touched");
    assert!(world.calls("UntagResource").is_empty());
}

#[tokio::test]
async fn an_object_with_the_longest_name_lives_its_whole_life() {
    let world = World::new().await;
    let name = "n".repeat(253);
    let spec = json!({
        "alias": "acme",
        "tags": {"team": "a"},
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    });
    world.create(&name, spec).await;
    let object = world.until_settled(&name).await;
    world.assert_created_once(&object);
    world.until_event(&name, "Active").await;
    assert_eq!(world.aws.organizations()[0].tags[TAG_NAME], name);

    world.delete(&name).await;
    world.until_gone(&name).await;
    world.until_event(&name, "Deleted").await;
    assert_eq!(world.aws.organizations()[0].state, "Deleted");
    let lost = world.operator.logged("an event could not be sent");
    assert!(lost.is_empty(), "{lost:#?}");
}
