//! An object with many mail domains: what is done first, how much at once, and what a reconcile that does
//! not come to its end leaves to the next one.

use std::collections::{BTreeMap, BTreeSet};

use workmail_operator::{
    api::{DnsRecord, ManagementPolicy},
    logic::{
        ErrorKind, Operation,
        organization::{
            Action, Answer, Call, DomainDetails, DomainReading, MailDomain,
            OrganizationState as State, Outcome, Presence, Read, Reading, Tags, Verification, View,
            decide, report,
        },
    },
};

use crate::views::{ID, described, existing, marks, now, trouble};

const MANY: usize = 30;

fn name(number: usize) -> String {
    format!("d{number:02}.example")
}

fn pending() -> MailDomain {
    let record = DnsRecord {
        r#type: "TXT".into(),
        hostname: "_amazonses".into(),
        value: "proof".into(),
    };
    MailDomain {
        details: Some(DomainDetails {
            ownership: Verification::Pending,
            dkim: Verification::Pending,
            records: vec![record],
        }),
        ..MailDomain::default()
    }
}

/// An organization whose spec has many domains, of which AWS has the first ones; each was read before.
fn with_domains(there: usize) -> View {
    let mut view = existing(&State::Active);
    view.desired.domains = (0..MANY).map(name).collect();
    view.memory.managed_domains = (0..there).map(name).collect();
    view.saved = view.memory.clone();
    view.observed.organization = Reading::Seen(described(&State::Active));
    view.observed.tags = Some(Tags::Shown(marks()));
    for number in 0..there {
        let shown = view.shown.domains.entry(name(number)).or_default();
        shown.domain = Some(pending());
        shown.pending_since = Some(now());
    }
    view
}

/// AWS in small: the domains it has.
fn answer(action: &Action, there: &mut BTreeSet<String>) -> Option<Answer> {
    Some(match action {
        Action::Read(Read::Domains { list, details, .. }) => {
            let mut domains = BTreeMap::new();
            if *list {
                let row = |name: &String| (name.clone(), Some(MailDomain::default()));
                domains.extend(there.iter().map(row));
            }
            let of = |name: &String| (name.clone(), there.contains(name).then(pending));
            domains.extend(details.iter().map(of));
            Answer::Domains(DomainReading {
                domains,
                complete: *list,
            })
        }
        Action::Call(call @ Call::Register { domain, .. }) => {
            there.insert(domain.clone());
            call.success()?
        }
        Action::Read(Read::Object) => Answer::Current,
        Action::Save(_) => Answer::Saved,
        _ => return None,
    })
}

/// The steps until it rests.
fn steps(mut view: View, there: usize) -> (Vec<Action>, Outcome, View) {
    let mut there = (0..there).map(name).collect();
    let mut steps = Vec::new();
    for _ in 0..200 {
        let action = decide(&view);
        if let Action::Finish(outcome) = action {
            return (steps, outcome, view);
        }
        match answer(&action, &mut there) {
            Some(answer) => view.apply_answer(&action, answer, now()),
            None => view.record(&action, now()),
        }
        steps.push(action);
    }
    panic!("it does not rest: {steps:?}");
}

/// The domains that each read is for.
fn reads(steps: &[Action]) -> Vec<&BTreeSet<String>> {
    let details = |action| match action {
        &Action::Read(Read::Domains { ref details, .. }) => Some(details),
        _ => None,
    };
    steps.iter().filter_map(details).collect()
}

#[test]
fn what_is_missing_is_registered_before_anything_is_read_and_each_domain_is_read_once() {
    let (steps, outcome, view) = steps(with_domains(20), 20);
    assert_eq!(outcome, Outcome::Active);
    let registers = |action: &Action| matches!(action, Action::Call(Call::Register { .. }));
    let reads_details = |action: &Action| matches!(action, Action::Read(Read::Domains { details, .. }) if !details.is_empty());
    let last = steps.iter().rposition(registers).unwrap();
    let first = steps.iter().position(reads_details).unwrap();
    assert!(last < first, "{steps:?}");
    assert_eq!(steps.iter().filter(|step| registers(step)).count(), 10);
    let read: Vec<_> = reads(&steps).into_iter().flatten().collect();
    assert_eq!(read.len(), MANY, "each once");
    assert!(reads(&steps).iter().all(|names| names.len() <= 8));
    let shown = view.shown.domains.values();
    assert!(shown.into_iter().all(|one| one.domain == Some(pending())));
}

#[test]
fn what_a_list_does_not_tell_stays_shown_until_it_is_read() {
    let mut view = with_domains(MANY);
    let before = view.shown.domains.clone();
    let list = decide(&view);
    let mut there = (0..MANY).map(name).collect();
    let later = now() + k8s_openapi::jiff::SignedDuration::from_hours(1);
    let answer = answer(&list, &mut there).unwrap();
    view.apply_answer(&list, answer, later);
    assert_eq!(view.shown.domains, before);
    let Action::Read(Read::Domains { details, .. }) = decide(&view) else {
        panic!("what the list lacks is read");
    };
    assert_eq!(details.len(), 8);
}

#[test]
fn under_observe_everything_is_read_before_it_is_said_what_full_would_do() {
    let mut view = with_domains(20);
    view.desired.management = ManagementPolicy::Observe;
    let (steps, _, view) = steps(view, 20);
    let read: BTreeSet<_> = reads(&steps).into_iter().flatten().cloned().collect();
    assert_eq!(read, (0..20).map(name).collect());
    let outcome = decide(&view);
    let Action::Finish(outcome) = outcome else {
        panic!("{outcome:?}");
    };
    let planned = report(&view, &outcome).shown.planned_calls;
    assert_eq!(planned.len(), 10, "{planned:?}");
}

#[test]
fn a_reconcile_goes_on_where_the_last_one_stopped_and_reads_again_only_whose_it_is() {
    let (all, _, _) = steps(with_domains(20), 20);
    let mut there: BTreeSet<String> = (0..20).map(name).collect();
    let mut view = with_domains(20);
    let mut done = Vec::new();
    // One step in each reconcile.
    for _ in 0..200 {
        let action = decide(&view);
        if let Action::Finish(_) = action {
            break;
        }
        match answer(&action, &mut there) {
            Some(answer) => view.apply_answer(&action, answer, now()),
            None => view.record(&action, now()),
        }
        if matches!(action, Action::Read(Read::Domains { .. }) | Action::Call(_)) {
            done.push(action);
            let kept = view.reads().unwrap();
            let tags = kept.tags.clone();
            assert_eq!((tags, kept.current), (None, false));
            let mut next = with_domains(20);
            next.memory = view.saved.clone();
            next.saved = view.saved.clone();
            next.resume(kept, now());
            next.observed.tags = Some(Tags::Shown(marks()));
            view = next;
        }
    }
    let of_aws =
        |step: &&Action| matches!(step, Action::Read(Read::Domains { .. }) | Action::Call(_));
    let expected: Vec<_> = all.iter().filter(of_aws).cloned().collect();
    assert_eq!(done, expected, "as in one reconcile");
}

#[test]
fn nothing_is_taken_over_after_another_listing_an_unanswered_change_or_a_deletion() {
    let (_, _, read) = steps(with_domains(20), 20);
    let mut next = existing(&State::Active);
    let other = existing(&State::Impaired).observed.listing;
    next.observed.listing = other;
    let before = next.clone();
    next.resume(read.reads().unwrap(), now());
    assert_eq!(next, before);
    let Some(Presence::Present(_)) = next.observed.listing.unwrap().by_id else {
        panic!("it is listed");
    };
    let mut unanswered = read.clone();
    let register = Action::Call(Call::Register {
        id: ID.into(),
        domain: name(0),
    });
    for (lost, kept) in [(ErrorKind::TimedOut, false), (ErrorKind::Throttled, true)] {
        let answer = trouble(Operation::RegisterMailDomain, &lost);
        unanswered.apply_answer(&register, answer, now());
        assert_eq!(unanswered.reads().is_some(), kept, "{lost:?}");
    }
    let mut deleted = read;
    deleted.desired.deleting = true;
    assert_eq!(deleted.reads(), None);
}
