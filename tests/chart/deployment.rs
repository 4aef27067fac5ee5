//! The Deployment and what goes with it: replicas, the lease, spreading, the pod.

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    helm::{NAMESPACE, template, template_as},
    matrix::{cases, everything},
};

#[test]
fn two_replicas_run_and_an_upgrade_starts_the_new_before_it_ends_the_old() {
    let release = template(&json!({}));
    let spec = &release.the("Deployment")["spec"];
    assert_eq!(spec["replicas"], 2);
    let strategy =
        json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
    assert_eq!(spec["strategy"], strategy);
}

#[test]
fn however_many_replicas_there_are_they_share_a_lease_that_they_have_the_rights_to() {
    for case in cases() {
        let arguments = case.release.arguments();
        assert!(arguments.contains(&"--leader-elect"), "{}", case.name);
        let lease = arguments
            .iter()
            .find_map(|one| one.strip_prefix("--leader-elect-resource-name="))
            .unwrap();
        assert_eq!(
            case.release.the("Deployment")["metadata"]["name"],
            lease,
            "{}",
            case.name
        );
        if case.values["rbac"]["create"] == false {
            continue;
        }
        let role = case
            .release
            .named("Role", &format!("{lease}-leader-election"));
        assert_eq!(role["metadata"]["namespace"], NAMESPACE);
        let rules = json!([
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"] },
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "resourceNames": [lease],
                "verbs": ["get", "update"],
            },
        ]);
        assert_eq!(role["rules"], rules, "{}", case.name);
    }
}

#[rstest]
#[case(json!({}), Some(json!(1)))]
#[case(json!({ "replicas": 3, "podDisruptionBudget": { "maxUnavailable": "50%" } }), Some(json!("50%")))]
#[case(json!({ "replicas": 1 }), None)]
#[case(json!({ "replicas": 0 }), None)]
#[case(json!({ "podDisruptionBudget": { "enabled": false } }), None)]
fn a_disruption_budget_is_there_when_another_replica_can_take_over(
    #[case] values: Value,
    #[case] most: Option<Value>,
) {
    let release = template(&values);
    let budgets = release.all("PodDisruptionBudget");
    assert_eq!(budgets.len(), usize::from(most.is_some()));
    if let Some(most) = most {
        assert_eq!(budgets[0]["spec"]["maxUnavailable"], most);
        assert_eq!(budgets[0]["spec"]["minAvailable"], Value::Null);
    }
}

#[test]
fn pods_are_spread_over_nodes_and_constraints_of_one_s_own_are_about_them_too() {
    let ours = |name: &str, release: &str| json!({ "matchLabels": { "app.kubernetes.io/name": name, "app.kubernetes.io/instance": release } });
    let release = template(&json!({}));
    let constraints = &release.pod()["spec"]["topologySpreadConstraints"];
    assert_eq!(constraints.as_array().unwrap().len(), 1);
    assert_eq!(constraints[0]["topologyKey"], "kubernetes.io/hostname");
    assert_eq!(constraints[0]["whenUnsatisfiable"], "ScheduleAnyway");
    assert_eq!(
        constraints[0]["labelSelector"],
        ours("workmail-operator", "workmail-operator")
    );

    let release = template_as("x", &everything());
    let constraints = &release.pod()["spec"]["topologySpreadConstraints"];
    assert_eq!(constraints.as_array().unwrap().len(), 2);
    assert_eq!(constraints[0]["topologyKey"], "topology.kubernetes.io/zone");
    assert_eq!(constraints[0]["labelSelector"], ours("wmo", "x"));
    assert_eq!(
        constraints[1]["labelSelector"],
        json!({ "matchLabels": { "team": "mail" } })
    );

    let none = template(&json!({ "topologySpreadConstraints": [] }));
    assert_eq!(none.pod()["spec"]["topologySpreadConstraints"], Value::Null);
}

#[test]
fn the_operator_gets_no_flag_by_default_but_those_of_its_lease_and_its_release() {
    let release = template(&json!({}));
    let lease = "--leader-elect-resource-name=workmail-operator";
    let own = "--release=workmail-operator";
    assert_eq!(release.arguments(), ["run", "--leader-elect", lease, own]);
    assert_eq!(release.container()["env"], Value::Null);
    assert_eq!(release.container()["envFrom"], Value::Null);
}

#[test]
fn every_value_of_the_operator_is_a_flag() {
    let release = template_as("x", &everything());
    let expected = [
        "run",
        "--leader-elect",
        "--leader-elect-resource-name=x-wmo",
        "--leader-elect-lease-duration=30s",
        "--region=eu-west-1",
        "--watch-namespaces=team-a,team-b",
        "--cluster-name=a cluster: \"one\"",
        "--former-cluster-names=the \"first\",5b3c0f6e-0000-4000-8000-000000000001",
        "--require-account",
        "--release=x",
        "--concurrency=8",
        "--resync-interval=10m",
        "--deep-resync-interval=2h30m",
        "--end-of-service-date=2027-03-30",
        "--export-retry-after=25h",
        "--log-level=info,workmail_operator=debug",
        "--log-format=text",
    ];
    assert_eq!(release.arguments(), expected);
}

#[test]
fn what_a_pod_may_be_given_it_is_given_as_it_stands() {
    let values = everything();
    let release = template_as("x", &values);
    let (pod, container) = (&release.pod()["spec"], release.container());
    for (value, field) in [
        ("imagePullSecrets", &pod["imagePullSecrets"]),
        ("extraVolumes", &pod["volumes"]),
        ("affinity", &pod["affinity"]),
        ("nodeSelector", &pod["nodeSelector"]),
        ("tolerations", &pod["tolerations"]),
        ("priorityClassName", &pod["priorityClassName"]),
        ("extraEnv", &container["env"]),
        ("extraEnvFrom", &container["envFrom"]),
        ("extraVolumeMounts", &container["volumeMounts"]),
    ] {
        assert_eq!(&values[value], field, "{value}");
    }
    assert_eq!(
        container["resources"]["limits"],
        json!({ "cpu": "1500m", "memory": "2Gi" })
    );
    let metadata = &release.pod()["metadata"];
    assert_eq!(metadata["annotations"]["team"], "mail");
    assert_eq!(metadata["labels"]["tier"], "operators");
    // What the Deployment selects by is not the user's.
    assert_eq!(metadata["labels"]["app.kubernetes.io/instance"], "x");
}

#[rstest]
#[case(json!({}), concat!("workmail-operator:", env!("CARGO_PKG_VERSION")))]
#[case(json!({ "repository": "registry.example:5000/a/b", "tag": "v1" }), "registry.example:5000/a/b:v1")]
#[case(json!({ "tag": "v1", "digest": concat!("sha256:", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef") }),
    "workmail-operator@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
fn the_image_is_named_by_tag_or_by_digest(#[case] image: Value, #[case] expected: &str) {
    assert_eq!(
        template(&json!({ "image": image })).container()["image"],
        expected
    );
}

#[test]
fn the_pod_is_asked_whether_it_lives_and_is_ready_and_has_the_time_to_finish() {
    let release = template(&json!({}));
    let container = release.container();
    for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        assert_eq!(
            container[probe]["httpGet"],
            json!({ "path": path, "port": "probes" })
        );
    }
    let ports = json!([{ "name": "metrics", "containerPort": 8080 }, { "name": "probes", "containerPort": 8081 }]);
    assert_eq!(container["ports"], ports);
    assert_eq!(release.pod()["spec"]["terminationGracePeriodSeconds"], 75);
}

#[test]
fn the_pod_may_use_what_was_measured_and_its_cpu_time_has_no_limit() {
    let release = template(&json!({}));
    let resources = &release.container()["resources"];
    let memory = |kind: &str| -> f64 {
        let quantity = resources[kind]["memory"].as_str().unwrap();
        quantity.strip_suffix("Mi").unwrap().parse().unwrap()
    };
    assert!(memory("requests") >= 1.5 * measured_memory(1000));
    assert!(memory("limits") >= 2.0 * measured_memory(10_000));
    assert!(resources["requests"]["cpu"].is_string());
    assert_eq!(resources["limits"]["cpu"], Value::Null);
}

/// What so many organizations need, in MiB, by the last run of the benchmark.
fn measured_memory(organizations: u32) -> f64 {
    let results = include_str!("../../benches/results.md");
    let row =
        format!("| memory: {organizations} settled objects, after they were made: resident | ");
    let (_, rest) = results.split_once(&row).unwrap();
    rest.split_once(" MiB").unwrap().0.parse().unwrap()
}
