//! What somebody else changes: found, told, and mended under Full; found and told under Observe.

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{Fault, OrganizationChange, Rule, SeedDomain, Work};
use workmail_operator::api::{
    ConditionStatus, Drift, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, WorkMailOrganization,
};

use crate::{
    observing::{set, synced, watchful},
    world::{World, assert_not_ready, id, quick, status},
};

/// A settled object of cluster blue, and its organization's id.
async fn settled() -> (World, String) {
    let world = watchful(quick()).await;
    let spec = json!({
        "alias": "acme",
        "tags": {"team": "a"},
        "domains": [{"domainName": "acme.example"}],
        "defaultDomain": "acme.awsapps.com",
    });
    world.create("acme", spec).await;
    let id = id(&world.until_settled("acme").await);
    (world, id)
}

async fn observed() -> (World, String) {
    let (world, id) = settled().await;
    set(&world, json!({"managementPolicy": "Observe"})).await;
    let object = world.until_settled("acme").await;
    assert_eq!(synced(&object).status, ConditionStatus::True);
    (world, id)
}

fn change(world: &World, id: &str, change: OrganizationChange) {
    world.aws.change_organization(id, change).unwrap();
}

/// Asserts that this is the only difference that is told.
fn assert_drift(object: &WorkMailOrganization, [path, desired, actual]: [&str; 3]) {
    // None of the cases is about an empty value.
    let value = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    let drift = Drift {
        path: path.to_owned(),
        desired: value(desired),
        actual: value(actual),
    };
    assert_eq!(status(object).drift, [drift]);
}

/// The events of drift, by their reasons.
async fn told(world: &World) -> Vec<String> {
    let all = world.events("acme").await;
    all.into_iter()
        .filter(|reason| reason.starts_with("Drift"))
        .collect()
}

struct Kind {
    change: OrganizationChange,
    drift: [&'static str; 3],
    planned: &'static str,
}

fn none() -> OrganizationChange {
    OrganizationChange::default()
}

fn tag_changed() -> Kind {
    Kind {
        change: none().set_tag("team", "b"),
        drift: ["spec.tags[team]", "a", "b"],
        planned: "TagResource team",
    }
}

fn tag_removed() -> Kind {
    Kind {
        change: none().remove_tag("team"),
        drift: ["spec.tags[team]", "a", ""],
        planned: "TagResource team",
    }
}

fn owner_removed() -> Kind {
    Kind {
        change: none().remove_tag(TAG_NAME),
        drift: ["owner", "blue/NAMESPACE/acme", "blue/NAMESPACE/?"],
        planned: "TagResource workmail-operator.dev/name",
    }
}

fn owners_removed() -> Kind {
    let without = none().remove_tag(TAG_NAME).remove_tag(TAG_NAMESPACE);
    Kind {
        change: without.remove_tag(TAG_CLUSTER),
        drift: ["owner", "blue/NAMESPACE/acme", ""],
        planned: "TagResource workmail-operator.dev/cluster, workmail-operator.dev/name, \
                  workmail-operator.dev/namespace",
    }
}

fn domain_removed() -> Kind {
    Kind {
        change: none().remove_domain("acme.example"),
        drift: ["spec.domains[acme.example]", "registered", ""],
        planned: "RegisterMailDomain acme.example",
    }
}

fn default_changed() -> Kind {
    Kind {
        change: none().default_domain("other.example"),
        drift: ["spec.defaultDomain", "acme.awsapps.com", "other.example"],
        planned: "UpdateDefaultMailDomain acme.awsapps.com",
    }
}

#[rstest]
#[case::a_tag_changed(tag_changed())]
#[case::a_tag_removed(tag_removed())]
#[case::a_tag_of_the_owner_removed(owner_removed())]
#[case::all_tags_of_the_owner_removed(owners_removed())]
#[case::a_domain_removed(domain_removed())]
#[case::the_default_domain_changed(default_changed())]
#[tokio::test]
async fn under_full_it_is_mended_and_told_once(#[case] kind: Kind) {
    let (world, id) = settled().await;
    let before = world.aws.organization(&id).unwrap();
    let calls = world.mutating_calls().len();
    change(&world, &id, kind.change);
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    assert!(status(&object).drift.is_empty());
    assert_eq!(synced(&object).status, ConditionStatus::True);
    let [path, desired, actual] = kind
        .drift
        .map(|text| text.replace("NAMESPACE", &world.namespace));
    let event = world.until_told("acme", "DriftMended", &path).await;
    let note = event.note.unwrap();
    for value in [desired, actual] {
        let value = match &*value {
            "" => "absent".to_owned(),
            value => format!("{value:?}"),
        };
        assert!(note.contains(&value), "{value} in {note}");
    }
    let after = world.aws.organization(&id).unwrap();
    assert_eq!(after.tags, before.tags);
    assert_eq!(after.default_mail_domain, before.default_mail_domain);
    assert!(after.domain("acme.example").is_some());

    world.look_now("acme").await;
    assert_eq!(told(&world).await, ["DriftMended"]);
    let made = world.mutating_calls().split_off(calls);
    assert_eq!(made, [kind.planned.split(' ').next().unwrap()], "one call");
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn what_was_mended_is_told_although_somebody_edits_the_object_meanwhile() {
    let (world, id) = settled().await;
    world.hold("TagResource", Work::NotDone);
    change(&world, &id, tag_changed().change);
    world.ask_to_look("acme", "now").await;
    world.until_held("TagResource").await;
    let label = json!({"metadata": {"labels": {"team": "mail"}}});
    world.patch("acme", label).await;
    world.aws.clear_faults();
    world.until_told("acme", "DriftMended", "team").await;
    world.look_now("acme").await;
    assert_eq!(told(&world).await, ["DriftMended"], "and once");
}

#[rstest]
#[case::a_tag_changed(tag_changed())]
#[case::a_tag_removed(tag_removed())]
#[case::a_tag_of_the_owner_removed(owner_removed())]
#[case::all_tags_of_the_owner_removed(owners_removed())]
#[case::a_domain_removed(domain_removed())]
#[case::the_default_domain_changed(default_changed())]
#[tokio::test]
async fn under_observe_it_is_told_once_and_stays(#[case] kind: Kind) {
    let (world, id) = observed().await;
    let calls = world.mutating_calls();
    change(&world, &id, kind.change);
    let changed = world.aws.organization(&id).unwrap();
    let object = world.look_now("acme").await;
    let drift = kind
        .drift
        .map(|text| text.replace("NAMESPACE", &world.namespace));
    let [path, ..] = &drift;
    assert_drift(&object, [&drift[0], &drift[1], &drift[2]]);
    assert_eq!(status(&object).planned_calls, [kind.planned]);
    assert_eq!(synced(&object).status, ConditionStatus::False);
    assert_eq!(synced(&object).reason, "DriftFound");
    assert!(synced(&object).message.contains(path));
    world.until_settled("acme").await;
    world.until_told("acme", "DriftFound", path).await;

    world.look_now("acme").await;
    assert_eq!(told(&world).await, ["DriftFound"]);
    assert_eq!(world.mutating_calls(), calls);
    assert_eq!(world.aws.organization(&id).unwrap(), changed);
    assert!(world.warnings("acme").await.is_empty());

    set(&world, json!({"managementPolicy": "Full"})).await;
    let object = world.until_settled("acme").await;
    assert!(status(&object).drift.is_empty());
    assert_eq!(world.mutating_calls().len(), calls.len() + 1);
}

#[rstest]
#[case::impaired("Impaired", Reason::Impaired)]
#[case::inactive("Inactive", Reason::Inactive)]
#[case::a_word_of_tomorrow("Hibernating", Reason::UnknownState)]
#[case::failed("Failed", Reason::CreationFailed)]
#[case::on_its_way_out("Deleting", Reason::OrganizationGone)]
#[case::deleted("Deleted", Reason::OrganizationGone)]
#[tokio::test]
async fn a_state_is_drift_that_nobody_can_mend(
    #[case] state: &str,
    #[case] reason: Reason,
    #[values("Full", "Observe")] policy: &str,
) {
    let (world, id) = settled().await;
    set(&world, json!({"managementPolicy": policy})).await;
    world.until_settled("acme").await;
    let calls = world.mutating_calls();
    change(&world, &id, OrganizationChange::state(state));
    let object = world.until_refused("acme", reason).await;
    assert_not_ready(&object, reason, &[&id]);
    assert_drift(&object, ["state", "Active", state]);
    world.look_now("acme").await;
    world.assert_warned_once("acme", reason).await;

    change(&world, &id, OrganizationChange::state("Active"));
    world.ask_to_look("acme", "it is well").await;
    let object = world.until_settled("acme").await;
    assert!(status(&object).drift.is_empty());
    assert_eq!(synced(&object).status, ConditionStatus::True);
    assert_eq!(world.mutating_calls(), calls);
}

#[rstest]
#[tokio::test]
async fn what_nobody_manages_is_no_drift(#[values("Full", "Observe")] policy: &str) {
    let (world, id) = settled().await;
    set(&world, json!({"managementPolicy": policy})).await;
    world.until_settled("acme").await;
    let calls = world.mutating_calls();
    let domain = SeedDomain::new("other.example").verified();
    let theirs = none().set_tag("cost", "42").set_domain(domain);
    change(&world, &id, theirs);
    let changed = world.aws.organization(&id).unwrap();
    let object = world.look_now("acme").await;
    assert!(status(&object).drift.is_empty());
    assert_eq!(synced(&object).status, ConditionStatus::True);
    assert_eq!(status(&object).planned_calls, [""; 0]);
    assert_eq!(told(&world).await, [""; 0]);
    assert_eq!(world.mutating_calls(), calls);
    assert_eq!(world.aws.organization(&id).unwrap(), changed);
}

#[tokio::test]
async fn a_change_of_the_spec_is_no_drift() {
    let (world, _) = settled().await;
    for tags in [json!({"team": "b"}), json!({"team": Value::Null})] {
        set(&world, json!({"tags": tags})).await;
        world.until_settled("acme").await;
    }
    world.look_now("acme").await;
    assert_eq!(told(&world).await, [""; 0]);
}

#[tokio::test]
async fn drift_that_cannot_be_mended_is_shown_until_it_is() {
    let (world, id) = settled().await;
    let denied = Fault::error("AccessDeniedException", "not authorized");
    world.aws.fault(Rule::on("TagResource", denied));
    change(&world, &id, none().set_tag("team", "b"));
    world.ask_to_look("acme", "it differs").await;
    let object = world.until_refused("acme", Reason::AccessDenied).await;
    assert_not_ready(&object, Reason::AccessDenied, &["TagResource"]);
    assert_drift(&object, ["spec.tags[team]", "a", "b"]);
    world.until_event("acme", "AccessDenied").await;

    world.aws.clear_faults();
    world.ask_to_look("acme", "it may").await;
    let object = world.until_settled("acme").await;
    assert!(status(&object).drift.is_empty());
    assert_eq!(world.aws.organization(&id).unwrap().tags["team"], "a");
    world
        .until_told("acme", "DriftMended", "spec.tags[team]")
        .await;
    assert_eq!(told(&world).await, ["DriftMended"]);
}
