//! The shape of the conditions: as kstatus reads them, and as they last.

use std::collections::BTreeMap;

use rstest::rstest;
use workmail_operator::{
    api::{ConditionStatus as Status, ConditionType as Kind, Reason},
    logic::{
        ErrorKind, Failure, Operation,
        organization::{
            Action, Answer, Call, OrganizationState as State, Outcome, Phase, Presence, Read,
            Report, SaveAs, Tags, View, decide, keep, report,
        },
    },
};

use crate::views::{
    condition, creating, deleting, existing, fresh, listed, next, now, ready, rest, rest_with,
    status, trouble,
};

fn shape(report: &Report) -> (Option<Status>, Option<Status>, Option<Status>) {
    (
        status(report, Kind::Ready),
        status(report, Kind::Reconciling),
        status(report, Kind::Stalled),
    )
}

fn failure(reason: Reason) -> Outcome {
    Outcome::Failed(Failure::of(reason, "", "what happened"))
}

#[test]
fn every_reason_has_a_shape_that_kstatus_reads_as_its_class_says() {
    use workmail_operator::api::Class;
    for reason in Reason::ALL {
        let shape = shape(&report(&fresh(), &failure(*reason)));
        let expected = match reason.class() {
            Class::Terminal => (Some(Status::False), None, Some(Status::True)),
            Class::Recoverable | Class::Transient | Class::InProgress => {
                (Some(Status::False), Some(Status::True), None)
            }
            Class::Good => continue,
        };
        assert_eq!(shape, expected, "{reason}");
    }
}

#[test]
fn work_on_its_way_is_reconciling_and_a_good_end_is_ready_and_nothing_else() {
    let outcome = Outcome::Progress {
        phase: Phase::Creating,
        message: "AWS is at it.".into(),
    };
    let progress = report(&existing(&State::Creating), &outcome);
    assert_eq!(
        shape(&progress),
        (Some(Status::False), Some(Status::True), None)
    );
    let active = report(&existing(&State::Active), &Outcome::Active);
    assert_eq!(shape(&active), (Some(Status::True), None, None));
    assert_eq!(status(&active, Kind::Synced), Some(Status::True));
    assert_eq!(status(&active, Kind::EndOfService), Some(Status::False));
    let end = condition(&active, Kind::EndOfService).unwrap();
    assert!(end.message.contains("2027-03-31"), "{end:?}");
}

#[test]
fn every_report_speaks_of_the_generation_it_looked_at() {
    let mut view = existing(&State::Active);
    view.desired.generation = 7;
    let report = report(&view, &Outcome::Active);
    assert_eq!(report.observed_generation, Some(7));
    assert!(
        report
            .verdicts
            .iter()
            .all(|verdict| verdict.generation == 7)
    );
}

#[test]
fn an_intent_is_written_with_the_conditions_as_they_were() {
    let view = ready();
    let kept = keep(&view, SaveAs::Intent);
    assert_eq!(kept.verdicts, view.previous);
    assert_eq!(kept.observed_generation, view.observed_generation);
    let first = keep(&listed(), SaveAs::Intent);
    assert_eq!(
        shape(&first),
        (Some(Status::False), Some(Status::True), None)
    );
}

#[test]
fn the_id_of_an_answered_create_is_written_with_the_state_requested() {
    let mut view = creating();
    let call = decide(&view);
    view.apply_answer(&call, Answer::Created(crate::views::ID.into()), now());
    assert_eq!(decide(&view), Action::Save(SaveAs::Answer));
    let kept = keep(&view, SaveAs::Answer);
    assert_eq!(kept.memory.organization_id, Some(crate::views::ID.into()));
    assert_eq!(kept.memory.pending, None);
    assert_eq!(kept.shown.state, Some(State::Requested));
    assert_eq!(condition(&kept, Kind::Ready).unwrap().reason, "Requested");
}

fn unreachable(view: View) -> (Outcome, View) {
    rest_with(
        View {
            observed: workmail_operator::logic::organization::Observed::default(),
            ..view
        },
        |_| Some(trouble(Operation::ListOrganizations, &ErrorKind::Throttled)),
    )
}

#[test]
fn a_failure_to_look_leaves_a_ready_generation_untouched_for_15_minutes_and_then_unknown() {
    let before = ready();
    let (outcome, view) = unreachable(before.clone());
    let untouched = report(&view, &outcome);
    assert_eq!(untouched.verdicts, before.previous);
    assert_eq!(untouched.observed_generation, before.observed_generation);
    assert!(untouched.notes.is_empty());

    let mut long = before;
    long.facts.unreachable_for_long = true;
    let (outcome, view) = unreachable(long);
    let unknown = report(&view, &outcome);
    let ready = condition(&unknown, Kind::Ready).unwrap();
    assert_eq!(
        (ready.status, ready.reason.as_str()),
        (Status::Unknown, "Throttled")
    );
    assert_eq!(status(&unknown, Kind::Reconciling), Some(Status::True));

    let (outcome, view) = unreachable(next(view, &outcome));
    assert_eq!(
        report(&view, &outcome).verdicts,
        unknown.verdicts,
        "it stays so"
    );
}

/// Credentials of another account read nothing of this organization.
#[test]
fn credentials_of_another_account_leave_a_ready_generation_untouched_for_15_minutes() {
    let others = |mut view: View| {
        view.observed = workmail_operator::logic::organization::Observed::default();
        rest_with(view, |action| match action {
            Action::Read(Read::Account) => Some(Answer::Account("222222222222".into())),
            action => panic!("{action:?}"),
        })
    };
    let before = ready();
    let (outcome, view) = others(before.clone());
    let untouched = report(&view, &outcome);
    assert_eq!(untouched.verdicts, before.previous);
    assert!(untouched.notes.is_empty());

    let mut long = before;
    long.facts.unreachable_for_long = true;
    let (outcome, view) = others(long);
    let unknown = report(&view, &outcome);
    let ready = condition(&unknown, Kind::Ready).unwrap();
    assert_eq!(
        (ready.status, ready.reason.as_str()),
        (Status::Unknown, "AccountMismatch")
    );
}

#[test]
fn a_failure_to_look_is_told_at_once_of_a_generation_that_was_never_ready() {
    let mut view = ready();
    view.desired.generation += 1;
    let (outcome, view) = unreachable(view);
    assert_eq!(
        shape(&report(&view, &outcome)),
        (Some(Status::False), Some(Status::True), None)
    );
}

#[rstest]
#[case::ready(ready())]
#[case::stalled(stalled())]
#[case::new(fresh())]
fn a_suspended_object_stays_as_last_seen_and_its_generation_does_not_advance(#[case] view: View) {
    let mut view = view;
    let before = view.clone();
    view.desired.suspend = true;
    view.desired.generation += 1;
    let (outcome, view) = rest_with(view, |action| panic!("{action:?}"));
    assert_eq!(outcome, Outcome::Suspended);
    let report = report(&view, &outcome);
    assert_eq!(report.observed_generation, before.observed_generation);
    assert_eq!(report.memory, before.memory);
    assert_eq!(status(&report, Kind::Suspended), Some(Status::True));
    assert_eq!(status(&report, Kind::Reconciling), None);
    assert_eq!(status(&report, Kind::Stalled), None);
    let was = before.previous.iter().find(|seen| seen.kind == Kind::Ready);
    let is = condition(&report, Kind::Ready).unwrap();
    assert!(was.is_none_or(|was| was == is), "{was:?} became {is:?}");
    assert!(report.notes.is_empty());

    let again = next(view, &outcome);
    let (outcome, again) = rest(again);
    assert_eq!(
        workmail_operator::logic::organization::report(&again, &outcome),
        report
    );
}

fn stalled() -> View {
    let (outcome, view) = rest(existing(&State::Failed));
    next(view, &outcome)
}

#[test]
fn a_suspended_condition_goes_with_its_cause() {
    let mut view = ready();
    view.desired.suspend = true;
    let (outcome, view) = rest(view);
    let mut view = next(view, &outcome);
    view.desired.suspend = false;
    let (outcome, view) = rest(view);
    assert_eq!(status(&report(&view, &outcome), Kind::Suspended), None);
}

#[test]
fn a_suspended_deletion_is_blocked_and_stalled() {
    let mut view = deleting(ready());
    view.desired.suspend = true;
    let (outcome, view) = rest(view);
    let report = report(&view, &outcome);
    assert_eq!(
        shape(&report),
        (Some(Status::False), None, Some(Status::True))
    );
    assert_eq!(
        condition(&report, Kind::Ready).unwrap().reason,
        "DeletionBlocked"
    );
    assert_eq!(status(&report, Kind::Suspended), Some(Status::True));
}

#[test]
fn ready_is_false_in_every_status_of_a_deletion_under_policy_delete() {
    let view = deleting(ready());
    for save in [SaveAs::Intent, SaveAs::Answer] {
        assert_eq!(status(&keep(&view, save), Kind::Ready), Some(Status::False));
    }
    let failed_to_look = Failure::of_read(Reason::Throttled, "", "throttled");
    for outcome in [
        Outcome::Unconfirmed,
        Outcome::Searching,
        Outcome::Checking,
        Outcome::Failed(failed_to_look),
        failure(Reason::DeletionBlocked),
        failure(Reason::AccountMismatch),
    ] {
        // Even if the API server had not counted the deletion as a generation.
        for generation in [view.desired.generation, 1] {
            let mut view = view.clone();
            view.desired.generation = generation;
            let report = report(&view, &outcome);
            assert_eq!(
                status(&report, Kind::Ready),
                Some(Status::False),
                "{outcome:?}"
            );
        }
    }
}

#[test]
fn an_accepted_deletion_is_deleting_even_while_the_list_lags_behind() {
    let (outcome, view) = rest(deleting(ready()));
    let report = report(&view, &outcome);
    assert_eq!(report.shown.state, Some(State::Deleting));
    assert_eq!(condition(&report, Kind::Ready).unwrap().reason, "Deleting");
    assert_eq!(report.memory.pending, None);
    let view = next(view, &outcome);
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Call(call) => panic!("asked for twice: {call:?}"),
        _ => None,
    });
    assert_eq!(
        workmail_operator::logic::organization::report(&view, &outcome),
        report
    );
}

#[test]
fn after_the_end_of_the_service_nothing_is_known_any_more() {
    let mut view = ready();
    view.facts.ended = true;
    let (outcome, view) = rest_with(view, |action| panic!("{action:?}"));
    let report = report(&view, &outcome);
    assert_eq!(status(&report, Kind::Ready), Some(Status::Unknown));
    assert_eq!(status(&report, Kind::EndOfService), Some(Status::True));
}

#[test]
fn what_proves_nothing_says_nothing_new_but_something_is_always_said() {
    let before = ready();
    assert_eq!(
        report(&before, &Outcome::Unconfirmed).verdicts,
        before.previous
    );
    for outcome in [Outcome::Unconfirmed, Outcome::Gone] {
        let report = report(&fresh(), &outcome);
        assert_eq!(
            shape(&report),
            (Some(Status::False), Some(Status::True), None)
        );
    }
}

#[test]
fn tags_that_fit_neither_beside_each_other_nor_into_the_record_are_removed_before_others_are_set() {
    let many = |prefix: &str| -> BTreeMap<String, String> {
        (0..47)
            .map(|n| (format!("{prefix}{n}"), "x".to_owned()))
            .collect()
    };
    let mut view = existing(&State::Active);
    view.memory.managed_tag_keys = many("old").into_keys().collect();
    view.saved = view.memory.clone();
    view.desired.tags = many("new");
    let mut in_aws = crate::views::marks();
    in_aws.extend(many("old"));
    let count = std::cell::Cell::new(in_aws.len());
    let (outcome, _) = rest_with(view, |action| {
        match action {
            Action::Call(Call::Tag { tags, .. }) => count.set(count.get() + tags.len()),
            Action::Call(Call::Untag { keys, .. }) => count.set(count.get() - keys.len()),
            Action::Manage(keys) => assert!(keys.len() <= 50, "{}", keys.len()),
            Action::Read(Read::Tags(_)) => {
                return Some(Answer::Tags(Tags::Shown(in_aws.clone())));
            }
            _ => {}
        }
        assert!(count.get() <= 50, "AWS takes no more: {}", count.get());
        None
    });
    assert_eq!(outcome, Outcome::Active);
}

#[test]
fn a_whole_look_that_was_asked_for_is_done_only_once_aws_was_looked_at() {
    let mut view = ready();
    view.desired.requested = Some("now".into());
    let (outcome, seen) = rest(view.clone());
    assert_eq!(report(&seen, &outcome).handled.as_deref(), Some("now"));
    let (outcome, seen) = unreachable(view.clone());
    assert_eq!(report(&seen, &outcome).handled, None);
    view.observed.listing = None;
    view.memory.account = Some("222222222222".into());
    view.saved = view.memory.clone();
    let (outcome, seen) = rest(view);
    assert_eq!(
        report(&seen, &outcome).handled,
        None,
        "another account's credentials"
    );
}

#[test]
fn an_organization_that_is_missed_once_changes_nothing() {
    let mut view = ready();
    view.observed.listing.as_mut().unwrap().by_id = Some(Presence::Absent { confirmed: false });
    let before = view.previous.clone();
    let (outcome, view) = rest(view);
    assert_eq!(report(&view, &outcome).verdicts, before);
    assert_eq!(report(&view, &outcome).shown.state, Some(State::Active));
}
