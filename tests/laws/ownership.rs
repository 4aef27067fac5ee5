//! Ownership of an organization: what is left unchanged, and what is reported.

use workmail_operator::{
    api::{Origin, Reason},
    logic::{
        ErrorKind, ObjectKey, Operation,
        organization::{
            Action, Answer, Call, Listing, OrganizationState as State, Outcome, Policy, Presence,
            Read, Reading, Tags, View,
        },
    },
};

use crate::{
    table::refused,
    views::{
        ID, Row, creating, described, existing, listed, marks, rest, rest_with, row, told, trouble,
    },
    world::aws::TagMap,
};

#[test]
fn another_owner_by_the_tags_stalls_and_is_named() {
    let foreign = |action: &Action| match action {
        Action::Read(Read::Tags(_)) => {
            let mut tags = marks();
            tags.insert("workmail-operator.dev/cluster".into(), "elsewhere".into());
            Some(Answer::Tags(Tags::Shown(tags)))
        }
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    };
    let mut by_alias = listed();
    by_alias.observed.listing.as_mut().unwrap().by_alias = Presence::Present(row(&State::Active));
    for view in [existing(&State::Active), by_alias] {
        let (outcome, view) = rest_with(view, foreign);
        assert_eq!(
            told(&view, &outcome),
            Row::terminal(Reason::OwnershipConflict)
        );
        let Outcome::Failed(failure) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(
            failure
                .message()
                .contains("WorkMailOrganization mail/acme of cluster elsewhere"),
            "{failure:?}"
        );
    }
}

#[test]
fn a_resource_of_this_cluster_that_comes_first_stalls_the_other_and_is_named() {
    let mut pending = creating();
    pending.observed.current = false;
    let mut untagged = existing(&State::Active);
    untagged.desired.policy = Policy::Retain;
    for mut view in [listed(), pending, untagged] {
        view.competitor = Some(ObjectKey {
            namespace: "post".into(),
            name: "first".into(),
            uid: "1".into(),
        });
        let (outcome, view) = rest_with(view, |action| match action {
            Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(TagMap::new()))),
            Action::Intend(_) | Action::Call(_) => panic!("{action:?}"),
            _ => None,
        });
        assert_eq!(
            told(&view, &outcome),
            Row::terminal(Reason::OwnershipConflict)
        );
        let Outcome::Failed(failure) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(failure.message().contains("post/first"), "{failure:?}");
    }
}

#[test]
fn its_own_tags_come_before_any_order_among_the_resources_of_this_cluster() {
    let mut view = listed();
    view.observed.listing.as_mut().unwrap().by_alias = Presence::Present(row(&State::Active));
    view.competitor = Some(ObjectKey {
        namespace: "post".into(),
        name: "first".into(),
        uid: "1".into(),
    });
    let (_, view) = rest(view);
    assert_eq!(view.memory.origin, Some(Origin::Adopted));
}

/// What is told of an alias that AWS refuses, when this account has it with these tags.
fn taken_here(tags: &TagMap) -> (Outcome, View) {
    rest_with(creating(), |action| match action {
        Action::Call(Call::Create { .. }) => Some(trouble(
            Operation::CreateOrganization,
            &refused("NameAvailabilityException"),
        )),
        Action::Read(Read::Listing { fresh: true }) => Some(Answer::Listing(Listing {
            by_id: None,
            by_alias: Presence::Present(row(&State::Active)),
            deleted: None,
            fresh: true,
            deletion_failed: false,
        })),
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(tags.clone()))),
        _ => None,
    })
}

#[test]
fn an_alias_that_is_taken_in_this_account_is_told_with_the_way_to_take_it_up() {
    let (outcome, view) = taken_here(&TagMap::new());
    assert_eq!(told(&view, &outcome), Row::terminal(Reason::AlreadyExists));
    let Outcome::Failed(failure) = outcome else {
        panic!("{outcome:?}")
    };
    for part in [ID, "Set adoptionPolicy to Adopt", "no owner"] {
        assert!(failure.message().contains(part), "{failure:?}");
    }
    assert_eq!(view.memory.pending, None, "every attempt was answered");

    let foreign = TagMap::from([("workmail-operator.dev/cluster".into(), "elsewhere".into())]);
    let (outcome, view) = taken_here(&foreign);
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::OwnershipConflict)
    );

    let (_, view) = taken_here(&marks());
    assert_eq!(view.memory.origin, Some(Origin::Adopted), "it was ours");
}

#[test]
fn an_organization_that_was_there_before_the_call_is_only_made_ours_by_the_answer_to_it() {
    let there = Presence::Present(row(&State::Creating));
    let hidden = |action: &Action| match action {
        Action::Read(Read::Organization(_)) => Some(Answer::Organization(Reading::Seen(
            described(&State::Creating),
        ))),
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Hidden)),
        Action::Read(Read::Listing { .. }) => Some(Answer::Listing(Listing {
            by_id: None,
            by_alias: there.clone(),
            deleted: None,
            fresh: true,
            deletion_failed: false,
        })),
        Action::Call(Call::Create { .. }) => Some(trouble(
            Operation::CreateOrganization,
            &refused("NameAvailabilityException"),
        )),
        _ => None,
    };
    let mut view = listed();
    view.observed.listing.as_mut().unwrap().by_alias = there.clone();
    let (_, asked) = rest_with(view, |action| match action {
        // Its answer is lost.
        Action::Call(Call::Create { .. }) => {
            Some(trouble(Operation::CreateOrganization, &ErrorKind::TimedOut))
        }
        action => hidden(action),
    });
    assert!(asked.memory.pending.is_some(), "the question is recorded");

    let mut view = asked;
    view.observed.failed = None;
    view.facts.attempts_answered = false;
    let (outcome, view) = rest_with(view, hidden);
    assert_eq!(told(&view, &outcome), Row::terminal(Reason::AlreadyExists));
    assert_eq!(view.memory.organization_id, None, "merely seen, not ours");
}
