//! Tags: those that mark the owner come first and alone, and what AWS refuses of them stops nothing else.

use std::cell::RefCell;

use rstest::rstest;
use workmail_operator::{
    api::{ConditionType, ManagementPolicy, Reason, TAG_CLUSTER},
    logic::{
        ErrorKind,
        organization::{
            Action, Answer, Call, OrganizationState as State, Outcome, Read, Tags, View, report,
        },
    },
};

use crate::{
    table::refused,
    views::{Row, condition, existing, next, rest_with, told, trouble},
    world::aws::TagMap,
};

/// An organization without tags, whose object has one of its own and a domain that is not there.
fn untagged() -> View {
    let mut view = existing(&State::Active);
    view.desired.tags = TagMap::from([("AWS:team".to_owned(), "mail".to_owned())]);
    view.desired.domains = ["new.example".to_owned()].into();
    view
}

fn are_marks(tags: &TagMap) -> bool {
    tags.contains_key(TAG_CLUSTER)
}

/// Follows the decisions, with AWS refusing some calls; gives the calls, and where it rests.
fn calls(view: View, refuses: impl Fn(&Call) -> Option<ErrorKind>) -> (Vec<String>, Outcome, View) {
    let asked = RefCell::new(Vec::new());
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(TagMap::new()))),
        Action::Call(call) => {
            asked.borrow_mut().push(call.to_string());
            refuses(call).map(|answer| trouble(call.operation(), &answer))
        }
        _ => None,
    });
    (asked.into_inner(), outcome, view)
}

const MARK: &str = "TagResource workmail-operator.dev/cluster, workmail-operator.dev/name, \
                    workmail-operator.dev/namespace";

#[test]
fn ownership_tags_have_a_call_of_their_own_and_come_first() {
    let (asked, outcome, _) = calls(untagged(), |_| None);
    let expected = [
        MARK,
        "TagResource AWS:team",
        "RegisterMailDomain new.example",
    ];
    assert_eq!(asked, expected);
    assert_eq!(outcome, Outcome::Active);
}

#[test]
fn a_user_tag_that_aws_refuses_leaves_no_organization_unmarked_and_keeps_no_domain_waiting() {
    let (asked, outcome, view) = calls(untagged(), |call| match call {
        Call::Tag { tags, .. } if !are_marks(tags) => Some(refused("InvalidParameterException")),
        _ => None,
    });
    let expected = [
        MARK,
        "TagResource AWS:team",
        "RegisterMailDomain new.example",
    ];
    assert_eq!(asked, expected, "each is asked for once");
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::InvalidParameter)
    );
    let report = report(&view, &outcome);
    let ready = condition(&report, ConditionType::Ready).unwrap();
    assert!(ready.message.contains("the text of AWS"), "{ready:?}");
    let drift: Vec<_> = report
        .shown
        .drift
        .iter()
        .map(|one| one.path.to_string())
        .collect();
    assert_eq!(drift, ["spec.tags[AWS:team]"], "what was written is none");
}

#[rstest]
#[case("AccessDeniedException", Reason::AccessDenied)]
#[case("TooManyTagsException", Reason::TooManyTags)]
fn ownership_tags_that_aws_refuses_keep_no_domain_waiting(
    #[case] code: &str,
    #[case] reason: Reason,
) {
    let (asked, outcome, _) = calls(untagged(), |call| {
        matches!(call, Call::Tag { .. }).then(|| refused(code))
    });
    let expected = [
        MARK,
        "TagResource AWS:team",
        "RegisterMailDomain new.example",
    ];
    assert_eq!(asked, expected);
    assert!(
        matches!(&outcome, Outcome::Failed(failure) if failure.reason == reason),
        "{outcome:?}"
    );
}

#[test]
fn a_claim_that_aws_refuses_is_followed_by_nothing() {
    let mut view = untagged();
    let gone = [("cluster", "prod"), ("namespace", "mail"), ("name", "gone")];
    let gone = gone.map(|(key, value)| (format!("workmail-operator.dev/{key}"), value.to_owned()));
    view.observed.tags = Some(Tags::Shown(gone.into()));
    view.observed.owner_lives = Some(false);
    let (asked, outcome, _) = calls(view, |_| Some(refused("AccessDeniedException")));
    assert_eq!(asked, ["TagResource workmail-operator.dev/name"]);
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
}

#[test]
fn a_tag_that_aws_does_not_remove_makes_no_room_for_another() {
    let mut view = existing(&State::Active);
    let key = |number| format!("left-{number}");
    view.memory.managed_tag_keys = (0..47).map(key).collect();
    view.saved = view.memory.clone();
    view.desired.tags = (0..47)
        .map(|number| (number.to_string(), "new".to_owned()))
        .collect();
    let there = (0..47).map(|number| (key(number), "old".to_owned()));
    let there: TagMap = there.chain(crate::views::marks()).collect();
    let (_, view) = rest_with(view, |action| match action {
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(there.clone()))),
        Action::Call(call) => Some(trouble(call.operation(), &refused("AccessDeniedException"))),
        _ => None,
    });
    assert_eq!(
        view.memory.managed_tag_keys.len(),
        47,
        "the record holds 50"
    );
}

#[test]
fn what_observe_plans_of_tags_is_what_full_calls() {
    let mut view = untagged();
    view.desired.management = ManagementPolicy::Observe;
    let (asked, outcome, view) = calls(view, |_| None);
    assert!(asked.is_empty(), "{asked:?}");
    let planned = report(&view, &outcome).shown.planned_calls;
    let expected = [
        MARK,
        "TagResource AWS:team",
        "RegisterMailDomain new.example",
    ];
    assert_eq!(planned, expected);
    assert!(matches!(outcome, Outcome::Observed(Some(_))));
}

#[test]
fn what_was_refused_is_asked_for_again_by_the_next_reconcile() {
    let refuse = |call: &Call| match call {
        Call::Tag { tags, .. } if !are_marks(tags) => Some(refused("InvalidParameterException")),
        _ => None,
    };
    let (_, outcome, view) = calls(untagged(), refuse);
    let (asked, outcome, _) = calls(next(view, &outcome), |_| None);
    assert!(
        asked.contains(&"TagResource AWS:team".to_owned()),
        "{asked:?}"
    );
    assert_eq!(outcome, Outcome::Active);
}
