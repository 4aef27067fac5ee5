//! Whatever the operator has to say, the status fits its own schema, as the API server checks it.

use std::sync::OnceLock;

use proptest::{collection::vec, option, prelude::*};
use serde_json::Value;
use workmail_operator::{
    api::{
        AcceptedDeletion, Condition, ConditionStatus, ConditionType, CreateInput, DnsRecord,
        DomainSpec, DomainStatus, Drift, Origin, Pending, PendingOperation, SeenOwner,
        WorkMailOrganizationStatus, crd, fit,
    },
    logic::organization::{Recorded, Report},
};

use crate::views::now;

/// Of the object, 1 MiB; the rest is for the spec and its copies.
const MOST_BYTES: usize = 512 * 1024;

fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let crd = serde_json::to_value(crd()).unwrap();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"].clone()
    })
}

/// Where a value breaks a schema, as the API server would tell.
fn faults(value: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    let most = |bound: &str| {
        schema[bound]
            .as_u64()
            .and_then(|most| usize::try_from(most).ok())
    };
    match value {
        Value::String(text) => {
            let length = text.chars().count();
            if most("maxLength").is_some_and(|most| length > most) {
                found.push(format!("{path} has {length} characters"));
            }
            if schema["maxLength"].is_null()
                && schema["enum"].is_null()
                && schema["format"].is_null()
            {
                found.push(format!("{path} has no bound"));
            }
            let known = schema["enum"].as_array();
            if known.is_some_and(|known| !known.contains(value)) {
                found.push(format!("{path} is {text}"));
            }
        }
        Value::Array(items) => {
            if most("maxItems").is_none_or(|most| items.len() > most) {
                found.push(format!("{path} has {} items", items.len()));
            }
            for item in items {
                faults(item, &schema["items"], &format!("{path}[]"), found);
            }
            let distinct = |key: &dyn Fn(&Value) -> Value| {
                let mut keys: Vec<_> = items.iter().map(|item| key(item).to_string()).collect();
                keys.sort();
                keys.windows(2).all(|two| two[0] != two[1])
            };
            let is_distinct = match schema["x-kubernetes-list-type"].as_str() {
                Some("set") => distinct(&Value::clone),
                Some("map") => {
                    let key = schema["x-kubernetes-list-map-keys"][0].as_str().unwrap();
                    distinct(&|item| item[key].clone())
                }
                _ => true,
            };
            if !is_distinct {
                found.push(format!("{path} repeats itself"));
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                match schema["properties"].get(name) {
                    Some(schema) => faults(value, schema, &format!("{path}.{name}"), found),
                    None => found.push(format!("{path}.{name} is no field")),
                }
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                if !fields.contains_key(name.as_str().unwrap()) {
                    found.push(format!("{path} lacks {name}"));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text of AWS: of any length, in any script.
fn text(most: usize) -> impl Strategy<Value = String> {
    let alphabet = prop_oneof![
        Just("a"),
        Just("é"),
        Just("𝔐"),
        Just("<"),
        Just("\""),
        Just("\u{1}")
    ];
    (alphabet, 0..=most).prop_map(|(letter, length)| letter.repeat(length))
}

fn record() -> impl Strategy<Value = DnsRecord> {
    (text(40), text(600), text(1200)).prop_map(|(r#type, hostname, value)| DnsRecord {
        r#type,
        hostname,
        value,
    })
}

fn domain() -> impl Strategy<Value = DomainStatus> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (flags, text(100), text(100), vec(record(), 0..40)).prop_map(
        |((managed, is_default, is_test_domain), ownership, dkim, records)| DomainStatus {
            managed,
            is_default,
            is_test_domain,
            ownership: Some(ownership),
            dkim: Some(dkim),
            records,
            ..DomainStatus::default()
        },
    )
}

fn drift() -> impl Strategy<Value = Drift> {
    (text(600), option::of(text(1200)), option::of(text(1200))).prop_map(
        |(path, desired, actual)| Drift {
            path,
            desired,
            actual,
        },
    )
}

/// Few are drawn, and each stands there many times: what is long takes time to draw.
fn many<T: Clone>(drawn: &[T], most: usize) -> Vec<T> {
    drawn
        .iter()
        .cycle()
        .take(if drawn.is_empty() { 0 } else { most })
        .cloned()
        .collect()
}

fn domains(drawn: &[DomainStatus], count: usize) -> Vec<DomainStatus> {
    let mut domains = many(drawn, count);
    for (number, domain) in domains.iter_mut().enumerate() {
        // AWS gives domains of at most 209 characters; those that the operator registered are few.
        domain.domain_name = format!("{number:04}.{}.example", "d".repeat(number % 196));
        domain.managed &= number < 100;
        domain.is_default &= number == 7;
        domain.is_test_domain &= number == 8;
        // Only those of the spec are read one by one.
        if number >= 100 {
            domain.records.clear();
        }
    }
    domains
}

fn conditions(message: &str) -> Vec<Condition> {
    let condition = |kind: ConditionType| Condition {
        r#type: kind.as_str().to_owned(),
        status: ConditionStatus::False,
        observed_generation: 1,
        last_transition_time: now(),
        reason: "DriftFound".to_owned(),
        message: message.to_owned(),
    };
    ConditionType::ALL.into_iter().map(condition).collect()
}

/// The intent of a create whose spec has every field at its longest.
fn pending() -> Pending {
    let domain = |number: usize| DomainSpec {
        domain_name: format!("{number}.{}.example", "d".repeat(199)),
        hosted_zone_id: Some("Z".repeat(32)),
    };
    Pending {
        operation: PendingOperation::CreateOrganization,
        target: "a".repeat(62),
        since: now(),
        candidate: Some(format!("m-{}", "0".repeat(32))),
        input: Some(CreateInput {
            directory_id: Some("d-0123456789".into()),
            kms_key_arn: Some("k".repeat(2048)),
            enable_interoperability: true,
            domains: (0..5).map(domain).collect(),
        }),
    }
}

prop_compose! {
    fn statuses()(
        lists in (vec(domain(), 0..4), vec(drift(), 0..4), vec(text(3000), 0..4)),
        counts in (0_usize..1500, 0_usize..400, 0_usize..700),
        texts in vec(text(3000), 8),
        message in text(9000),
    ) -> WorkMailOrganizationStatus {
        let said = |number: usize| Some(texts[number].clone());
        WorkMailOrganizationStatus {
            observed_generation: Some(i64::MAX),
            organization_id: Some(format!("m-{}", "0".repeat(32))),
            origin: Some(Origin::Created),
            created_at: Some(now()),
            account_id: Some("1".repeat(12)),
            account: Some("n".repeat(253)),
            region: Some("us-east-1".into()),
            arn: said(0),
            state: said(1),
            error_message: said(2),
            directory_id: said(3),
            directory_type: said(4),
            default_domain: said(5),
            migration_admin: said(6),
            last_handled_reconcile_at: said(7),
            completed_date: Some(now()),
            interoperability_enabled: Some(true),
            pending: Some(pending()),
            owner: Some(SeenOwner { cluster: Some("c".repeat(256)), namespace: Some("n".repeat(256)), name: Some("𝔐".repeat(256)), seen_at: now() }),
            deletion: Some(AcceptedDeletion { accepted_at: now() }),
            export_gate: workmail_operator::api::ExportGate { required: true, checked_since: Some(now()), checked: u32::MAX, digest: Some("f".repeat(64)) },
            managed_tag_keys: (0..47).map(|number| format!("{number:02}{}", "𝔐".repeat(126))).collect(),
            domains: domains(&lists.0, counts.0),
            drift: many(&lists.1, counts.1),
            planned_calls: many(&lists.2, counts.2),
            omitted: workmail_operator::api::Omitted::default(),
            conditions: conditions(&message),
        }
    }
}

fn is_wanted(name: &str) -> bool {
    name < "0100"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_status_that_is_read_and_written_again_is_the_same(status in statuses()) {
        let Recorded { memory, shown, verdicts, observed_generation, handled } = Recorded::read(&status);
        let report = Report { memory, shown, verdicts, observed_generation, handled, notes: Vec::new() };
        prop_assert_eq!(report.to_status(&status, now()), status);
    }

    #[test]
    fn whatever_there_is_to_say_fits_the_schema_and_the_api_server(status in statuses()) {
        let fitted = fit(status.clone(), is_wanted);
        let value = serde_json::to_value(&fitted).unwrap();
        let mut found = Vec::new();
        faults(&value, schema(), "status", &mut found);
        prop_assert!(found.is_empty(), "{found:?}");
        let bytes = value.to_string().len();
        prop_assert!(bytes <= MOST_BYTES, "{bytes}");

        // It is the same when it is written again.
        prop_assert_eq!(&fit(fitted.clone(), is_wanted), &fitted);
        // What is remembered stays, and whatever is left out is counted.
        prop_assert_eq!(&fitted.pending, &status.pending);
        prop_assert_eq!(&fitted.managed_tag_keys, &status.managed_tag_keys);
        let managed = |status: &WorkMailOrganizationStatus| {
            let domains = status.domains.iter().filter(|one| one.managed || is_wanted(&one.domain_name));
            domains.map(|one| one.domain_name.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(managed(&fitted), managed(&status));
        let left = |before: usize, after: usize| u32::try_from(before - after).unwrap();
        prop_assert_eq!(fitted.omitted.drift, left(status.drift.len(), fitted.drift.len()));
        let calls = left(status.planned_calls.len(), fitted.planned_calls.len());
        prop_assert_eq!(fitted.omitted.planned_calls, calls);
        let domains = left(status.domains.len(), fitted.domains.len());
        prop_assert_eq!(fitted.omitted.domains, domains);
    }
}

#[test]
fn a_status_of_an_ordinary_organization_with_a_hundred_domains_is_left_as_it_is() {
    let record = DnsRecord {
        r#type: "CNAME".into(),
        hostname: format!("{}._domainkey.acme.example.", "k".repeat(32)),
        value: format!("{}.dkim.amazonses.com.", "k".repeat(32)),
    };
    let domain = DomainStatus {
        ownership: Some("VERIFIED".into()),
        dkim: Some("PENDING".into()),
        records: vec![record; 8],
        managed: true,
        ..DomainStatus::default()
    };
    let status = WorkMailOrganizationStatus {
        domains: domains(&[domain], 100),
        conditions: conditions("Organization m-0 is Active and holds what the spec says."),
        ..WorkMailOrganizationStatus::default()
    };
    assert_eq!(fit(status.clone(), |_| true), status);
}
