//! What is packaged around the code agrees with it: versions, toolchain, and the chart's values.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

use std::{fs, path::Path};

use serde_json::Value;

const CHART: &str = "charts/workmail-operator";

#[test]
fn chart_image_and_changelog_have_the_version_of_the_crate() {
    let version = env!("CARGO_PKG_VERSION");
    let chart = yaml(&format!("{CHART}/Chart.yaml"));
    assert_eq!(chart["version"], version, "the chart's version");
    assert_eq!(chart["appVersion"], version, "the chart's appVersion");
    let dockerfile = text("Dockerfile");
    assert!(
        dockerfile.contains(&format!("\nARG VERSION={version}\n")),
        "the Dockerfile's VERSION"
    );
    assert!(
        text("CHANGELOG.md").contains(&format!("\n## [{version}]")),
        "an entry of the changelog"
    );
}

#[test]
fn the_image_is_built_with_the_toolchain_that_is_pinned() {
    let pinned = text("rust-toolchain.toml");
    let channel = pinned
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))
        .unwrap();
    let argument = format!("\nARG RUST_VERSION={}\n", channel.trim_matches('"'));
    assert!(text("Dockerfile").contains(&argument), "{argument}");
}

#[test]
fn the_image_gets_every_manifest_of_the_workspace() {
    let manifest = text("Cargo.toml");
    let members = manifest
        .lines()
        .find(|line| line.starts_with("members = "))
        .unwrap();
    let (dockerfile, ignored) = (text("Dockerfile"), text(".dockerignore"));
    for member in members
        .split('"')
        .filter(|part| part.starts_with("crates/"))
    {
        assert!(
            dockerfile.contains(&format!("COPY {member}/Cargo.toml {member}/\n")),
            "{member}"
        );
        assert!(
            ignored.contains(&format!("\n!{member}/Cargo.toml\n")),
            "{member}"
        );
    }
}

#[test]
fn the_chart_s_schema_has_the_values_that_there_are_and_no_others() {
    let values = yaml(&format!("{CHART}/values.yaml"));
    let schema: Value =
        serde_json::from_str(&text(&format!("{CHART}/values.schema.json"))).unwrap();
    let mut faults = Vec::new();
    compare(&values, &schema, "", &mut faults);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_value_of_the_chart_is_explained_where_it_is_set() {
    let values = text(&format!("{CHART}/values.yaml"));
    let mut explained = false; // Whether a comment covers this line: one above it, up to an empty line.
    let unexplained: Vec<_> = values
        .lines()
        .filter(|line| {
            let is_comment = line.trim_start().starts_with('#');
            explained = is_comment || (explained && !line.is_empty());
            let is_pair = line.contains(": ") && !is_comment;
            is_pair && !explained && !line.starts_with(' ')
        })
        .collect();
    // What a pod has under the same name needs no word.
    let plain = [
        "podAnnotations",
        "podLabels",
        "priorityClassName",
        "nodeSelector",
        "tolerations",
        "affinity",
    ];
    let unexplained: Vec<_> = unexplained
        .into_iter()
        .filter(|line| {
            !plain
                .iter()
                .any(|name| line.starts_with(&format!("{name}:")))
        })
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

/// Where a schema closes an object, it has the fields of the values, all of them and no others.
fn compare(values: &Value, schema: &Value, path: &str, faults: &mut Vec<String>) {
    if schema["additionalProperties"] != Value::Bool(false) {
        return;
    }
    let fields = schema["properties"].as_object().unwrap();
    for (name, value) in values.as_object().into_iter().flatten() {
        match fields.get(name) {
            None => faults.push(format!("values.schema.json lacks {path}{name}")),
            Some(field) => compare(value, field, &format!("{path}{name}."), faults),
        }
    }
    // Of `global` Helm makes what it likes; resources and affinity are the pod's own, and partly set.
    let open = [
        "global",
        "claims",
        "nodeAffinity",
        "podAffinity",
        "podAntiAffinity",
    ];
    for name in fields.keys().filter(|name| !open.contains(&name.as_str())) {
        if values.get(name).is_none() {
            faults.push(format!("values.yaml lacks {path}{name}"));
        }
    }
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&text(file)).unwrap()
}

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}
