//! The arrows between the layers of `src/` go one way:
//! `api ← logic ← proof ← metrics ← lease ← aws ← controller ← commands ← runtime ← main`.
//!
//! What a file names is read from its text, so that a new import cannot turn an arrow unnoticed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use rstest::rstest;

/// The layers; each may name those before it.
const LAYERS: [&str; 10] = [
    "api",
    "proof",
    "logic",
    "metrics",
    "lease",
    "aws",
    "controller",
    "commands",
    "runtime",
    "main",
];

/// What a layer may name of other crates, as far as that is limited: the layers that know no client,
/// no task and no clock.
fn others_allowed(layer: &str) -> Option<&'static [&'static str]> {
    match layer {
        "api" => Some(&[
            "k8s_openapi",
            "kube::CustomResource",
            "kube::CustomResourceExt",
            "kube::KubeSchema",
            "kube::core::Rule",
            "schemars",
            "serde",
            "serde_json",
            "std::collections",
            "std::fmt",
            // What is computed once and never changes.
            "std::sync::OnceLock",
        ]),
        "logic" => Some(&[
            "k8s_openapi::jiff::SignedDuration",
            "k8s_openapi::jiff::Timestamp",
            "sha2",
            "std::cmp",
            "std::collections",
            "std::fmt",
            "std::hash",
            "std::ops",
            // Texts that are shared and never change.
            "std::sync::Arc",
            "std::time::Duration",
        ]),
        "proof" => Some(&[
            "crc32fast",
            "flate2",
            "k8s_openapi::jiff::Timestamp",
            "k8s_openapi::jiff::civil",
            "k8s_openapi::jiff::tz",
            // The traits and errors of reading that rawzip is given bytes by.
            "rawzip",
            "schemars",
            "serde",
            "serde_json",
            "std::cmp",
            "std::collections",
            "std::fmt",
            "std::hash",
            "std::io",
            "std::iter",
            "std::mem",
            "std::ops",
            "thiserror",
        ]),
        "metrics" => Some(&[
            "procfs",
            "prometheus_client",
            "std::fmt",
            "std::sync",
            "std::time::Duration",
        ]),
        _ => None,
    }
}

#[test]
fn no_layer_names_one_above_it_and_the_judgement_knows_no_client_and_no_clock() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let crates = dependencies();
    let mut faults = Vec::new();
    let mut layers_seen = Vec::new();
    for file in files(&root) {
        let place = file.strip_prefix(&root).unwrap();
        let module = module(place);
        let Some(layer) = module.first().cloned() else {
            continue; // lib.rs names every layer.
        };
        let text = fs::read_to_string(&file).unwrap();
        let found = faults_of(&layer, module.len(), &text, &crates);
        faults.extend(
            found
                .into_iter()
                .map(|fault| format!("{}: {fault}", place.display())),
        );
        layers_seen.push(layer);
    }
    for layer in LAYERS {
        assert!(
            layers_seen.iter().any(|seen| seen == layer),
            "src has no layer {layer}"
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The gate works: each of these is refused, and the next ones are not.
#[rstest]
#[case("logic", 1, "use crate::aws::Aws;")]
#[case("logic", 2, "use crate::{api::Reason, controller::{self, Context}};")]
#[case("logic", 2, "fn f() { crate::runtime::run(); }")]
#[case("logic", 1, "use super::aws::Aws;")]
#[case("logic", 2, "use super::{text, super::aws};")]
#[case("logic", 2, "mod tests { use super::super::super::aws; }")]
#[case("api", 1, "use crate::logic::decide;")]
#[case("aws", 2, "use crate::controller::run;")]
#[case("controller", 2, "use crate::runtime::Flags;")]
#[case("logic", 2, "use kube::Client;")]
#[case("logic", 2, "use std::{fmt, time::{Duration, Instant}};")]
#[case("logic", 2, "fn f() { std::env::var(\"X\"); }")]
#[case("logic", 2, "fn f() { Timestamp::now(); }")]
#[case("logic", 2, "use tokio::time::sleep;")]
#[case("logic", 2, "use std::sync::{Arc, Mutex};")]
#[case("metrics", 1, "use aws_sdk_sts::Client;")]
#[case("proof", 1, "use aws_sdk_s3::Client;")]
#[case("proof", 1, "use std::fs::File;")]
#[case("proof", 1, "fn f() { Timestamp::now(); }")]
#[case("aws", 2, "use crate::novelty::Thing;")]
fn an_arrow_that_points_up_is_seen(#[case] layer: &str, #[case] depth: usize, #[case] text: &str) {
    assert!(
        !faults_of(layer, depth, text, &dependencies()).is_empty(),
        "{text}"
    );
}

#[rstest]
#[case("logic", 1, "use crate::api::Reason; // not crate::aws")]
#[case("logic", 3, "use super::super::text; use crate::logic::text;")]
#[case("logic", 1, "mod tests { use super::text; }")]
#[case(
    "logic",
    2,
    "use std::{collections::{BTreeMap, BTreeSet}, fmt, time::Duration};"
)]
#[case(
    "logic",
    2,
    "impl std::fmt::Display for X {} fn f(x: &mut fmt::Formatter<'_>) -> fmt::Result {}"
)]
#[case(
    "aws",
    2,
    "use crate::{logic::{Failure, Region as R}, metrics::Metrics}; use tokio::time::sleep;"
)]
#[case("main", 1, "use workmail_operator::{api, runtime::{self, Command}};")]
fn an_arrow_that_points_down_is_not(#[case] layer: &str, #[case] depth: usize, #[case] text: &str) {
    assert_eq!(
        faults_of(layer, depth, text, &dependencies()),
        Vec::<String>::new(),
        "{text}"
    );
}

/// What a file of `layer`, whose module is `depth` deep, names and must not.
fn faults_of(layer: &str, depth: usize, text: &str, crates: &[String]) -> Vec<String> {
    let rank = |layer: &str| LAYERS.iter().position(|one| *one == layer);
    paths(text, depth)
        .into_iter()
        .filter_map(|path| {
            let first = path.first()?;
            if first == "crate" || first == "workmail_operator" {
                let other = path.get(1)?;
                return match rank(other) {
                    Some(other_rank) if Some(other_rank) <= rank(layer) => None,
                    Some(_) => Some(format!("{layer} must not name {other}, which is above it")),
                    None => Some(format!(
                        "{other} is no layer; give it a place in tests/layers.rs"
                    )),
                };
            }
            let allowed = others_allowed(layer)?;
            let path_text = path.join("::");
            if path.last().is_some_and(|last| last == "now") {
                return Some(format!("{layer} knows no clock: {path_text}"));
            }
            let is_other = first == "std" || crates.contains(first);
            let is_allowed = allowed.iter().any(|one| {
                path_text == *one
                    || path_text
                        .strip_prefix(one)
                        .is_some_and(|rest| rest.starts_with("::"))
            });
            (is_other && !is_allowed).then(|| format!("{layer} must not name {path_text}"))
        })
        .collect()
}

/// Every path of two names or more in the text, the braces of imports resolved; one that leads out of
/// its layer by `super` begins with `crate`.
fn paths(text: &str, depth: usize) -> Vec<Vec<String>> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut scopes = Vec::new(); // For each open brace: whether it is that of a module.
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at].as_str();
        match token {
            "{" => scopes.push(at >= 2 && tokens[at - 2] == "mod"),
            "}" => {
                scopes.pop();
            }
            _ if is_name(token) && tokens.get(at + 1).is_some_and(|next| next == "::") => {
                let here = depth + scopes.iter().filter(|module| **module).count();
                let mut of_this = Vec::new();
                at = path(&tokens, at, &mut Vec::new(), &mut of_this);
                found.extend(of_this.into_iter().map(|path| resolve_super(path, here)));
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads a path, or the tree of an import, from `at` on; gives the place of what follows.
fn path(
    tokens: &[String],
    mut at: usize,
    prefix: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    let begun = prefix.len();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    let before = at;
                    at = path(tokens, at, prefix, found);
                    // Past what is no path: a comma, `as` and its name, a star.
                    at = at.max(before + 1);
                }
                at += 1;
                break;
            }
            Some(name) if is_name(name) => {
                prefix.push(name.to_owned());
                at += 1;
                if tokens.get(at).is_some_and(|token| token == "::") {
                    at += 1;
                } else {
                    found.push(prefix.clone());
                    break;
                }
            }
            _ => {
                // A star, or the generics of a path's end.
                if prefix.len() > begun {
                    found.push(prefix.clone());
                }
                break;
            }
        }
    }
    prefix.truncate(begun);
    at
}

/// A path of as many `super`s as its module is deep begins at the crate.
fn resolve_super(path: Vec<String>, depth: usize) -> Vec<String> {
    let supers = path.iter().filter(|name| *name == "super").count();
    if supers == 0 || supers < depth {
        return path;
    }
    let rest = path
        .into_iter()
        .filter(|name| name != "super" && name != "self");
    ["crate".to_owned()].into_iter().chain(rest).collect()
}

/// The names and marks of the text, without line comments.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let mut letters = code.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter.is_alphanumeric() || letter == '_' {
                let mut name = String::from(letter);
                while let Some(more) =
                    letters.next_if(|next| next.is_alphanumeric() || *next == '_')
                {
                    name.push(more);
                }
                tokens.push(name);
            } else if letter == ':' && letters.next_if_eq(&':').is_some() {
                tokens.push("::".to_owned());
            } else if !letter.is_whitespace() {
                tokens.push(letter.to_string());
            }
        }
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The names of the crates that the operator depends on, as code writes them.
fn dependencies() -> Vec<String> {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let crates: Vec<_> = section
        .lines()
        .filter_map(|line| line.split(['=', '.']).next())
        .map(|name| name.trim().replace('-', "_"))
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect();
    assert!(crates.iter().any(|name| name == "kube"), "{crates:?}");
    crates
}

/// The module of a file: `logic/decide/mod.rs` is `logic::decide`.
fn module(place: &Path) -> Vec<String> {
    let mut module: Vec<_> = place
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        module.pop();
    }
    module
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
