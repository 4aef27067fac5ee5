//! What the operator writes into a status fits: each string and list the status's own schema, and the
//! whole what the API server can store.
//!
//! The bounds are read from the generated definition, so that a new field has them by construction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde::Serialize;
use serde_json::Value;

use super::{DomainStatus, WorkMailOrganizationStatus, organization::crd, schema::of_version};

/// The most bytes of a status as JSON, with what the API server keeps beside it about who wrote which
/// field. The largest spec, its copy in an annotation and the fields of its writers need another 400 KiB;
/// etcd takes 1.5 MiB by default.
const MOST_BYTES: usize = 512 * 1024;

/// What the API server keeps of each domain in `metadata.managedFields`, besides its name, in bytes.
const FIELDS_OF_DOMAIN: usize = 220;

/// Stands where a text was cut.
const CUT: char = '…';

/// Makes a status fit. Texts end in `…` where they are cut, and lists in the first entries that have
/// room; how many are left out is counted in the status. What the operator remembers is never cut: the
/// domains that are `managed`, the default, and those of the spec (`wanted`).
///
/// The result depends on the status alone, and a status that fits is returned unchanged.
#[must_use]
pub fn fit(
    mut status: WorkMailOrganizationStatus,
    wanted: impl Fn(&str) -> bool,
) -> WorkMailOrganizationStatus {
    let keep = |domain: &DomainStatus| {
        domain.managed || domain.is_default || domain.is_test_domain || wanted(&domain.domain_name)
    };
    let most = |list| most_items(list).unwrap_or(usize::MAX);
    shorten_domains(&mut status, most("domains"), &keep);
    shorten_drift(&mut status, most("drift"));
    shorten_planned_calls(&mut status, most("plannedCalls"));
    omit_long_records(&mut status);
    let mut status = cut_texts(status);
    while bytes_stored(&status) > MOST_BYTES && halve_largest(&mut status, &keep) {}
    status
}

/// Halves the list that takes the most room. False when nothing is left that may be cut.
fn halve_largest(
    status: &mut WorkMailOrganizationStatus,
    keep: &dyn Fn(&DomainStatus) -> bool,
) -> bool {
    let others = status.domains.iter().filter(|domain| !keep(domain));
    let others: Vec<_> = others.collect();
    let records = status.domains.iter().map(|domain| &domain.records);
    let records: Vec<_> = records.filter(|records| !records.is_empty()).collect();
    let largest = [
        (bytes(&status.planned_calls), status.planned_calls.len(), 0),
        (bytes(&status.drift), status.drift.len(), 1),
        (bytes(&others), others.len(), 2),
        (bytes(&records), records.len(), 3),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .max();
    match largest {
        Some((_, count, 0)) => shorten_planned_calls(status, count / 2),
        Some((_, count, 1)) => shorten_drift(status, count / 2),
        Some((_, count, 2)) => {
            let rest = status.domains.len() - count.div_ceil(2);
            shorten_domains(status, rest, keep);
        }
        Some((_, count, _)) => omit_records(status, count.div_ceil(2)),
        None => return false,
    }
    true
}

fn shorten_planned_calls(status: &mut WorkMailOrganizationStatus, most: usize) {
    status.omitted.planned_calls += cut(&mut status.planned_calls, most);
}

fn shorten_drift(status: &mut WorkMailOrganizationStatus, most: usize) {
    status.omitted.drift += cut(&mut status.drift, most);
}

/// Cuts the list, and says how many entries that left out.
fn cut<T>(list: &mut Vec<T>, most: usize) -> u32 {
    let left_out = list.len().saturating_sub(most);
    list.truncate(most);
    u32::try_from(left_out).unwrap_or(u32::MAX)
}

/// Leaves out domains from the end that are merely shown.
fn shorten_domains(
    status: &mut WorkMailOrganizationStatus,
    most: usize,
    keep: &dyn Fn(&DomainStatus) -> bool,
) {
    let excess = status.domains.len().saturating_sub(most);
    let others = status.domains.iter().enumerate().rev();
    let others = others.filter(|(_, domain)| !keep(domain)).take(excess);
    let left_out: BTreeSet<usize> = others.map(|(at, _)| at).collect();
    let mut places = 0..;
    status
        .domains
        .retain(|_| places.next().is_none_or(|at| !left_out.contains(&at)));
    status.omitted.domains += u32::try_from(left_out.len()).unwrap_or(u32::MAX);
}

/// Leaves out the records of so many domains, from the end. Never some of a domain's: who publishes those
/// that are shown has all of them.
fn omit_records(status: &mut WorkMailOrganizationStatus, domains: usize) {
    let with_records = status.domains.iter_mut().rev();
    let with_records = with_records.filter(|domain| !domain.records.is_empty());
    for domain in with_records.take(domains) {
        domain.records_omitted += cut(&mut domain.records, 0);
    }
}

fn omit_long_records(status: &mut WorkMailOrganizationStatus) {
    let most = most_records();
    for domain in &mut status.domains {
        if most.is_some_and(|most| domain.records.len() > most) {
            domain.records_omitted += cut(&mut domain.records, 0);
        }
    }
}

/// Cuts every text to the length that the schema gives it, and every list within a list to its own.
fn cut_texts(status: WorkMailOrganizationStatus) -> WorkMailOrganizationStatus {
    let (Some(schema), Ok(mut value)) = (status_schema(), serde_json::to_value(&status)) else {
        return status;
    };
    cut_value(&mut value, schema);
    serde_json::from_value(value).unwrap_or(status)
}

fn cut_value(value: &mut Value, schema: &JSONSchemaProps) {
    match value {
        Value::String(text) => {
            let most = schema
                .max_length
                .and_then(|most| usize::try_from(most).ok());
            if let Some(most) = most.filter(|most| text.chars().count() > *most) {
                *text = text
                    .chars()
                    .take(most.saturating_sub(1))
                    .chain([CUT])
                    .collect();
            }
        }
        Value::Array(items) => {
            let most = schema.max_items.and_then(|most| usize::try_from(most).ok());
            items.truncate(most.unwrap_or(usize::MAX));
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                for item in items {
                    cut_value(item, schema);
                }
            }
        }
        Value::Object(fields) => {
            let none = BTreeMap::new();
            let known = schema.properties.as_ref().unwrap_or(&none);
            for (name, value) in fields {
                let other = match &schema.additional_properties {
                    Some(JSONSchemaPropsOrBool::Schema(schema)) => Some(schema.as_ref()),
                    Some(JSONSchemaPropsOrBool::Bool(_)) | None => None,
                };
                if let Some(schema) = known.get(name).or(other) {
                    cut_value(value, schema);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn status_schema() -> Option<&'static JSONSchemaProps> {
    static SCHEMA: OnceLock<Option<JSONSchemaProps>> = OnceLock::new();
    let own = || {
        of_version(&crd())?
            .properties
            .as_ref()?
            .get("status")
            .cloned()
    };
    SCHEMA.get_or_init(own).as_ref()
}

fn most_items(list: &str) -> Option<usize> {
    let list = status_schema()?.properties.as_ref()?.get(list)?;
    usize::try_from(list.max_items?).ok()
}

fn most_records() -> Option<usize> {
    let domains = status_schema()?.properties.as_ref()?.get("domains")?;
    let Some(JSONSchemaPropsOrArray::Schema(domain)) = &domains.items else {
        return None;
    };
    let records = domain.properties.as_ref()?.get("records")?;
    usize::try_from(records.max_items?).ok()
}

/// About what the API server stores of a status.
fn bytes_stored(status: &WorkMailOrganizationStatus) -> usize {
    let fields = status.domains.iter();
    let fields = fields.map(|domain| domain.domain_name.len() + FIELDS_OF_DOMAIN);
    bytes(status) + fields.sum::<usize>()
}

/// The length as JSON, as Go writes it: it escapes what could end a script.
fn bytes(value: &impl Serialize) -> usize {
    let text = serde_json::to_string(value).unwrap_or_default();
    let escaped = |c: char| match c {
        '<' | '>' | '&' => 5,
        '\u{2028}' | '\u{2029}' => 3,
        _ => 0,
    };
    text.len() + text.chars().map(escaped).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{DnsRecord, Drift};

    fn with_domains(names: impl IntoIterator<Item = String>) -> WorkMailOrganizationStatus {
        let domain = |domain_name| DomainStatus {
            domain_name,
            ..DomainStatus::default()
        };
        WorkMailOrganizationStatus {
            domains: names.into_iter().map(domain).collect(),
            ..WorkMailOrganizationStatus::default()
        }
    }

    #[test]
    fn a_text_is_cut_to_its_characters_and_not_to_its_bytes() {
        let status = |length| WorkMailOrganizationStatus {
            error_message: Some("é".repeat(length)),
            ..WorkMailOrganizationStatus::default()
        };
        assert_eq!(fit(status(256), |_| false), status(256), "it fits");
        let cut = fit(status(257), |_| false).error_message.unwrap();
        assert_eq!(cut, format!("{}…", "é".repeat(255)));
    }

    #[test]
    fn a_list_that_is_too_long_is_cut_and_what_is_left_out_is_counted() {
        let drift = Drift {
            path: "spec.tags[a]".into(),
            ..Drift::default()
        };
        let status = WorkMailOrganizationStatus {
            drift: vec![drift; 294],
            planned_calls: vec!["RegisterMailDomain a".into(); 513],
            ..WorkMailOrganizationStatus::default()
        };
        let fitted = fit(status, |_| false);
        assert_eq!((fitted.drift.len(), fitted.omitted.drift), (256, 38));
        let calls = (fitted.planned_calls.len(), fitted.omitted.planned_calls);
        assert_eq!(calls, (512, 1));
        assert_eq!(fit(fitted.clone(), |_| false), fitted, "it fits now");
    }

    #[test]
    fn domains_that_are_remembered_or_wanted_are_never_left_out() {
        let mut status = with_domains((0..1500).map(|number| format!("{number:04}.example")));
        status.domains[1499].managed = true;
        status.domains[1498].is_default = true;
        let fitted = fit(status, |name| name == "1497.example");
        let names: Vec<_> = fitted.domains.iter().map(|one| &*one.domain_name).collect();
        let kept = ["1497.example", "1498.example", "1499.example"];
        assert!(names.ends_with(&kept) && names.is_sorted(), "{names:?}");
        assert_eq!(names.len() + fitted.omitted.domains as usize, 1500);
    }

    #[test]
    fn records_of_a_domain_are_left_out_all_or_none() {
        let mut status = with_domains((0..100).map(|number| format!("{number:03}.example")));
        for domain in &mut status.domains {
            let record = DnsRecord {
                r#type: "TXT".into(),
                hostname: "h".repeat(512),
                value: "<".repeat(1024),
            };
            domain.records = vec![record; 8];
        }
        let fitted = fit(status, |_| true);
        assert_eq!(fitted.domains.len(), 100);
        assert!(bytes_stored(&fitted) <= MOST_BYTES);
        let of = |domain: &DomainStatus| (domain.records.len(), domain.records_omitted);
        assert_eq!(of(&fitted.domains[0]), (8, 0), "those that have room stay");
        assert!(
            fitted
                .domains
                .iter()
                .all(|one| [(8, 0), (0, 8)].contains(&of(one)))
        );
    }

    #[test]
    fn a_value_that_is_absent_is_left_out_of_drift_and_an_empty_one_is_not() {
        let stored = serde_json::json!({"path": "spec.tags[team]", "desired": ""});
        let drift: Drift = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!((drift.desired.as_deref(), &drift.actual), (Some(""), &None));
        assert_eq!(serde_json::to_value(drift).unwrap(), stored);
    }
}
