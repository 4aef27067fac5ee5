//! Single steps with mail domains: what is called in which order, and what the user is told.

use std::{cell::RefCell, collections::BTreeMap};

use k8s_openapi::jiff::SignedDuration;
use rstest::rstest;
use workmail_operator::{
    api::{ConditionType, DnsRecord, ManagementPolicy, Reason},
    logic::{
        ErrorKind,
        organization::{
            Action, Answer, Call, DnsEntry, DomainDetails, DomainReading, Endpoint, MailDomain,
            OrganizationState as State, Outcome, Read, Reading, Verification, View, report,
        },
    },
};

use crate::{
    table::refused,
    views::{condition, described, existing, listed, next, now, rest_with, row, trouble},
};

const OWN: &str = "acme.awsapps.com";

fn names(names: &[&str]) -> std::collections::BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// An Active organization whose spec has these domains; those in `managed` are recorded as registered
/// by this object.
fn with(spec: &[&str], managed: &[&str]) -> View {
    let mut view = existing(&State::Active);
    view.desired.domains = names(spec);
    view.memory.managed_domains = names(managed);
    view.saved = view.memory.clone();
    view
}

fn seen(word: &Verification) -> MailDomain {
    MailDomain {
        details: Some(DomainDetails {
            ownership: word.clone(),
            dkim: word.clone(),
            records: Vec::new(),
        }),
        ..MailDomain::default()
    }
}

/// Amazon WorkMail in small: an organization's domains, one of which is the default.
struct Aws {
    domains: RefCell<BTreeMap<String, MailDomain>>,
    /// The most domains, beside its own.
    quota: usize,
    calls: RefCell<Vec<String>>,
}

impl Aws {
    fn with(domains: &[(&str, Verification)]) -> Self {
        let mut all: BTreeMap<String, MailDomain> = domains
            .iter()
            .map(|(name, word)| ((*name).to_owned(), seen(word)))
            .collect();
        let own = MailDomain {
            is_default: true,
            is_test_domain: true,
            ..seen(&Verification::Verified)
        };
        all.insert(OWN.into(), own);
        Self {
            domains: RefCell::new(all),
            quota: usize::MAX,
            calls: RefCell::default(),
        }
    }

    fn answer(&self, action: &Action) -> Option<Answer> {
        let mut all = self.domains.borrow_mut();
        match action {
            Action::Read(Read::Domains { list, details, .. }) => {
                let listed = all.iter().filter(|_| *list).map(|(name, domain)| {
                    let details = None;
                    (
                        name.clone(),
                        Some(MailDomain {
                            details,
                            ..domain.clone()
                        }),
                    )
                });
                let read = details
                    .iter()
                    .map(|name| (name.clone(), all.get(name).cloned()));
                Some(Answer::Domains(DomainReading {
                    domains: listed.chain(read).collect(),
                    complete: *list,
                }))
            }
            Action::Call(call) => {
                self.calls.borrow_mut().push(call.to_string());
                match call {
                    Call::Register { .. } if all.len() > self.quota => {
                        let refusal = refused("LimitExceededException");
                        return Some(trouble(call.operation(), &refusal));
                    }
                    Call::Register { domain, .. } => {
                        all.insert(domain.clone(), seen(&Verification::Pending));
                    }
                    Call::SetDefault { domain, .. } => {
                        for (name, seen) in all.iter_mut() {
                            seen.is_default = name == domain;
                        }
                    }
                    Call::Deregister { domain, .. } => {
                        all.remove(domain);
                    }
                    Call::Create { .. }
                    | Call::Tag { .. }
                    | Call::Untag { .. }
                    | Call::Delete(_) => {}
                }
                call.success()
            }
            _ => None,
        }
    }

    fn rest(&self, view: View) -> (Outcome, View) {
        self.calls.borrow_mut().clear();
        rest_with(view, |action| self.answer(action))
    }

    fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }
}

fn message(view: &View, outcome: &Outcome, kind: ConditionType) -> String {
    let report = report(view, outcome);
    condition(&report, kind).unwrap().message.clone()
}

#[test]
fn at_the_quota_a_domain_is_replaced_by_another() {
    let aws = Aws {
        quota: 1,
        ..Aws::with(&[("old.example", Verification::Verified)])
    };
    let (outcome, view) = aws.rest(with(&["new.example"], &["old.example"]));
    let expected = [
        "RegisterMailDomain new.example",
        "DeregisterMailDomain old.example",
        "RegisterMailDomain new.example",
    ];
    assert_eq!(aws.calls(), expected);
    assert_eq!(outcome, Outcome::Active);
    assert_eq!(view.memory.managed_domains, names(&["new.example"]));
}

#[test]
fn at_the_quota_with_nothing_to_remove_one_domain_is_asked_for_and_the_refusal_is_told() {
    let aws = Aws {
        quota: 1,
        ..Aws::with(&[("there.example", Verification::Verified)])
    };
    let spec = ["a.example", "b.example", "there.example"];
    let (outcome, view) = aws.rest(with(&spec, &[]));
    assert_eq!(aws.calls(), ["RegisterMailDomain a.example"]);
    let Outcome::Failed(failure) = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.reason, Reason::LimitExceeded);
    assert_eq!(
        view.memory.managed_domains,
        names(&[]),
        "none was registered"
    );
    let drift = report(&view, &outcome).shown.drift;
    assert_eq!(drift.len(), 2, "both differ all the same");
}

#[rstest]
#[case::registered_by_this_resource(&["a.example"], ManagementPolicy::Full, "remove it from spec.domains and add it again")]
#[case::there_before(&[], ManagementPolicy::Full, "deregister it in AWS")]
#[case::only_observed(&["a.example"], ManagementPolicy::Observe, "deregister and register it in AWS")]
fn the_cure_of_a_failed_verification_is_one_that_works(
    #[case] managed: &[&str],
    #[case] management: ManagementPolicy,
    #[case] says: &str,
) {
    let aws = Aws::with(&[("a.example", Verification::Failed)]);
    let mut view = with(&["a.example"], managed);
    view.desired.management = management;
    let (outcome, view) = aws.rest(view);
    let told = message(&view, &outcome, ConditionType::DomainsReady);
    assert!(told.contains(says), "{told}");
    let others = [
        "remove it from spec.domains and add it again",
        "deregister it in AWS",
        "deregister and register it in AWS",
    ];
    for other in others.iter().filter(|other| **other != says) {
        assert!(!told.contains(other), "{told}");
    }
}

/// The user removes it and adds it again, while this resource did not register it: no call follows.
#[test]
fn the_72_hours_of_a_domain_that_is_not_managed_do_not_begin_anew_without_a_call() {
    let aws = Aws::with(&[("a.example", Verification::Pending)]);
    let (outcome, view) = aws.rest(with(&["a.example"], &[]));
    let since = view.shown.domains["a.example"].pending_since;
    assert_eq!(since, Some(now()));
    let later = |mut view: View| {
        for shown in view.shown.domains.values_mut() {
            shown.pending_since = shown
                .pending_since
                .map(|since| since - SignedDuration::from_hours(9));
        }
        view
    };
    let mut view = later(next(view, &outcome));
    let since = view.shown.domains["a.example"].pending_since;
    view.desired.domains.clear();
    view.desired.generation += 1;
    view.desired.default_domain = Some(OWN.into());
    let (outcome, view) = aws.rest(view);
    assert_eq!(aws.calls(), Vec::<String>::new());
    let mut view = next(view, &outcome);
    view.desired.domains = names(&["a.example"]);
    view.desired.generation += 1;
    let (_, view) = aws.rest(view);
    assert_eq!(aws.calls(), Vec::<String>::new());
    assert_eq!(view.shown.domains["a.example"].pending_since, since);
}

/// AWS begins anew with each registration.
#[test]
fn the_72_hours_begin_anew_when_a_domain_is_registered_again() {
    let aws = Aws::with(&[("a.example", Verification::Failed)]);
    let (outcome, view) = aws.rest(with(&["a.example"], &["a.example"]));
    let mut view = next(view, &outcome);
    let before = now() - SignedDuration::from_hours(90);
    let shown = view.shown.domains.get_mut("a.example").unwrap();
    shown.pending_since = Some(before);
    view.facts.full_read_due = true;
    aws.domains.borrow_mut().remove("a.example");
    let (outcome, view) = aws.rest(view);
    assert_eq!(aws.calls(), ["RegisterMailDomain a.example"]);
    assert_eq!(outcome, Outcome::Active);
    assert_eq!(view.shown.domains["a.example"].pending_since, Some(now()));
}

/// The domains that go along with a create are remembered while the object only observes.
#[test]
fn what_went_along_with_a_create_stays_managed_while_the_object_observes() {
    let mut view = listed();
    view.desired.domains = names(&["a.example"]);
    view.desired.input.domains = vec![workmail_operator::api::DomainSpec {
        domain_name: "a.example".into(),
        hosted_zone_id: None,
    }];
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Call(call) => Some(trouble(call.operation(), &ErrorKind::TimedOut)),
        _ => None,
    });
    assert_eq!(view.memory.managed_domains, names(&["a.example"]));
    let mut view = next(view, &outcome);
    view.desired.management = ManagementPolicy::Observe;
    view.desired.generation += 1;
    let listing = view.observed.listing.as_mut().unwrap();
    listing.by_alias =
        workmail_operator::logic::organization::Presence::Present(row(&State::Creating));
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Read(Read::Organization(_)) => Some(Answer::Organization(Reading::Seen(
            described(&State::Creating),
        ))),
        _ => None,
    });
    let report = report(&view, &outcome);
    assert_eq!(report.memory.managed_domains, names(&["a.example"]));
    assert!(
        report.shown.domains.contains_key("a.example"),
        "it is not in the status: {:?}",
        report.shown.domains
    );
}

/// Its default is a managed domain, which has just left the spec.
fn leaving_default() -> (Aws, View) {
    let aws = Aws::with(&[("old.example", Verification::Verified)]);
    for (name, seen) in aws.domains.borrow_mut().iter_mut() {
        seen.is_default = name == "old.example";
    }
    (aws, with(&[], &["old.example"]))
}

#[test]
fn the_default_stays_while_somebody_has_the_primary_address_in_its_domain() {
    let (aws, view) = leaving_default();
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Read(Read::Addresses { domain, .. }) => Some(Answer::Addresses {
            domain: domain.clone(),
            holder: Some("user jo".into()),
        }),
        action => aws.answer(action),
    });
    assert_eq!(aws.calls(), Vec::<String>::new());
    let Outcome::Failed(failure) = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.reason, Reason::DomainInUse);
    for says in ["Move user jo", "old.example", "stays the default domain"] {
        assert!(failure.message().contains(says), "{failure:?}");
    }
    assert_eq!(view.memory.managed_domains, names(&["old.example"]));
}

#[test]
fn addresses_that_could_not_be_read_move_no_default() {
    let (aws, view) = leaving_default();
    let (outcome, _) = rest_with(view, |action| match action {
        Action::Read(Read::Addresses { .. }) => Some(trouble(
            workmail_operator::logic::Operation::ListUsers,
            &ErrorKind::Throttled,
        )),
        action => aws.answer(action),
    });
    assert_eq!(aws.calls(), Vec::<String>::new());
    assert!(matches!(outcome, Outcome::Failed(failure) if failure.read_failed));
}

#[test]
fn a_deregistration_that_is_refused_after_the_default_moved_says_so() {
    let (aws, view) = leaving_default();
    let (outcome, _) = rest_with(view, |action| match action {
        Action::Call(call @ Call::Deregister { .. }) => Some(trouble(
            call.operation(),
            &refused("MailDomainInUseException"),
        )),
        action => aws.answer(action),
    });
    assert_eq!(aws.calls(), ["UpdateDefaultMailDomain acme.awsapps.com"]);
    let Outcome::Failed(failure) = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.reason, Reason::DomainInUse);
    let says = "The default domain is acme.awsapps.com now.";
    assert!(failure.message().ends_with(says), "{failure:?}");
}

#[test]
fn each_change_of_domains_has_an_event() {
    use workmail_operator::{
        api::EventReason,
        logic::{EventKind, organization::domain_changed},
    };
    let (aws, view) = leaving_default();
    let (_, view) = rest_with(view, |action| match action {
        Action::Call(_) => Some(trouble(
            workmail_operator::logic::Operation::UpdateDefaultMailDomain,
            &ErrorKind::Throttled,
        )),
        action => aws.answer(action),
    });
    let event = |answer: Answer| {
        let event = domain_changed(&view, &answer)?;
        let EventKind::Normal(reason) = event.kind else {
            panic!("{event:?}");
        };
        Some((reason, event.message))
    };
    let (reason, message) = event(Answer::DefaultSet(OWN.into())).unwrap();
    assert_eq!(reason, EventReason::DefaultDomainChanged);
    assert!(
        message.contains(OWN) && message.contains("old.example"),
        "{message}"
    );
    let (reason, _) = event(Answer::Registered("a.example".into())).unwrap();
    assert_eq!(reason, EventReason::DomainRegistered);
    let (reason, _) = event(Answer::Deregistered("a.example".into())).unwrap();
    assert_eq!(reason, EventReason::DomainDeregistered);
    assert_eq!(event(Answer::Current), None);
}

/// Under Observe, with `dns.endpoint`, and with records to publish.
fn observed_endpoint(endpoint: &Endpoint) -> (Outcome, View) {
    let aws = Aws::with(&[]);
    let mut domain = seen(&Verification::Pending);
    domain.details.as_mut().unwrap().records = vec![DnsRecord {
        r#type: "MX".into(),
        hostname: "a.example.".into(),
        value: "10 mx.example.".into(),
    }];
    aws.domains.borrow_mut().insert("a.example".into(), domain);
    let mut view = with(&["a.example"], &[]);
    view.desired.management = ManagementPolicy::Observe;
    view.desired.dns_endpoint = true;
    rest_with(view, |action| match action {
        Action::Read(Read::Endpoint) => Some(Answer::Endpoint(endpoint.clone())),
        Action::KeepEndpoint(_) => panic!("it only observes"),
        action => aws.answer(action),
    })
}

#[test]
fn an_object_that_observes_says_whether_its_records_are_published() {
    let entry = DnsEntry {
        name: "a.example".into(),
        record_type: "MX".into(),
        targets: vec!["10 mx.example".into()],
    };
    let cases = [
        (Endpoint::Absent, Some(Reason::DriftFound)),
        (Endpoint::Kept(Vec::new()), Some(Reason::DriftFound)),
        (Endpoint::Kept(vec![entry]), Some(Reason::Published)),
        (Endpoint::Foreign, Some(Reason::NameTaken)),
        (Endpoint::KindNotInstalled, Some(Reason::KindNotInstalled)),
    ];
    for (endpoint, reason) in cases {
        let (outcome, view) = observed_endpoint(&endpoint);
        let report = report(&view, &outcome);
        let told = condition(&report, ConditionType::DnsEndpointReady);
        let told = told.map(|told| told.reason.as_str());
        assert_eq!(told, reason.map(Reason::as_str), "{endpoint:?}");
    }
}

/// The condition is what remembers that there is one.
#[test]
fn a_dns_endpoint_that_was_published_is_not_forgotten_under_observe() {
    let (outcome, view) = observed_endpoint(&Endpoint::KindNotInstalled);
    let mut view = next(view, &outcome);
    view.desired.dns_endpoint = false;
    view.desired.generation += 1;
    let (outcome, view) = Aws::with(&[]).rest(view);
    let mut view = next(view, &outcome);
    view.desired.management = ManagementPolicy::Full;
    view.desired.domains.clear();
    view.desired.generation += 1;
    let looked = std::cell::Cell::new(false);
    let aws = Aws::with(&[]);
    let (outcome, view) = rest_with(view, |action| {
        looked.set(looked.get() || *action == Action::Read(Read::Endpoint));
        aws.answer(action)
    });
    assert!(looked.get(), "it is looked for, to be removed");
    let report = report(&view, &outcome);
    assert_eq!(condition(&report, ConditionType::DnsEndpointReady), None);
}
