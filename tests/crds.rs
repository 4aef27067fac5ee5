//! What users install and apply agrees with the types: the generated definition, the
//! chart's copy of it, and the examples.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Where the definitions are kept.
const FOLDERS: [&str; 2] = ["crds", "charts/workmail-operator/files/crds"];

/// The names of the definitions, in the order in which they are printed.
const CRDS: [&str; 4] = [
    "workmailorganizations.workmail-operator.dev",
    "workmailaccounts.workmail-operator.dev",
    "workmailmailboxexports.workmail-operator.dev",
    "workmailorganizationexports.workmail-operator.dev",
];

#[test]
fn the_committed_definitions_are_the_generated_ones_and_the_chart_has_the_same() {
    let generated = generated();
    let generated: Vec<&str> = generated.split("---\n").collect();
    assert_eq!(generated.len(), CRDS.len());
    for (name, generated) in CRDS.into_iter().zip(generated) {
        assert!(generated.contains(&format!("  name: {name}\n")), "{name}");
        for folder in FOLDERS {
            let file = format!("{folder}/{name}.yaml");
            let committed = fs::read_to_string(repository().join(&file)).unwrap_or_default();
            let differs = generated
                .lines()
                .zip(committed.lines().chain([""]))
                .find(|(a, b)| a != b);
            assert!(
                generated == committed,
                "{file} is not what `workmail-operator crds` prints: run `make crds`, and commit what \
                 it changes. The first difference, as it should be and as it is: {differs:#?}"
            );
        }
    }
}

#[test]
fn no_pattern_is_shown_to_users_and_each_paragraph_of_a_description_is_one_line() {
    let (mut described, mut wrong) = (0, Vec::new());
    for definition in definitions() {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(schema, "", &mut |path, schema| {
            if schema["pattern"].is_string() {
                wrong.push(format!(
                    "{path}: write a CEL rule with a sentence instead of the pattern"
                ));
            }
            let text = schema["description"].as_str().unwrap_or_default();
            described += usize::from(!text.is_empty());
            if text.split("\n\n").any(|paragraph| paragraph.contains('\n')) {
                wrong.push(format!("{path}: {text}"));
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(described > 60, "{described} descriptions were found");
}

/// Visits a schema and all within it.
fn walk(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), visit);
    }
    for within in ["items", "additionalProperties"] {
        if schema[within].is_object() {
            walk(&schema[within], &format!("{path}[]"), visit);
        }
    }
}

#[test]
fn there_is_no_definition_that_nothing_generates() {
    let mut generated = CRDS.map(|name| format!("{name}.yaml"));
    generated.sort();
    for folder in FOLDERS {
        let mut files: Vec<_> = fs::read_dir(repository().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, generated, "{folder}");
    }
}

#[test]
fn the_examples_have_only_fields_that_exist_and_one_of_them_has_all_that_go_together() {
    let definition = definitions().swap_remove(0);
    let version = &definition["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let organizations = organizations(&repository().join("examples"));
    for (file, object) in &organizations {
        let unknown = unknown_fields(&object["spec"], &schema["properties"]["spec"], "spec");
        assert!(
            unknown.is_empty(),
            "{}: there is no {unknown:?}",
            file.display()
        );
        if file.ends_with("every-field.yaml") {
            let missing = missing_fields(&object["spec"], &schema["properties"]["spec"], "spec");
            // It goes with adoptionPolicy Adopt, and hostedZoneId does not.
            assert_eq!(missing, ["spec.organizationId"], "{}", file.display());
        }
    }
    assert!(organizations.len() >= 6, "{organizations:#?}");
}

#[test]
fn applying_a_folder_of_examples_makes_no_duplicate_and_arms_no_unexpected_deletion() {
    let folder = repository().join("examples");
    let manifests = manifests(&folder);
    assert!(
        !manifests
            .iter()
            .any(|file| file.parent() == Some(folder.as_path())),
        "`kubectl apply -f examples/` applies nothing: {manifests:#?}"
    );
    let organizations = organizations(&folder);
    for (file, object) in &organizations {
        let armed = object["spec"]["deletionPolicy"] == "Delete";
        let says_so = file.starts_with(folder.join("delete"))
            || file.starts_with(folder.join("gitops/protected"));
        assert_eq!(armed, says_so, "{}", file.display());
        for (other, another) in &organizations {
            let means_the_same = object["spec"]["alias"] == another["spec"]["alias"];
            let is_the_same = object["metadata"]["name"] == another["metadata"]["name"];
            assert_eq!(means_the_same, is_the_same, "{file:?} and {other:?}");
            assert!(
                file == other || !is_the_same || file.parent() != other.parent(),
                "{file:?} and {other:?} describe one resource"
            );
        }
    }
}

/// Every manifest below a folder.
fn manifests(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(OsStr::to_str);
            if path.is_dir() {
                folders.push(path);
            } else if matches!(extension, Some("yaml" | "yml" | "json")) {
                found.push(path);
            }
        }
    }
    found
}

/// Every resource `WorkMailOrganization` below a folder, with its file.
fn organizations(folder: &Path) -> Vec<(PathBuf, Value)> {
    let files = manifests(folder).into_iter();
    let objects = files.flat_map(|file| {
        let text = fs::read_to_string(&file).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        documents
            .into_iter()
            .map(move |object| (file.clone(), object))
    });
    objects
        .filter(|(_, object)| {
            object["apiVersion"] == "workmail-operator.dev/v1alpha1"
                && object["kind"] == "WorkMailOrganization"
        })
        .collect()
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn generated() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_workmail-operator"))
        .arg("crds")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn definitions() -> Vec<Value> {
    serde_saphyr::from_multiple(&generated()).unwrap()
}

/// The fields of `value` that the schema does not have.
fn unknown_fields(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    let Some(fields) = value.as_object() else {
        let items = value.as_array().into_iter().flatten();
        return items
            .flat_map(|item| unknown_fields(item, &schema["items"], path))
            .collect();
    };
    if schema["additionalProperties"].is_object() {
        return Vec::new();
    }
    fields
        .iter()
        .flat_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match schema["properties"].get(name) {
                None => vec![path],
                Some(schema) => unknown_fields(value, schema, &path),
            }
        })
        .collect()
}

/// The fields of the schema that `value` lacks.
fn missing_fields(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    if schema["items"].is_object() {
        return missing_fields(&value[0], &schema["items"], path);
    }
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .flat_map(|(name, schema)| {
            let path = format!("{path}.{name}");
            match value.get(name) {
                None => vec![path],
                Some(value) => missing_fields(value, schema, &path),
            }
        })
        .collect()
}
