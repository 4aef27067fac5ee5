//! A deletion: what blocks it, what is looked at before it, and what it is asked for with.

use k8s_openapi::jiff::Timestamp;
use rstest::rstest;
use workmail_operator::{
    api::{Pending, PendingOperation, Reason},
    core::{
        Action, Answer, Call, Look, Operation, OrganizationState as State, Outcome, Release, Scope,
        Sight, Tags, View,
    },
};

use crate::{
    table::{after, refused},
    views::{ID, Row, deleting, described, existing, rest_with, told},
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
        Action::Look(Look::Tags(_)) => Some(Answer::Tags(Tags::Shown(TagMap::new()))),
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
        failure.message.contains("Retain"),
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

fn confirm(view: &mut View) -> &mut workmail_operator::core::Delete {
    match &mut view.desired.policy {
        workmail_operator::core::Policy::Delete(how) => how,
        workmail_operator::core::Policy::Retain => panic!("policy Retain"),
    }
}

#[test]
fn a_deletion_is_proven_by_description_and_tags_before_it_is_asked_for() {
    let asked = std::cell::RefCell::new(Vec::new());
    rest_with(deleting(existing(&State::Active)), |action| {
        asked.borrow_mut().push(action.clone());
        match action {
            Action::Look(Look::Organization(_)) => {
                Some(Answer::Organization(Sight::Seen(described(&State::Active))))
            }
            Action::Look(Look::Scope) => Some(Answer::Scope(Scope::Stays)),
            _ => None,
        }
    });
    let asked = asked.into_inner();
    let place = |wanted: fn(&Action) -> bool| asked.iter().position(wanted).unwrap();
    let call = place(|action| matches!(action, Action::Call(Call::Delete(_))));
    assert!(place(|action| matches!(action, Action::Look(Look::Organization(_)))) < call);
    assert!(place(|action| matches!(action, Action::Look(Look::Tags(_)))) < call);
    assert!(place(|action| matches!(action, Action::Look(Look::Scope))) < call);
    assert_eq!(call + 1, asked.len(), "it is asked for once, and last");
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
