//! What the Kubernetes API refuses is an answer like any other: told in the conditions, and tried again.

use rstest::rstest;
use workmail_operator::{
    api::{ConditionStatus as Status, ConditionType as Kind, Reason},
    logic::{
        EventKind, Failure, Retry,
        organization::{Action, Answer, OrganizationState as State, Outcome, Read, View, report},
    },
};

use crate::views::{condition, deleting, existing, ready, rest_with, status};

const SAID: &str = "workmailorganizations.workmail-operator.dev \"acme\" is forbidden: \
                    ValidatingAdmissionPolicy 'no-finalizers' denied request: none here";

fn refusal(what: &str, read_failed: bool) -> Answer {
    Answer::Refused(Failure::of_kubernetes(what, 403, SAID, read_failed))
}

/// Asserts that it is told to whoever looks at the object now, in the API server's words.
fn assert_told(view: &View, outcome: &Outcome, what: &str) {
    let told = report(view, outcome);
    let ready = condition(&told, Kind::Ready).unwrap();
    assert_eq!(ready.status, Status::False, "{ready:?}");
    assert_eq!(ready.reason, Reason::UnexpectedError.as_str());
    assert_eq!(ready.generation, view.desired.generation);
    assert!(
        ready
            .message
            .starts_with(&format!("Allow the operator to {what}")),
        "{ready:?}"
    );
    assert!(
        ready.message.contains("'no-finalizers' denied"),
        "{ready:?}"
    );
    assert_eq!(status(&told, Kind::Reconciling), Some(Status::True));
    assert_eq!(status(&told, Kind::Synced), Some(Status::False));
    let warned = EventKind::Warning(Reason::UnexpectedError);
    assert!(told.notes.iter().any(|note| note.kind == warned));
    assert!(matches!(outcome.retry(), Retry::Backoff { .. }));
}

#[test]
fn a_refused_finalizer_is_told_for_the_generation_that_asks_for_it_and_nothing_is_called() {
    let mut view = ready();
    view.desired.policy = deleting(ready()).desired.policy;
    view.desired.generation += 1;
    let what = "set its finalizer on this resource";
    let (outcome, view) = rest_with(view, |action| match action {
        Action::AddFinalizer => Some(refusal(what, false)),
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    });
    assert_told(&view, &outcome, what);
}

#[test]
fn a_finalizer_that_may_not_be_removed_is_told_and_not_that_aws_is_deleting() {
    let mut view = deleting(existing(&State::Deleted));
    view.shown.state = Some(State::Deleting);
    let what = "remove its finalizer from this resource";
    let (outcome, view) = rest_with(view, |action| match action {
        Action::RemoveFinalizer(_) => Some(refusal(what, false)),
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    });
    assert_told(&view, &outcome, what);
    assert_eq!(report(&view, &outcome).shown.state, Some(State::Deleted));
}

#[test]
fn a_refused_read_leaves_a_ready_generation_as_it_is_and_is_told_of_one_that_leaves() {
    let read = |action: &Action| match action {
        Action::Read(Read::Scope | Read::Account) => Some(refusal("read the namespace", true)),
        _ => None,
    };
    let before = ready();
    let (outcome, view) = rest_with(before.clone(), read);
    let told = report(&view, &outcome);
    assert_eq!(told.verdicts, before.previous);
    assert!(told.notes.is_empty(), "{:?}", told.notes);

    let (outcome, view) = rest_with(deleting(existing(&State::Active)), read);
    assert_told(&view, &outcome, "read the namespace");
}

#[rstest]
#[case(403, Reason::UnexpectedError)]
#[case(422, Reason::UnexpectedError)]
#[case::a_webhook_that_does_not_answer(500, Reason::ServiceUnavailable)]
fn the_reason_says_whether_somebody_has_to_act(#[case] code: u16, #[case] reason: Reason) {
    let failure = Failure::of_kubernetes("create events", code, SAID, false);
    assert_eq!(failure.reason, reason);
}

#[test]
fn a_sentence_is_added_to_the_ready_condition_once_and_to_no_other() {
    let before = ready();
    let mut told = report(&before, &Outcome::Unchanged);
    told.add_to_ready("Allow it.");
    told.add_to_ready("Allow it.");
    let ready = condition(&told, Kind::Ready).unwrap();
    assert_eq!(ready.message.matches("Allow it.").count(), 1);
    assert_eq!(ready.status, Status::True);
    let others = told.verdicts.iter().filter(|one| one.kind != Kind::Ready);
    assert!(others.into_iter().all(|one| !one.message.contains("Allow")));
}
