use serde_json::{Value, json};

use super::*;

fn create(alias: &str) -> CallInfo<'_> {
    CallInfo {
        operation: "CreateOrganization",
        organization_id: None,
        alias: Some(alias),
        account: "123456789012",
        input: &Value::Null,
    }
}

fn applies(faults: &mut Faults, call: &CallInfo<'_>) -> bool {
    !matches!(faults.inject(call).end, End::Normal)
}

#[test]
fn a_rule_applies_as_often_as_it_says() {
    let mut faults = Faults::default();
    let rule = Rule::on("CreateOrganization", Fault::throttle());
    faults.add(rule.skip(1).times(2));
    let applied: Vec<bool> = (0..5)
        .map(|_| applies(&mut faults, &create("acme")))
        .collect();
    assert_eq!(applied, [false, true, true, false, false]);
    assert_eq!(faults.views()[0].hits, 2);
}

#[test]
fn a_rule_does_not_apply_to_other_calls() {
    let mut faults = Faults::default();
    faults.add(Rule::on("DeleteOrganization", Fault::throttle()));
    faults.add(Rule::any(Fault::throttle()).alias("other"));
    faults.add(Rule::any(Fault::throttle()).organization("m-0"));
    faults.add(Rule::any(Fault::throttle()).probability(0.0));
    faults.add(Rule::any(Fault::throttle()).account("210987654321"));
    assert!(!applies(&mut faults, &create("acme")));
    assert!(applies(&mut faults, &create("OTHER")));
    faults.add(Rule::any(Fault::throttle()).account("123456789012"));
    assert!(applies(&mut faults, &create("acme")));
}

#[test]
fn the_first_rule_that_decides_the_end_is_the_last_that_applies() {
    let mut faults = Faults::default();
    faults.add(Rule::any(Fault::fail_creation("no room")));
    faults.add(Rule::any(Fault::delay(Duration::from_millis(2))));
    faults.add(Rule::any(Fault::delay(Duration::from_millis(3))));
    faults.add(Rule::any(Fault::http(503)));
    faults.add(Rule::any(Fault::garbage()));
    let injected = faults.inject(&create("acme"));
    assert_eq!(injected.fail_creation.as_deref(), Some("no room"));
    assert!(matches!(injected.end, End::Http(503, Work::NotDone)));
    assert_eq!(injected.delay, Duration::from_millis(5));
    assert_eq!(injected.rules, [1, 2, 3, 4].map(RuleId));
}

#[tokio::test]
async fn a_held_call_is_released_by_name_or_by_the_removal_of_its_rule() {
    let mut faults = Faults::default();
    let id = faults.add(Rule::any(Fault::hang()));
    let End::Hang(mut first, _) = faults.inject(&create("acme")).end else {
        panic!("the call is not held");
    };
    assert_eq!(faults.views()[0].held, 1);
    assert_eq!(faults.release(Some(id)), 1);
    assert!(first.changed().await.is_ok());
    drop(first);

    let End::Hang(mut second, _) = faults.inject(&create("acme")).end else {
        panic!("the rule is still there");
    };
    assert!(faults.remove(id));
    assert!(second.changed().await.is_err());
    assert!(!faults.remove(id));
}

#[test]
fn a_rule_is_written_as_json_with_the_fault_inside() {
    let written = json!({
        "operation": "CreateOrganization",
        "times": 1,
        "fault": {"kind": "lost-reply", "work": "done"},
    });
    let rule: Rule = serde_json::from_value(written).unwrap();
    let expected = Rule::on("CreateOrganization", Fault::lost_reply_after_work()).times(1);
    assert_eq!(rule, expected);
    let misspelled = json!({"kind": "hang", "wrok": "done"});
    assert!(serde_json::from_value::<Fault>(misspelled).is_err());
}
