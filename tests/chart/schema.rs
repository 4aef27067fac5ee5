//! What Helm refuses before anything is rendered, and what it finds fault with.

use std::thread;

use clap::Parser as _;
use rstest::rstest;
use serde_json::{Map, Value, json};
use workmail_operator::runtime::Flags;

use crate::{
    helm::{CHART, helm, helm_as_is, names, refusal, succeeded},
    matrix::{cases, everything},
    values::{default_values, text},
};

#[test]
fn helm_lint_finds_no_fault_with_any_of_the_releases() {
    thread::scope(|scope| {
        for case in cases() {
            let lint = ["lint", "--strict", CHART, "-f", "-"];
            scope.spawn(move || succeeded(helm(&lint, &case.values)));
        }
    });
}

#[test]
fn the_operator_takes_every_argument_that_the_chart_can_give_it() {
    for case in cases() {
        let line = [&["workmail-operator"], &case.release.arguments()[..]].concat();
        let taken = Flags::try_parse_from(line);
        assert!(taken.is_ok(), "{}: {}", case.name, taken.unwrap_err());
    }
}

#[test]
fn the_schema_has_the_values_that_there_are_and_no_others() {
    let schema = schema();
    let mut faults = Vec::new();
    compare(&default_values(), &schema, &schema, "", &mut faults);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Where a schema closes an object, it has the fields of the values, all of them and no others.
fn compare(values: &Value, schema: &Value, root: &Value, path: &str, faults: &mut Vec<String>) {
    let schema = resolved(schema, root);
    let (Some(fields), Some(values)) = (schema["properties"].as_object(), values.as_object())
    else {
        return;
    };
    for (name, value) in values {
        match fields.get(name) {
            None => faults.push(format!("values.schema.json lacks {path}{name}")),
            Some(field) => compare(value, field, root, &format!("{path}{name}."), faults),
        }
    }
    // Of `global` Helm makes what it likes; affinity is the pod's own, and empty here.
    let absent = fields
        .keys()
        .filter(|name| *name != "global" && !values.contains_key(*name));
    if path != "affinity." {
        faults.extend(absent.map(|name| format!("values.yaml lacks {path}{name}")));
    }
}

#[test]
fn every_object_is_closed_but_for_what_is_the_pod_s_own_and_long() {
    let mut open = Vec::new();
    find_open(&schema(), "", &mut open);
    let expected = [
        "/definitions/affinity/properties/nodeAffinity/properties/requiredDuringSchedulingIgnoredDuringExecution",
        "/definitions/env/items/properties/valueFrom",
        "/definitions/named/items",
        "/definitions/objects/items",
        "/properties/global",
    ];
    assert_eq!(open, expected);
}

fn find_open(schema: &Value, path: &str, open: &mut Vec<String>) {
    let more = &schema["additionalProperties"];
    let open_object = schema["type"] == "object" && more != false && !more.is_object();
    let open_array = schema["type"] == "array" && !schema["items"].is_object();
    if open_object || open_array {
        open.push(path.to_owned());
    }
    for (name, one) in schema.as_object().into_iter().flatten() {
        find_open(one, &format!("{path}/{name}"), open);
    }
}

#[test]
fn a_wrong_type_is_refused_by_name_wherever_it_stands() {
    let mut paths = Vec::new();
    let wrong = with_wrong_types(&everything_there_is(), "", &mut paths);
    assert_refused(&wrong, &paths, 70);
}

#[test]
fn an_unknown_key_is_refused_by_name_wherever_it_stands() {
    let mut paths = Vec::new();
    let schema = schema();
    let wrong = with_unknown_keys(&everything_there_is(), &schema, &schema, "", &mut paths);
    assert_refused(&wrong, &paths, 30);
}

/// The defaults and, beside them, the matrix's other values: all that has a type.
fn everything_there_is() -> Value {
    fn merge(into: &mut Value, from: Value) {
        match (into, from) {
            (Value::Object(into), Value::Object(from)) => {
                for (name, value) in from {
                    merge(into.entry(name).or_insert(Value::Null), value);
                }
            }
            (into, from) => *into = from,
        }
    }
    let mut values = default_values();
    merge(&mut values, everything());
    values
}

/// The values with each that has no fields replaced by what it cannot be, and the paths of those.
fn with_wrong_types(value: &Value, path: &str, paths: &mut Vec<String>) -> Value {
    let mut deeper = |name: &str, value: &Value| {
        let name = name.replace('/', "~1"); // as JSON pointers have it
        with_wrong_types(value, &format!("{path}/{name}"), paths)
    };
    if let Some(fields) = value.as_object().filter(|fields| !fields.is_empty()) {
        let closed = fields
            .iter()
            // The others are open, as the test above says.
            .filter(|(name, _)| !["valueFrom", "configMap", "affinity"].contains(&name.as_str()));
        let wrong = closed.map(|(name, value)| (name.clone(), deeper(name, value)));
        return Value::Object(wrong.collect());
    }
    if let Some(items) = value
        .as_array()
        .filter(|items| items.iter().any(Value::is_object))
    {
        let items = items.iter().enumerate();
        return items
            .map(|(at, item)| deeper(&at.to_string(), item))
            .collect();
    }
    paths.push(path.to_owned());
    // Of these two, one takes a boolean too, as it did before.
    if value.is_boolean() || path == "/rbac/userRoles" {
        json!("wrong")
    } else {
        json!(true)
    }
}

/// The values with one key too many in each map that the schema closes, and the paths of those.
fn with_unknown_keys(
    value: &Value,
    schema: &Value,
    root: &Value,
    path: &str,
    paths: &mut Vec<String>,
) -> Value {
    let schema = resolved(schema, root);
    let mut deeper = |name: &str, value: &Value, schema: &Value| {
        with_unknown_keys(value, schema, root, &format!("{path}/{name}"), paths)
    };
    if let Some(items) = value.as_array() {
        let items = items.iter().enumerate();
        return items
            .map(|(at, item)| deeper(&at.to_string(), item, &schema["items"]))
            .collect();
    }
    let Some(fields) = value.as_object() else {
        return value.clone();
    };
    let fields = fields.iter();
    let mut all: Map<_, _> = fields
        .map(|(name, value)| {
            (
                name.clone(),
                deeper(name, value, &schema["properties"][name]),
            )
        })
        .collect();
    if schema["additionalProperties"] == false {
        paths.push(path.to_owned());
        all.insert("unheardOf".to_owned(), json!("value"));
    }
    all.into()
}

/// Helm names all that is wrong at once.
fn assert_refused(wrong: &Value, paths: &[String], at_least: usize) {
    assert!(paths.len() >= at_least, "{paths:#?}");
    let refusal = refusal(wrong);
    let unnamed: Vec<_> = paths.iter().filter(|path| !names(&refusal, path)).collect();
    assert!(
        unnamed.is_empty(),
        "{unnamed:#?} were taken; refused were {refusal}"
    );
}

#[rstest]
#[case("/region", json!({ "region": "Frankfurt" }))]
#[case("/watchNamespaces/0", json!({ "watchNamespaces": ["Team_A"] }))]
#[case("/watchNamespaces", json!({ "watchNamespaces": ["a", "a"] }))]
#[case("/concurrency", json!({ "concurrency": 0 }))]
#[case("/resyncInterval", json!({ "resyncInterval": "5" }))]
#[case("/deepResyncInterval", json!({ "deepResyncInterval": "an hour" }))]
#[case("/leaseDuration", json!({ "leaseDuration": "15500ms" }))]
#[case("/exportRetryAfter", json!({ "exportRetryAfter": "a day" }))]
#[case("/endOfServiceDate", json!({ "endOfServiceDate": "31.3.2027" }))]
#[case("/logFormat", json!({ "logFormat": "xml" }))]
#[case("/image/tag", json!({ "image": { "tag": "a tag" } }))]
#[case("/image/digest", json!({ "image": { "digest": "0a0a" } }))]
#[case("/image/pullPolicy", json!({ "image": { "pullPolicy": "Sometimes" } }))]
#[case("/image/repository", json!({ "image": { "repository": 1 } }))]
#[case("/fullnameOverride", json!({ "fullnameOverride": "Mail" }))]
#[case("/replicas", json!({ "replicas": -1 }))]
#[case("/replicas", json!({ "replicas": 1.5 }))]
#[case("/podDisruptionBudget/maxUnavailable", json!({ "podDisruptionBudget": { "maxUnavailable": "half" } }))]
#[case("/podDisruptionBudget/maxUnavailable", json!({ "podDisruptionBudget": { "maxUnavailable": 0 } }))]
#[case("/resources/requests/memory", json!({ "resources": { "requests": { "memory": "lots" } } }))]
#[case("/extraEnv/0/value", json!({ "extraEnv": [{ "name": "PORT", "value": 3128 }] }))]
#[case("/service/port", json!({ "service": { "port": 70000 } }))]
#[case("/serviceMonitor/interval", json!({ "serviceMonitor": { "interval": "often" } }))]
#[case("/networkPolicy/metricsFrom/0", json!({ "networkPolicy": { "metricsFrom": [{}] } }))]
fn a_value_that_cannot_be_meant_is_refused_by_name(#[case] path: &str, #[case] values: Value) {
    let refusal = refusal(&values);
    assert!(names(&refusal, path), "{refusal}");
}

#[test]
fn an_image_has_to_be_named_because_there_is_no_public_one() {
    for values in [json!({}), json!({ "image": { "tag": "v1" } })] {
        let output = helm_as_is(&["template", "x", CHART, "-f", "-"], &values);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{values} was taken");
        assert!(
            said.contains("Set image.repository: there is no public image."),
            "{said}"
        );
    }
}

#[test]
fn a_service_account_that_is_not_created_needs_a_name() {
    let refusal = refusal(&json!({ "serviceAccount": { "create": false } }));
    assert!(
        refusal.contains("serviceAccount.name is needed"),
        "{refusal}"
    );
}

#[test]
fn a_kubernetes_that_is_too_old_is_refused() {
    let output = helm(
        &["template", "x", CHART, "--kube-version", "1.28.15"],
        &json!({}),
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("kubeVersion"),
        "{said}"
    );
}

fn schema() -> Value {
    serde_json::from_str(&text("values.schema.json")).unwrap()
}

fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(name) => root.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}
