//! Views at the moments that the tables speak of.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::jiff::Timestamp;
use workmail_operator::{
    api::{ConditionStatus, ConditionType, DeletionPolicy, Origin, Reason},
    logic::{
        AccountId, ErrorKind, EventKind, Failure, ObjectEvent, Operation, OrganizationId, Region,
        Retry, Verdict, gate,
        organization::{
            Action, Answer, Call, DomainDetails, DomainReading, Endpoint, Listing, MailDomain,
            Observed, Organization, OrganizationState as State, Outcome, Presence, Reading, Report,
            Summary, Tags, Verification, View, decide, report,
        },
    },
};

use crate::world::{
    World,
    aws::{Knobs, TagMap},
};

pub(crate) const ID: &str = "m-00000000000000000000000000000001";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A new object that nobody has looked at.
pub(crate) fn fresh() -> View {
    let knobs = Knobs {
        deleted_stay: true,
        list_lags: false,
        aliases_return: false,
    };
    let mut world = World::new(knobs, DeletionPolicy::Retain);
    let object = world.object(0).unwrap().clone();
    world.view(&object)
}

/// Its account is known, and it has listed everything: nothing has its alias.
pub(crate) fn listed() -> View {
    let mut view = fresh();
    view.observed.account = Some(AccountId::from("111111111111"));
    view.observed.listing = Some(Listing {
        by_id: None,
        by_alias: Presence::Absent { confirmed: false },
        deleted: None,
        fresh: false,
        deletion_failed: false,
    });
    view
}

/// Its create is recorded, and the call is next.
pub(crate) fn creating() -> View {
    let mut view = listed();
    for _ in 0..9 {
        match decide(&view) {
            Action::Call(Call::Create { .. }) => return view,
            action @ Action::Save(_) => view.apply_answer(&action, Answer::Saved, now()),
            action => view.record(&action, now()),
        }
    }
    panic!("nothing is created");
}

/// It has an organization in this state, which the list shows.
pub(crate) fn existing(state: &State) -> View {
    let mut view = listed();
    view.memory.organization_id = Some(OrganizationId::from(ID));
    view.memory.origin = Some(Origin::Created);
    view.memory.account = view.observed.account.clone();
    view.memory.region = Some(Region::from("us-east-1"));
    view.saved = view.memory.clone();
    view.observed.listing = Some(Listing {
        by_id: Some(Presence::Present(row(state))),
        by_alias: Presence::Present(row(state)),
        deleted: None,
        fresh: false,
        deletion_failed: false,
    });
    view
}

/// It is Ready: the last report said so of this generation.
pub(crate) fn ready() -> View {
    let view = existing(&State::Active);
    let (outcome, view) = rest(view);
    assert_eq!(outcome, Outcome::Active);
    next(view, &outcome)
}

/// Its deletion was asked for, under policy Delete.
pub(crate) fn deleting(mut view: View) -> View {
    view.desired.deleting = true;
    view.desired.finalizer = true;
    view.desired.generation += 1;
    view.desired.policy = workmail_operator::logic::organization::Policy::Delete(confirmed());
    view
}

pub(crate) fn confirmed() -> workmail_operator::logic::organization::Delete {
    workmail_operator::logic::organization::Delete {
        confirmed: true,
        ..workmail_operator::logic::organization::Delete::default()
    }
}

pub(crate) fn row(state: &State) -> Summary {
    Summary {
        id: OrganizationId::from(ID),
        alias: "acme".into(),
        state: state.clone(),
        default_domain: Some("acme.awsapps.com".into()),
        error_message: (*state == State::Failed).then(|| "no address left".to_owned()),
    }
}

pub(crate) fn described(state: &State) -> Organization {
    Organization {
        summary: row(state),
        arn: Some("arn:aws:workmail:us-east-1:111111111111:organization/m-1".into()),
        directory_id: Some("d-0123456789".into()),
        directory_type: None,
        completed_date: None,
        migration_admin: None,
        interoperability_enabled: Some(false),
    }
}

pub(crate) fn marks() -> TagMap {
    BTreeMap::from(
        [("cluster", "prod"), ("namespace", "mail"), ("name", "acme")]
            .map(|(key, value)| (format!("workmail-operator.dev/{key}"), value.to_owned())),
    )
}

/// Answers every look with what is so, every write and call with success, until it rests.
pub(crate) fn rest(view: View) -> (Outcome, View) {
    rest_with(view, |_| None)
}

/// As [`rest`], but some actions are answered in another way.
pub(crate) fn rest_with(
    mut view: View,
    answer: impl Fn(&Action) -> Option<Answer>,
) -> (Outcome, View) {
    for _ in 0..40 {
        let action = decide(&view);
        if let Action::Finish(outcome) = action {
            return (outcome, view);
        }
        match answer(&action).or_else(|| usual(&view, &action)) {
            Some(answer) => view.apply_answer(&action, answer, now()),
            None => view.record(&action, now()),
        }
    }
    panic!("it does not rest");
}

pub(crate) fn usual(view: &View, action: &Action) -> Option<Answer> {
    use workmail_operator::logic::organization::{Read, Scope};
    let listing = view.observed.listing.clone();
    let by_id = listing.as_ref().and_then(|listing| listing.by_id.clone());
    let state = match by_id {
        Some(Presence::Present(row)) => row.state,
        Some(Presence::Absent { .. }) | None => State::Active,
    };
    Some(match action {
        Action::Read(Read::Account) => Answer::Account(AccountId::from("111111111111")),
        Action::Read(Read::Listing { .. }) => Answer::Listing(Listing {
            by_id: view.id().map(|_| Presence::Present(row(&State::Active))),
            by_alias: Presence::Absent { confirmed: false },
            deleted: None,
            fresh: true,
            deletion_failed: false,
        }),
        Action::Read(Read::Organization(_)) => {
            Answer::Organization(Reading::Seen(described(&state)))
        }
        Action::Read(Read::Tags(_)) => Answer::Tags(Tags::Shown(marks())),
        Action::Read(Read::Scope) => Answer::Scope(Scope::Stays),
        Action::Read(Read::Object) => Answer::Current,
        Action::AddFinalizer => Answer::FinalizerAdded,
        Action::RemoveFinalizer(release) => Answer::FinalizerRemoved(release.clone()),
        Action::Save(_) => Answer::Saved,
        Action::Call(Call::Create { .. }) => Answer::Created(OrganizationId::from(ID)),
        Action::Call(call) => call.success()?,
        Action::Read(Read::Owner { .. }) => Answer::OwnerLives(true),
        Action::Read(Read::Domains { list, details, .. }) => {
            // Those that are read one by one were just registered.
            let details = details.iter().filter(|_| !list);
            Answer::Domains(DomainReading {
                domains: details
                    .map(|name| (name.clone(), Some(pending())))
                    .collect(),
                complete: *list,
            })
        }
        Action::Read(Read::Addresses { domain, .. }) => Answer::Addresses {
            domain: domain.clone(),
            holder: None,
        },
        Action::Read(Read::Gate {
            mailboxes, fresh, ..
        }) => Answer::Gate(Arc::new(gate::Reading {
            at: now(),
            exports: Vec::new(),
            going_on: Vec::new(),
            mailboxes: mailboxes.then(Vec::new),
            is_fresh: *fresh,
        })),
        Action::Read(Read::Checks { .. }) => Answer::Checks {
            found: gate::Checks::new(),
            failure: None,
        },
        Action::WriteClosing(_) => Answer::ClosingWritten,
        Action::Read(Read::Endpoint) => Answer::Endpoint(Endpoint::Absent),
        Action::KeepEndpoint(entries) => Answer::EndpointKept(entries.clone()),
        Action::Intend(_)
        | Action::Claim(..)
        | Action::Freeze
        | Action::Manage(_)
        | Action::ManageDomains(_)
        | Action::Forget
        | Action::Finish(_) => return None,
    })
}

fn pending() -> MailDomain {
    MailDomain {
        details: Some(DomainDetails {
            ownership: Verification::Pending,
            dkim: Verification::Pending,
            records: Vec::new(),
        }),
        ..MailDomain::default()
    }
}

/// The view of the next reconcile, after this one's report was written. What was seen is seen again.
pub(crate) fn next(view: View, outcome: &Outcome) -> View {
    let report = report(&view, outcome);
    let observed = Observed {
        account: view.observed.account.clone(),
        listing: view.observed.listing.clone(),
        ..Observed::default()
    };
    View {
        memory: report.memory.clone(),
        saved: report.memory,
        shown: report.shown,
        previous: report.verdicts,
        observed_generation: report.observed_generation,
        handled: report.handled,
        observed,
        ..view
    }
}

/// The answer to a call that AWS refused, or that did not get through.
pub(crate) fn trouble(operation: Operation, trouble: &ErrorKind) -> Answer {
    let region = Region::from("us-east-1");
    Answer::of_error(trouble, Failure::of_call(operation, trouble, Some(&region)))
}

pub(crate) fn condition(report: &Report, kind: ConditionType) -> Option<&Verdict> {
    report.verdicts.iter().find(|verdict| verdict.kind == kind)
}

pub(crate) fn status(report: &Report, kind: ConditionType) -> Option<ConditionStatus> {
    condition(report, kind).map(|verdict| verdict.status)
}

/// How an outcome is told, and when it is looked at again: what a row of the error table says.
pub(crate) fn told(view: &View, outcome: &Outcome) -> Row {
    let report = report(view, outcome);
    let ready = condition(&report, ConditionType::Ready).expect("Ready is always present");
    Row {
        reason: ready.reason.clone(),
        ready: ready.status,
        stalled: status(&report, ConditionType::Stalled).is_some(),
        reconciling: status(&report, ConditionType::Reconciling).is_some(),
        retry: outcome.retry(),
        warns: report.notes.iter().any(is_warning),
    }
}

pub(crate) fn is_warning(note: &ObjectEvent) -> bool {
    matches!(note.kind, EventKind::Warning(_) | EventKind::Alert(_))
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) reason: String,
    pub(crate) ready: ConditionStatus,
    pub(crate) stalled: bool,
    pub(crate) reconciling: bool,
    pub(crate) retry: Retry,
    pub(crate) warns: bool,
}

impl Row {
    pub(crate) fn terminal(reason: Reason) -> Self {
        Self {
            reason: reason.to_string(),
            ready: ConditionStatus::False,
            stalled: true,
            reconciling: false,
            retry: Retry::Slowly,
            warns: true,
        }
    }

    pub(crate) fn recoverable(reason: Reason, retry: Retry) -> Self {
        Self {
            stalled: false,
            reconciling: true,
            retry,
            ..Self::terminal(reason)
        }
    }

    pub(crate) fn transient(reason: Reason, retry: Retry) -> Self {
        Self {
            warns: false,
            ..Self::recoverable(reason, retry)
        }
    }
}
