//! What somebody with the right to write resources tries under an account whose rule does not allow it. The
//! page SECURITY.md names these tests.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};
use workmail_operator::{
    api::{AdoptionPolicy, ManagementPolicy, Reason},
    logic::{
        ObjectKey, Region,
        account::{Access, Account, Accounts, Applicant, Known},
        gate::{Reading, Rule, Waiver},
        organization::{
            Action, Answer, Call, Competitor, Delete, Listing, MailDomain,
            OrganizationState as State, Outcome, Policy, Presence, Read, Summary, Tags, View,
            decide, preferred_over, report,
        },
    },
};

use crate::{
    views::{
        ID, Row, condition, deleting, existing, fresh, listed, now, rest_with, row, told, usual,
    },
    world::mail,
};

/// The access of namespace mail under this rule.
fn under(rule: &Value) -> Access {
    let object = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailAccount",
        "metadata": {"name": "default"}, "spec": {"rules": [rule]},
    });
    let account = Account::parse(&serde_json::from_value(object).unwrap()).unwrap();
    let accounts = Accounts {
        known: Known::Listed(BTreeMap::from([("default".to_owned(), Arc::new(account))])),
        ..Accounts::default()
    };
    let access = accounts.access(Applicant {
        namespace: "mail",
        account_ref: None,
        used: None,
    });
    assert!(access.granted().is_some());
    access
}

fn with(mut view: View, rule: &Value) -> View {
    view.facts.access = under(rule);
    view.memory.account_name = Some("default".into());
    view.saved = view.memory.clone();
    view
}

/// Decides until the end. Nothing is changed in AWS on the way.
fn unchanged(mut view: View) -> (Outcome, View) {
    for _ in 0..40 {
        match decide(&view) {
            Action::Finish(outcome) => return (outcome, view),
            action @ Action::Call(_) => panic!("{action:?}"),
            action => match usual(&view, &action) {
                Some(answer) => view.apply_answer(&action, answer, now()),
                None => view.record(&action, now()),
            },
        }
    }
    panic!("it comes to no end: {:?}", decide(&view));
}

/// The first call that changes something in AWS.
fn first_call(mut view: View) -> Call {
    for _ in 0..40 {
        match decide(&view) {
            Action::Call(call) => return call,
            Action::Finish(outcome) => panic!("{outcome:?}"),
            action => match usual(&view, &action) {
                Some(answer) => view.apply_answer(&action, answer, now()),
                None => view.record(&action, now()),
            },
        }
    }
    panic!("it comes to no call: {:?}", decide(&view));
}

/// Asserts that nothing is changed in AWS, and that the condition names the field.
fn assert_refused(view: &View, field: &str) {
    let (outcome, view) = unchanged(view.clone());
    let Outcome::Failed(failure) = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.reason, Reason::AccountNotAllowed);
    let report = report(&view, &outcome);
    let ready = condition(&report, workmail_operator::api::ConditionType::Ready).unwrap();
    assert!(ready.message.contains(field), "{}", ready.message);
}

/// A view in which these tags are read.
fn tagged(mut view: View, tags: &[(&str, &str)]) -> View {
    let tags = tags.iter().map(|(key, value)| {
        let key = format!("workmail-operator.dev/{key}");
        (key, (*value).to_owned())
    });
    view.observed.tags = Some(Tags::Shown(tags.collect()));
    view
}

const ANOTHER: [(&str, &str); 3] = [("cluster", "prod"), ("namespace", "other"), ("name", "x")];

#[test]
fn who_may_edit_adopts_takes_over_and_destroys_nothing_that_the_rule_does_not_allow() {
    let mut adopts = with(fresh(), &json!({}));
    adopts.desired.adoption = AdoptionPolicy::Adopt;
    assert_refused(&adopts, "adopt: false");
    let mut takes_over = with(fresh(), &json!({"adopt": true}));
    takes_over.desired.take_over = Some("prod/other/x".into());
    assert_refused(&takes_over, "takeOver: false");
    let destroys = with(deleting(existing(&State::Active)), &json!({"adopt": true}));
    assert_refused(&destroys, "delete: false");
    let delete = json!({"delete": true});
    let mut with_users = with(deleting(existing(&State::Active)), &delete);
    let how = |change: fn(&mut Delete)| {
        let mut how = Delete {
            confirmed: true,
            organization_id: Some(ID.into()),
            ..Delete::default()
        };
        change(&mut how);
        Policy::Delete(how)
    };
    with_users.desired.policy = how(|how| how.force = true);
    assert_refused(&with_users, "forceDelete: false");
    let mut with_directory = with(deleting(existing(&State::Active)), &delete);
    with_directory.desired.policy = how(|how| how.delete_directory = true);
    assert_refused(&with_directory, "deleteDirectory: false");
}

#[test]
fn where_exports_are_required_nothing_is_deleted_without_one() {
    let rule = json!({"delete": true, "requireExport": true});
    let mut view = with(deleting(existing(&State::Active)), &rule);
    // Whatever the resource waives.
    let waived = Waiver {
        mailbox: "ada".to_owned(),
        reason: "no".to_owned(),
    };
    view.desired.gate = Some(Rule {
        verified: false,
        waivers: vec![waived],
        ..Rule::default()
    });
    let ada = mail::user("ada");
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Call(call) => panic!("{call:?}"),
        Action::Read(Read::Gate {
            mailboxes, fresh, ..
        }) => {
            assert!(mailboxes);
            Some(Answer::Gate(Arc::new(Reading {
                at: now(),
                exports: Vec::new(),
                going_on: Vec::new(),
                mailboxes: Some(vec![ada.clone()]),
                is_fresh: *fresh,
            })))
        }
        _ => None,
    });
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::DeletionBlocked)
    );
    let Outcome::Failed(failure) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        failure.detail.contains("ada@acme.example (NoExport)"),
        "{failure:?}"
    );
}

/// With somebody else's tags, an organization that was this object's is theirs.
#[test]
fn an_organization_that_was_retagged_is_not_taken_back_without_the_permission() {
    let mut view = with(existing(&State::Active), &json!({"adopt": true}));
    view = tagged(view, &ANOTHER);
    view.desired.take_over = Some("prod/other/x".into());
    view.facts.new_consent = true;
    assert_refused(&view, "takeOver: false");
    let permitted = with(view, &json!({"takeOver": true}));
    assert!(matches!(first_call(permitted), Call::Tag { .. }));
}

/// Kubernetes deletes an object whose owners are all absent, whoever named them: the right to update is a
/// right to delete the object.
#[test]
fn an_object_that_is_garbage_collected_deletes_no_organization_without_the_permission() {
    let view = with(deleting(existing(&State::Active)), &json!({}));
    assert_refused(&view, "delete: false");
    let unarmed = deleting(existing(&State::Active));
    let mut unarmed = with(unarmed, &json!({"delete": true}));
    unarmed.desired.policy = Policy::Delete(Delete::default());
    let (outcome, _) = unchanged(unarmed);
    let Outcome::Failed(failure) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.reason, Reason::DeletionBlocked);
}

fn competitor(view: &View, name: &str) -> Competitor {
    let mut desired = view.desired.clone();
    desired.object = ObjectKey {
        name: name.into(),
        uid: name.into(),
        ..desired.object
    };
    Competitor::of(&desired, &view.memory, None, &view.facts.access)
}

#[test]
fn a_suspended_object_holds_no_alias_that_its_namespace_may_not_have() {
    let mut squatter = with(fresh(), &json!({"aliases": ["evil-*"]}));
    squatter.desired.suspend = true;
    squatter.desired.created_at -= SignedDuration::from_hours(1);
    let rightful = competitor(&with(fresh(), &json!({"aliases": ["acme"]})), "rightful");
    let all = [competitor(&squatter, "squatter"), rightful.clone()];
    assert_eq!(preferred_over(&rightful, &all), None);
    // One whose namespace may have the alias comes first, as it is older.
    squatter.facts.access = under(&json!({"aliases": ["acme"]}));
    let all = [competitor(&squatter, "squatter"), rightful.clone()];
    assert!(preferred_over(&rightful, &all).is_some());
    // What an object has got stays its own, whatever becomes of its rule.
    let mut owner = with(existing(&State::Active), &json!({"aliases": []}));
    owner.desired.created_at += SignedDuration::from_hours(1);
    let all = [competitor(&owner, "owner"), rightful.clone()];
    assert!(preferred_over(&rightful, &all).is_some());
}

#[test]
fn no_dns_endpoint_is_written_for_a_domain_that_the_rule_does_not_allow() {
    let mut view = with(
        existing(&State::Active),
        &json!({"domains": ["*.acme.example"]}),
    );
    view.desired.dns_endpoint = true;
    view.desired.domains = ["bank.example".to_owned()].into();
    assert_refused(&view, "domains, allowed: *.acme.example");
}

#[rstest]
#[case("us-fake-1")]
#[case("eu-west-1")]
#[case("us-east-1.attacker.example")]
fn a_region_that_the_account_does_not_name_is_called_nowhere(#[case] region: &str) {
    let mut view = with(fresh(), &json!({}));
    let object = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailAccount",
        "metadata": {"name": "default"}, "spec": {"regions": ["us-east-1"], "rules": [{}]},
    });
    let account = Account::parse(&serde_json::from_value(object).unwrap()).unwrap();
    let rule = account.rules[0].clone();
    view.facts.access = Access::Granted {
        account: Arc::new(account),
        index: 0,
        rule,
    };
    view.desired.region = Some(Region::from(region));
    assert_refused(&view, "spec.regions: us-east-1");
}

#[test]
fn keys_directories_and_zones_of_others_are_not_passed_on() {
    let key = "arn:aws:kms:us-east-1:999999999999:key/1";
    let mut view = with(
        fresh(),
        &json!({"kmsKeys": ["arn:aws:kms:us-east-1:1:key/1"]}),
    );
    view.desired.input.kms_key_arn = Some(key.into());
    assert_refused(&view, "kmsKeys, allowed: arn:aws:kms:us-east-1:1:key/1");
    let mut view = with(fresh(), &json!({}));
    view.desired.input.directory_id = Some("d-0123456789".into());
    assert_refused(&view, "directories, allowed: none");
    let mut view = with(fresh(), &json!({}));
    view.desired.input.domains = vec![workmail_operator::api::DomainSpec {
        domain_name: "acme.example".into(),
        hosted_zone_id: Some("Z0123456789".into()),
    }];
    assert_refused(&view, "hostedZones, allowed: none");
}

/// A listing in which the id of the spec belongs to an organization with another alias.
fn naming_another(rule: &Value) -> View {
    let mut view = with(listed(), rule);
    view.desired.organization_id = Some(ID.into());
    view.desired.adoption = AdoptionPolicy::Adopt;
    let another = Summary {
        alias: "secret".into(),
        ..row(&State::Active)
    };
    view.observed.listing = Some(Listing {
        by_id: Some(Presence::Present(another)),
        by_alias: Presence::Absent { confirmed: false },
        deleted: None,
        fresh: true,
        deletion_failed: false,
    });
    view
}

#[test]
fn nothing_of_others_is_read_or_shown_under_observe() {
    let mut view = with(fresh(), &json!({}));
    view.desired.management = ManagementPolicy::Observe;
    assert_refused(&view, "adopt: false");
    for management in [ManagementPolicy::Observe, ManagementPolicy::Full] {
        let mut view = naming_another(&json!({"adopt": true, "aliases": ["acme*"]}));
        view.desired.management = management;
        assert_refused(&view, "aliases, allowed: acme*");
        let Action::Finish(outcome) = decide(&view) else {
            panic!("it is read");
        };
        let report = report(&view, &outcome);
        assert_eq!(report.shown.seen, None);
        assert!(!format!("{report:?}").contains("secret"), "{report:?}");
    }
    let mut allowed = naming_another(&json!({"adopt": true}));
    allowed.desired.management = ManagementPolicy::Observe;
    assert!(matches!(decide(&allowed), Action::Read(_)));
}

#[test]
fn a_domain_that_the_rule_allows_no_more_is_not_deregistered() {
    let domain = "acme.example";
    let mut view = with(existing(&State::Active), &json!({"domains": []}));
    view.memory.managed_domains = [domain.to_owned()].into();
    view.saved = view.memory.clone();
    let own = MailDomain {
        is_default: true,
        is_test_domain: true,
        ..MailDomain::default()
    };
    view.observed.domains = Some(BTreeMap::from([
        ("acme.awsapps.com".to_owned(), own),
        (domain.to_owned(), MailDomain::default()),
    ]));
    assert_refused(&view, "domains, allowed: none");
    view.facts.access = under(&json!({}));
    assert!(matches!(first_call(view), Call::Deregister { .. }));
}
