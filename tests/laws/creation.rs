//! What is remembered on the way of a create, and what is not taken for granted.

use workmail_operator::{
    api::{DomainSpec, Origin, Reason},
    logic::{
        ErrorKind, Operation,
        organization::{
            Action, Answer, Call, Listing, Memory, OrganizationState as State, Outcome, Presence,
            Read, Reading, Tags, View, decide, report,
        },
    },
};

use crate::{
    table::refused,
    views::{
        ID, creating, described, existing, fresh, listed, marks, next, now, rest_with, row, trouble,
    },
};

#[test]
fn account_and_region_stay_as_first_recorded_whatever_the_defaults_become() {
    let mut view = creating();
    view.desired.region = Some("eu-west-1".into());
    let call = decide(&view);
    view.apply_answer(&call, Answer::Created(ID.into()), now());
    assert_eq!(view.memory.region, Some("us-east-1".into()));

    let mut refused = listed();
    refused.memory.region = Some("us-east-1".into());
    refused.desired.region = Some("eu-west-1".into());
    let intend = decide(&refused);
    refused.record(&intend, now());
    assert_eq!(refused.memory.region, Some("us-east-1".into()));
}

#[test]
fn an_organization_completed_within_the_second_of_the_intent_is_not_older_than_it() {
    let mut view = listed();
    let intend = decide(&view);
    let late = now() + k8s_openapi::jiff::SignedDuration::from_millis(900);
    view.record(&intend, late);
    assert!(view.memory.pending.unwrap().since <= late);
}

#[test]
fn what_was_described_before_a_listing_is_not_taken_for_what_it_lists() {
    let mut view = existing(&State::Active);
    let look = Action::Read(Read::Organization(ID.into()));
    let seen = Answer::Organization(Reading::Seen(described(&State::Active)));
    view.apply_answer(&look, seen, now());
    let look = Action::Read(Read::Tags(ID.into()));
    view.apply_answer(&look, Answer::Tags(Tags::Shown(marks())), now());
    let listing = view.observed.listing.clone().unwrap();
    let look = Action::Read(Read::Listing { fresh: true });
    view.apply_answer(&look, Answer::Listing(listing), now());
    assert_eq!(view.observed.organization, Reading::NotRead);
    assert_eq!(view.observed.tags, None);
}

#[test]
fn a_search_after_a_refusal_begins_with_a_listing_begun_after_it() {
    let mut view = creating();
    view.facts.attempts_answered = false;
    view.observed.listing.as_mut().unwrap().fresh = true;
    let call = decide(&view);
    let answer = refused("NameAvailabilityException");
    view.apply_answer(
        &call,
        trouble(Operation::CreateOrganization, &answer),
        now(),
    );
    assert_eq!(decide(&view), Action::Read(Read::Listing { fresh: true }));
}

#[test]
fn an_intent_is_free_of_unanswered_attempts_only_once_it_is_recorded() {
    let mut view = listed();
    let intend = decide(&view);
    view.record(&intend, now());
    assert!(!view.facts.attempts_answered, "another may be recorded");
    let save = decide(&view);
    view.apply_answer(&save, Answer::Saved, now());
    assert!(view.facts.attempts_answered);
}

#[test]
fn a_refusal_clears_the_intent_only_if_every_earlier_attempt_was_answered() {
    for answered in [true, false] {
        let mut view = creating();
        view.facts.attempts_answered = answered;
        let call = decide(&view);
        let answer = refused("LimitExceededException");
        view.apply_answer(
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
    view.apply_answer(
        &call,
        trouble(Operation::CreateOrganization, &ErrorKind::Throttled),
        now(),
    );
    assert!(view.facts.attempts_answered);
    view.apply_answer(
        &call,
        trouble(Operation::CreateOrganization, &ErrorKind::TimedOut),
        now(),
    );
    assert!(!view.facts.attempts_answered);
}

/// A create with a bad domain is recorded; then the user removes the domain.
fn corrected(attempts_answered: bool) -> View {
    let mut view = listed();
    view.desired.input.domains = vec![DomainSpec {
        domain_name: "bad.example".into(),
        hosted_zone_id: None,
    }];
    for _ in 0..9 {
        match decide(&view) {
            Action::Call(_) => break,
            action @ Action::Save(_) => view.apply_answer(&action, Answer::Saved, now()),
            action => view.record(&action, now()),
        }
    }
    view.desired.input.domains.clear();
    view.desired.generation += 1;
    view.facts.attempts_answered = attempts_answered;
    view
}

/// AWS refuses a create with domains; nothing has the alias, which was seen twice or once.
fn refuses_domains(confirmed: bool) -> impl Fn(&Action) -> Option<Answer> {
    move |action| match action {
        Action::Call(Call::Create { input, .. }) if !input.domains.is_empty() => {
            let refusal = refused("InvalidParameterException");
            Some(trouble(Operation::CreateOrganization, &refusal))
        }
        Action::Read(Read::Listing { .. }) => Some(Answer::Listing(Listing {
            deleted: None,
            by_id: None,
            by_alias: Presence::Absent { confirmed },
            fresh: true,
            deletion_failed: false,
        })),
        _ => None,
    }
}

#[test]
fn a_corrected_spec_is_sent_once_the_recorded_create_is_refused() {
    let (_, view) = rest_with(corrected(true), refuses_domains(false));
    assert_eq!(view.memory.organization_id, Some(ID.into()));
}

/// An earlier attempt may have gone through: the recorded create is repeated until the alias is known
/// to be absent. Its refusal says nothing of the spec as it is now.
#[test]
fn the_refusal_of_an_older_spec_is_not_told_of_the_present_one() {
    let view = corrected(false);
    let (outcome, view) = rest_with(view, refuses_domains(false));
    assert_eq!(outcome, Outcome::Unconfirmed);
    assert!(view.memory.pending.is_some());
    let view = next(view, &outcome);
    let (_, view) = rest_with(view, refuses_domains(true));
    assert_eq!(view.memory.organization_id, Some(ID.into()));
}

#[test]
fn the_refusal_of_an_older_spec_is_not_told_where_somebody_else_has_the_alias_now() {
    let view = corrected(false);
    let theirs = |action: &Action| match action {
        Action::Read(Read::Listing { .. }) => Some(Answer::Listing(Listing {
            deleted: None,
            by_id: None,
            by_alias: Presence::Present(row(&State::Active)),
            fresh: true,
            deletion_failed: false,
        })),
        Action::Read(Read::Tags(_)) => {
            let mut tags = marks();
            tags.insert("workmail-operator.dev/cluster".into(), "elsewhere".into());
            Some(Answer::Tags(Tags::Shown(tags)))
        }
        action => refuses_domains(false)(action),
    };
    let (outcome, _) = rest_with(view, theirs);
    let Outcome::Failed(failure) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.reason, Reason::OwnershipConflict);
}

/// The create is answered with this refusal.
fn refuse(mut view: View) -> View {
    let call = decide(&view);
    let answer = refused("AccessDeniedException");
    view.apply_answer(
        &call,
        trouble(Operation::CreateOrganization, &answer),
        now(),
    );
    view
}

/// What is written to status once the reconcile rests.
fn written(view: View) -> Memory {
    let (outcome, view) = rest_with(view, |action| panic!("{action:?}"));
    report(&view, &outcome).memory
}

#[test]
fn after_a_refused_first_create_other_credentials_and_another_region_work() {
    let memory = written(refuse(creating()));
    assert_eq!(memory, Memory::default(), "nothing was left behind");
    let mut view = fresh();
    view.desired.region = Some("eu-west-1".into());
    let (_, view) = rest_with(view, |action| match action {
        Action::Read(Read::Account) => Some(Answer::Account("222222222222".into())),
        _ => None,
    });
    assert_eq!(view.memory.organization_id, Some(ID.into()));
    assert_eq!(view.memory.account, Some("222222222222".into()));
    assert_eq!(view.memory.region, Some("eu-west-1".into()));
}

#[test]
fn after_a_refusal_account_and_region_stay_while_an_earlier_attempt_is_unanswered() {
    let mut view = creating();
    view.facts.attempts_answered = false;
    let recorded = view.memory.clone();
    assert!(recorded.account.is_some() && recorded.region.is_some());
    assert_eq!(refuse(view).memory, recorded);
}

#[test]
fn what_was_listed_in_the_region_of_a_refused_create_says_nothing_of_another() {
    let mut view = creating();
    view.desired.region = Some("eu-west-1".into());
    let view = refuse(view);
    assert_eq!(view.observed.listing, None);
    assert_eq!(decide(&view), Action::Read(Read::Listing { fresh: false }));
}

#[test]
fn an_organization_is_young_from_the_answer_to_its_create_and_an_adopted_one_is_not() {
    let later = now() + k8s_openapi::jiff::SignedDuration::from_secs(9);
    let mut view = creating();
    let call = decide(&view);
    view.apply_answer(&call, Answer::Created(ID.into()), later);
    assert_eq!(view.memory.created_at, Some(later));
    assert!(view.facts.young);

    let claimed = |origin| {
        let mut view = listed();
        view.record(&Action::Claim(ID.into(), origin), later);
        (view.memory.created_at, view.facts.young)
    };
    assert_eq!(
        claimed(Origin::Created),
        (Some(later), true),
        "it was pending"
    );
    assert_eq!(claimed(Origin::Adopted), (None, false));
}
