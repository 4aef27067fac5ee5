use serde_json::json;

use super::*;

#[test]
fn knobs_survive_a_round_trip() {
    let knobs = Knobs::default();
    let text = serde_json::to_string(&knobs).unwrap();
    assert_eq!(serde_json::from_str::<Knobs>(&text).unwrap(), knobs);
}

#[test]
fn a_change_leaves_the_other_knobs_alone() {
    let knobs = Knobs::immediate();
    let changed = knobs
        .merged(&json!({"aliasReuse": "after-deletion"}))
        .unwrap();
    assert_eq!(
        changed,
        Knobs {
            alias_reuse: AliasReuse::AfterDeletion,
            ..knobs
        }
    );
}

#[test]
fn a_knob_is_set_from_a_word_or_from_json() {
    let knobs = Knobs::default();
    assert_eq!(
        knobs
            .with("requestedFor", "5s")
            .unwrap()
            .requested_for
            .to_string(),
        "5s"
    );
    assert_eq!(
        knobs
            .with("organizationQuota", "null")
            .unwrap()
            .organization_quota,
        None
    );
    assert!(!knobs.with("systemUsers", "false").unwrap().system_users);
}

#[test]
fn the_readme_has_every_knob_with_its_default() {
    let readme = include_str!("../../README.md");
    let knobs = serde_json::to_value(Knobs::default()).unwrap();
    for (name, default) in knobs.as_object().unwrap() {
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        let default = default
            .as_str()
            .map_or_else(|| default.to_string(), str::to_owned);
        let shown = row.contains(&format!("| `{default}` |")) || row.contains("| below |");
        assert!(shown, "{name}: {default}");
    }
}

#[test]
fn an_unknown_knob_is_refused_by_name() {
    let error = Knobs::default()
        .with("aliasReuze", "never")
        .unwrap_err()
        .to_string();
    assert!(error.contains("aliasReuze"), "{error}");
    let error = Knobs::default()
        .with("aliasReuse", "sometimes")
        .unwrap_err()
        .to_string();
    assert!(error.contains("sometimes"), "{error}");
    assert!(Knobs::default().merged(&json!([])).is_err());
}
