//! The served definition compared with the one that this binary knows: an older one prunes what it does
//! not know, and what is pruned looks as if the user had never set it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    },
    apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry,
};
use serde_json::Value;

use super::crds;

/// The version that this binary reads and writes.
const VERSION: &str = "v1alpha1";

/// The schema of the version that this binary works with, if it is served.
pub(super) fn of_version(crd: &CustomResourceDefinition) -> Option<&JSONSchemaProps> {
    let mut versions = crd.spec.versions.iter();
    let version = versions.find(|version| version.name == VERSION && version.served)?;
    version.schema.as_ref()?.open_api_v3_schema.as_ref()
}

/// The fields of spec and status that this binary knows and the definition of the kind lacks, as paths
/// such as `spec.domains[].domainName`. Of a field that is missing whole, the fields within it are not
/// named.
#[must_use]
pub fn missing_fields(served: &CustomResourceDefinition) -> BTreeSet<String> {
    static OWN: OnceLock<[CustomResourceDefinition; 4]> = OnceLock::new();
    let mut own = OWN.get_or_init(crds).iter();
    let own = own.find(|own| own.spec.names.kind == served.spec.names.kind);
    let Some(served) = of_version(served) else {
        return [format!("version {VERSION}")].into();
    };
    let mut missing = BTreeSet::new();
    if let Some(own) = own.and_then(of_version) {
        compare(own, served, "", &mut missing);
    }
    missing
}

fn compare(
    own: &JSONSchemaProps,
    served: &JSONSchemaProps,
    path: &str,
    missing: &mut BTreeSet<String>,
) {
    if served.x_kubernetes_preserve_unknown_fields == Some(true) {
        return;
    }
    let none = BTreeMap::new();
    let known = served.properties.as_ref().unwrap_or(&none);
    for (name, own) in own.properties.iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{name}");
        match known.get(name) {
            Some(served) => compare(own, served, &path, missing),
            None => {
                missing.insert(path);
            }
        }
    }
    let within = |schema: &JSONSchemaProps| -> Option<JSONSchemaProps> {
        let items = match &schema.items {
            Some(JSONSchemaPropsOrArray::Schema(items)) => Some(items.as_ref().clone()),
            Some(JSONSchemaPropsOrArray::Schemas(_)) | None => None,
        };
        items.or_else(|| match &schema.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(values)) => Some(values.as_ref().clone()),
            Some(JSONSchemaPropsOrBool::Bool(_)) | None => None,
        })
    };
    if let Some(own) = within(own) {
        let path = format!("{path}[]");
        match within(served) {
            Some(served) => compare(&own, &served, &path, missing),
            None => {
                missing.insert(path);
            }
        }
    }
}

/// Whether an object may hold a value in one of these fields, stored and not shown: then any write of the
/// object loses it for good. Told by who wrote which field, which the API server keeps and shows; an
/// object without that may hold anything.
#[must_use]
pub fn may_hide(fields: Option<&[ManagedFieldsEntry]>, missing: &BTreeSet<String>) -> bool {
    let Some(entries) = fields.filter(|entries| !entries.is_empty()) else {
        return true;
    };
    let entries = entries.iter().filter_map(|entry| entry.fields_v1.as_ref());
    let owned: Vec<&Value> = entries.map(|fields| &fields.0).collect();
    missing.iter().any(|path| {
        let path = path.replace("[]", ".[]");
        let steps: Vec<&str> = path.split('.').collect();
        owned.iter().any(|fields| may_own(fields, &steps))
    })
}

/// Whether a set of fields has this path. A list or a map that is owned whole may have anything within.
fn may_own(fields: &Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    let Some(fields) = fields.as_object() else {
        return false;
    };
    let mut within = fields.iter().filter(|(key, _)| *key != ".").peekable();
    if within.peek().is_none() {
        return true;
    }
    let named = format!("f:{first}");
    within.any(|(key, fields)| {
        let is_step = *first == "[]" || *key == named;
        is_step && may_own(fields, rest)
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
    use serde_json::json;

    use super::*;
    use crate::api::{account_crd, crd};

    /// The definition, changed as JSON.
    fn changed(change: impl FnOnce(&mut Value)) -> CustomResourceDefinition {
        let mut value = serde_json::to_value(crd()).unwrap();
        change(&mut value["spec"]["versions"][0]);
        serde_json::from_value(value).unwrap()
    }

    fn properties<'a>(version: &'a mut Value, of: &str) -> &'a mut Value {
        let schema = &mut version["schema"]["openAPIV3Schema"];
        schema.pointer_mut(of).unwrap()
    }

    fn missing(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn the_own_definition_and_a_newer_one_lack_nothing() {
        assert_eq!(missing_fields(&crd()), missing(&[]));
        assert_eq!(missing_fields(&account_crd()), missing(&[]));
        let newer = changed(|version| {
            properties(version, "/properties/spec/properties")["later"] = json!({"type": "string"});
        });
        assert_eq!(missing_fields(&newer), missing(&[]));
    }

    #[test]
    fn fields_are_missed_in_spec_and_status_and_within_lists() {
        let older = changed(|version| {
            let mut remove = |of: &str, name: &str| {
                let fields = properties(version, of).as_object_mut().unwrap();
                assert!(fields.remove(name).is_some(), "{of} {name}");
            };
            remove("/properties/spec/properties", "suspend");
            remove("/properties/spec/properties", "deletion");
            remove(
                "/properties/spec/properties/domains/items/properties",
                "hostedZoneId",
            );
            remove("/properties/status/properties", "origin");
        });
        let expected = [
            "spec.deletion",
            "spec.domains[].hostedZoneId",
            "spec.suspend",
            "status.origin",
        ];
        assert_eq!(missing_fields(&older), missing(&expected));
    }

    #[test]
    fn a_version_that_is_not_served_is_missing_whole() {
        let other = changed(|version| version["served"] = json!(false));
        assert_eq!(missing_fields(&other), missing(&["version v1alpha1"]));
    }

    #[test]
    fn what_keeps_unknown_fields_lacks_none() {
        let open = changed(|version| {
            version["schema"]["openAPIV3Schema"]["properties"]["spec"] =
                json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        });
        assert_eq!(missing_fields(&open), missing(&[]));
    }

    fn owns(fields: Value) -> Vec<ManagedFieldsEntry> {
        vec![ManagedFieldsEntry {
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }]
    }

    #[test]
    fn a_field_that_somebody_wrote_may_be_hidden_and_one_that_nobody_wrote_is_not() {
        let wrote = owns(json!({"f:spec": {".": {}, "f:alias": {}, "f:suspend": {},
            "f:domains": {"k:{\"domainName\":\"a.a\"}": {".": {}, "f:domainName": {}}}}}));
        let hides = |path| may_hide(Some(&wrote), &missing(&[path]));
        assert!(hides("spec.suspend"));
        assert!(!hides("spec.managementPolicy"));
        assert!(hides("spec.domains[].domainName"));
        assert!(!hides("spec.domains[].hostedZoneId"));
        assert!(!hides("status.origin"));
    }

    #[test]
    fn what_is_owned_whole_or_by_nobody_knows_whom_may_hide_anything() {
        let whole = owns(json!({"f:status": {"f:drift": {}}}));
        assert!(may_hide(Some(&whole), &missing(&["status.drift[].since"])));
        assert!(may_hide(Some(&[]), &missing(&["spec.suspend"])));
        assert!(may_hide(None, &missing(&["spec.suspend"])));
    }
}
