//! What is true of every release, whatever its values.

use std::{collections::BTreeSet, sync::OnceLock, thread};

use serde_json::{Value, json};

use crate::helm::{NAMESPACE, Release, template_as};

/// A release, and why it is in the matrix.
pub struct Case {
    pub name: &'static str,
    pub values: Value,
    pub release: Release,
}

/// The matrix.
pub fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        thread::scope(|scope| {
            let render = |(name, release, values): (_, &'static str, Value)| {
                scope.spawn(move || Case {
                    name,
                    release: template_as(release, &values),
                    values,
                })
            };
            let rendering: Vec<_> = values().into_iter().map(render).collect();
            let rendered = rendering.into_iter().map(|one| one.join().unwrap());
            rendered.collect()
        })
    })
}

fn values() -> Vec<(&'static str, &'static str, Value)> {
    let long = "a-release-with-a-name-as-long-as-helm-allows-it-to-be";
    assert_eq!(long.len(), 53);
    vec![
        ("the defaults", "workmail-operator", json!({})),
        ("another release", "mail", json!({})),
        ("a long name", long, json!({})),
        ("a name with dots", "mail.example", json!({})),
        (
            "a number for a name",
            "2027",
            json!({ "fullnameOverride": "mail" }),
        ),
        (
            "named namespaces",
            "workmail-operator",
            json!({ "watchNamespaces": ["team-a", "team-b", NAMESPACE] }),
        ),
        ("one replica", "workmail-operator", json!({ "replicas": 1 })),
        ("no replica", "workmail-operator", json!({ "replicas": 0 })),
        (
            "other names",
            "x",
            json!({ "nameOverride": "wmo", "serviceAccount": { "name": "robot" } }),
        ),
        (
            "an existing service account",
            "x",
            json!({ "fullnameOverride": "wmo", "serviceAccount": { "create": false, "name": "007" } }),
        ),
        (
            "rights by somebody else",
            "x",
            json!({ "rbac": { "create": false } }),
        ),
        (
            "a pod monitor and no Service",
            "x",
            json!({ "service": { "enabled": false }, "podMonitor": { "enabled": true } }),
        ),
        (
            "as little as can be",
            "x",
            json!({
                "crds": { "enabled": false },
                "service": { "enabled": false },
                "rbac": { "userRoles": "none" },
                "podDisruptionBudget": { "enabled": false },
                "topologySpreadConstraints": [],
                "resources": null,
            }),
        ),
        ("everything", "x", everything()),
    ]
}

/// A value other than the default for everything that goes together.
pub fn everything() -> Value {
    serde_saphyr::from_str(include_str!("everything.yaml")).unwrap()
}

/// Looks at every object of every release.
fn each(mut look: impl FnMut(&Case, &Value)) {
    for case in cases() {
        assert!(!case.release.objects.is_empty(), "{}", case.name);
        for object in &case.release.objects {
            look(case, object);
        }
    }
}

#[test]
fn every_name_fits_and_no_two_objects_share_one() {
    for case in cases() {
        let mut seen = BTreeSet::new();
        for object in &case.release.objects {
            let (kind, metadata) = (&object["kind"], &object["metadata"]);
            let name = metadata["name"].as_str().unwrap();
            // A role's may be longer, and ends in what it is for.
            let most = if kind.as_str().unwrap().contains("Role") {
                253
            } else {
                63
            };
            let fits = name.len() <= most && !name.ends_with('-');
            let plain = name.contains("workmail-operator.dev") || !name.contains('.');
            assert!(fits && plain, "{}: {kind} {name}", case.name);
            let key = format!("{kind} {} {name}", metadata["namespace"]);
            assert!(seen.insert(key), "{}: {kind} {name} twice", case.name);
        }
    }
}

#[test]
fn everything_is_in_the_release_s_namespace_but_for_what_has_none_and_roles_in_watched_ones() {
    each(|case, object| {
        let (kind, namespace) = (
            object["kind"].as_str().unwrap(),
            &object["metadata"]["namespace"],
        );
        let name = format!("{}: {kind} {}", case.name, object["metadata"]["name"]);
        if kind.starts_with("Cluster") || kind == "CustomResourceDefinition" {
            assert!(namespace.is_null(), "{name}");
        } else if kind.starts_with("Role") && namespace != NAMESPACE {
            let watched = case.values["watchNamespaces"].as_array().unwrap();
            assert!(watched.contains(namespace), "{name} in {namespace}");
        } else {
            assert_eq!(namespace, NAMESPACE, "{name}");
        }
    });
}

#[test]
fn every_object_has_the_labels_of_the_chart_and_those_that_are_asked_for_beside_them() {
    each(|case, object| {
        let labels = &object["metadata"]["labels"];
        let name = format!("{}: {} {labels:#}", case.name, object["kind"]);
        assert_eq!(labels["app.kubernetes.io/managed-by"], "Helm", "{name}");
        assert_eq!(
            labels["helm.sh/chart"],
            concat!("workmail-operator-", env!("CARGO_PKG_VERSION")),
            "{name}"
        );
        assert_eq!(
            labels["app.kubernetes.io/version"],
            env!("CARGO_PKG_VERSION"),
            "{name}"
        );
        if case.name == "everything" {
            assert_eq!(labels["team"], "mail", "{name}");
            assert_eq!(labels["app.kubernetes.io/name"], "wmo", "{name}");
        }
    });
}

#[test]
fn whatever_selects_pods_selects_those_of_the_deployment_and_by_name_and_release() {
    each(|case, object| {
        let labels = &case.release.pod()["metadata"]["labels"];
        let spec = &object["spec"];
        let selector = match object["kind"].as_str().unwrap() {
            "Service" => &spec["selector"],
            // The second selects Services, whose labels have the same two.
            "Deployment" | "ServiceMonitor" | "PodMonitor" | "PodDisruptionBudget" => {
                &spec["selector"]["matchLabels"]
            }
            "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
            _ => return,
        };
        let name = format!("{}: {}", case.name, object["kind"]);
        let wanted = ["app.kubernetes.io/name", "app.kubernetes.io/instance"];
        let selector = selector.as_object().unwrap();
        assert_eq!(
            selector.keys().collect::<Vec<_>>(),
            ["app.kubernetes.io/instance", "app.kubernetes.io/name"],
            "{name}"
        );
        for key in wanted {
            assert!(
                selector[key].is_string() && selector[key] == labels[key],
                "{name}: {key}"
            );
        }
    });
}
