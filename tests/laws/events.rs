//! Events: once for what is new, never for what passes by itself.

use workmail_operator::{
    api::{
        ConditionType, EventReason, ManagementPolicy, Origin, Pending, PendingOperation, Reason,
    },
    logic::{
        EventKind, Failure,
        organization::{
            Action, Answer, OrganizationState as State, Outcome, Release, Retained, SaveAs, View,
            decide, deletion_started, report, taken,
        },
    },
};

use crate::views::{creating, deleting, existing, fresh, next, now, ready, rest, usual};

fn kinds(view: &View, outcome: &Outcome) -> Vec<EventKind> {
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
        let outcome = Outcome::Failed(Failure::of(*reason, "", "what happened"));
        let view = fresh();
        let told = match reason.class() {
            Class::Terminal | Class::Recoverable => vec![EventKind::Warning(*reason)],
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
    let first = Outcome::Failed(Failure::of(Reason::LimitExceeded, "", "what happened"));
    let second = Outcome::Failed(Failure::of(
        Reason::AliasUnavailable,
        "",
        "what else happened",
    ));
    let view = next(fresh(), &first);
    assert_eq!(
        kinds(&view, &second),
        vec![EventKind::Warning(Reason::AliasUnavailable)]
    );
}

#[test]
fn active_is_told_once() {
    let (outcome, view) = rest(existing(&State::Active));
    let active = vec![EventKind::Normal(EventReason::Active)];
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
        vec![EventKind::Warning(Reason::OrganizationGone)]
    );
}

#[test]
fn a_claim_is_told_and_the_id_of_an_answered_create_is_not() {
    let mut view = creating();
    let call = decide(&view);
    view.apply_answer(&call, Answer::Created(crate::views::ID.into()), now());
    let kind = |view: &View| taken(view).map(|note| note.kind);
    assert_eq!(kind(&view), None, "the id alone is in the status");
    view.memory.origin = Some(Origin::Adopted);
    assert_eq!(kind(&view), Some(EventKind::Normal(EventReason::Adopted)));
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
            EventKind::Normal(EventReason::Deleted),
            EventKind::Normal(EventReason::DirectoryLeft)
        ]
    );
    assert!(deleted[1].1.contains("d-1"), "{deleted:?}");
    for why in [
        Retained::Policy,
        Retained::NamespaceLeaves,
        Retained::NamespaceRemade,
        Retained::DefinitionLeaves,
        Retained::DefinitionRemade,
        Retained::EndOfService,
    ] {
        let retained = told(Release::Retained(why));
        assert_eq!(retained[0].0, EventKind::Normal(EventReason::Retained));
        assert!(retained[0].1.contains(crate::views::ID), "{retained:?}");
    }
    assert_eq!(
        told(Release::NeverCreated)[0].0,
        EventKind::Normal(EventReason::Released)
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

/// The answer to the deletion has come, and is not saved yet.
fn newly_accepted() -> View {
    let mut view = deleting(ready());
    for _ in 0..20 {
        match decide(&view) {
            Action::Call(call) => {
                let answer = call.success().unwrap();
                view.apply_answer(&Action::Call(call), answer, now());
                return view;
            }
            action => match usual(&view, &action) {
                Some(answer) => view.apply_answer(&action, answer, now()),
                None => view.record(&action, now()),
            },
        }
    }
    panic!("nothing is deleted");
}

/// The deletion was accepted, and its answer is saved and told.
fn accepted() -> View {
    let (outcome, view) = rest(deleting(ready()));
    assert!(view.memory.deletion_accepted.is_some());
    next(view, &outcome)
}

const TOO_LATE: EventKind = EventKind::Alert(EventReason::TooLate);

#[test]
fn an_accepted_deletion_is_told_with_its_save_and_not_again() {
    let mut view = newly_accepted();
    let note = deletion_started(&view).unwrap();
    assert_eq!(note.kind, EventKind::Alert(EventReason::DeletionStarted));
    assert!(note.message.contains(crate::views::ID), "{note:?}");
    let save = decide(&view);
    assert_eq!(save, Action::Save(SaveAs::Answer), "it is saved at once");
    view.apply_answer(&save, Answer::Saved, now());
    assert_eq!(deletion_started(&view), None);
    let (outcome, view) = rest(view);
    assert_eq!(kinds(&view, &outcome), vec![]);
}

#[test]
fn suspend_and_observe_after_an_accepted_deletion_are_told_as_too_late_once() {
    let suspend = |view: &mut View| view.desired.suspend = true;
    let observe = |view: &mut View| view.desired.management = ManagementPolicy::Observe;
    for (brake, beside) in [
        (
            suspend as fn(&mut View),
            Some(EventKind::Warning(Reason::DeletionBlocked)),
        ),
        (observe, None),
    ] {
        let mut view = accepted();
        brake(&mut view);
        view.desired.generation += 1;
        let (outcome, view) = rest(view);
        let told: Vec<_> = beside.into_iter().chain([TOO_LATE]).collect();
        assert_eq!(kinds(&view, &outcome), told);
        let (outcome, view) = rest(next(view, &outcome));
        assert_eq!(kinds(&view, &outcome), vec![], "again");
    }
    // Before it is accepted, neither comes too late.
    let mut view = deleting(ready());
    suspend(&mut view);
    let (outcome, view) = rest(view);
    assert_eq!(
        kinds(&view, &outcome),
        vec![EventKind::Warning(Reason::DeletionBlocked)]
    );
}

#[test]
fn a_release_tells_what_became_of_a_deletion_that_was_asked_for() {
    let told = |view: &View| {
        let outcome = Outcome::Released(Release::Retained(Retained::Policy));
        let notes = report(view, &outcome).notes;
        assert_eq!(notes.len(), 1, "{notes:?}");
        (notes[0].kind, notes[0].message.clone())
    };
    let (kind, text) = told(&accepted());
    let time = accepted().memory.deletion_accepted.unwrap().to_string();
    assert_eq!(kind, TOO_LATE);
    assert!(
        text.contains("mail is lost") && text.contains(&time),
        "{text}"
    );

    let mut undone = accepted();
    undone.shown.state = Some(State::Failed);
    let (kind, text) = told(&undone);
    assert_eq!(kind, EventKind::Normal(EventReason::Retained));
    assert!(
        text.contains("did not finish it") && text.contains("Failed"),
        "{text}"
    );

    let mut unanswered = accepted();
    unanswered.memory.deletion_accepted = None;
    unanswered.memory.pending = Some(Pending {
        operation: PendingOperation::DeleteOrganization,
        target: crate::views::ID.into(),
        since: now(),
        candidate: None,
        input: None,
    });
    let (kind, text) = told(&unanswered);
    assert_eq!(kind, TOO_LATE);
    assert!(text.contains("the answer is not known"), "{text}");
    assert!(!text.contains("stays"), "{text}");
}
