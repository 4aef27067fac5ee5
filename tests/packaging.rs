//! What is packaged around the code agrees with it: versions and toolchain.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

use std::{fs, path::Path, process::Command};

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
fn the_oldest_kubernetes_and_helm_that_are_stated_are_those_that_make_test_oldest_builds() {
    let minor = |module: &str, package: &str| {
        let go_mod = text(&format!("tools/{module}/go.mod"));
        let mut lines = go_mod.lines().map(str::trim);
        let version = lines.find_map(|line| line.strip_prefix(package)?.strip_prefix(" v"));
        let (minor, _patch) = version.unwrap().rsplit_once('.').unwrap();
        minor.to_owned()
    };
    let kubernetes = minor("controlplane-oldest", "k8s.io/kubernetes");
    let helm = minor("helm3", "helm.sh/helm/v3");
    let chart = yaml(&format!("{CHART}/Chart.yaml"));
    assert_eq!(chart["kubeVersion"], format!(">={kubernetes}.0-0"));
    let stated = format!("Kubernetes {kubernetes} or newer, and Helm {helm} or newer");
    assert!(text("README.md").contains(&stated), "{stated}");
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
fn the_shell_can_read_every_command_of_the_makefile() {
    let root = env!("CARGO_MANIFEST_DIR");
    // The flags of a `make test` that runs this test would say what is printed.
    let make = Command::new("make")
        .args([
            "--dry-run",
            "demo",
            "demo-exit",
            "test",
            "e2e",
            "test-oldest",
            "bench",
        ])
        .args(["build", "crds", "chart-docs", "fmt", "lint"])
        .env_remove("MAKEFLAGS")
        .current_dir(root)
        .output()
        .unwrap();
    assert!(make.status.success(), "{make:?}");
    let commands = String::from_utf8(make.stdout).unwrap();
    let read = Command::new("bash")
        .args(["-n", "-c", &commands])
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&text(file)).unwrap()
}

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}
