//! Which account serves an object, case by case.

use std::{collections::BTreeMap, sync::Arc};

use rstest::rstest;
use serde_json::{Value, json};
use workmail_operator::{
    api::{Class, Reason},
    logic::account::{Access, Account, Accounts, Applicant, Known, Labels, matches_glob},
};

fn account(name: &str, spec: &Value) -> Arc<Account> {
    let object = serde_json::from_value(json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailAccount",
        "metadata": {"name": name}, "spec": spec,
    }));
    Arc::new(Account::parse(&object.unwrap()).unwrap())
}

fn listed<const N: usize>(all: [(&str, Value); N]) -> Accounts {
    let all = all.map(|(name, spec)| (name.to_owned(), account(name, &spec)));
    Accounts {
        known: Known::Listed(all.into()),
        namespaces: Some(BTreeMap::from([
            ("mail".to_owned(), Labels::new()),
            (
                "team".to_owned(),
                Labels::from([("team".to_owned(), "a".to_owned())]),
            ),
        ])),
        ..Accounts::default()
    }
}

fn for_all() -> Value {
    json!({"rules": [{}]})
}

fn of<'a>(account_ref: Option<&'a str>, used: Option<&'a str>) -> Applicant<'a> {
    Applicant {
        namespace: "mail",
        account_ref,
        used,
    }
}

fn reason(access: &Access) -> Option<Reason> {
    match access {
        Access::Refused(failure) => Some(failure.reason),
        Access::OperatorsOwn | Access::Granted { .. } => None,
    }
}

#[test]
fn the_operators_own_credentials_serve_only_while_a_complete_list_shows_no_account_of_any_name() {
    let nobody = of(None, None);
    assert_eq!(listed([]).access(nobody), Access::OperatorsOwn);
    let others = [
        Accounts::default(),
        Accounts {
            known: Known::Outdated(["spec.rules".to_owned()].into()),
            ..listed([])
        },
        Accounts {
            required: true,
            ..listed([])
        },
        listed([("other", for_all())]),
    ];
    for accounts in others {
        let access = accounts.access(nobody);
        assert!(reason(&access).is_some(), "{accounts:?}: {access:?}");
    }
}

#[rstest]
#[case::it_names_one(Some("prod"), None)]
#[case::it_has_used_one(None, Some("default"))]
#[case::it_has_used_one_that_it_named(None, Some("prod"))]
fn an_object_with_an_account_is_never_served_without_one(
    #[case] account_ref: Option<&str>,
    #[case] used: Option<&str>,
) {
    let access = listed([]).access(of(account_ref, used));
    assert_eq!(reason(&access), Some(Reason::AccountNotFound));
}

#[test]
fn an_object_that_names_none_means_the_account_called_default() {
    let accounts = listed([("default", for_all()), ("prod", for_all())]);
    let name = |account_ref| {
        let access = accounts.access(of(account_ref, None));
        access.account_name().map(str::to_owned)
    };
    assert_eq!(name(None).as_deref(), Some("default"));
    assert_eq!(name(Some("prod")).as_deref(), Some("prod"));
    assert_eq!(name(Some("test")), None, "none stands in for it");
    let without = listed([("prod", for_all())]).access(of(None, Some("prod")));
    assert_eq!(reason(&without), Some(Reason::AccountNotFound));
}

#[test]
fn the_first_rule_that_matches_counts_and_without_one_nothing_is_allowed() {
    let rules = json!({"rules": [
        {"namespaces": {"names": ["other"]}, "delete": true},
        {"namespaces": {"names": ["mail", "team"], "selector": {"matchLabels": {"team": "a"}}}},
        {"namespaces": {"names": ["mail"]}, "adopt": true},
    ]});
    let accounts = listed([("default", rules), ("empty", json!({}))]);
    let rule = |namespace| {
        let access = accounts.access(Applicant {
            namespace,
            ..of(None, None)
        });
        access.granted().map(|(_, rule, _)| rule)
    };
    assert_eq!(rule("other"), Some(0));
    assert_eq!(rule("team"), Some(1));
    assert_eq!(rule("mail"), Some(2), "it has no such label");
    assert_eq!(rule("kube-system"), None);
    let none = accounts.access(of(Some("empty"), None));
    assert_eq!(reason(&none), Some(Reason::AccountNotAllowed));
}

#[test]
fn a_rule_whose_labels_are_not_known_is_not_passed_over() {
    let rules = json!({"rules": [
        {"namespaces": {"selector": {"matchLabels": {"trusted": "no"}}}, "aliases": []},
        {"delete": true},
    ]});
    let mut accounts = listed([("default", rules)]);
    assert_eq!(
        accounts.access(of(None, None)).granted().map(|one| one.1),
        Some(1)
    );
    let unknown = [
        None,
        // One that was made a moment ago.
        Some(BTreeMap::new()),
    ];
    for namespaces in unknown {
        accounts.namespaces = namespaces;
        let Access::Refused(failure) = accounts.access(of(None, None)) else {
            panic!("it is served");
        };
        assert!(failure.read_failed && failure.reason.class() == Class::Transient);
    }
}

#[test]
fn an_account_of_another_release_serves_nobody_and_counts_as_an_account() {
    let theirs = json!({"release": "other", "rules": [{}]});
    let mut accounts = listed([("default", theirs)]);
    accounts.release = "ours".into();
    let access = accounts.access(of(None, None));
    assert_eq!(reason(&access), Some(Reason::AccountNotFound));
    accounts.release = "other".into();
    assert!(accounts.access(of(None, None)).granted().is_some());
}

#[rstest]
#[case("In", &["a", "b"], "a", true)]
#[case("In", &["b"], "a", false)]
#[case("NotIn", &["b"], "a", true)]
#[case("NotIn", &["a"], "a", false)]
#[case("Exists", &[], "a", true)]
#[case("DoesNotExist", &[], "a", false)]
fn labels_are_compared_as_everywhere_in_kubernetes(
    #[case] operator: &str,
    #[case] values: &[&str],
    #[case] label: &str,
    #[case] matches: bool,
) {
    let requirement = json!({"key": "team", "operator": operator, "values": values});
    let rules = json!({"rules": [
        {"namespaces": {"selector": {"matchExpressions": [requirement]}}},
    ]});
    let mut accounts = listed([("default", rules)]);
    let labels = Labels::from([("team".to_owned(), label.to_owned())]);
    accounts.namespaces = Some(BTreeMap::from([("mail".to_owned(), labels)]));
    let access = accounts.access(of(None, None));
    assert_eq!(access.granted().is_some(), matches);
}

#[rstest]
#[case("acme-*", "acme-eu", true)]
#[case("acme-*", "ACME-EU", true)]
#[case("ACME", "acme", true)]
#[case("acme", "acme-eu", false)]
#[case("acme", "xacme", false)]
#[case("*", "anything", true)]
#[case("a*c*e", "abcde", true)]
#[case("a*bc", "abcbc", true)]
#[case("ab*ba", "aba", false)]
#[case("*.acme.example", "mail.acme.example", true)]
#[case("*.acme.example", "acme.example", false)]
#[case("*.acme.example", "evilacme.example", false)]
#[case("a.c", "abc", false)]
#[case("a?c", "abc", false)]
#[case("", "a", false)]
fn globs_know_the_asterisk_alone_and_no_difference_between_upper_and_lower_case(
    #[case] glob: &str,
    #[case] text: &str,
    #[case] matches: bool,
) {
    assert_eq!(matches_glob(glob, text), matches);
}
