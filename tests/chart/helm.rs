//! The chart, as Helm renders it.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use devcluster::Program;
use serde_json::Value;

/// The chart's folder.
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/workmail-operator");
/// The namespace of the releases that are rendered: a number, where a template forgets to quote it.
pub const NAMESPACE: &str = "1e3";

/// A release, rendered.
pub struct Release {
    /// As YAML.
    pub text: String,
    /// One by one.
    pub objects: Vec<Value>,
}

impl Release {
    /// All objects of a kind.
    pub fn all(&self, kind: &str) -> Vec<&Value> {
        let of_kind = self.objects.iter().filter(|object| object["kind"] == kind);
        of_kind.collect()
    }

    /// The only object of its kind.
    pub fn the(&self, kind: &str) -> &Value {
        let found = self.all(kind);
        assert_eq!(found.len(), 1, "{kind}: {found:#?}");
        found[0]
    }

    /// The object of that kind and name.
    pub fn named(&self, kind: &str, name: &str) -> &Value {
        let mut of_kind = self.all(kind).into_iter();
        of_kind
            .find(|object| object["metadata"]["name"] == name)
            .unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// What the Deployment makes pods of.
    pub fn pod(&self) -> &Value {
        &self.the("Deployment")["spec"]["template"]
    }

    /// The one container of a pod.
    pub fn container(&self) -> &Value {
        let containers = self.pod()["spec"]["containers"].as_array().unwrap();
        assert_eq!(containers.len(), 1);
        &containers[0]
    }

    /// The arguments of the operator.
    pub fn arguments(&self) -> Vec<&str> {
        let arguments = self.container()["args"].as_array().unwrap();
        arguments.iter().map(|one| one.as_str().unwrap()).collect()
    }
}

/// The release `workmail-operator` with these values.
pub fn template(values: &Value) -> Release {
    template_as("workmail-operator", values)
}

/// A release of that name with these values.
pub fn template_as(name: &str, values: &Value) -> Release {
    let text = succeeded(helm(
        &["template", name, CHART, "-n", NAMESPACE, "-f", "-"],
        values,
    ));
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    Release { text, objects }
}

/// What Helm says to values that it refuses.
pub fn refusal(values: &Value) -> String {
    let output = helm(&["template", "x", CHART, "-f", "-"], values);
    assert!(!output.status.success(), "{values} was taken");
    String::from_utf8(output.stderr).unwrap()
}

/// Whether a refusal names the value at this JSON pointer. Helm 4 gives the pointer, Helm 3 the fields.
pub fn names(refusal: &str, pointer: &str) -> bool {
    let fields = pointer.trim_start_matches('/').replace('/', ".");
    let fields = match fields.replace("~1", "/") {
        root if root.is_empty() => "(root)".to_owned(),
        fields => fields,
    };
    refusal.contains(&format!("at '{pointer}'")) || refusal.contains(&format!("- {fields}: "))
}

/// What a user reads after an installation with these values.
pub fn notes(values: &Value) -> String {
    let install = [
        "install",
        "workmail-operator",
        CHART,
        "-n",
        NAMESPACE,
        "-f",
        "-",
    ];
    let text = succeeded(helm(
        &[&install[..], &["--dry-run=client"]].concat(),
        values,
    ));
    text.split_once("NOTES:\n").unwrap().1.to_owned()
}

/// Runs Helm with these values at its standard input, and an image where they name none.
pub fn helm(arguments: &[&str], values: &Value) -> Output {
    let mut values = values.clone();
    if values["image"]["repository"].is_null()
        && (values["image"].is_null() || values["image"].is_object())
    {
        values["image"]["repository"] = "workmail-operator".into();
    }
    helm_as_is(arguments, &values)
}

/// Runs Helm with these values at its standard input.
pub fn helm_as_is(arguments: &[&str], values: &Value) -> Output {
    let mut child = Command::new(program())
        .args(arguments)
        .env_clear()
        // There are no repositories, plugins or clusters to know of.
        .env("HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Helm may end without reading it.
    let _ = write!(child.stdin.take().unwrap(), "{values}");
    child.wait_with_output().unwrap()
}

/// Where Helm is.
pub fn program() -> &'static PathBuf {
    static HELM: OnceLock<PathBuf> = OnceLock::new();
    HELM.get_or_init(|| Program::Helm.locate().unwrap())
}

/// Its standard output.
pub fn succeeded(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}
