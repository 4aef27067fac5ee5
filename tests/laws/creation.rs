//! What is remembered on the way of a create, and what is not taken for granted.

use workmail_operator::core::{
    Action, Answer, Look, Operation, OrganizationState as State, Sight, Tags, Trouble, decide,
};

use crate::{
    table::refused,
    views::{ID, creating, described, existing, listed, marks, now, trouble},
};

#[test]
fn account_and_region_stay_as_first_recorded_whatever_the_defaults_become() {
    let mut view = creating();
    view.desired.region = Some("eu-west-1".into());
    let call = decide(&view);
    view.fold(&call, Answer::Created(ID.into()), now());
    assert_eq!(view.memory.region, Some("us-east-1".into()));

    let mut refused = listed();
    refused.memory.region = Some("us-east-1".into());
    refused.desired.region = Some("eu-west-1".into());
    let intend = decide(&refused);
    refused.note(&intend, now());
    assert_eq!(refused.memory.region, Some("us-east-1".into()));
}

#[test]
fn an_organization_completed_within_the_second_of_the_intent_is_not_older_than_it() {
    let mut view = listed();
    let intend = decide(&view);
    let late = now() + k8s_openapi::jiff::SignedDuration::from_millis(900);
    view.note(&intend, late);
    assert!(view.memory.pending.unwrap().since <= late);
}

#[test]
fn what_was_described_before_a_listing_is_not_taken_for_what_it_lists() {
    let mut view = existing(&State::Active);
    let look = Action::Look(Look::Organization(ID.into()));
    let seen = Answer::Organization(Sight::Seen(described(&State::Active)));
    view.fold(&look, seen, now());
    let look = Action::Look(Look::Tags(ID.into()));
    view.fold(&look, Answer::Tags(Tags::Shown(marks())), now());
    let listing = view.observed.listing.clone().unwrap();
    let look = Action::Look(Look::Listing { fresh: true });
    view.fold(&look, Answer::Listing(listing), now());
    assert_eq!(view.observed.organization, Sight::NotLooked);
    assert_eq!(view.observed.tags, None);
}

#[test]
fn a_search_after_a_refusal_begins_with_a_listing_begun_after_it() {
    let mut view = creating();
    view.facts.attempts_answered = false;
    view.observed.listing.as_mut().unwrap().fresh = true;
    let call = decide(&view);
    let answer = refused("NameAvailabilityException");
    view.fold(
        &call,
        trouble(Operation::CreateOrganization, &answer),
        now(),
    );
    assert_eq!(decide(&view), Action::Look(Look::Listing { fresh: true }));
}

#[test]
fn an_intent_is_free_of_unanswered_attempts_only_once_it_is_recorded() {
    let mut view = listed();
    let intend = decide(&view);
    view.note(&intend, now());
    assert!(!view.facts.attempts_answered, "another may be recorded");
    let save = decide(&view);
    view.fold(&save, Answer::Saved, now());
    assert!(view.facts.attempts_answered);
}

#[test]
fn a_refusal_clears_the_intent_only_if_every_earlier_attempt_was_answered() {
    for answered in [true, false] {
        let mut view = creating();
        view.facts.attempts_answered = answered;
        let call = decide(&view);
        let answer = refused("LimitExceededException");
        view.fold(
            &call,
            trouble(Operation::CreateOrganization, &answer),
            now(),
        );
        assert_eq!(view.memory.pending.is_none(), answered);
    }
}

#[test]
fn an_attempt_without_an_answer_is_remembered_unless_aws_certainly_did_nothing() {
    let mut view = creating();
    let call = decide(&view);
    view.fold(
        &call,
        trouble(Operation::CreateOrganization, &Trouble::Throttled),
        now(),
    );
    assert!(view.facts.attempts_answered);
    view.fold(
        &call,
        trouble(Operation::CreateOrganization, &Trouble::TimedOut),
        now(),
    );
    assert!(!view.facts.attempts_answered);
}
