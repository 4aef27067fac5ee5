//! What follows from tags that AWS does not show: nothing about the owner. And what is remembered of whom
//! they named when they were last read.

use std::{cell::Cell, time::Duration};

use rstest::rstest;
use workmail_operator::{
    api::{AdoptionPolicy, Origin, Reason, SeenOwner},
    logic::{
        Failure, Operation, OrganizationId, Retry,
        organization::{
            Action, Answer, Call, Listing, Organization, OrganizationState as State, Outcome,
            Presence, Read, Reading, Tags, View,
        },
    },
};

use crate::{
    table::refused,
    views::{
        ID, Row, creating, deleting, described, existing, listed, marks, next, now, rest,
        rest_with, row, told, trouble,
    },
    world::aws::TagMap,
};

const SOON: Retry = Retry::Backoff {
    first: Duration::from_secs(5),
    most: Duration::from_mins(1),
};

fn tags_of(cluster: &str) -> TagMap {
    let mut tags = marks();
    tags.insert("workmail-operator.dev/cluster".into(), cluster.into());
    tags
}

/// Whom tags of this cluster named; nobody without one.
fn seen(cluster: Option<&str>) -> SeenOwner {
    SeenOwner {
        cluster: cluster.map(str::to_owned),
        namespace: cluster.map(|_| "mail".into()),
        name: cluster.map(|_| "acme".into()),
        seen_at: now(),
    }
}

/// Its deletion is asked for, and the tags named this owner when they were last read.
fn leaving(state: &State, owner: Option<SeenOwner>) -> View {
    let mut view = deleting(existing(state));
    view.memory.owner = owner;
    view.saved = view.memory.clone();
    view
}

fn is_or_was_active(state: &State) -> Organization {
    Organization {
        completed_date: Some(now()),
        ..described(state)
    }
}

/// Reads this description, and hidden tags. Gives whether the organization was deleted, too.
fn with_hidden_tags(view: View, organization: &Organization) -> (Outcome, View, bool) {
    let deleted = Cell::new(false);
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Read(Read::Organization(_)) => {
            Some(Answer::Organization(Reading::Seen(organization.clone())))
        }
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Hidden)),
        Action::Call(Call::Delete(_)) => {
            deleted.set(true);
            None
        }
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    });
    (outcome, view, deleted.get())
}

fn failure(outcome: &Outcome) -> &Failure {
    let Outcome::Failed(failure) = outcome else {
        panic!("{outcome:?}")
    };
    failure
}

#[rstest]
fn an_organization_whose_hidden_tags_last_named_this_resource_is_deleted(
    #[values(State::Impaired, State::Inactive, State::Failed, State::Other("Resting".into()))]
    state: State,
    #[values("prod", "old-prod")] cluster: &str,
) {
    let view = leaving(&state, Some(seen(Some(cluster))));
    let (_, _, deleted) = with_hidden_tags(view, &is_or_was_active(&state));
    assert!(deleted);
}

#[rstest]
#[case::another_cluster(
    Some(seen(Some("elsewhere"))),
    "WorkMailOrganization mail/acme of cluster elsewhere"
)]
#[case::the_uid_of_a_copied_cluster(
    Some(seen(Some("11111111-2222-3333-4444-555555555555"))),
    "11111111-2222"
)]
#[case::nobody(Some(seen(None)), "nobody")]
#[case::never_read(None, "never read")]
fn an_organization_whose_hidden_tags_did_not_last_name_this_resource_is_not_deleted(
    #[case] owner: Option<SeenOwner>,
    #[case] named: &str,
) {
    for state in [State::Impaired, State::Inactive, State::Failed] {
        let view = leaving(&state, owner.clone());
        let (outcome, view, deleted) = with_hidden_tags(view, &is_or_was_active(&state));
        assert!(!deleted, "{state:?}");
        assert_eq!(
            told(&view, &outcome),
            Row::terminal(Reason::DeletionBlocked)
        );
        let message = &failure(&outcome).message();
        for part in ["Wait until", ID, "delete it in AWS", named, "Retain"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert_eq!(view.memory.pending, None, "nothing was intended");
    }
}

#[test]
fn a_creation_that_failed_is_deleted_although_its_tags_were_never_read() {
    let view = leaving(&State::Failed, None);
    let (_, _, deleted) = with_hidden_tags(view, &described(&State::Failed));
    assert!(deleted);
}

#[rstest]
#[case::it_was_not_created_by_this_resource(|view: &mut View| {
    view.memory.origin = Some(Origin::Adopted);
})]
#[case::it_was_active_when_it_was_seen_before(|view: &mut View| {
    view.shown.completed_date = Some(now());
})]
fn what_may_have_been_tagged_is_not_deleted_although_it_has_no_completed_date(
    #[case] change: fn(&mut View),
) {
    let mut view = leaving(&State::Failed, None);
    change(&mut view);
    view.saved = view.memory.clone();
    let (outcome, _, deleted) = with_hidden_tags(view, &described(&State::Failed));
    assert!(!deleted);
    assert_eq!(failure(&outcome).reason, Reason::DeletionBlocked);
}

/// `DescribeOrganization` says Active, and `ListTagsForResource` then refuses for the state.
#[rstest]
fn an_organization_that_is_active_in_one_answer_and_hides_its_tags_in_the_next_is_not_deleted(
    #[values(None, Some(seen(Some("prod"))), Some(seen(Some("elsewhere"))))] owner: Option<
        SeenOwner,
    >,
    #[values(false, true)] has_date: bool,
) {
    let view = leaving(&State::Active, owner);
    let described = if has_date {
        is_or_was_active(&State::Active)
    } else {
        described(&State::Active)
    };
    let (outcome, view, deleted) = with_hidden_tags(view, &described);
    assert!(!deleted);
    let row = Row {
        retry: SOON,
        ..Row::terminal(Reason::DeletionBlocked)
    };
    assert_eq!(told(&view, &outcome), row);
}

#[test]
fn whom_the_tags_name_is_remembered_and_reading_them_again_changes_nothing() {
    let (outcome, view) = rest(existing(&State::Active));
    assert_eq!(outcome, Outcome::Active);
    assert_eq!(view.memory.owner, Some(seen(Some("prod"))));
    let mut again = next(view, &outcome);
    again.facts.full_read_due = true;
    let before = again.memory.clone();
    let later = now() + Duration::from_hours(1);
    let tags = Action::Read(Read::Tags(OrganizationId::from(ID)));
    again.apply_answer(&tags, Answer::Tags(Tags::Shown(marks())), later);
    assert_eq!(again.memory, before, "only the time is another");
    again.apply_answer(&tags, Answer::Tags(Tags::Hidden), later);
    assert_eq!(again.memory, before, "hidden tags name nobody anew");
    again.apply_answer(&tags, Answer::Tags(Tags::Shown(TagMap::new())), later);
    let nobody = SeenOwner {
        seen_at: later,
        ..seen(None)
    };
    assert_eq!(again.memory.owner, Some(nobody));
}

#[test]
fn ownership_tags_that_are_written_back_leave_what_is_remembered_as_it_was() {
    let (outcome, view) = rest(existing(&State::Active));
    let mut again = next(view, &outcome);
    again.facts.full_read_due = true;
    let before = again.memory.clone();
    let later = now() + Duration::from_hours(1);
    let tags = Action::Read(Read::Tags(OrganizationId::from(ID)));
    again.apply_answer(&tags, Answer::Tags(Tags::Shown(TagMap::new())), later);
    assert_ne!(again.memory, before, "they name nobody");
    again.apply_answer(&tags, Answer::Tagged(marks()), later);
    assert_eq!(again.memory, before);
}

#[test]
fn a_claim_over_another_owner_is_remembered_as_ours_only_once_it_was_read_again() {
    let mut view = existing(&State::Active);
    view.desired.take_over = Some("elsewhere/mail/acme".into());
    view.facts.new_consent = true;
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(tags_of("elsewhere")))),
        _ => None,
    });
    assert_eq!(outcome, Outcome::Claiming);
    assert_eq!(view.memory.owner, Some(seen(Some("elsewhere"))));
    let mut again = next(view, &outcome);
    again.facts.unproven_claim = false;
    let (_, again) = rest(again);
    assert_eq!(again.memory.owner, Some(seen(Some("prod"))));
}

#[test]
fn the_owner_that_was_seen_is_not_remembered_of_another_organization() {
    let mut view = creating();
    view.memory.owner = Some(seen(Some("elsewhere")));
    view.saved = view.memory.clone();
    let (_, view) = rest_with(view, |action| match action {
        Action::Read(Read::Tags(_)) => panic!("it is only Requested"),
        _ => None,
    });
    assert_eq!(view.memory.organization_id, Some(OrganizationId::from(ID)));
    assert_eq!(view.memory.owner, None);

    let mut gone = listed();
    gone.memory.owner = Some(seen(Some("elsewhere")));
    let listing = gone.observed.listing.clone().unwrap();
    let look = Action::Read(Read::Listing { fresh: false });
    gone.apply_answer(&look, Answer::Listing(listing), now());
    assert_eq!(gone.memory.owner, None, "nothing has the alias any more");
}

/// An organization of this state, which nobody asked to adopt, has the alias.
fn taken(state: &State) -> View {
    let mut view = listed();
    let listing = view.observed.listing.as_mut().unwrap();
    listing.by_alias = Presence::Present(row(state));
    view
}

/// It is older than the object.
fn old(state: &State) -> Organization {
    Organization {
        completed_date: now().checked_sub(Duration::from_hours(1)).ok(),
        ..described(state)
    }
}

#[test]
fn hidden_tags_are_not_told_as_no_owner_and_nobody_is_told_to_write_tags() {
    for state in [State::Impaired, State::Inactive, State::Failed] {
        let (outcome, view, _) = with_hidden_tags(taken(&state), &old(&state));
        assert_eq!(told(&view, &outcome), Row::terminal(Reason::AlreadyExists));
        let message = &failure(&outcome).message();
        assert!(message.contains(ID) && message.contains(state.as_str()));
        for part in ["no owner", "workmail-operator.dev/"] {
            assert!(!message.contains(part), "{message}");
        }
    }
    for state in [State::Active, State::Validating] {
        let (outcome, view, _) = with_hidden_tags(taken(&state), &old(&state));
        let row = Row::transient(Reason::OrganizationBusy, SOON);
        assert_eq!(told(&view, &outcome), row, "{state:?} is over soon");
    }
}

#[rstest]
#[case::create(AdoptionPolicy::Create, Row::transient(Reason::OrganizationBusy, SOON))]
#[case::adopt_or_create(
    AdoptionPolicy::AdoptOrCreate,
    Row::transient(Reason::OrganizationBusy, SOON)
)]
#[case::adopt(
    AdoptionPolicy::Adopt,
    Row::recoverable(
        Reason::NotFound,
        Retry::Backoff { first: Duration::from_secs(30), most: Duration::from_mins(15) }
    )
)]
fn an_organization_that_is_being_deleted_holds_nobody_up_for_an_hour(
    #[case] adoption: AdoptionPolicy,
    #[case] told_as: Row,
) {
    for mut view in [taken(&State::Deleting), taken(&State::Active)] {
        view.desired.adoption = adoption;
        let (outcome, view) = rest_with(view, |action| match action {
            Action::Read(Read::Organization(_)) => {
                Some(Answer::Organization(Reading::Seen(old(&State::Deleting))))
            }
            Action::Read(Read::Tags(_)) | Action::Intend(_) => panic!("{action:?}"),
            _ => None,
        });
        assert_eq!(told(&view, &outcome), told_as);
        assert!(failure(&outcome).message().contains("AWS is deleting"));
    }
}

#[rstest]
#[case::not_there(Reading::Absent)]
#[case::deleted(Reading::Seen(old(&State::Deleted)))]
fn a_create_follows_at_once_when_the_organization_that_had_the_alias_is_gone(
    #[case] described: Reading<Organization>,
) {
    let (_, view) = rest_with(taken(&State::Deleting), |action| match action {
        Action::Read(Read::Organization(_)) => Some(Answer::Organization(described.clone())),
        _ => None,
    });
    assert_eq!(view.memory.origin, Some(Origin::Created));
}

#[test]
fn a_create_does_not_follow_while_the_list_shows_the_organization_that_is_gone() {
    let (outcome, view) = rest_with(taken(&State::Deleting), |action| match action {
        Action::Read(Read::Organization(_)) => Some(Answer::Organization(Reading::Absent)),
        Action::Read(Read::Listing { fresh: true }) => Some(Answer::Listing(Listing {
            by_id: None,
            by_alias: Presence::Present(row(&State::Deleting)),
            deleted: None,
            fresh: true,
            deletion_failed: false,
        })),
        Action::Intend(_) | Action::Call(_) => panic!("{action:?}"),
        _ => None,
    });
    assert_eq!(outcome, Outcome::Unconfirmed);
    assert_eq!(view.memory.pending, None);
}

#[test]
fn a_refused_create_is_not_stalled_by_an_organization_that_is_being_deleted() {
    let (outcome, view) = rest_with(creating(), |action| match action {
        Action::Call(Call::Create { .. }) => Some(trouble(
            Operation::CreateOrganization,
            &refused("NameAvailabilityException"),
        )),
        Action::Read(Read::Listing { fresh: true }) => Some(Answer::Listing(Listing {
            by_id: None,
            by_alias: Presence::Present(row(&State::Deleting)),
            deleted: None,
            fresh: true,
            deletion_failed: false,
        })),
        Action::Read(Read::Organization(_)) => {
            Some(Answer::Organization(Reading::Seen(old(&State::Deleting))))
        }
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Hidden)),
        _ => None,
    });
    let row = Row::transient(Reason::OrganizationBusy, SOON);
    assert_eq!(told(&view, &outcome), row);
}

/// A create is pending whose answer is not known, and an organization that was Active since has the alias.
fn found(state: &State, action: &Action) -> Option<Answer> {
    Some(match action {
        Action::Read(Read::Listing { .. }) => Answer::Listing(Listing {
            by_id: None,
            by_alias: Presence::Present(row(state)),
            deleted: None,
            fresh: true,
            deletion_failed: false,
        }),
        Action::Read(Read::Organization(_)) => {
            Answer::Organization(Reading::Seen(is_or_was_active(state)))
        }
        Action::Read(Read::Tags(_)) => Answer::Tags(Tags::Hidden),
        Action::Call(Call::Create { .. }) => trouble(
            Operation::CreateOrganization,
            &refused("NameAvailabilityException"),
        ),
        _ => return None,
    })
}

#[test]
fn what_may_have_been_tagged_since_is_not_claimed_as_the_organization_of_a_pending_create() {
    let soon = Row::transient(Reason::OrganizationBusy, SOON);
    let stalled = Row::terminal(Reason::AlreadyExists);
    for (state, row) in [(State::Validating, soon), (State::Failed, stalled)] {
        let mut view = creating();
        view.facts.attempts_answered = false;
        let (outcome, view) = rest_with(view, |action| found(&state, action));
        assert_eq!(view.memory.organization_id, None);
        assert!(view.memory.pending.is_some(), "it may still be ours");
        assert_eq!(told(&view, &outcome), row);
    }
}

#[test]
fn an_object_is_not_released_while_it_is_not_known_whose_the_organization_of_its_alias_is() {
    let state = State::Impaired;
    let mut view = creating();
    view.facts.attempts_answered = false;
    let (_, view) = rest_with(view, |action| found(&state, action));
    let mut view = deleting(view);
    view.observed.refused = None;
    view.facts.pending_expired = true;
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Call(_) | Action::RemoveFinalizer(_) => panic!("{action:?}"),
        action => found(&state, action),
    });
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::DeletionBlocked)
    );
}

fn with_directory(spec: bool, confirmed: Option<&str>) -> View {
    let mut view = deleting(existing(&State::Active));
    view.desired.input.directory_id = spec.then(|| "d-0123456789".into());
    let workmail_operator::logic::organization::Policy::Delete(how) = &mut view.desired.policy
    else {
        panic!("policy Retain")
    };
    how.delete_directory = true;
    how.organization_id = confirmed.map(str::to_owned);
    view
}

#[test]
fn a_directory_that_was_there_before_is_deleted_only_with_the_id_confirmed() {
    let (outcome, view) = rest_with(with_directory(true, None), |action| match action {
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    });
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::DeletionBlocked)
    );
    let message = &failure(&outcome).message();
    for part in ["confirmOrganizationId", ID, "d-0123456789", "Retain"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for view in [with_directory(true, Some(ID)), with_directory(false, None)] {
        let deleted = Cell::new(false);
        rest_with(view, |action| {
            deleted.set(deleted.get() | matches!(action, Action::Call(Call::Delete(_))));
            None
        });
        assert!(deleted.get());
    }
}

#[test]
fn tags_with_a_former_name_of_the_cluster_are_ours_and_are_rewritten() {
    let written = std::cell::RefCell::new(Vec::new());
    let (outcome, view) = rest_with(existing(&State::Active), |action| match action {
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(tags_of("old-prod")))),
        Action::Call(Call::Tag { tags, .. }) => {
            written.borrow_mut().push(tags.clone());
            None
        }
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    });
    assert_eq!(outcome, Outcome::Active);
    let cluster = ("workmail-operator.dev/cluster".into(), "prod".into());
    assert_eq!(written.into_inner(), [TagMap::from([cluster])]);
    assert_eq!(view.memory.owner, Some(seen(Some("prod"))));
}

#[test]
fn tags_with_the_uid_of_a_cluster_that_has_a_name_are_another_owners() {
    let (outcome, view) = rest_with(existing(&State::Active), |action| match action {
        Action::Read(Read::Tags(_)) => {
            let uid = "11111111-2222-3333-4444-555555555555";
            Some(Answer::Tags(Tags::Shown(tags_of(uid))))
        }
        Action::Call(call) => panic!("{call:?}"),
        _ => None,
    });
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::OwnershipConflict)
    );
}
