//! A deletion: what blocks it, what is looked at before it, and what it is asked for with.

use k8s_openapi::jiff::Timestamp;
use rstest::rstest;
use workmail_operator::{
    api::{ManagementPolicy, Pending, PendingOperation, Reason},
    logic::{
        Operation,
        organization::{
            Action, Answer, Call, Observed, OrganizationState as State, Outcome, Presence, Read,
            Reading, Release, Retained, SaveAs, Scope, Tags, View, decide, report,
        },
    },
};

use crate::{
    table::{after, refused},
    views::{ID, Row, deleting, described, existing, next, now, rest_with, row, told, usual},
    world::aws::TagMap,
};

#[rstest]
#[case("InvalidParameterException")]
#[case("OrganizationStateException")]
fn a_deletion_that_aws_refuses_is_blocked(#[case] code: &str) {
    let view = deleting(existing(&State::Active));
    let row = after(view, Operation::DeleteOrganization, &refused(code));
    assert_eq!(row, Row::terminal(Reason::DeletionBlocked));
}

#[rstest]
#[case::another_id(|view: &mut View| confirm(view).organization_id = Some("m-other".into()))]
#[case::force_without_an_id(|view: &mut View| confirm(view).force = true)]
#[case::unconfirmed_alias(|view: &mut View| confirm(view).confirmed = false)]
#[case::suspended(|view: &mut View| view.desired.suspend = true)]
fn a_deletion_that_must_not_be_is_blocked_and_nothing_is_called(#[case] spoil: fn(&mut View)) {
    let mut view = deleting(existing(&State::Active));
    spoil(&mut view);
    view.saved = view.memory.clone();
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Call(call) => panic!("{call:?}"),
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(TagMap::new()))),
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
        failure.message().contains("Retain"),
        "the way out: {failure:?}"
    );
}

#[test]
fn an_organization_that_was_merely_seen_makes_an_object_wait_for_nothing() {
    let mut view = deleting(existing(&State::Active));
    view.shown.seen = view.memory.organization_id.take();
    view.memory.origin = None;
    view.saved = view.memory.clone();
    let (outcome, _) = rest_with(view, |action| match action {
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    });
    assert_eq!(outcome, Outcome::Released(Release::NeverCreated));
}

fn confirm(view: &mut View) -> &mut workmail_operator::logic::organization::Delete {
    match &mut view.desired.policy {
        workmail_operator::logic::organization::Policy::Delete(how) => how,
        workmail_operator::logic::organization::Policy::Retain => panic!("policy Retain"),
    }
}

#[test]
fn a_deletion_is_proven_by_description_and_tags_before_it_is_asked_for() {
    let asked = std::cell::RefCell::new(Vec::new());
    rest_with(deleting(existing(&State::Active)), |action| {
        asked.borrow_mut().push(action.clone());
        match action {
            Action::Read(Read::Organization(_)) => Some(Answer::Organization(Reading::Seen(
                described(&State::Active),
            ))),
            Action::Read(Read::Scope) => Some(Answer::Scope(Scope::Stays)),
            _ => None,
        }
    });
    let asked = asked.into_inner();
    let place = |wanted: fn(&Action) -> bool| asked.iter().position(wanted).unwrap();
    let call = place(|action| matches!(action, Action::Call(Call::Delete(_))));
    assert!(place(|action| matches!(action, Action::Read(Read::Organization(_)))) < call);
    assert!(place(|action| matches!(action, Action::Read(Read::Tags(_)))) < call);
    assert!(place(|action| matches!(action, Action::Read(Read::Scope))) < call);
    assert_eq!(
        asked[call + 1..],
        [Action::Save(SaveAs::Answer)],
        "it is asked for once, and last"
    );
}

/// The client token of the deletion of this object, whose intent was recorded then.
fn delete_token(uid: &str, since: i64, generation: i64) -> String {
    let mut view = deleting(existing(&State::Active));
    view.desired.object.uid = uid.into();
    view.desired.generation = generation;
    view.memory.pending = Some(Pending {
        operation: PendingOperation::DeleteOrganization,
        target: ID.into(),
        since: Timestamp::from_second(since).unwrap(),
        candidate: None,
        input: None,
    });
    view.saved = view.memory.clone();
    let token = std::cell::RefCell::new(None);
    rest_with(view, |action| {
        if let Action::Call(Call::Delete(input)) = action {
            token.replace(Some(input.token.clone()));
        }
        None
    });
    token.into_inner().expect("it is deleted")
}

#[test]
fn a_repeated_deletion_has_the_same_token_and_a_new_intent_another() {
    let token = delete_token("u", 1, 1);
    assert_eq!(token, delete_token("u", 1, 2));
    assert_ne!(token, delete_token("u", 2, 1));
    assert_ne!(token, delete_token("v", 1, 1));
    assert!(token.len() <= 128 && token.chars().all(|c| c.is_ascii_hexdigit()));
}

/// AWS accepted the deletion, and the list shows the organization in this state all the same; `failed`:
/// for the second time.
fn accepted(state: &State, failed: bool) -> View {
    let (outcome, view) = rest_with(deleting(existing(&State::Active)), |_| None);
    assert!(view.memory.deletion_accepted.is_some());
    let mut view = next(view, &outcome);
    let listing = view.observed.listing.as_mut().unwrap();
    listing.by_id = Some(Presence::Present(row(state)));
    listing.deletion_failed = failed;
    view
}

fn no_call(action: &Action) -> Option<Answer> {
    match action {
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    }
}

#[test]
fn one_read_that_contradicts_an_accepted_deletion_says_nothing() {
    for state in [State::Active, State::Failed] {
        let view = accepted(&state, false);
        let (shown, previous) = (view.shown.clone(), view.previous.clone());
        let (outcome, view) = rest_with(view, no_call);
        assert_eq!(outcome, Outcome::Unconfirmed);
        let said = report(&view, &outcome);
        assert_eq!((said.shown, said.verdicts), (shown, previous));
        assert_eq!(said.notes, vec![]);
    }
}

#[test]
fn an_accepted_deletion_that_came_to_nothing_is_told_with_the_text_of_aws_and_not_made_again_at_once()
 {
    let (outcome, view) = rest_with(accepted(&State::Failed, true), no_call);
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::DeletionBlocked)
    );
    let Outcome::Failed(failure) = &outcome else {
        panic!("{outcome:?}")
    };
    for text in [ID, "Failed", "no address left", "Retain"] {
        assert!(failure.message().contains(text), "{text}: {failure:?}");
    }
    assert_eq!(report(&view, &outcome).shown.state, Some(State::Failed));
    assert!(view.memory.deletion_accepted.is_some());
}

#[rstest]
#[case::an_hour_later_or_under_another_spec(|view: &mut View| view.facts.delete_again = true)]
#[case::on_request(|view: &mut View| view.desired.requested = Some("now".into()))]
fn it_is_asked_for_again_as_a_new_intent(#[case] cause: fn(&mut View)) {
    let mut view = accepted(&State::Active, true);
    cause(&mut view);
    let mut saved = Vec::new();
    for _ in 0..20 {
        let action = decide(&view);
        if let Action::Call(Call::Delete(_)) = &action {
            assert_eq!(view.memory.deletion_accepted, None, "it is taken back");
            assert!(view.memory.pending_delete().is_some());
            assert_eq!(saved, [Action::Save(SaveAs::Intent)], "recorded first");
            return;
        }
        match usual(&view, &action) {
            Some(answer) => view.apply_answer(&action, answer, now()),
            None => view.record(&action, now()),
        }
        if let Action::Save(_) = action {
            saved.push(action);
        }
    }
    panic!("it is not asked for");
}

#[test]
fn a_deletion_of_somebody_else_is_none_that_was_accepted_for_this_object() {
    let (outcome, view) = rest_with(deleting(existing(&State::Deleting)), no_call);
    assert_eq!(view.memory.deletion_accepted, None);
    let mut view = next(view, &outcome);
    let listing = view.observed.listing.as_mut().unwrap();
    listing.by_id = Some(Presence::Present(row(&State::Active)));
    let (_, view) = rest_with(view, |_| None);
    assert!(view.memory.deletion_accepted.is_some(), "ours was made");
}

#[test]
fn a_suspended_object_whose_deletion_was_accepted_asks_aws_for_nothing_and_does_not_offer_retain() {
    let mut view = accepted(&State::Deleting, false);
    view.desired.suspend = true;
    view.observed = Observed::default();
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Read(Read::Scope) => None,
        action => panic!("{action:?}"),
    });
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::DeletionBlocked)
    );
    let Outcome::Failed(failure) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(!failure.message().contains("Retain"), "{failure:?}");
}

#[test]
fn under_observe_an_accepted_deletion_is_looked_after_and_not_made_again() {
    let observing = |state, failed| {
        let mut view = accepted(state, failed);
        view.desired.management = ManagementPolicy::Observe;
        view.facts.delete_again = true;
        rest_with(view, no_call)
    };
    let (outcome, view) = observing(&State::Deleting, false);
    assert_eq!(told(&view, &outcome).reason, "Deleting");
    let (outcome, _) = observing(&State::Deleted, false);
    assert!(matches!(
        outcome,
        Outcome::Released(Release::Deleted { .. })
    ));
    let (outcome, view) = observing(&State::Active, true);
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::DeletionBlocked)
    );
}

#[test]
fn an_organization_whose_deletion_was_accepted_is_gone_when_missed_twice_however_young_it_is() {
    let missing = |confirmed| {
        let mut view = accepted(&State::Deleting, false);
        view.facts.young = true;
        let listing = view.observed.listing.as_mut().unwrap();
        listing.by_id = Some(Presence::Absent { confirmed });
        rest_with(view, no_call).0
    };
    assert_eq!(missing(false), Outcome::Unconfirmed);
    assert!(matches!(
        missing(true),
        Outcome::Released(Release::Deleted { .. })
    ));
}

#[rstest]
#[case(Scope::NamespaceLeaves, Retained::NamespaceLeaves)]
#[case(Scope::NamespaceRemade, Retained::NamespaceRemade)]
#[case(Scope::DefinitionLeaves, Retained::DefinitionLeaves)]
#[case(Scope::DefinitionRemade, Retained::DefinitionRemade)]
fn an_object_whose_namespace_or_definition_goes_or_was_made_anew_is_retained(
    #[case] scope: Scope,
    #[case] why: Retained,
) {
    let (outcome, _) = rest_with(deleting(existing(&State::Active)), |action| match action {
        Action::Read(Read::Scope) => Some(Answer::Scope(scope)),
        action => no_call(action),
    });
    assert_eq!(outcome, Outcome::Released(Release::Retained(why)));
}
