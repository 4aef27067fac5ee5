//! Metrics, and who may talk to whom.

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    helm::{refusal, template, template_as},
    matrix::everything,
};

#[test]
fn by_default_metrics_have_a_service_and_nobody_is_told_to_fetch_them() {
    let release = template(&json!({}));
    let ports = json!([{ "name": "metrics", "port": 8080, "targetPort": "metrics" }]);
    assert_eq!(release.the("Service")["spec"]["ports"], ports);
    for kind in ["ServiceMonitor", "PodMonitor", "NetworkPolicy"] {
        assert!(release.all(kind).is_empty(), "{kind}");
    }
}

#[rstest]
#[case("ServiceMonitor", "serviceMonitor", "endpoints")]
#[case("PodMonitor", "podMonitor", "podMetricsEndpoints")]
fn a_monitor_fetches_from_the_port_of_the_metrics_at_the_pace_of_its_prometheus(
    #[case] kind: &str,
    #[case] value: &str,
    #[case] endpoints: &str,
) {
    let release = template(&json!({ value: { "enabled": true } }));
    let port = json!({ "port": "metrics", "path": "/metrics" });
    assert_eq!(release.the(kind)["spec"][endpoints], json!([port]));
    assert_eq!(release.the(kind)["apiVersion"], "monitoring.coreos.com/v1");

    let asked = json!({ "enabled": true, "interval": "30s", "scrapeTimeout": "5s", "labels": { "release": "prometheus" } });
    let release = template(&json!({ value: asked }));
    let port =
        json!({ "port": "metrics", "path": "/metrics", "interval": "30s", "scrapeTimeout": "5s" });
    assert_eq!(release.the(kind)["spec"][endpoints], json!([port]));
    assert_eq!(
        release.the(kind)["metadata"]["labels"]["release"],
        "prometheus"
    );
}

#[rstest]
#[case(json!({ "serviceMonitor": { "enabled": true }, "podMonitor": { "enabled": true } }), "take one")]
#[case(json!({ "serviceMonitor": { "enabled": true }, "service": { "enabled": false } }), "podMonitor.enabled")]
fn monitors_that_would_count_twice_or_not_at_all_are_refused(
    #[case] values: Value,
    #[case] cure: &str,
) {
    let refusal = refusal(&values);
    assert!(
        refusal.contains("serviceMonitor.enabled") && refusal.contains(cure),
        "{refusal}"
    );
}

#[test]
fn a_network_policy_lets_out_to_dns_aws_the_api_server_and_pod_identity_and_in_for_metrics() {
    let release = template(&json!({ "networkPolicy": { "enabled": true } }));
    let spec = &release.the("NetworkPolicy")["spec"];
    assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    let port = |protocol: &str, port: u16| json!({ "protocol": protocol, "port": port });
    assert_eq!(spec["ingress"], json!([{ "ports": [port("TCP", 8080)] }]));
    let egress = json!([
        { "ports": [port("UDP", 53), port("TCP", 53), port("UDP", 5353), port("TCP", 5353)] },
        { "ports": [port("TCP", 443), port("TCP", 6443)] },
        {
            "to": [{ "ipBlock": { "cidr": "169.254.170.23/32" } }, { "ipBlock": { "cidr": "fd00:ec2::23/128" } }],
            "ports": [port("TCP", 80)],
        },
    ]);
    assert_eq!(spec["egress"], egress);
}

#[test]
fn the_network_policy_takes_more_ways_out_and_names_who_comes_in() {
    let values = everything();
    let release = template_as("x", &values);
    let spec = &release.the("NetworkPolicy")["spec"];
    assert_eq!(spec["ingress"].as_array().unwrap().len(), 1);
    assert_eq!(
        spec["ingress"][0]["from"],
        values["networkPolicy"]["metricsFrom"]
    );
    assert_eq!(spec["egress"].as_array().unwrap().len(), 4);
    assert_eq!(spec["egress"][3], values["networkPolicy"]["extraEgress"][0]);
}
