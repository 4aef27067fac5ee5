//! Deletions that are asked for and must not happen, or not yet; and those of a create whose answer
//! nobody knows.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{
    Config, Credential, Delay, EnabledUsersError, Knobs, Lifetime, OrganizationChange,
    SeedOrganization, SeedUser,
    Work::{Done, NotDone},
};
use workmail_operator::api::{
    ConditionType, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, WorkMailOrganization,
};

use crate::world::{World, assert_not_ready, condition, id, quick, status};

const HOUR: Duration = Duration::from_hours(1);

fn doomed() -> Value {
    json!({"alias": "acme", "deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"}})
}

/// A world with an object under policy Delete that is Ready.
async fn world_with_doomed() -> (World, WorkMailOrganization) {
    let world = World::new().await;
    world.create("acme", doomed()).await;
    let object = world.until_active("acme").await;
    (world, object)
}

/// Waits until the deletion is blocked and says these things, and asserts that nothing was deleted.
async fn until_blocked(world: &World, id: &str, says: &[&str]) {
    let object = world.until_refused("acme", Reason::DeletionBlocked).await;
    assert_not_ready(&object, Reason::DeletionBlocked, says);
    assert_not_ready(
        &object,
        Reason::DeletionBlocked,
        &["deletionPolicy to Retain"],
    );
    world
        .assert_warned_once("acme", Reason::DeletionBlocked)
        .await;
    assert_eq!(world.aws.organization(id).unwrap().state, "Active");
    assert!(world.effects("DeleteOrganization").is_empty());
}

async fn until_deleted(world: &World, id: &str) {
    world.until_gone("acme").await;
    world.until_told("acme", "Deleted", id).await;
    assert_eq!(world.aws.organization(id).unwrap().state, "Deleted");
    assert_eq!(world.effects("DeleteOrganization").len(), 1);
}

#[rstest]
#[case::as_a_state(EnabledUsersError::OrganizationStateException)]
#[case::as_a_parameter(EnabledUsersError::InvalidParameterException)]
#[tokio::test]
async fn enabled_users_block_the_deletion_until_it_is_forced(#[case] error: EnabledUsersError) {
    let (world, object) = world_with_doomed().await;
    let id = id(&object);
    world
        .aws
        .change_knobs(|knobs| knobs.enabled_users_error = error);
    world.aws.seed_user(&id, SeedUser::new("ann")).unwrap();
    world.delete("acme").await;
    until_blocked(&world, &id, &["enabled users", "forceDelete"]).await;
    assert_eq!(world.calls("DeleteOrganization").len(), 1, "asked once");
    assert_eq!(status(&world.get("acme").await).pending, None);

    world
        .patch(
            "acme",
            json!({"spec": {"deletion": {
                "forceDelete": true, "confirmOrganizationId": id,
            }}}),
        )
        .await;
    until_deleted(&world, &id).await;
    let calls = world.calls("DeleteOrganization");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].request["ForceDelete"], true);
    assert_ne!(
        calls[0].request["ClientToken"], calls[1].request["ClientToken"],
        "another intent has another token"
    );
}

#[tokio::test]
async fn a_wrong_confirmation_of_the_id_blocks_the_deletion_without_a_call() {
    let (world, object) = world_with_doomed().await;
    let (id, wrong) = (id(&object), format!("m-{:032x}", 7));
    world
        .patch(
            "acme",
            json!({"spec": {"deletion": {"confirmOrganizationId": wrong}}}),
        )
        .await;
    world.until_settled("acme").await;
    world.delete("acme").await;
    until_blocked(&world, &id, &[&id, &wrong]).await;
    assert!(world.calls("DeleteOrganization").is_empty());
    world
        .patch(
            "acme",
            json!({"spec": {"deletion": {"confirmOrganizationId": id}}}),
        )
        .await;
    until_deleted(&world, &id).await;
}

#[rstest]
#[case::of_another_cluster(TAG_CLUSTER)]
#[case::of_another_namespace(TAG_NAMESPACE)]
#[case::of_another_object(TAG_NAME)]
#[tokio::test]
async fn an_organization_with_the_tags_of_another_is_not_deleted(#[case] tag: &str) {
    let (world, object) = world_with_doomed().await;
    let id = id(&object);
    let theirs = OrganizationChange::default().set_tag(tag, "another");
    world.aws.change_organization(&id, theirs).unwrap();
    world.delete("acme").await;
    until_blocked(&world, &id, &["belongs to", "another"]).await;
    assert!(world.calls("DeleteOrganization").is_empty());
}

#[tokio::test]
async fn an_organization_whose_tags_were_removed_is_still_ours_and_is_deleted() {
    let (world, object) = world_with_doomed().await;
    let id = id(&object);
    let mut bare = OrganizationChange::default();
    for tag in [TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME] {
        bare = bare.remove_tag(tag);
    }
    world.aws.change_organization(&id, bare).unwrap();
    world.delete("acme").await;
    until_deleted(&world, &id).await;
}

#[tokio::test]
async fn an_organization_with_another_alias_is_not_deleted_whatever_the_status_says() {
    let mut world = World::new().await;
    let theirs = world
        .aws
        .seed_organization(SeedOrganization::new("theirs"))
        .unwrap();
    world.create("acme", doomed()).await;
    let ours = id(&world.until_active("acme").await);
    // Even its tags say that it is this object's.
    let marked = OrganizationChange {
        set_tags: world.aws.organization(&ours).unwrap().tags,
        ..OrganizationChange::default()
    };
    world.aws.change_organization(&theirs.id, marked).unwrap();
    // The status and the deletion are seen together.
    world.kill().await;
    world
        .patch_status("acme", json!({"organizationId": theirs.id}))
        .await;
    world.delete("acme").await;
    world.operator.start();
    until_blocked(&world, &theirs.id, &["alias theirs", "acme"]).await;
    assert!(world.calls("DeleteOrganization").is_empty());
}

#[tokio::test]
async fn suspend_blocks_the_deletion_without_any_call_until_it_ends() {
    let (world, object) = world_with_doomed().await;
    let id = id(&object);
    world
        .patch("acme", json!({"spec": {"suspend": true}}))
        .await;
    world
        .until("acme", "it is suspended", |object| {
            condition(object, ConditionType::Suspended).is_some()
        })
        .await;
    let calls = world.aws.last_call();
    world.delete("acme").await;
    until_blocked(&world, &id, &["suspend"]).await;
    assert_eq!(world.called_after(calls), [""; 0]);
    world
        .patch("acme", json!({"spec": {"suspend": false}}))
        .await;
    until_deleted(&world, &id).await;
}

#[tokio::test]
async fn the_credentials_of_another_account_delete_nothing() {
    let (mut world, object) = world_with_doomed().await;
    let id = id(&object);
    world
        .aws
        .seed_credential(Credential::new("AKIDOTHER", "999999999999"))
        .unwrap();
    world.kill().await;
    world.operator.set("AWS_ACCESS_KEY_ID", Some("AKIDOTHER"));
    let calls = world.aws.last_call();
    world.operator.start();
    world.delete("acme").await;
    let object = world.until_refused("acme", Reason::AccountMismatch).await;
    assert_not_ready(
        &object,
        Reason::AccountMismatch,
        &["123456789012", "999999999999"],
    );
    assert!(
        world.called_after(calls).iter().all(|operation| [
            "GetCallerIdentity",
            "ListOrganizations"
        ]
        .contains(&&**operation)),
        "nothing was even looked at"
    );
    assert_eq!(world.aws.organization(&id).unwrap().state, "Active");

    world.kill().await;
    world.operator.set("AWS_ACCESS_KEY_ID", Some("AKIDEXAMPLE"));
    world.operator.start();
    until_deleted(&world, &id).await;
}

#[tokio::test]
async fn an_object_deleted_while_its_create_is_in_flight_is_deleted_with_what_came_of_it() {
    let world = World::new().await;
    world.hold("CreateOrganization", NotDone);
    world.create("acme", doomed()).await;
    world.until_held("CreateOrganization").await;
    world.delete("acme").await;
    world.aws.clear_faults();
    world.until_gone("acme").await;
    let organizations = world.aws.organizations();
    assert_eq!(organizations.len(), 1);
    assert_eq!(organizations[0].state, "Deleted");
    assert_eq!(world.effects("CreateOrganization").len(), 1);
    assert_eq!(world.effects("DeleteOrganization").len(), 1);
}

#[rstest]
#[case::still_creating(Delay::fixed(HOUR))]
#[case::active_by_then(Delay::NONE)]
#[tokio::test]
async fn a_pending_create_of_an_object_that_goes_is_looked_for_and_never_repeated(
    #[case] creating_for: Delay,
) {
    let knobs = Knobs {
        creating_for,
        client_token_lifetime: Lifetime::from(Duration::ZERO),
        ..quick()
    };
    let mut world = World::without_operator(Config::with_knobs(knobs)).await;
    world.hold("CreateOrganization", Done);
    world.operator.start();
    world.create("acme", doomed()).await;
    let call = world.until_held("CreateOrganization").await;
    let id = call.organization_id.unwrap();
    world.kill().await;
    world.delete("acme").await;
    world.operator.start();
    world
        .until("acme", "its id is known", |object| {
            status(object).organization_id.as_ref() == Some(&id)
        })
        .await;
    world.aws.clock().advance(HOUR);
    until_deleted(&world, &id).await;
    assert_eq!(world.calls("CreateOrganization").len(), 1, "never repeated");
}

#[tokio::test]
async fn a_pending_create_that_never_shows_is_given_up_after_fifteen_minutes_and_not_before() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.hold("CreateOrganization", NotDone);
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world.create("acme", doomed()).await;
    world.until_held("CreateOrganization").await;
    world.kill().await;
    world.delete("acme").await;
    world.operator.start();
    let searching = world.until_refused("acme", Reason::Deleting).await;
    assert_not_ready(&searching, Reason::Deleting, &["searched for"]);
    world.until_listed(3).await;
    world.get("acme").await;

    let long_ago = Timestamp::now() - Duration::from_mins(16);
    world
        .patch_status("acme", json!({"pending": {"since": long_ago.to_string()}}))
        .await;
    world.until_gone("acme").await;
    world.until_event("acme", "Released").await;
    assert_eq!(world.calls("CreateOrganization").len(), 1, "never repeated");
    assert!(world.aws.organizations().is_empty());
    assert!(world.calls("DeleteOrganization").is_empty());
}

#[tokio::test]
async fn a_deletion_in_a_state_that_aws_refuses_is_blocked() {
    let (world, object) = world_with_doomed().await;
    let id = id(&object);
    world.aws.change_knobs(|knobs| {
        knobs.deletable_states.remove("Impaired");
    });
    world
        .aws
        .change_organization(&id, OrganizationChange::state("Impaired"))
        .unwrap();
    world.delete("acme").await;
    let object = world.until_refused("acme", Reason::DeletionBlocked).await;
    assert_not_ready(&object, Reason::DeletionBlocked, &["Impaired"]);
    assert!(world.effects("DeleteOrganization").is_empty());
    assert_eq!(world.calls("DeleteOrganization").len(), 1, "asked once");
}
