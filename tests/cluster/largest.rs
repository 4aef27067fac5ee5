//! The largest object: the API server stores it, and it stays under 1 MiB.

use kube::api::PostParams;
use serde_json::{Value, json};
use workmail_local::Config;
use workmail_operator::api::{
    Condition, ConditionStatus, ConditionType, DnsRecord, DomainStatus, Drift, Origin,
    WorkMailOrganizationStatus, fit,
};

use crate::world::{World, quick, status};

const MEBIBYTE: usize = 1024 * 1024;

/// A text of so many characters, of the kind that JSON needs the most bytes for.
fn text(start: &str, characters: usize) -> String {
    let rest = characters - start.chars().count();
    start
        .chars()
        .chain("<𝔐".chars().cycle().take(rest))
        .collect()
}

fn domain(number: usize) -> String {
    format!("{number:04}.{}.example", "d".repeat(196))
}

/// Every field at its longest.
fn largest_spec() -> Value {
    let domains: Vec<_> = (0..100)
        .map(|number| json!({"domainName": domain(number)}))
        .collect();
    let tags: serde_json::Map<_, _> = (0..47)
        .map(|number| (text(&number.to_string(), 128), json!(text("", 256))))
        .collect();
    let key = format!("arn:aws:kms:us-east-1:123456789012:{}", "k".repeat(1024));
    json!({
        "alias": "a".repeat(62), "region": "us-east-1", "kmsKeyArn": key,
        "domains": domains, "defaultDomain": domain(0), "tags": tags,
        "deletionPolicy": "Delete", "deletion": {"confirmAlias": "a".repeat(62)},
    })
}

/// As much as AWS could make the operator write, and more than its own schema allows.
fn largest_status() -> WorkMailOrganizationStatus {
    let record = |number: usize| DnsRecord {
        r#type: text(&number.to_string(), 16),
        hostname: text("", 512),
        value: text("", 1024),
    };
    let shown = |number: usize| DomainStatus {
        domain_name: domain(number),
        managed: number < 100,
        ownership: Some(text("", 64)),
        dkim: Some(text("", 64)),
        records: (0..8).map(record).collect(),
        ..DomainStatus::default()
    };
    let drift = Drift {
        path: text("spec.tags[", 512),
        desired: Some(text("", 1024)),
        actual: Some(text("", 1024)),
    };
    let told = |kind: ConditionType| Condition {
        r#type: kind.as_str().to_owned(),
        status: ConditionStatus::False,
        observed_generation: 1,
        last_transition_time: k8s_openapi::jiff::Timestamp::UNIX_EPOCH,
        reason: "DriftFound".to_owned(),
        message: text("", 40_000),
    };
    WorkMailOrganizationStatus {
        observed_generation: Some(1),
        organization_id: Some(format!("m-{}", "0".repeat(32))),
        origin: Some(Origin::Created),
        arn: Some(text("arn", 2000)),
        state: Some(text("", 500)),
        error_message: Some(text("", 500)),
        managed_tag_keys: (0..47)
            .map(|number| text(&number.to_string(), 128))
            .collect(),
        domains: (0..1300).map(shown).collect(),
        drift: vec![drift; 294],
        planned_calls: vec![text("TagResource ", 6000); 600],
        conditions: ConditionType::ALL.into_iter().map(told).collect(),
        ..WorkMailOrganizationStatus::default()
    }
}

#[tokio::test]
async fn the_largest_object_is_stored_and_stays_under_a_mebibyte() {
    let world = World::without_operator(Config::with_knobs(quick())).await;
    let spec = largest_spec();
    // As kubectl apply keeps it: a second time, in an annotation.
    let copy = json!({"apiVersion": "workmail-operator.dev/v1alpha1", "spec": spec}).to_string();
    world.create("acme", spec).await;
    let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": copy});
    let annotations = json!({"metadata": {"annotations": annotations}});
    let mut object = world.patch("acme", annotations).await;
    let fitted = fit(largest_status(), |name| name < domain(100).as_str());
    object.status = Some(fitted.clone());
    let ours = PostParams {
        field_manager: Some("workmail-operator".to_owned()),
        ..PostParams::default()
    };
    let written = world
        .organizations()
        .replace_status("acme", &ours, &object)
        .await;
    let written = written.unwrap();
    assert_eq!(status(&written), fitted, "not a word is lost on the way");
    let bytes = serde_json::to_vec(&written).unwrap().len();
    assert!(bytes < MEBIBYTE, "{bytes} bytes");

    let shown = status(&written);
    assert!(
        shown.domains.len() >= 100 && shown.omitted.domains > 0,
        "{:?}",
        shown.omitted
    );
    assert!(shown.omitted.drift > 0 && shown.omitted.planned_calls > 0);
    // It is written again as it is, by whoever changes a word of it.
    world
        .patch("acme", json!({"spec": {"suspend": true}}))
        .await;
}
