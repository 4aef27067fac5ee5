//! The names that a message about an object never leaves out.

use std::iter;

use kube::ResourceExt;
use serde_json::{Value, json};

use crate::api::WorkMailOrganization;

/// Returns every text of the spec and of the status, conditions aside, with the object's own names.
pub(super) fn names(object: &WorkMailOrganization) -> Vec<String> {
    let mut of = json!({
        "name": object.name_any(),
        "namespace": object.namespace(),
        "spec": &object.spec,
        "status": &object.status,
    });
    if let Some(Value::Object(status)) = of.get_mut("status") {
        status.remove("conditions");
    }
    strings(&of)
}

/// Every string in a value, keys of maps included.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(strings).collect(),
        Value::Object(all) => all
            .iter()
            .flat_map(|(key, value)| iter::once(key.clone()).chain(strings(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_names_itself_and_what_its_spec_and_status_have() {
        let object = serde_json::from_value(json!({
            "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailOrganization",
            "metadata": {"name": "acme", "namespace": "mail"},
            "spec": {"alias": "acme-1", "directoryId": "d-1234567890", "tags": {"2026-11-24": "10:10"}},
            "status": {
                "organizationId": "m-1", "domains": [{"domainName": "acme.example"}],
                "conditions": [{"type": "Ready", "status": "False", "reason": "NotFound",
                    "message": "at 1732443070", "lastTransitionTime": "2026-11-28T12:00:00Z"}],
            },
        }));
        let names = names(&object.unwrap());
        let has = |name: &str| names.iter().any(|one| one == name);
        for name in [
            "acme",
            "mail",
            "acme-1",
            "d-1234567890",
            "2026-11-24",
            "10:10",
            "m-1",
            "acme.example",
        ] {
            assert!(has(name), "{name} in {names:?}");
        }
        assert!(!has("at 1732443070"), "{names:?}");
    }

    #[test]
    fn every_string_of_a_value_is_a_name() {
        let value =
            json!({"tags": {"team": "a"}, "domains": [{"domainName": "b"}], "suspend": true});
        let mut found = strings(&value);
        found.sort();
        assert_eq!(
            found,
            ["a", "b", "domainName", "domains", "suspend", "tags", "team"]
        );
    }
}
