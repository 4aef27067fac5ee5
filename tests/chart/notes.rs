//! What is said after an installation.

use serde_json::json;

use crate::helm::{NAMESPACE, notes};

#[test]
fn the_notes_tell_three_commands_the_end_of_the_service_and_what_goes_before_the_operator() {
    let notes = notes(&json!({}));
    let commands: Vec<_> = notes
        .lines()
        .filter_map(|line| line.strip_prefix("  kubectl "))
        .collect();
    let expected = [
        format!("--namespace {NAMESPACE} rollout status deployment/workmail-operator"),
        "explain workmailorganization.spec".to_owned(),
        "get workmailorganizations --all-namespaces --watch".to_owned(),
    ];
    assert_eq!(commands, expected);
    assert!(notes.contains("in all namespaces."), "{notes}");
    assert!(notes.contains("ends on 2027-03-31:"), "{notes}");
    assert!(
        notes.contains("deletionPolicy Delete, or set it to Retain, while\nthe operator runs"),
        "{notes}"
    );
    for only_then in ["crds.keep", "rbac.create", "rbac.userRoles"] {
        assert!(!notes.contains(only_then), "{notes}");
    }
}

#[test]
fn the_notes_follow_the_values() {
    let notes = notes(&json!({
        "watchNamespaces": ["team-a", "team-b"],
        "endOfServiceDate": "2027-01-31",
        "crds": { "keep": false },
        "rbac": { "create": false },
        "serviceAccount": { "name": "robot" },
    }));
    assert!(notes.contains("in team-a, team-b."), "{notes}");
    assert!(notes.contains("ends on 2027-01-31:"), "{notes}");
    assert!(
        notes.contains("crds.keep is false: uninstalling deletes"),
        "{notes}"
    );
    assert!(
        notes.contains("gives the service account robot its rights"),
        "{notes}"
    );
}

#[test]
fn the_notes_tell_what_a_boolean_of_user_roles_stands_for_and_what_all_means() {
    let of = |mode: serde_json::Value| notes(&json!({ "rbac": { "userRoles": mode } }));
    let (yes, no) = (of(json!(true)), of(json!(false)));
    assert!(
        yes.contains("true stands for all. Write view, all or none."),
        "{yes}"
    );
    assert!(
        no.contains("false stands for none. Write view, all or none."),
        "{no}"
    );
    let all = of(json!("all"));
    for told in [&yes, &all] {
        assert!(
            told.contains("rbac.userRoles is all: whoever may edit"),
            "{told}"
        );
    }
    assert!(
        !all.contains("stands for") && !no.contains("is all:"),
        "{all}{no}"
    );
}
