//! An older definition of the kind prunes what it does not know: Observe looks like Full, a suspended
//! object like an ordinary one.

use rstest::rstest;
use workmail_operator::{
    api::{ConditionStatus, ConditionType, Reason},
    logic::{
        Retry,
        organization::{
            Action, Delete, OrganizationState as State, Outcome, Policy, Read, Release, Retained,
            Schema, Scope, View, decide, report,
        },
    },
};

use crate::views::{Row, condition, deleting, existing, fresh, listed, ready, rest, status, told};

fn lacks(fields: &[&str]) -> Schema {
    Schema::Lacks(fields.iter().map(|field| (*field).to_owned()).collect())
}

fn with(schema: Schema, mut view: View) -> View {
    view.facts.schema = schema;
    view
}

fn row() -> Row {
    Row {
        retry: Retry::Never,
        ..Row::terminal(Reason::SchemaOutdated)
    }
}

#[rstest]
#[case::new(fresh())]
#[case::that_would_create(listed())]
#[case::that_has_an_organization(existing(&State::Active))]
#[case::that_is_ready(ready())]
fn while_the_definition_lacks_a_field_nothing_is_asked_of_aws_and_that_is_told(#[case] view: View) {
    let view = with(lacks(&["spec.managementPolicy", "spec.suspend"]), view);
    let Action::Finish(outcome) = decide(&view) else {
        panic!("it does something: {:?}", decide(&view));
    };
    assert_eq!(told(&view, &outcome), row());
    let report = report(&view, &outcome);
    let ready = condition(&report, ConditionType::Ready).unwrap();
    for text in [
        "Apply the operator's CRDs first",
        "lacks spec.managementPolicy, spec.suspend",
    ] {
        assert!(ready.message.contains(text), "{}", ready.message);
    }
    assert!(ready.message.chars().count() <= 200, "{}", ready.message);
}

#[test]
fn only_a_few_of_many_missing_fields_are_named() {
    let fields: Vec<_> = (0..40)
        .map(|number| format!("spec.field{number:02}"))
        .collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let (outcome, view) = rest(with(lacks(&fields), fresh()));
    let report = report(&view, &outcome);
    let ready = condition(&report, ConditionType::Ready).unwrap();
    assert!(
        ready.message.contains("spec.field02 and 37 more"),
        "{}",
        ready.message
    );
}

#[test]
fn a_definition_that_could_not_be_read_changes_nothing_and_leaves_a_ready_object_as_it_is() {
    let view = with(Schema::Unread, ready());
    let (outcome, view) = rest(view);
    let after = report(&view, &outcome);
    assert_eq!(
        status(&after, ConditionType::Ready),
        Some(ConditionStatus::True)
    );
    assert!(after.notes.is_empty());

    let (outcome, view) = rest(with(Schema::Unread, fresh()));
    assert_eq!(told(&view, &outcome).reason, "SchemaOutdated");
    assert_ne!(outcome.retry(), Retry::Never, "it is read again");
}

#[test]
fn the_finalizer_neither_comes_nor_goes_while_the_policy_may_be_hidden() {
    let hidden = lacks(&["spec.deletionPolicy"]);
    let mut armed = existing(&State::Active);
    armed.desired.policy = Policy::Delete(Delete::default());
    let mut disarmed = existing(&State::Active);
    disarmed.desired.finalizer = true;
    for view in [armed, disarmed] {
        let action = decide(&with(hidden.clone(), view));
        assert!(
            matches!(action, Action::Finish(Outcome::Failed(_))),
            "{action:?}"
        );
    }
}

#[test]
fn a_suspended_object_stays_as_it_was_last_seen() {
    let mut view = ready();
    view.desired.suspend = true;
    assert_eq!(
        rest(with(lacks(&["status.origin"]), view)).0,
        Outcome::Suspended
    );
}

/// What is done about an object that is being deleted, its namespace and the definition being so.
fn of_deletion(view: View, schema: Schema, scope: Scope) -> Action {
    let mut view = with(schema, view);
    assert_eq!(
        decide(&view),
        Action::Read(Read::Scope),
        "live reads come first"
    );
    view.observed.scope = Some(scope);
    decide(&view)
}

#[test]
fn a_deletion_waits_while_fields_are_hidden_and_goes_on_where_everything_goes() {
    let doomed = || deleting(existing(&State::Active));
    let hidden = || lacks(&["spec.suspend"]);
    let action = of_deletion(doomed(), hidden(), Scope::Stays);
    assert!(
        matches!(action, Action::Finish(Outcome::Failed(_))),
        "{action:?}"
    );
    for (scope, why) in [
        (Scope::NamespaceLeaves, Retained::NamespaceLeaves),
        (Scope::DefinitionLeaves, Retained::DefinitionLeaves),
    ] {
        let action = of_deletion(doomed(), hidden(), scope);
        assert_eq!(action, Action::RemoveFinalizer(Release::Retained(why)));
    }
}

#[test]
fn policy_retain_lets_an_object_go_unless_it_may_hide_another_policy() {
    let mut view = deleting(existing(&State::Active));
    view.desired.policy = Policy::Retain;
    let shown = with(lacks(&["spec.suspend"]), view.clone());
    let retained = Action::RemoveFinalizer(Release::Retained(Retained::Policy));
    assert_eq!(decide(&shown), retained);
    for hidden in [
        lacks(&["spec.deletionPolicy"]),
        lacks(&["version v1alpha1"]),
        Schema::Unread,
    ] {
        let action = of_deletion(view.clone(), hidden, Scope::Stays);
        assert!(
            matches!(action, Action::Finish(Outcome::Failed(_))),
            "{action:?}"
        );
    }
}
