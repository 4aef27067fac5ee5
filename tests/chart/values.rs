//! values.yaml: the defaults, and what its comments say of them.

use std::fs;

use clap::CommandFactory as _;
use serde_json::Value;
use workmail_operator::runtime::Flags;

use crate::helm::CHART;

/// A value that is explained.
pub struct Explained {
    /// As `--set` has it.
    pub name: String,
    pub default: Value,
    pub meaning: String,
}

/// A file of the chart.
pub fn text(file: &str) -> String {
    fs::read_to_string(format!("{CHART}/{file}")).unwrap()
}

/// The defaults.
pub fn default_values() -> Value {
    serde_saphyr::from_str(&text("values.yaml")).unwrap()
}

/// Every value with the comment right above it, in the order of the file. A map without a comment is
/// explained by its fields; everything else has to have one.
pub fn explained(file: &str) -> Result<Vec<Explained>, String> {
    let values: Value = serde_saphyr::from_str(file).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut path: Vec<&str> = Vec::new(); // Maps that are explained by their fields, one a level.
    let mut inside = None; // The indentation of the value that is explained as a whole.
    for line in file.lines() {
        let text = line.trim_start();
        let indentation = line.len() - text.len();
        if text.is_empty() || text.starts_with('#') {
            match text.strip_prefix("# ") {
                Some(words) => comment.push(words),
                None => comment.clear(),
            }
            continue;
        }
        if inside.is_some_and(|outer| indentation > outer) {
            continue;
        }
        inside = None;
        let (key, _) = text
            .split_once(':')
            .ok_or_else(|| format!("not understood: {line}"))?;
        path.truncate(indentation / 2);
        path.push(key);
        let default = values.pointer(&format!("/{}", path.join("/"))).cloned();
        let default = default.ok_or_else(|| format!("not found: {}", path.join(".")))?;
        if comment.is_empty() {
            if default.as_object().is_none_or(serde_json::Map::is_empty) {
                return Err(format!("{} has no comment", path.join(".")));
            }
            continue;
        }
        inside = Some(indentation);
        let (name, meaning) = (path.join("."), comment.join(" "));
        comment.clear();
        found.push(Explained {
            name,
            default,
            meaning,
        });
    }
    Ok(found)
}

#[test]
fn the_defaults_that_the_values_leave_to_the_operator_are_its_own() {
    let explained = explained(&text("values.yaml")).unwrap();
    let mut command = Flags::command();
    let run = command.find_subcommand_mut("run").unwrap();
    for (value, flag) in [
        ("concurrency", "concurrency"),
        ("resyncInterval", "resync-interval"),
        ("deepResyncInterval", "deep-resync-interval"),
        ("leaseDuration", "leader-elect-lease-duration"),
        ("endOfServiceDate", "end-of-service-date"),
        ("exportRetryAfter", "export-retry-after"),
        ("logLevel", "log-level"),
        ("logFormat", "log-format"),
    ] {
        let value = explained.iter().find(|one| one.name == value).unwrap();
        let mut flags = run.get_arguments();
        let flag = flags.find(|one| one.get_long() == Some(flag)).unwrap();
        let default = flag.get_default_values()[0].to_str().unwrap();
        let told = format!(" Default: {default}.");
        assert!(value.meaning.ends_with(&told), "{}: {told}", value.name);
    }
}

#[test]
fn a_value_without_a_comment_is_found_and_a_map_is_explained_whole_or_by_its_fields() {
    let names = |file: &str| {
        explained(file).map(|found| found.into_iter().map(|one| one.name).collect::<Vec<_>>())
    };
    assert_eq!(
        names("# A.\na: 1\nb:\n  # C.\n  c: 1\n# D.\nd:\n  e: 1\n"),
        Ok(["a", "b.c", "d"].map(str::to_owned).to_vec())
    );
    assert_eq!(
        names("# A.\na: 1\nb: 2\n"),
        Err("b has no comment".to_owned())
    );
    assert_eq!(
        names("# A heading.\n\na: 1\n"),
        Err("a has no comment".to_owned())
    );
    assert_eq!(
        names("b:\n  # C.\n  c: 1\n  d: 1\n"),
        Err("b.d has no comment".to_owned())
    );
}
