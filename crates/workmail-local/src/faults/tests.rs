use serde_json::json;

use super::*;

fn create(alias: &str) -> Subject<'_> {
    Subject {
        operation: "CreateOrganization",
        organization_id: None,
        alias: Some(alias),
        account: "123456789012",
        region: "us-east-1",
    }
}

fn hits(faults: &mut Faults, call: &Subject<'_>) -> bool {
    !matches!(faults.fate(call).end, End::Well)
}

#[test]
fn a_rule_strikes_as_often_as_it_says_and_then_no_more() {
    let mut faults = Faults::default();
    faults.add(
        Rule::on("CreateOrganization", Fault::throttle())
            .skip(1)
            .times(2),
    );
    let struck: Vec<bool> = (0..5).map(|_| hits(&mut faults, &create("acme"))).collect();
    assert_eq!(struck, [false, true, true, false, false]);
    assert_eq!(faults.views()[0].hits, 2);
}

#[test]
fn a_rule_leaves_calls_alone_that_it_is_not_for() {
    let mut faults = Faults::default();
    faults.add(Rule::on("DeleteOrganization", Fault::throttle()));
    faults.add(Rule::any(Fault::throttle()).alias("other"));
    faults.add(Rule::any(Fault::throttle()).account("210987654321"));
    faults.add(Rule::any(Fault::throttle()).region("eu-west-1"));
    faults.add(Rule::any(Fault::throttle()).organization("m-0"));
    faults.add(Rule::any(Fault::throttle()).probability(0.0));
    assert!(!hits(&mut faults, &create("acme")));
    assert!(hits(&mut faults, &create("OTHER")));
}

#[test]
fn delays_add_up_and_let_later_rules_decide() {
    let mut faults = Faults::default();
    faults.add(Rule::any(Fault::delay(Duration::from_millis(2))));
    faults.add(Rule::any(Fault::fail_creation("no room")));
    faults.add(Rule::any(Fault::delay(Duration::from_millis(3))));
    faults.add(Rule::any(Fault::http(503)));
    faults.add(Rule::any(Fault::garbage()));
    let fate = faults.fate(&create("acme"));
    assert_eq!(fate.delay, Duration::from_millis(5));
    assert_eq!(fate.fail_creation.as_deref(), Some("no room"));
    assert!(matches!(fate.end, End::Http(503, Work::NotDone)));
    assert_eq!(fate.rules, [RuleId(1), RuleId(2), RuleId(3), RuleId(4)]);
}

#[tokio::test]
async fn a_held_call_goes_on_when_released_or_when_its_rule_is_removed() {
    let mut faults = Faults::default();
    let id = faults.add(Rule::any(Fault::hang()));
    let End::Hang(mut first, _) = faults.fate(&create("acme")).end else {
        panic!("the call is not held");
    };
    assert_eq!(faults.views()[0].held, 1);
    assert_eq!(faults.release(Some(id)), 1);
    assert!(first.changed().await.is_ok());
    drop(first);

    let End::Hang(mut second, _) = faults.fate(&create("acme")).end else {
        panic!("the rule is still there");
    };
    assert!(faults.remove(id));
    assert!(second.changed().await.is_err());
    assert!(!faults.remove(id));
}

#[test]
fn rules_are_written_as_flat_json_with_the_fault_inside() {
    let rule: Rule = serde_json::from_value(json!({
        "operation": "CreateOrganization",
        "times": 1,
        "fault": {"kind": "lost-reply", "work": "done"},
    }))
    .unwrap();
    assert_eq!(
        rule,
        Rule::on("CreateOrganization", Fault::lost_reply_after_work()).times(1)
    );

    for (kind, fault) in [
        (json!({"kind": "throttle"}), Fault::throttle()),
        (json!({"kind": "hang"}), Fault::hang()),
        (
            json!({"kind": "delay", "for": "200ms"}),
            Fault::delay(Duration::from_millis(200)),
        ),
        (json!({"kind": "http", "status": 502}), Fault::http(502)),
        (json!({"kind": "garbage"}), Fault::garbage()),
        (
            json!({"kind": "fail-creation", "errorMessage": "x"}),
            Fault::fail_creation("x"),
        ),
        (
            json!({"kind": "error", "code": "A", "message": "b"}),
            Fault::error("A", "b"),
        ),
    ] {
        assert_eq!(serde_json::from_value::<Fault>(kind).unwrap(), fault);
    }
    assert!(serde_json::from_value::<Fault>(json!({"kind": "hang", "wrok": "done"})).is_err());
}
