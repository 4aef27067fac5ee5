//! Events: once for what is new, never for what passes by itself.

use workmail_operator::{
    api::{ConditionType, EventReason, Origin, Reason},
    core::{
        Answer, Failure, NoteKind, OrganizationState as State, Outcome, Release, Retained, View,
        decide, report, taken,
    },
};

use crate::views::{creating, deleting, existing, fresh, next, now, ready, rest};

fn kinds(view: &View, outcome: &Outcome) -> Vec<NoteKind> {
    report(view, outcome)
        .notes
        .iter()
        .map(|note| note.kind)
        .collect()
}

#[test]
fn each_new_terminal_or_recoverable_reason_is_told_once_and_a_transient_one_never() {
    use workmail_operator::api::Class;
    for reason in Reason::ALL {
        let outcome = Outcome::Failed(Failure::of(*reason, "what happened"));
        let view = fresh();
        let told = match reason.class() {
            Class::Terminal | Class::Recoverable => vec![NoteKind::Warning(*reason)],
            Class::Transient | Class::InProgress | Class::Good => vec![],
        };
        assert_eq!(kinds(&view, &outcome), told, "{reason}");
        assert_eq!(
            kinds(&next(view, &outcome), &outcome),
            vec![],
            "{reason}, again"
        );
    }
}

#[test]
fn another_reason_is_told_after_the_first() {
    let first = Outcome::Failed(Failure::of(Reason::LimitExceeded, "what happened"));
    let second = Outcome::Failed(Failure::of(Reason::AliasUnavailable, "what else happened"));
    let view = next(fresh(), &first);
    assert_eq!(
        kinds(&view, &second),
        vec![NoteKind::Warning(Reason::AliasUnavailable)]
    );
}

#[test]
fn active_is_told_once() {
    let (outcome, view) = rest(existing(&State::Active));
    let active = vec![NoteKind::Normal(EventReason::Active)];
    assert_eq!(kinds(&view, &outcome), active);
    let (outcome, view) = rest(ready());
    assert_eq!(kinds(&view, &outcome), vec![]);
}

#[test]
fn a_deletion_that_somebody_else_asked_for_is_told_at_once() {
    let mut view = ready();
    view.observed = existing(&State::Deleting).observed;
    let (outcome, view) = rest(view);
    assert_eq!(
        kinds(&view, &outcome),
        vec![NoteKind::Warning(Reason::OrganizationGone)]
    );
}

#[test]
fn an_answered_create_and_a_claim_are_told() {
    let mut view = creating();
    let call = decide(&view);
    view.fold(&call, Answer::Created(crate::views::ID.into()), now());
    let kind = |view: &View| taken(view).map(|note| note.kind);
    assert_eq!(
        kind(&view),
        Some(NoteKind::Normal(EventReason::OrganizationIdKnown))
    );
    view.memory.origin = Some(Origin::Adopted);
    assert_eq!(kind(&view), Some(NoteKind::Normal(EventReason::Adopted)));
}

#[test]
fn each_way_to_be_released_is_told_with_what_remains() {
    let view = deleting(ready());
    let told = |release| {
        report(&view, &Outcome::Released(release))
            .notes
            .into_iter()
            .map(|note| (note.kind, note.message))
            .collect::<Vec<_>>()
    };
    let deleted = told(Release::Deleted {
        directory_left: Some("d-1".into()),
    });
    let reasons: Vec<_> = deleted.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        reasons,
        vec![
            NoteKind::Normal(EventReason::Deleted),
            NoteKind::Normal(EventReason::DirectoryLeft)
        ]
    );
    assert!(deleted[1].1.contains("d-1"), "{deleted:?}");
    for why in [
        Retained::Policy,
        Retained::NamespaceLeaves,
        Retained::DefinitionLeaves,
        Retained::EndOfService,
    ] {
        let retained = told(Release::Retained(why));
        assert_eq!(retained[0].0, NoteKind::Normal(EventReason::Retained));
        assert!(retained[0].1.contains(crate::views::ID), "{retained:?}");
    }
    assert_eq!(
        told(Release::NeverCreated)[0].0,
        NoteKind::Normal(EventReason::Released)
    );
    assert_eq!(told(Release::PolicyRetain), vec![]);
}

#[test]
fn a_release_while_aws_is_deleting_does_not_say_that_the_organization_stays() {
    let (outcome, view) = rest(deleting(ready()));
    let view = next(view, &outcome);
    let outcome = Outcome::Released(Release::Retained(Retained::Policy));
    let notes = report(&view, &outcome).notes;
    assert!(!notes[0].message.contains("stays"), "{notes:?}");
}

#[test]
fn an_organization_that_was_found_again_and_not_looked_at_yet_stays() {
    let mut view = deleting(ready());
    view.shown.state = None;
    let outcome = Outcome::Released(Release::Retained(Retained::Policy));
    let notes = report(&view, &outcome).notes;
    assert!(notes[0].message.contains("stays"), "{notes:?}");
    let gone = view
        .previous
        .iter_mut()
        .find(|verdict| verdict.kind == ConditionType::Ready)
        .unwrap();
    gone.reason = Reason::OrganizationGone.as_str().into();
    let notes = report(&view, &outcome).notes;
    assert!(!notes[0].message.contains("stays"), "{notes:?}");
}

#[test]
fn a_request_that_was_fulfilled_is_not_fulfilled_again() {
    let mut view = ready();
    view.desired.requested = Some("now".into());
    let (outcome, view) = rest(view);
    assert!(!next(view, &outcome).requested());
}
