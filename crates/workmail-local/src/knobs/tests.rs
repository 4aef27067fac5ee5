use serde_json::json;

use super::*;

#[test]
fn a_change_keeps_the_other_knobs() {
    let knobs = Knobs::immediate();
    let changed = Knobs {
        alias_scope: AliasScope::Account,
        ..knobs.clone()
    };
    let change = json!({"aliasScope": "account"});
    assert_eq!(knobs.merged(&change).unwrap(), changed);
}

#[test]
fn a_knob_is_set_from_a_word_or_from_json() {
    let knobs = Knobs::default();
    let changed = knobs.with("requestedFor", "5s").unwrap();
    assert_eq!(changed.requested_for.to_string(), "5s");
    let changed = knobs.with("organizationQuota", "null").unwrap();
    assert_eq!(changed.organization_quota, None);
}

#[test]
fn the_readme_has_every_knob_with_its_default() {
    let readme = include_str!("../../README.md");
    let knobs = serde_json::to_value(Knobs::default()).unwrap();
    let row = |name: &str| {
        readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")))
    };
    for (name, default) in knobs.as_object().unwrap() {
        let default = default
            .as_str()
            .map_or_else(|| default.to_string(), str::to_owned);
        let row = row(name).unwrap_or_else(|| panic!("no row for {name}"));
        let shown = row.contains(&format!("| `{default}` |"));
        assert!(shown, "{name}: {default}");
    }
}

#[test]
fn an_unknown_knob_or_value_is_refused_by_name() {
    let knobs = Knobs::default();
    for (name, value, named) in [
        ("aliasScop", "global", "aliasScop"),
        ("aliasScope", "no", "no"),
    ] {
        let error = knobs.with(name, value).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    assert!(knobs.merged(&json!([])).is_err());
}
