//! How objects look to people and tools before anything is known of AWS: defaults, columns, docs.

use std::{collections::BTreeSet, process::Command};

use devcluster::Program;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use rstest::rstest;
use serde_json::json;
use workmail_local::Config;
use workmail_operator::api::crd;

use crate::world::{World, assert_told_once, control_plane, quick, status};

/// What kubectl prints.
async fn kubectl(arguments: &[&str]) -> String {
    try_kubectl(arguments).await.unwrap()
}

/// What kubectl prints, or what it has against it.
async fn try_kubectl(arguments: &[&str]) -> Result<String, String> {
    let program = Program::Kubectl.locate().unwrap();
    let home = tempfile::tempdir().unwrap();
    let done = Command::new(program)
        .args(arguments)
        .env("KUBECONFIG", control_plane().await.kubeconfig())
        .env("HOME", home.path())
        .output()
        .unwrap();
    if done.status.success() {
        Ok(String::from_utf8(done.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned())
    }
}

/// A table as rows of cells; cells are apart by at least two spaces.
fn cells(table: &str) -> Vec<Vec<String>> {
    table
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn an_object_that_nobody_has_looked_at_is_not_taken_for_settled() {
    let world = World::without_operator(Config::default()).await;
    let object = world.create("acme", json!({"alias": "acme"})).await;
    // kstatus takes another observedGeneration than the object's for InProgress.
    assert_eq!(status(&object).observed_generation, Some(-1));
    assert!(status(&object).conditions.is_empty());
    let stored = serde_json::to_value(&object.spec).unwrap();
    assert_eq!(
        stored,
        json!({
            "alias": "acme",
            "enableInteroperability": false,
            "adoptionPolicy": "Create",
            "managementPolicy": "Full",
            "suspend": false,
            "deletionPolicy": "Retain",
            "dns": {"endpoint": false},
            "deletion": {
                "deleteDirectory": false,
                "forceDelete": false,
                "deleteIdentityCenterApplication": false,
            },
        }),
        "defaults are written out, and nothing else"
    );
}

#[tokio::test]
async fn the_columns_are_those_of_the_contract() {
    let world = World::without_operator(Config::default()).await;
    world.create("acme", json!({"alias": "acme"})).await;
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "Active", "message": "All is well.",
            "lastTransitionTime": "2026-11-24T00:00:00Z", "observedGeneration": 1,
        })
    };
    let conditions = [
        condition("Ready", "True"),
        condition("Synced", "True"),
        condition("DomainsReady", "False"),
        condition("Suspended", "True"),
    ];
    world
        .patch_status(
            "acme",
            json!({
                "organizationId": "m-0", "state": "Active", "region": "us-east-1",
                "accountId": "123456789012", "defaultDomain": "acme.awsapps.com",
                "conditions": conditions,
            }),
        )
        .await;

    let narrow = cells(&kubectl(&["get", "wmo", "-n", &world.namespace]).await);
    assert_eq!(
        narrow[0],
        [
            "NAME",
            "ALIAS",
            "ORGANIZATION-ID",
            "STATE",
            "READY",
            "REASON",
            "AGE"
        ]
    );
    let row: Vec<_> = narrow[1].iter().take(6).collect();
    assert_eq!(row, ["acme", "acme", "m-0", "Active", "True", "Active"]);

    let wide = cells(&kubectl(&["get", "wmo", "-n", &world.namespace, "-o", "wide"]).await);
    assert_eq!(
        wide[0][7..],
        [
            "REGION",
            "DEFAULT-DOMAIN",
            "DELETION-POLICY",
            "SYNCED",
            "DOMAINS",
            "SUSPENDED",
            "MESSAGE"
        ]
    );
    assert_eq!(
        wide[1][7..],
        [
            "us-east-1",
            "acme.awsapps.com",
            "Retain",
            "True",
            "False",
            "True",
            "All is well."
        ]
    );
}

#[tokio::test]
async fn kubectl_describes_what_is_wrong_and_what_to_do() {
    let world = World::with(Config::with_knobs(quick())).await;
    world
        .aws
        .change_knobs(|knobs| knobs.organization_quota = Some(0));
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_event("acme", "LimitExceeded").await;
    let described = kubectl(&["describe", "wmo", "acme", "-n", &world.namespace]).await;
    let (object, events) = described.split_once("Events:").unwrap();
    for text in [
        "Reason:                LimitExceeded",
        "Type:                  Reconciling",
        "ask AWS for a higher quota",
    ] {
        assert!(object.contains(text), "{text:?} in {object}");
    }
    let warning = events
        .lines()
        .find(|line| line.contains("Warning"))
        .unwrap();
    for text in [
        "LimitExceeded",
        "workmail-operator",
        "An AWS quota is used up; the condition Ready says what to do.",
    ] {
        assert!(warning.contains(text), "{text:?} in {events}");
    }
    assert!(!warning.contains("<unknown>"), "it has an age: {events}");
    assert_told_once(&world.get("acme").await);
    let sentence = "AWS refuses CreateOrganization";
    assert_eq!(described.matches(sentence).count(), 1, "{described}");
}

#[rstest]
#[case::workmail("workmail")]
#[case::aws("aws")]
#[tokio::test]
async fn the_objects_are_found_by_category(#[case] category: &str) {
    let world = World::without_operator(Config::default()).await;
    world.create("acme", json!({"alias": "acme"})).await;
    let found = kubectl(&["get", category, "-n", &world.namespace, "-o", "name"]).await;
    assert_eq!(
        found.trim(),
        "workmailorganization.workmail-operator.dev/acme"
    );
}

/// Every field of the spec, with what `kubectl explain` has to say of its bounds.
const BOUNDS: &[(&str, &str, &[&str])] = &[
    ("spec", "accountRef", &["Default: the one called `default`"]),
    (
        "spec",
        "alias",
        &["1 to 62", "not starting with `d-`", "Immutable"],
    ),
    (
        "spec",
        "region",
        &["us-east-1, us-west-2 or eu-west-1", "Immutable"],
    ),
    (
        "spec",
        "directoryId",
        &["10 hexadecimal digits", "Immutable"],
    ),
    ("spec", "kmsKeyArn", &["20 to 2048 characters", "Immutable"]),
    (
        "spec",
        "enableInteroperability",
        &["Needs `directoryId`", "Default: false", "Immutable"],
    ),
    (
        "spec",
        "domains",
        &["at most 100", "each once", "left alone"],
    ),
    (
        "spec",
        "defaultDomain",
        &["once it is verified", "one of `domains`"],
    ),
    ("spec", "dns", &["DNS records"]),
    (
        "spec",
        "adoptionPolicy",
        &["Create (default)", "Adopt", "AdoptOrCreate"],
    ),
    (
        "spec",
        "organizationId",
        &[
            "32 hexadecimal digits",
            "Needs adoptionPolicy Adopt",
            "Immutable",
        ],
    ),
    ("spec", "managementPolicy", &["Full (default)", "Observe"]),
    ("spec.dns", "endpoint", &["external-dns", "False (default)"]),
    (
        "spec",
        "tags",
        &[
            "at most 47",
            "1 to 128 characters",
            "at most 256 characters",
        ],
    ),
    ("spec", "suspend", &["Default: false"]),
    (
        "spec",
        "deletionPolicy",
        &[
            "Retain (default)",
            "needs `deletion.confirmAlias`",
            "always possible",
        ],
    ),
    ("spec", "deletion", &["Needed with deletionPolicy Delete"]),
    (
        "spec.domains",
        "domainName",
        &["3 to 209 characters", "lower case"],
    ),
    (
        "spec.domains",
        "hostedZoneId",
        &["1 to 32 characters", "without slashes", "Immutable"],
    ),
    (
        "spec.deletion",
        "confirmAlias",
        &["1 to 62 characters", "must equal `alias`"],
    ),
    (
        "spec.deletion",
        "deleteDirectory",
        &["False (default)", "may be billed"],
    ),
    (
        "spec.deletion",
        "forceDelete",
        &["False (default)", "needs `confirmOrganizationId`"],
    ),
    (
        "spec.deletion",
        "confirmOrganizationId",
        &["32 hexadecimal digits", "Needed with `forceDelete`"],
    ),
    (
        "spec.deletion",
        "deleteIdentityCenterApplication",
        &["Default: false"],
    ),
    (
        "spec.deletion",
        "requireExport",
        &[
            "only once the mail of every user and resource is exported",
            "Default: without it",
        ],
    ),
    (
        "spec.deletion.requireExport",
        "notBefore",
        &["the time of the cut-over"],
    ),
    (
        "spec.deletion.requireExport",
        "maxAge",
        &["`1h` to `8760h`", "Default: 720h"],
    ),
    (
        "spec.deletion.requireExport",
        "verified",
        &["True (default)"],
    ),
    (
        "spec.deletion.requireExport",
        "maxGrowth",
        &["Default: 1Mi"],
    ),
    ("spec.deletion.requireExport", "waive", &["at most 100"]),
];

#[rstest]
#[case::the_spec("spec")]
#[case::a_domain("spec.domains")]
#[case::the_records("spec.dns")]
#[case::the_deletion("spec.deletion")]
#[case::the_gate_of_a_deletion("spec.deletion.requireExport")]
#[tokio::test]
async fn kubectl_explains_every_field_with_its_bounds(#[case] path: &str) {
    let world = World::without_operator(Config::default()).await;
    // The API server publishes the documentation of a new kind some time after it serves the kind.
    let explained = world
        .poll("the documentation", async || {
            try_kubectl(&["explain", &format!("wmo.{path}")]).await.ok()
        })
        .await;
    let (_, fields) = explained.split_once("FIELDS:").unwrap();
    let mut documented = BTreeSet::new();
    for (_, field, bounds) in BOUNDS.iter().filter(|(of, ..)| *of == path) {
        documented.insert((*field).to_owned());
        let (_, rest) = fields
            .split_once(&format!("\n  {field}\t"))
            .unwrap_or_else(|| panic!("{field} in {fields}"));
        let text = rest.split("\n\n").next().unwrap();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for bound in *bounds {
            assert!(line.contains(bound), "{field}: {bound:?} in {line:?}");
        }
    }
    assert_eq!(documented, properties(path), "no field is left out");
}

/// The fields of the schema at a path.
fn properties(path: &str) -> BTreeSet<String> {
    let version = crd().spec.versions.remove(0);
    let mut at = version.schema.unwrap().open_api_v3_schema.unwrap();
    for part in path.split('.') {
        let next: JSONSchemaProps = at.properties.unwrap().remove(part).unwrap();
        at = match next.items.clone() {
            Some(JSONSchemaPropsOrArray::Schema(item)) => *item,
            Some(_) | None => next,
        };
    }
    at.properties.unwrap().into_keys().collect()
}
