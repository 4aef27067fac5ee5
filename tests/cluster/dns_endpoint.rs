//! `spec.dns.endpoint`: the records in a `DNSEndpoint` beside the object, for external-dns to publish.

use std::{collections::BTreeMap, time::Duration};

use devcluster::{Cluster, Options};
use kube::{
    ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, PropagationPolicy},
};
use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{Config, Delay, Knobs};
use workmail_operator::api::{ConditionStatus, ConditionType, Reason, WorkMailOrganization};

use crate::world::{
    World, condition, domains, entries, id, install_crd, install_dns_endpoints, quick, ready,
    status, with_dns_endpoints,
};

const HOUR: Duration = Duration::from_hours(1);
const LABEL: &str = "workmail-operator.dev/organization";

fn spec(names: &[&str]) -> Value {
    json!({"alias": "acme", "domains": domains(names), "dns": {"endpoint": true}})
}

fn doomed() -> Value {
    let mut spec = spec(&["acme.example"]);
    spec["deletionPolicy"] = json!("Delete");
    spec["deletion"] = json!({"confirmAlias": "acme"});
    spec
}

async fn until_endpoint_is(
    world: &World,
    status: ConditionStatus,
    reason: Reason,
) -> WorkMailOrganization {
    let kind = ConditionType::DnsEndpointReady;
    world.until_condition("acme", kind, status, reason).await
}

async fn until_kept(world: &World) -> WorkMailOrganization {
    until_endpoint_is(world, ConditionStatus::True, Reason::Published).await
}

/// A world with the kind and a settled object whose records are published.
async fn published(spec: Value, knobs: Knobs) -> (World, DynamicObject) {
    with_dns_endpoints().await;
    let world = World::with(Config::with_knobs(knobs)).await;
    world.create("acme", spec).await;
    world.until_settled("acme").await;
    until_kept(&world).await;
    let endpoint = world.dns_endpoint("acme").await.unwrap();
    (world, endpoint)
}

/// Changes it as somebody with `kubectl edit` would.
async fn edit(world: &World, change: Value) {
    world
        .dns_endpoints()
        .patch("acme", &PatchParams::default(), &Patch::Merge(change))
        .await
        .unwrap();
}

async fn create_theirs(world: &World, name: &str) -> DynamicObject {
    let theirs = serde_json::from_value(json!({
        "apiVersion": "externaldns.k8s.io/v1alpha1",
        "kind": "DNSEndpoint",
        "metadata": {"name": name},
        "spec": {"endpoints": [
            {"dnsName": "www.example", "recordType": "A", "targets": ["192.0.2.1"]},
        ]},
    }))
    .unwrap();
    world
        .dns_endpoints()
        .create(&PostParams::default(), &theirs)
        .await
        .unwrap()
}

#[tokio::test]
async fn it_holds_every_record_in_the_form_of_external_dns_and_nobody_owns_it() {
    let (world, endpoint) = published(spec(&["acme.example"]), quick()).await;
    assert!(
        endpoint.owner_references().is_empty(),
        "it outlives the object"
    );
    assert!(endpoint.finalizers().is_empty());
    assert_eq!(endpoint.labels()[LABEL], "acme");
    let all = entries(&endpoint);
    assert_eq!(all.len(), 8);
    let mut by_type: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for entry in &all {
        assert_eq!(entry["recordTTL"], 600);
        let text = |field: &str| entry[field].as_str().unwrap().to_owned();
        let targets = entry["targets"].as_array().unwrap();
        assert_eq!(targets.len(), 1);
        let target = targets[0].as_str().unwrap().to_owned();
        assert!(!text("dnsName").ends_with('.') && !target.ends_with('.'));
        let of_type = by_type.entry(text("recordType")).or_default();
        of_type.push((text("dnsName"), target));
    }
    let counts: Vec<_> = by_type
        .iter()
        .map(|(kind, all)| (&**kind, all.len()))
        .collect();
    assert_eq!(counts, [("CNAME", 4), ("MX", 1), ("TXT", 3)]);
    let exchange = ("acme.example", "10 inbound-smtp.us-east-1.amazonaws.com");
    assert_eq!(by_type["MX"], [(exchange.0.into(), exchange.1.into())]);
    assert!(
        by_type["TXT"]
            .iter()
            .all(|(_, text)| { text.len() > 2 && text.starts_with('"') && text.ends_with('"') })
    );
    let sender = "\"v=spf1 include:amazonses.com ~all\"";
    assert!(by_type["TXT"].contains(&("acme.example".into(), sender.into())));
    let object = world.get("acme").await;
    assert_eq!(ready(&object).unwrap().status, ConditionStatus::True);
    let events = world.events("acme").await;
    assert_eq!(events, ["Active"]);
}

#[tokio::test]
async fn it_follows_the_domains_of_the_spec() {
    let (world, _) = published(spec(&["a.example"]), quick()).await;
    world.set_domains(&["a.example", "b.example"]).await;
    let both = ["a.example", "b.example"];
    let endpoint = world.until_published("acme", &both).await;
    assert_eq!(entries(&endpoint).len(), 16);
    world.set_domains(&["b.example"]).await;
    world.until_published("acme", &["b.example"]).await;
    until_kept(&world).await;

    // Without domains there is nothing to publish.
    world.set_domains(&[]).await;
    world
        .poll("it is gone", async || {
            world.dns_endpoint("acme").await.is_none().then_some(())
        })
        .await;
    world.set_domains(&["c.example"]).await;
    world.until_published("acme", &["c.example"]).await;
    until_kept(&world).await;
}

#[rstest]
#[case::an_entry_less(json!({"spec": {"endpoints": []}}))]
#[case::an_entry_more(json!({"spec": {"endpoints": [
    {"dnsName": "acme.example", "recordType": "MX", "recordTTL": 600, "targets": ["10 mx.evil.example"]},
]}}))]
#[case::no_entries(json!({"spec": null}))]
#[tokio::test]
async fn what_somebody_edited_is_put_back_at_the_next_whole_look(#[case] change: Value) {
    let (world, before) = published(spec(&["acme.example"]), quick()).await;
    edit(&world, change).await;
    world.look_now("acme").await;
    let after = world.dns_endpoint("acme").await.unwrap();
    assert_eq!(entries(&after), entries(&before));
    assert_eq!(after.uid(), before.uid());
    until_kept(&world).await;
    assert!(world.domain_changes_after(0).is_empty());
}

#[tokio::test]
async fn what_somebody_removed_is_made_again_and_what_nobody_touched_is_not_written() {
    let (world, before) = published(spec(&["acme.example"]), quick()).await;
    world.look_now("acme").await;
    let same = world.dns_endpoint("acme").await.unwrap();
    assert_eq!(same.resource_version(), before.resource_version());
    let gone = DeleteParams::default();
    world.dns_endpoints().delete("acme", &gone).await.unwrap();
    world.look_now("acme").await;
    let again = world.dns_endpoint("acme").await.unwrap();
    assert_eq!(entries(&again), entries(&before));
}

#[tokio::test]
async fn it_goes_when_it_is_wanted_no_more_and_the_records_stay_in_the_status() {
    let (mut world, _) = published(spec(&["acme.example"]), quick()).await;
    // Another process than the one that made it.
    world.operator.kill_and_start();
    world
        .patch("acme", json!({"spec": {"dns": {"endpoint": false}}}))
        .await;
    let object = world.until_settled("acme").await;
    assert!(world.dns_endpoint("acme").await.is_none());
    assert_eq!(condition(&object, ConditionType::DnsEndpointReady), None);
    let shown = status(&object).domains;
    assert!(shown.iter().any(|domain| domain.records.len() == 8));
    assert!(world.domain_changes_after(0).is_empty());
}

#[tokio::test]
async fn one_of_somebody_else_is_left_alone_until_the_name_is_free() {
    with_dns_endpoints().await;
    let world = World::new().await;
    let theirs = create_theirs(&world, "acme").await;
    world.create("acme", spec(&["acme.example"])).await;
    let object = until_endpoint_is(&world, ConditionStatus::False, Reason::NameTaken).await;
    assert_eq!(ready(&object).unwrap().status, ConditionStatus::True);
    let told = condition(&object, ConditionType::DnsEndpointReady).unwrap();
    for text in ["is not this operator's", "spec.dns.endpoint to false"] {
        assert!(
            told.message.contains(text),
            "{text:?} in {:?}",
            told.message
        );
    }
    world.until_event("acme", "NameTaken").await;
    world.look_now("acme").await;
    world.assert_warned_once("acme", Reason::NameTaken).await;

    // Neither a change of mind nor a deletion touches it.
    for wanted in [false, true] {
        let change = json!({"spec": {"dns": {"endpoint": wanted}}});
        world.patch("acme", change).await;
        world.until_settled("acme").await;
        let now = world.dns_endpoint("acme").await.unwrap();
        assert_eq!(now.resource_version(), theirs.resource_version());
    }
    let gone = DeleteParams::default();
    world.dns_endpoints().delete("acme", &gone).await.unwrap();
    world.look_now("acme").await;
    until_kept(&world).await;
}

#[rstest]
#[case::in_the_background(PropagationPolicy::Background)]
#[case::in_the_foreground(PropagationPolicy::Foreground)]
#[tokio::test]
async fn under_retain_it_stays(#[case] how: PropagationPolicy) {
    let (world, before) = published(spec(&["acme.example"]), quick()).await;
    let how = DeleteParams {
        propagation_policy: Some(how),
        ..DeleteParams::default()
    };
    world.organizations().delete("acme", &how).await.unwrap();
    world.until_gone("acme").await;
    world.until_event("acme", "Retained").await;
    let after = world.dns_endpoint("acme").await.unwrap();
    assert_eq!(after.resource_version(), before.resource_version());

    // The same manifest finds it again.
    world.create("acme", spec(&["acme.example"])).await;
    world.until_settled("acme").await;
    until_kept(&world).await;
    let again = world.dns_endpoint("acme").await.unwrap();
    assert_eq!(again.uid(), before.uid());
}

#[rstest]
#[case::in_the_background(PropagationPolicy::Background)]
#[case::in_the_foreground(PropagationPolicy::Foreground)]
#[tokio::test]
async fn under_delete_it_goes_after_the_organization_and_not_before(
    #[case] how: PropagationPolicy,
) {
    let knobs = Knobs {
        deleting_for: Delay::fixed(HOUR),
        ..quick()
    };
    let (world, before) = published(doomed(), knobs).await;
    let id = id(&world.get("acme").await);
    let how = DeleteParams {
        propagation_policy: Some(how),
        ..DeleteParams::default()
    };
    world.organizations().delete("acme", &how).await.unwrap();
    world
        .until("acme", "AWS is deleting it", |object| {
            status(object).state.as_deref() == Some("Deleting")
        })
        .await;
    world.until_listed(3).await;
    assert_eq!(world.aws.organization(&id).unwrap().state, "Deleting");
    let still = world.dns_endpoint("acme").await.unwrap();
    assert_eq!(still.resource_version(), before.resource_version());
    assert!(still.metadata.deletion_timestamp.is_none());

    world.aws.clock().advance(HOUR);
    world.until_gone("acme").await;
    assert_eq!(world.aws.organization(&id).unwrap().state, "Deleted");
    assert!(world.dns_endpoint("acme").await.is_none());
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[tokio::test]
async fn without_the_kind_the_object_is_ready_all_the_same_and_the_condition_says_what_is_missing()
{
    let options = Options {
        controller_manager: true,
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    install_crd(&cluster).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world.operator.start();
    world.create("acme", doomed()).await;
    let object = until_endpoint_is(&world, ConditionStatus::False, Reason::KindNotInstalled).await;
    assert_eq!(ready(&object).unwrap().status, ConditionStatus::True);
    let told = condition(&object, ConditionType::DnsEndpointReady).unwrap();
    for text in [
        "CustomResourceDefinition",
        "externaldns.k8s.io/v1alpha1",
        "spec.dns.endpoint to false",
    ] {
        assert!(
            told.message.contains(text),
            "{text:?} in {:?}",
            told.message
        );
    }
    world.until_event("acme", "KindNotInstalled").await;
    world.look_now("acme").await;
    world
        .assert_warned_once("acme", Reason::KindNotInstalled)
        .await;

    install_dns_endpoints(world.client.clone()).await;
    world.look_now("acme").await;
    until_kept(&world).await;
    world.until_published("acme", &["acme.example"]).await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    assert!(world.dns_endpoint("acme").await.is_none());
}

#[tokio::test]
async fn without_the_kind_a_deletion_is_not_held_up() {
    let options = Options {
        controller_manager: true,
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    install_crd(&cluster).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    world.operator.start();
    world.create("acme", doomed()).await;
    until_endpoint_is(&world, ConditionStatus::False, Reason::KindNotInstalled).await;
    world.delete("acme").await;
    world.until_gone("acme").await;
    world.until_event("acme", "Deleted").await;
}
