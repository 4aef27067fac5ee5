//! Who may do what, as it is written. That the operator needs all of it is shown with the operator.

use serde_json::{Value, json};

use crate::{
    helm::{NAMESPACE, template, template_as},
    matrix::{Case, cases, everything},
};

/// The verbs of a role on a resource, whatever the names.
fn verbs<'a>(role: &'a Value, resource: &str) -> Vec<&'a str> {
    let rules = role["rules"].as_array().unwrap().iter();
    rules
        .filter(|rule| {
            rule["resources"]
                .as_array()
                .unwrap()
                .contains(&json!(resource))
        })
        .flat_map(|rule| rule["verbs"].as_array().unwrap())
        .map(|verb| verb.as_str().unwrap())
        .collect()
}

fn roles(case: &Case) -> impl Iterator<Item = &Value> {
    let kinds = ["Role", "ClusterRole"];
    kinds.into_iter().flat_map(|kind| case.release.all(kind))
}

/// Whether people get a role: by one of Kubernetes, or from whoever binds it.
fn is_for_people(role: &Value) -> bool {
    let name = role["metadata"]["name"].as_str().unwrap();
    role.to_string().contains("aggregate-to")
        || ["-editor", "-exporter"]
            .iter()
            .any(|end| name.ends_with(end))
}

#[test]
fn no_role_has_a_wildcard_a_secret_or_a_config_map() {
    for case in cases() {
        for role in roles(case) {
            for rule in role["rules"].as_array().unwrap() {
                let text = rule.to_string();
                let name = format!("{}: {} {text}", case.name, role["metadata"]["name"]);
                assert!(!text.contains('*'), "{name}");
                for banned in [
                    "secrets",
                    "configmaps",
                    "serviceaccounts",
                    "pods",
                    "escalate",
                    "bind",
                    "impersonate",
                ] {
                    assert!(!text.contains(&format!("\"{banned}\"")), "{name}");
                }
            }
        }
    }
}

#[test]
fn every_role_of_the_operator_is_bound_to_the_pod_s_service_account_and_to_nobody_else() {
    for case in cases() {
        let account = &case.release.pod()["spec"]["serviceAccountName"];
        let subjects =
            json!([{ "kind": "ServiceAccount", "name": account, "namespace": NAMESPACE }]);
        let mut bound = Vec::new();
        for kind in ["Role", "ClusterRole"] {
            for binding in case.release.all(&format!("{kind}Binding")) {
                assert_eq!(binding["subjects"], subjects, "{}", case.name);
                assert_eq!(binding["roleRef"]["kind"], kind, "{}", case.name);
                bound.push((
                    binding["roleRef"]["name"].clone(),
                    binding["metadata"]["namespace"].clone(),
                ));
            }
        }
        let ours = roles(case).filter(|role| !is_for_people(role));
        let mut ours: Vec<_> = ours
            .map(|role| {
                (
                    role["metadata"]["name"].clone(),
                    role["metadata"]["namespace"].clone(),
                )
            })
            .collect();
        let sorted = |list: &mut Vec<(Value, Value)>| list.sort_by_key(|pair| format!("{pair:?}"));
        sorted(&mut ours);
        sorted(&mut bound);
        assert_eq!(ours, bound, "{}", case.name);
        let created = case.release.all("ServiceAccount");
        if case.values["serviceAccount"]["create"] == false {
            assert!(created.is_empty(), "{}", case.name);
        } else {
            assert_eq!(&created[0]["metadata"]["name"], account, "{}", case.name);
        }
    }
}

#[test]
fn with_named_namespaces_the_whole_cluster_gives_accounts_and_namespaces_to_read_and_nothing_more()
{
    let release = template(&json!({ "watchNamespaces": ["team-a", "team-b"] }));
    let rules = json!([
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "resourceNames": [
                "workmailorganizations.workmail-operator.dev",
                "workmailaccounts.workmail-operator.dev",
            ],
            "verbs": ["get", "watch"],
        },
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "resourceNames": [
                "workmailmailboxexports.workmail-operator.dev",
                "workmailorganizationexports.workmail-operator.dev",
            ],
            "verbs": ["get"],
        },
        { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"] },
        {
            "apiGroups": ["workmail-operator.dev"],
            "resources": ["workmailaccounts"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "apiGroups": ["workmail-operator.dev"],
            "resources": ["workmailaccounts/status"],
            "verbs": ["patch"],
        },
    ]);
    assert_eq!(
        release.named("ClusterRole", "workmail-operator")["rules"],
        rules
    );
    assert_eq!(release.all("ClusterRoleBinding").len(), 1);
    let namespaces: Vec<_> = release
        .all("Role")
        .into_iter()
        .filter(|role| !verbs(role, "workmailorganizations").is_empty())
        .map(|role| &role["metadata"]["namespace"])
        .collect();
    assert_eq!(namespaces, ["team-a", "team-b"]);
}

#[test]
fn a_role_in_a_namespace_gives_what_the_cluster_s_gives_and_reads_no_namespace_but_its_own() {
    let whole = template(&json!({}));
    let whole = whole.named("ClusterRole", "workmail-operator");
    let release = template(&json!({ "watchNamespaces": ["team-a"] }));
    let role = release.named("Role", "workmail-operator");
    for resource in [
        "workmailorganizations",
        "workmailorganizations/status",
        "workmailmailboxexports",
        "workmailmailboxexports/status",
        "workmailorganizationexports",
        "workmailorganizationexports/status",
        "events",
        "dnsendpoints",
    ] {
        assert!(!verbs(role, resource).is_empty(), "{resource}");
        assert_eq!(verbs(role, resource), verbs(whole, resource), "{resource}");
    }
    assert_eq!(verbs(role, "namespaces"), [""; 0]);
    // The cluster's has definitions, namespaces, and accounts with their status for itself.
    let (rules, all) = (
        role["rules"].as_array().unwrap().len(),
        whole["rules"].as_array().unwrap().len(),
    );
    assert_eq!(rules + 5, all);
}

/// The labels by which a role adds to those of Kubernetes.
fn aggregations(role: &Value) -> Vec<(&String, &Value)> {
    let labels = role["metadata"]["labels"].as_object().unwrap();
    let labels = labels.iter().filter(|(key, _)| key.starts_with("rbac."));
    labels.collect()
}

#[test]
fn by_default_no_editor_of_a_namespace_may_write_resources() {
    let release = template_as("x", &json!({}));
    for role in release.all("ClusterRole") {
        let added_to = aggregations(role);
        if added_to.is_empty() {
            continue;
        }
        let view = "rbac.authorization.k8s.io/aggregate-to-view".to_owned();
        assert_eq!(added_to, [(&view, &json!("true"))]);
        assert_eq!(
            verbs(role, "workmailorganizations"),
            ["get", "list", "watch"]
        );
    }
    release.named("ClusterRole", "x-workmail-operator-view");
}

#[test]
fn a_role_to_write_resources_is_there_to_be_bound_and_nobody_has_it_by_itself() {
    let values = ["view", "all", "none"].map(|word| json!(word));
    for mode in values.iter().chain(&[json!(true), json!(false)]) {
        let release = template_as("x", &json!({ "rbac": { "userRoles": mode } }));
        let editor = release.named("ClusterRole", "x-workmail-operator-editor");
        assert!(aggregations(editor).is_empty(), "{mode}: {editor}");
        let edit = [
            "get", "list", "watch", "create", "update", "patch", "delete",
        ];
        assert_eq!(verbs(editor, "workmailorganizations"), edit, "{mode}");
        assert!(!editor.to_string().contains("/status"), "{mode}");
        let exporter = release.named("ClusterRole", "x-workmail-operator-exporter");
        assert!(aggregations(exporter).is_empty(), "{mode}: {exporter}");
        assert_eq!(
            verbs(exporter, "workmailorganizationexports"),
            edit,
            "{mode}"
        );
        assert!(verbs(editor, "workmailorganizationexports").is_empty());
        for binding in release.all("ClusterRoleBinding") {
            assert_ne!(binding["roleRef"]["name"], "x-workmail-operator-editor");
            assert_ne!(binding["roleRef"]["name"], "x-workmail-operator-exporter");
        }
    }
}

#[test]
fn true_gives_the_roles_of_all_and_false_those_of_none() {
    for (before, now) in [(true, "all"), (false, "none")] {
        let of = |mode: Value| template(&json!({ "rbac": { "userRoles": mode } })).text;
        assert_eq!(of(json!(before)), of(json!(now)));
    }
}

#[test]
fn people_see_edit_and_administer_resources_by_the_roles_of_kubernetes_and_never_the_status() {
    let release = template_as("x", &json!({ "rbac": { "userRoles": "all" } }));
    let look = ["get", "list", "watch"];
    let edit = ["create", "update", "patch", "delete"];
    let expected = [
        ("view", look.to_vec()),
        ("edit", [&look[..], &edit[..]].concat()),
        (
            "admin",
            [&look[..], &edit[..], &["deletecollection"]].concat(),
        ),
    ];
    for (name, expected) in expected {
        let role = release.named("ClusterRole", &format!("x-workmail-operator-{name}"));
        assert_eq!(verbs(role, "workmailorganizations"), expected, "{name}");
        assert_eq!(role["rules"].as_array().unwrap().len(), 1, "{name}");
        assert!(!role.to_string().contains("/status"), "{name}");
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{name}");
        assert_eq!(aggregations(role), [(&label, &json!("true"))]);
    }
}

#[test]
fn roles_of_people_and_of_the_operator_can_be_left_to_others() {
    let without = |rbac: Value| {
        let release = template(&json!({ "rbac": rbac, "watchNamespaces": ["team-a"] }));
        let count = |kind| release.all(kind).len();
        [
            count("ClusterRole"),
            count("ClusterRoleBinding"),
            count("Role"),
            count("RoleBinding"),
        ]
    };
    assert_eq!(without(json!({})), [4, 1, 2, 2]);
    assert_eq!(without(json!({ "userRoles": "all" })), [6, 1, 2, 2]);
    assert_eq!(without(json!({ "userRoles": "none" })), [3, 1, 2, 2]);
    assert_eq!(without(json!({ "create": false })), [3, 0, 0, 0]);
}

#[test]
fn the_service_account_carries_the_annotation_of_irsa_and_only_the_pod_asks_for_its_token() {
    let release = template_as("x", &everything());
    let account = release.the("ServiceAccount");
    assert_eq!(
        account["metadata"]["annotations"],
        everything()["serviceAccount"]["annotations"]
    );
    assert_eq!(account["automountServiceAccountToken"], false);
    assert_eq!(release.pod()["spec"]["automountServiceAccountToken"], true);
    // Nothing stands in the way of Pod Identity, which sets these by itself.
    let plain = template(&json!({}));
    assert_eq!(
        plain.the("ServiceAccount")["metadata"]["annotations"],
        Value::Null
    );
    assert!(!plain.text.contains("AWS_"));
}
