//! An older definition of the kind is served: what objects hold in its missing fields is stored and not
//! shown, so that nothing they say can be trusted. Observe would pass for Full, and a suspended object for
//! an ordinary one.

use super::{fail, retain};
use crate::{
    api::Reason,
    logic::{
        Failure,
        organization::{Action, Policy, Read, Schema, View, action::Retained},
        text,
    },
};

/// Without this field, what the policy seems to be is not what the user wrote.
const POLICY: &str = "spec.deletionPolicy";
/// As many fields are named.
const NAMED: usize = 3;

/// Why nothing may be changed in AWS.
pub(super) fn failure(view: &View) -> Option<Failure> {
    Some(match &view.facts.schema {
        Schema::Complete => return None,
        Schema::Lacks(missing) => {
            let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            Failure::of(
                Reason::SchemaOutdated,
                "Apply the operator's CRDs first (kubectl apply --server-side -f crds/).",
                format!(
                    "The installed one lacks {}, and until it has them nothing is changed in AWS.",
                    text::first(&missing, NAMED)
                ),
            )
        }
        Schema::Unread => Failure::of_read(
            Reason::SchemaOutdated,
            "Let the operator get and watch its CustomResourceDefinition (docs/rights.md).",
            "It could not be read yet, and until then nothing is changed in AWS.",
        ),
    })
}

/// For an object that is being deleted: it goes where its organization stays in any case, else it waits.
/// `None` where the definition is as it should be, or the object does not wait for us.
pub(super) fn deleting(view: &View) -> Option<Action> {
    let failure = failure(view)?;
    if !view.desired.finalizer {
        return None;
    }
    let policy_is_shown = match &view.facts.schema {
        Schema::Complete => true,
        Schema::Lacks(missing) => missing.iter().all(|field| {
            (field.starts_with("spec.") || field.starts_with("status")) && field != POLICY
        }),
        Schema::Unread => false,
    };
    if view.desired.policy == Policy::Retain && policy_is_shown {
        return Some(retain(Retained::Policy));
    }
    if view.facts.ended {
        return Some(retain(Retained::EndOfService));
    }
    let Some(scope) = view.observed.scope else {
        return Some(Action::Read(Read::Scope));
    };
    Some(scope.retains().map_or_else(|| fail(failure), retain))
}
