//! What the operator says of itself: metrics and log lines.

use serde_json::{Value, json};
use workmail_local::Config;
use workmail_operator::api::Reason;

use crate::world::{World, id, quick};

#[tokio::test]
async fn the_metrics_have_the_names_of_the_contract_and_count_what_happened() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;
    world.look_now("acme").await;

    let text = world.metrics().await;
    assert!(text.ends_with("# EOF\n"), "it is OpenMetrics");
    for (family, kind) in [
        ("workmail_operator_reconciles", "counter"),
        ("workmail_operator_reconcile_duration_seconds", "histogram"),
        ("workmail_operator_aws_requests", "counter"),
        (
            "workmail_operator_aws_request_duration_seconds",
            "histogram",
        ),
        ("workmail_operator_organizations", "gauge"),
        ("workmail_operator_drift_items", "gauge"),
        ("workmail_operator_leader_election_master_status", "gauge"),
        (
            "workmail_operator_end_of_service_timestamp_seconds",
            "gauge",
        ),
        ("workmail_operator_time_to_ready_seconds", "histogram"),
        ("workmail_operator_retained", "counter"),
        ("process_resident_memory_bytes", "gauge"),
        ("process_cpu_seconds", "counter"),
        ("process_open_fds", "gauge"),
    ] {
        let line = format!("# TYPE {family} {kind}\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
    for operation in [
        "GetCallerIdentity",
        "ListOrganizations",
        "DescribeOrganization",
        "ListTagsForResource",
        "CreateOrganization",
        "TagResource",
    ] {
        let series = format!(
            "workmail_operator_aws_requests_total{{operation=\"{operation}\",code=\"OK\"}}"
        );
        let counted = world.metric(&series).await;
        let made = world.calls(operation).len();
        assert_eq!(usize::try_from(counted).unwrap(), made, "{series}");
    }
    for (series, value) in [
        (
            "workmail_operator_organizations{state=\"Active\",ready=\"True\"}",
            1,
        ),
        ("workmail_operator_leader_election_master_status", 1),
        // 2027-03-31T00:00:00Z
        (
            "workmail_operator_end_of_service_timestamp_seconds",
            1_806_451_200,
        ),
        ("workmail_operator_time_to_ready_seconds_count", 1),
        ("workmail_operator_drift_items", 0),
    ] {
        let seen = world.metric(series).await;
        assert_eq!(seen, value, "{series}");
    }
    assert!(!text.contains("acme"), "no name is a label");

    world.delete("acme").await;
    world.until_gone("acme").await;
    let series = "workmail_operator_organizations{state=\"Active\",ready=\"True\"}";
    world
        .poll("it is counted no more", async || {
            (world.metric(series).await == 0).then_some(())
        })
        .await;
    world.until_event("acme", "Retained").await;
    assert_eq!(world.metric("workmail_operator_retained_total").await, 1);
}

#[tokio::test]
async fn a_word_that_aws_invents_is_no_label() {
    let world = World::new().await;
    world.aws.fault(workmail_local::Rule::on(
        "CreateOrganization",
        workmail_local::Fault::error("BrandNewException", "No."),
    ));
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::UnexpectedError).await;
    let series =
        "workmail_operator_aws_requests_total{operation=\"CreateOrganization\",code=\"other\"}";
    assert!(world.metric(series).await >= 1);
    let text = world.metrics().await;
    assert!(!text.contains("BrandNew"), "{text}");
}

/// The audit: the lines about calls that change something.
fn audit(world: &World) -> Vec<Value> {
    world.operator.logged("called AWS")
}

#[tokio::test]
async fn every_line_of_the_log_is_json_and_every_change_of_aws_has_one() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    // The first create is refused: an attempt has its line, too.
    world.aws.fault(
        workmail_local::Rule::on(
            "CreateOrganization",
            workmail_local::Fault::error("LimitExceededException", "No more."),
        )
        .times(1),
    );
    world.operator.start();
    let spec = json!({
        "alias": "acme",
        "tags": {"team": "a"},
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    });
    world.create("acme", spec).await;
    world.until_refused("acme", Reason::LimitExceeded).await;
    world.look_now("acme").await;
    let organization = id(&world.until_settled("acme").await);
    world.patch("acme", json!({"spec": {"tags": null}})).await;
    world.until_settled("acme").await;
    world.delete("acme").await;
    world.until_gone("acme").await;

    let object = format!("{}/acme", world.namespace);
    let lines = audit(&world);
    let called: Vec<_> = lines
        .iter()
        .map(|line| line["operation"].as_str().unwrap())
        .collect();
    assert_eq!(
        called,
        world.mutating_calls(),
        "one line for each, in order"
    );
    assert_eq!(
        called,
        [
            "CreateOrganization",
            "CreateOrganization",
            "TagResource",
            "TagResource",
            "UntagResource",
            "DeleteOrganization"
        ]
    );
    let made = world.aws.journal();
    for (number, line) in lines.iter().enumerate() {
        let call = made
            .iter()
            .find(|call| Some(call.request_id.as_str()) == line["request_id"].as_str())
            .unwrap_or_else(|| panic!("no call has the request id of {line}"));
        assert_eq!(line["operation"], *call.operation);
        assert_eq!(line["target"], "workmail_operator::audit");
        assert_eq!(line["object"], *object);
        assert_eq!(line["account"], "123456789012");
        assert_eq!(line["region"], "us-east-1");
        let (code, id) = if number == 0 {
            ("LimitExceededException", Value::Null)
        } else {
            ("OK", json!(organization))
        };
        assert_eq!(
            (&line["code"], &line["organization_id"]),
            (&json!(code), &id)
        );
    }

    let log = world.operator.log();
    for line in &log {
        assert!(line.is_object(), "not JSON: {line}");
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line[field].is_string(), "{field} of {line}");
        }
        let text = line.to_string();
        assert!(!text.contains("secret"), "{text}");
    }
    let refused = world.operator.logged("an AWS call did not succeed");
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["level"], "WARN");
    assert_eq!(refused[0]["object"], *object);
    assert_eq!(refused[0]["code"], "LimitExceededException");
    let errors: Vec<_> = log.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
