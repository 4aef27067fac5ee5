//! An object whose memory is lost, or that is new: its organization is found again, never made twice.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, api::PostParams};
use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{Config, Delay, Knobs, Lifetime, SeedDirectory, SeedOrganization, Work};
use workmail_operator::api::{ConditionType, Origin, Reason, WorkMailOrganization};

use crate::world::{World, assert_not_ready, condition, id, quick, ready, status};

const HOUR: Duration = Duration::from_hours(1);

fn spec() -> Value {
    json!({"alias": "acme", "tags": {"team": "mail"}})
}

/// An endpoint where the first states last until its clock is moved.
fn slow(requested: Duration) -> Knobs {
    Knobs {
        requested_for: Delay::fixed(requested),
        creating_for: Delay::fixed(HOUR),
        ..quick()
    }
}

/// An organization that was there before.
fn stranger() -> SeedOrganization {
    SeedOrganization {
        age: HOUR.into(),
        ..SeedOrganization::new("acme")
    }
}

/// Wipes the status as a patch to null does.
async fn wipe(world: &World) {
    let wiped = world.patch_status("acme", Value::Null).await;
    assert_eq!(status(&wiped).organization_id, None);
    assert!(status(&wiped).conditions.is_empty());
}

/// Wipes the status as a replace by a manifest without one does.
async fn replace(world: &World) {
    loop {
        let mut bare = world.get("acme").await;
        bare.status = None;
        let replaced = world
            .organizations()
            .replace_status("acme", &PostParams::default(), &bare)
            .await;
        match replaced {
            Ok(wiped) => return assert_eq!(status(&wiped).organization_id, None),
            // The operator wrote in between, and will have nothing more to write soon.
            Err(kube::Error::Api(conflict)) if conflict.code == 409 => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn until_known_again(world: &World, id: &str) -> WorkMailOrganization {
    world
        .until("acme", "its organization is known again", |object| {
            status(object).organization_id.as_deref() == Some(id) && ready(object).is_some()
        })
        .await
}

#[rstest]
#[case::in_requested(slow(HOUR), Reason::Requested)]
#[case::in_creating(slow(Duration::from_millis(300)), Reason::Creating)]
#[tokio::test]
async fn a_status_wiped_before_the_tags_are_set_is_rebuilt_by_the_same_call(
    #[case] knobs: Knobs,
    #[case] reason: Reason,
) {
    let world = World::with(Config::with_knobs(knobs)).await;
    world.create("acme", spec()).await;
    let first = world.until_refused("acme", reason).await;
    for (times, by) in [(2, true), (3, false)] {
        if by {
            wipe(&world).await;
        } else {
            replace(&world).await;
        }
        world.until_called("CreateOrganization", times).await;
        until_known_again(&world, &id(&first)).await;
    }
    world.aws.clock().advance(HOUR);
    world.aws.clock().advance(HOUR);
    let object = world.until_active("acme").await;
    assert_eq!(id(&object), id(&first));
    world.assert_created_once(&object);
}

#[tokio::test]
async fn a_status_wiped_while_nobody_runs_is_rebuilt_at_the_next_start() {
    let mut world = World::with(Config::with_knobs(slow(Duration::ZERO))).await;
    world.create("acme", spec()).await;
    let first = world.until_refused("acme", Reason::Creating).await;
    world.kill().await;
    wipe(&world).await;
    world.aws.clock().advance(HOUR);
    world.operator.start();
    let object = world.until_active("acme").await;
    assert_eq!(id(&object), id(&first));
    world.assert_created_once(&object);
}

#[tokio::test]
async fn a_status_wiped_before_the_tags_are_set_proves_nothing_once_the_token_is_forgotten() {
    let knobs = Knobs {
        client_token_lifetime: Lifetime::from(Duration::ZERO),
        ..slow(Duration::ZERO)
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    world.create("acme", spec()).await;
    let first = world.until_refused("acme", Reason::Creating).await;
    wipe(&world).await;
    let object = world.until_refused("acme", Reason::AlreadyExists).await;
    assert_not_ready(&object, Reason::AlreadyExists, &[&id(&first), "tags"]);
    assert_eq!(status(&object).organization_id, None);
    assert_eq!(world.aws.organizations().len(), 1);
    assert_eq!(world.effects("CreateOrganization").len(), 1);
    assert!(world.calls("TagResource").is_empty());
}

#[rstest]
#[case::before_its_work(Work::NotDone)]
#[case::after_its_work(Work::Done)]
#[tokio::test]
async fn a_status_wiped_while_its_create_is_in_flight_is_rebuilt_by_the_answer(#[case] work: Work) {
    let world = World::new().await;
    world.hold("CreateOrganization", work);
    world.create("acme", spec()).await;
    world.until_held("CreateOrganization").await;
    wipe(&world).await;
    world.aws.clear_faults();
    let object = world.until_active("acme").await;
    world.assert_created_once(&object);
}

#[rstest]
#[case::by_a_patch(true)]
#[case::by_a_replace(false)]
#[tokio::test]
async fn a_status_wiped_in_active_is_rebuilt_from_the_tags(#[case] patched: bool) {
    let world = World::new().await;
    world.create("acme", spec()).await;
    let first = world.until_active("acme").await;
    let calls = world.mutating_calls();
    if patched {
        wipe(&world).await;
    } else {
        replace(&world).await;
    }
    let object = world.until_active("acme").await;
    let (before, after) = (status(&first), status(&object));
    assert_eq!(after.organization_id, before.organization_id);
    assert_eq!(after.origin, Some(Origin::Adopted));
    assert_eq!(
        (after.arn, after.account_id, after.region, after.state),
        (before.arn, before.account_id, before.region, before.state)
    );
    world.until_told("acme", "Adopted", &id(&first)).await;
    assert_eq!(world.mutating_calls(), calls, "nothing was changed in AWS");
    assert_eq!(world.aws.organizations().len(), 1);
}

#[tokio::test]
async fn the_same_manifest_applied_again_finds_its_organization_again() {
    let world = World::new().await;
    world.create("acme", spec()).await;
    let first = world.until_active("acme").await;
    let calls = world.mutating_calls();
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_told("acme", "Retained", &id(&first)).await;

    world.create("acme", spec()).await;
    let second = world.until_active("acme").await;
    assert_ne!(second.uid(), first.uid());
    assert_eq!(id(&second), id(&first));
    assert_eq!(status(&second).origin, Some(Origin::Adopted));
    world.until_told("acme", "Adopted", &id(&first)).await;
    assert_eq!(world.mutating_calls(), calls, "nothing was changed in AWS");
    let organizations = world.aws.organizations();
    assert_eq!(organizations.len(), 1);
    world.assert_tagged(&organizations[0], &second);
}

#[tokio::test]
async fn what_was_found_again_gets_the_tags_of_its_new_spec_and_keeps_the_old_ones() {
    let world = World::new().await;
    world.create("acme", spec()).await;
    let first = world.until_active("acme").await;
    world.delete("acme").await;
    world.until_gone("acme").await;

    world
        .create("acme", json!({"alias": "acme", "tags": {"cost": "7"}}))
        .await;
    let second = world.until_active("acme").await;
    assert_eq!(id(&second), id(&first));
    let organization = world.aws.organization(&id(&first)).unwrap();
    world.assert_tagged(&organization, &second);
    assert_eq!(
        organization.tags.get("team").map(String::as_str),
        Some("mail"),
        "what this object did not write it does not remove"
    );
    assert_eq!(status(&second).managed_tag_keys, ["cost"]);
}

#[tokio::test]
async fn what_was_found_again_and_differs_in_what_cannot_change_is_left_alone() {
    let world = World::new().await;
    world.create("acme", spec()).await;
    let first = world.until_active("acme").await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    let calls = world.mutating_calls();
    let directory = world
        .aws
        .seed_directory(SeedDirectory {
            alias: Some("acme".into()),
            ..SeedDirectory::default()
        })
        .unwrap();

    world
        .create(
            "acme",
            json!({"alias": "acme", "directoryId": directory.id, "tags": {"cost": "7"}}),
        )
        .await;
    let object = world
        .until_refused("acme", Reason::ImmutableFieldDiffers)
        .await;
    let actual = status(&first).directory_id.unwrap();
    assert_not_ready(
        &object,
        Reason::ImmutableFieldDiffers,
        &["directoryId", &directory.id, &actual],
    );
    assert!(condition(&object, ConditionType::Stalled).is_some());
    assert_eq!(id(&object), id(&first));
    world.look_now("acme").await;
    world
        .assert_warned_once("acme", Reason::ImmutableFieldDiffers)
        .await;
    assert_eq!(world.mutating_calls(), calls, "nothing was changed in AWS");
    assert_eq!(world.aws.organizations().len(), 1);
}

#[tokio::test]
async fn an_organization_that_is_older_than_the_object_and_untagged_is_never_taken() {
    let world = World::new().await;
    let theirs = world.aws.seed_organization(stranger()).unwrap();
    world.create("acme", spec()).await;
    let object = world.until_refused("acme", Reason::AlreadyExists).await;
    assert_eq!(status(&object).organization_id, None);
    assert_eq!(status(&object).origin, None);
    assert_eq!(world.mutating_calls(), [""; 0]);
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);
}

#[tokio::test]
async fn an_id_written_into_the_status_by_hand_makes_nothing_ours() {
    let world = World::new().await;
    let theirs = world.aws.seed_organization(stranger()).unwrap();
    world
        .create("acme", json!({"alias": "acme", "suspend": true}))
        .await;
    world
        .until("acme", "it is suspended", |object| {
            condition(object, ConditionType::Suspended).is_some()
        })
        .await;
    let by_hand = json!({
        "organizationId": theirs.id,
        "accountId": "123456789012",
        "region": "us-east-1",
        "createdAt": Timestamp::now().to_string(),
    });
    world.patch_status("acme", by_hand).await;
    world
        .patch(
            "acme",
            json!({"spec": {"suspend": false, "tags": {"team": "mail"}}}),
        )
        .await;
    let object = world.until_refused("acme", Reason::AlreadyExists).await;
    assert_eq!(status(&object).origin, None);
    assert_eq!(world.mutating_calls(), [""; 0]);
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), theirs);
}
