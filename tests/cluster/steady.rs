//! What it costs: on the way to Active, and afterwards nothing.

use std::time::Duration;

use kube::ResourceExt;
use serde_json::json;
use workmail_local::{CallFilter, Config, Delay, Knobs, OrganizationChange};
use workmail_operator::api::{ConditionType, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE};

use crate::world::{World, condition, id, quick, status};

const HOUR: Duration = Duration::from_hours(1);

/// A world with flags of its own.
async fn with_flags(knobs: Knobs, flags: &[&str]) -> World {
    let mut world = World::without_operator(Config::with_knobs(knobs)).await;
    for flag in flags {
        world.operator.argument(flag);
    }
    world.operator.start();
    world
}

#[tokio::test]
async fn a_settled_object_is_not_written_and_only_the_list_is_read() {
    let world = with_flags(quick(), &["--resync-interval=1s"]).await;
    world
        .create("acme", json!({"alias": "acme", "tags": {"team": "mail"}}))
        .await;
    let before = world.until_active("acme").await;
    world.until_event("acme", "Active").await;
    let events = world.events("acme").await;
    let calls = world.aws.last_call();
    world.until_listed(6).await;
    let after = world.get("acme").await;
    assert_eq!(after.resource_version(), before.resource_version());
    assert_eq!(world.events("acme").await, events);
    assert!(
        world
            .called_after(calls)
            .iter()
            .all(|operation| operation == "ListOrganizations"),
        "{:?}",
        world.called_after(calls)
    );
}

#[tokio::test]
async fn the_way_to_active_is_three_calls_four_writes_and_two_events() {
    // It stays Creating until that was seen, however slow the machine.
    let knobs = Knobs {
        creating_for: Delay::fixed(HOUR),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    let mut history = world.history().await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::Creating).await;
    world.aws.clock().advance(HOUR);
    let object = world.until_active("acme").await;
    world.until_event("acme", "Active").await;
    let versions = history.up_to(&object).await;
    let states: Vec<_> = versions
        .iter()
        .map(|version| {
            let status = status(version);
            (status.pending.is_some(), status.state)
        })
        .collect();
    let state = |word: &str| (false, Some(word.to_owned()));
    assert_eq!(
        states,
        [
            (false, None),
            (true, None),
            state("Requested"),
            state("Creating"),
            state("Active")
        ],
        "as applied, and four writes"
    );
    let mut generations = versions.iter().map(ResourceExt::finalizers);
    assert!(generations.all(<[String]>::is_empty));
    assert_eq!(world.events("acme").await, ["Active"]);
    for operation in ["CreateOrganization", "DescribeOrganization", "TagResource"] {
        assert_eq!(world.calls(operation).len(), 1, "{operation}");
    }
}

#[tokio::test]
async fn what_was_just_created_costs_one_call_of_each_kind_and_one_for_its_tags() {
    let world = World::new().await;
    world
        .create("acme", json!({"alias": "acme", "tags": {"team": "mail"}}))
        .await;
    let object = world.until_active("acme").await;
    let mut counts = world.counts_after(0);
    counts.remove("ListOrganizations");
    let expected = [
        ("GetCallerIdentity", 1),
        ("CreateOrganization", 1),
        ("DescribeOrganization", 1),
        // Somebody else may have taken it in between.
        ("ListTagsForResource", 1),
        // The ownership tags, and the user's.
        ("TagResource", 2),
    ];
    let expected = expected.map(|(operation, count)| (operation.to_owned(), count));
    assert_eq!(counts, expected.into());
    assert_eq!(status(&object).managed_tag_keys, ["team"]);
}

#[tokio::test]
async fn the_tags_of_an_organization_that_became_active_unseen_are_read_before_they_are_written() {
    let knobs = Knobs {
        creating_for: Delay::fixed(HOUR),
        ..quick()
    };
    let mut world = World::with(Config::with_knobs(knobs)).await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::Creating).await;
    world.kill().await;
    world.aws.clock().advance(HOUR);
    let mark = world.aws.last_call();
    world.operator.start();
    world.until_active("acme").await;
    let called: Vec<_> = world
        .called_after(mark)
        .into_iter()
        .filter(|operation| operation.contains("Resource"))
        .collect();
    // Twice, 5 s apart: the process before may have claimed it a moment ago.
    let read = "ListTagsForResource";
    assert_eq!(called, [read, read, "TagResource"]);
}

#[tokio::test]
async fn ten_objects_that_are_created_at_once_share_the_list() {
    let knobs = Knobs {
        creating_for: Delay::between(Duration::from_secs(1), Duration::from_secs(4)),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    let names: Vec<_> = (0..10).map(|number| format!("org-{number}")).collect();
    for name in &names {
        world.create(name, json!({"alias": name})).await;
    }
    let mut ids = Vec::new();
    for name in &names {
        ids.push(id(&world.until_active(name).await));
    }
    for id in &ids {
        for operation in ["DescribeOrganization", "TagResource"] {
            let calls = world.aws.calls(&CallFilter::on(operation).organization(id));
            assert_eq!(calls.len(), 1, "{operation} of {id}");
        }
    }
    let counts = world.counts_after(0);
    assert_eq!(counts["CreateOrganization"], 10);
    assert_eq!(counts["GetCallerIdentity"], 1);
    let calls = world.calls("ListOrganizations");
    let (first, last) = (calls[0].at, calls[calls.len() - 1].at);
    let seconds = usize::try_from(last.duration_since(first).as_secs()).unwrap();
    assert!(
        calls.len() <= seconds + 4,
        "{} looks in {seconds} s: one a second, not one an object",
        calls.len()
    );
}

#[tokio::test]
async fn an_edit_while_it_is_created_is_not_lost() {
    let knobs = Knobs {
        creating_for: Delay::fixed(HOUR),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    world
        .create("acme", json!({"alias": "acme", "tags": {"team": "mail"}}))
        .await;
    world.until_refused("acme", Reason::Creating).await;
    let edited = world
        .patch(
            "acme",
            json!({"spec": {"tags": {"team": null, "cost": "7"}}}),
        )
        .await;
    world
        .until("acme", "the edit was seen", |object| {
            status(object).observed_generation == edited.metadata.generation
        })
        .await;
    assert_eq!(world.mutating_calls(), ["CreateOrganization"]);
    world
        .patch("acme", json!({"spec": {"tags": {"floor": "3"}}}))
        .await;
    world.aws.clock().advance(HOUR);
    let object = world.until_settled("acme").await;
    let organization = world.aws.organization(&id(&object)).unwrap();
    world.assert_tagged(&organization, &object);
    assert_eq!(organization.tags.get("team"), None);
    assert_eq!(status(&object).managed_tag_keys, ["cost", "floor"]);
    world.assert_created_once(&object);
}

#[tokio::test]
async fn the_times_of_conditions_stand_still_while_nothing_changes() {
    let mut world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let first = world.until_active("acme").await;
    for _ in 0..2 {
        world.operator.kill_and_start();
        // This look is written down, so the conditions were made anew.
        let again = world.look_now("acme").await;
        assert_ne!(again.resource_version(), first.resource_version());
        assert_eq!(status(&again).conditions, status(&first).conditions);
    }
    // A change of the spec is another generation, but no transition.
    world
        .patch("acme", json!({"spec": {"tags": {"team": "mail"}}}))
        .await;
    let after = world.until_settled("acme").await;
    for kind in [ConditionType::Ready, ConditionType::Synced] {
        let time = |object| condition(object, kind).unwrap().last_transition_time;
        assert_eq!(time(&after), time(&first), "{kind:?}");
    }
}

#[tokio::test]
async fn tags_that_somebody_removed_are_written_back_at_the_next_deep_resync() {
    let world = with_flags(
        quick(),
        &["--resync-interval=1s", "--deep-resync-interval=3s"],
    )
    .await;
    world
        .create("acme", json!({"alias": "acme", "tags": {"team": "mail"}}))
        .await;
    let object = world.until_active("acme").await;
    let id = id(&object);
    for keys in [
        &["team"][..],
        &[TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME],
        &["team", TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME],
    ] {
        let removed = OrganizationChange {
            remove_tags: keys.iter().map(ToString::to_string).collect(),
            ..OrganizationChange::default()
        };
        world.aws.change_organization(&id, removed).unwrap();
        world
            .poll("the tags are back", async || {
                let tags = world.aws.organization(&id)?.tags;
                keys.iter().all(|key| tags.contains_key(*key)).then_some(())
            })
            .await;
        world.assert_tagged(&world.aws.organization(&id).unwrap(), &object);
    }
    let theirs = OrganizationChange::default().set_tag("theirs", "stays");
    world.aws.change_organization(&id, theirs).unwrap();
    let looks = CallFilter::on("ListTagsForResource").after(world.aws.last_call());
    world.until_calls(&looks, 2).await;
    let organization = world.aws.organization(&id).unwrap();
    assert_eq!(
        organization.tags.get("theirs").map(String::as_str),
        Some("stays")
    );
    assert_eq!(world.calls("UntagResource").len(), 0);
    assert_eq!(
        world.effects("TagResource").len(),
        2 + 1 + 1 + 2,
        "the first time, and whenever some were missing: ownership tags and the user's apart"
    );
    let after = world.get("acme").await;
    assert_eq!(after.resource_version(), object.resource_version());
}

#[tokio::test]
async fn an_object_of_another_region_than_the_operators_lives_there() {
    let world = with_flags(quick(), &["--resync-interval=1s"]).await;
    world
        .create("acme", json!({"alias": "acme", "region": "us-west-2"}))
        .await;
    world.create("home", json!({"alias": "home"})).await;
    let object = world.until_active("acme").await;
    world.until_active("home").await;
    assert_eq!(status(&object).region.as_deref(), Some("us-west-2"));
    let organization = world.aws.organization(&id(&object)).unwrap();
    assert_eq!(organization.region, "us-west-2");
    world.assert_tagged(&organization, &object);
    assert_eq!(
        status(&object).arn.as_deref(),
        Some(organization.arn.as_str())
    );
    let calls = world
        .aws
        .calls(&CallFilter::on("CreateOrganization").region("us-west-2"));
    assert_eq!(calls.len(), 1);
    // Another default does not move it: its region is part of its spec and of its status.
    let before = world.get("acme").await;
    world.until_listed(4).await;
    let after = world.get("acme").await;
    assert_eq!(after.resource_version(), before.resource_version());
}

#[tokio::test]
async fn an_object_stays_in_the_region_it_was_created_in_whatever_the_default_becomes() {
    let mut world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_active("acme").await;
    world.kill().await;
    world.operator.set("AWS_REGION", Some("eu-west-1"));
    world.operator.start();
    world.until_reconciled("Active", 1).await;
    let after = world.look_now("acme").await;
    assert_eq!(id(&after), id(&before));
    assert_eq!(status(&after).region.as_deref(), Some("us-east-1"));
    let elsewhere = world.aws.calls(&CallFilter::any().region("eu-west-1"));
    assert!(
        elsewhere
            .iter()
            .all(|call| call.operation == "GetCallerIdentity"),
        "{elsewhere:#?}"
    );
    world.assert_created_once(&after);
}
