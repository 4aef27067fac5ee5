//! What is compiled into the operator: one TLS stack with one crypto provider, and nothing of the
//! tools that are for development only.
//!
//! Asked of `cargo tree`: the lock file also names crates that no feature in use turns on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends with a message"
)]

use std::{collections::BTreeMap, process::Command};

use rstest::rstest;

#[test]
fn nothing_in_the_workspace_has_a_second_tls_stack_or_crypto_provider() {
    let crates = tree(&["--workspace", "--edges", "normal,build,dev"]);
    for banned in ["ring", "native-tls", "openssl", "openssl-sys"] {
        assert!(
            !crates.contains_key(banned),
            "{banned}: `cargo tree --workspace --invert {banned}` says why"
        );
    }
    for single in ["rustls", "aws-lc-rs", "kube", "k8s-openapi", "tokio"] {
        let versions = crates.get(single).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(versions.len(), 1, "{single} {versions:?}");
    }
}

#[rstest]
#[case::the_local_endpoint("workmail-local")]
#[case::the_control_plane("devcluster")]
#[case::a_test_runner("proptest")]
fn the_operator_is_built_without(#[case] tool: &str) {
    let crates = tree(&["--package", "workmail-operator", "--edges", "normal,build"]);
    assert!(
        crates.contains_key("kube"),
        "the tree is that of the operator"
    );
    assert!(!crates.contains_key(tool), "{tool} is for development only");
}

/// The versions of each crate.
fn tree(arguments: &[&str]) -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut crates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut words = line.split(' ');
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            let versions = crates.entry(name.to_owned()).or_default();
            if !versions.iter().any(|known| known == version) {
                versions.push(version.to_owned());
            }
        }
    }
    crates
}
