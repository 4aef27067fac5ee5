//! The decision: one view in, one action out. Total and pure.
//!
//! What it must never do, whatever the view:
//! - create before a complete listing was seen, or while the listing shows the alias of somebody else;
//! - create without the recorded intent in the API server, or with another input than the recorded;
//! - conclude that something is gone from a look that failed, or from one absence;
//! - change anything in AWS while suspended, after the end of the service, with another account's
//!   credentials, while another object works on the organization, or from a view of the object that
//!   nothing in this reconcile has shown to be the latest;
//! - change anything in AWS under managementPolicy Observe;
//! - call anything in AWS without an account, or that the account's rule for the namespace does not allow;
//! - change anything in AWS, or write the object, while an older definition hides what the object says;
//! - take an organization that has an owner, or that nobody asked it to take, or keep one whose tags
//!   were not read again after the claim;
//! - deregister a domain or remove a tag that was there before, or before the record of what is managed;
//! - conclude from tags that AWS does not show that nobody owns an organization;
//! - delete without policy Delete, a confirmed alias, a standing namespace, proof of ownership, and a
//!   recorded intent;
//! - delete while an export is queued or runs, or, where exports are required, while a mailbox that counts
//!   is not exported, or that could not be read.

mod account;
mod adopt;
mod create;
mod delete;
mod endpoint;
mod existing;
mod gate;
mod hidden;
mod observe;
mod outdated;
mod owner;
mod plan;
mod states;

pub use account::forbidden;
pub(super) use account::hides;
pub use plan::planned;

use super::{
    Action, Call, Failure, Organization, OrganizationId, Outcome, Policy, Read, Region, Release,
    Summary, View, action::Retained, drift,
};
use crate::api::{Origin, Reason};

/// Decides the next step.
#[must_use]
pub fn decide(view: &View) -> Action {
    if let Some(release) = &view.observed.released {
        return rest(Outcome::Released(release.clone()));
    }
    if let Some(save) = view.unsaved() {
        return Action::Save(save);
    }
    if let Some(failure) = &view.observed.failed {
        return fail(failure.clone());
    }
    if view.desired.deleting {
        return outdated::deleting(view).unwrap_or_else(|| delete::decide(view));
    }
    let outdated = outdated::failure(view);
    match (&view.desired.policy, view.desired.finalizer) {
        // The policy may be hidden, and a write would lose it.
        _ if outdated.is_some() => {}
        (Policy::Delete(_), false) => return Action::AddFinalizer,
        (Policy::Retain, true) => return Action::RemoveFinalizer(Release::PolicyRetain),
        (Policy::Delete(_), true) | (Policy::Retain, false) => {}
    }
    if view.desired.suspend {
        return rest(Outcome::Suspended);
    }
    if view.facts.ended {
        return rest(Outcome::Ended);
    }
    if let Some(failure) = outdated {
        return fail(failure);
    }
    if let Some(action) = read_prerequisites(view) {
        return action;
    }
    if view.observes() {
        observe::decide(view)
    } else {
        manage(view)
    }
}

/// What is done under managementPolicy Full, once everything was looked at that decisions rest on.
fn manage(view: &View) -> Action {
    match view.id() {
        Some(id) => existing::decide(view, id),
        None => create::decide(view),
    }
}

/// What every decision rests on: the right account, and a complete listing.
fn read_prerequisites(view: &View) -> Option<Action> {
    if let Some(failure) = account::failure(view) {
        return Some(fail(failure));
    }
    if view.region().is_none() {
        return Some(fail(Failure::of(
            Reason::InvalidParameter,
            format!(
                "Create the resource with spec.region ({}), or start the operator with --region.",
                Region::WITH_WORKMAIL.join(", ")
            ),
            "No AWS region is known.",
        )));
    }
    let Some(account) = &view.observed.account else {
        return Some(Action::Read(Read::Account));
    };
    if let Some(failure) = account::of_another(view, account) {
        return Some(fail(failure));
    }
    if let Some(frozen) = view
        .memory
        .account
        .as_ref()
        .filter(|frozen| *frozen != account)
    {
        return Some(fail(Failure::of_read(
            Reason::AccountMismatch,
            format!("Give the operator credentials of account {frozen} again."),
            format!(
                "This organization is in that account, but the operator's credentials are of account \
                 {account}: nothing is read or changed."
            ),
        )));
    }
    if view.observed.listing.is_none() {
        return Some(Action::Read(Read::Listing {
            fresh: view.requested(),
        }));
    }
    let hidden = view.named().and_then(|listed| hides(view, listed));
    hidden.map(fail)
}

/// What must not be done from a view that somebody has changed since: a call that changes AWS, a claim.
fn once_current(view: &View, action: Action) -> Action {
    if view.observed.current {
        action
    } else {
        Action::Read(Read::Object)
    }
}

fn call(view: &View, call: Call) -> Action {
    if let Some(failure) = account::forbids(view, &call) {
        return fail(failure);
    }
    once_current(view, Action::Call(call))
}

fn claim(view: &View, id: &OrganizationId, origin: Origin) -> Action {
    once_current(view, Action::Claim(id.clone(), origin))
}

/// A field that AWS never changes is other than the spec says.
fn immutable_differs(
    view: &View,
    summary: &Summary,
    described: Option<&Organization>,
) -> Option<Failure> {
    let differs = drift::immutable(view, summary, described)
        .into_iter()
        .next()?;
    Some(Failure::of(
        Reason::ImmutableFieldDiffers,
        "Delete this resource under deletionPolicy Retain, and create it again as the organization is.",
        format!(
            "The field {} is {} in this resource and {} in AWS, which cannot change it.",
            differs.path,
            drift::word(differs.desired.as_deref()),
            drift::word(differs.actual.as_deref())
        ),
    ))
}

const fn rest(outcome: Outcome) -> Action {
    Action::Finish(outcome)
}

const fn fail(failure: Failure) -> Action {
    Action::Finish(Outcome::Failed(failure))
}

const fn retain(why: Retained) -> Action {
    Action::RemoveFinalizer(Release::Retained(why))
}
