//! What follows from an organization's state alone.

use super::{fail, rest};
use crate::{
    api::Reason,
    logic::{
        Failure, OrganizationId,
        organization::{Action, OrganizationState, Outcome, Phase, Summary, View},
    },
};

/// The outcome of every state but Active.
pub(super) fn unless_active(summary: &Summary) -> Option<Action> {
    let id = &summary.id;
    let said = summary
        .error_message
        .as_deref()
        .unwrap_or("no reason given");
    Some(match &summary.state {
        OrganizationState::Active => return None,
        OrganizationState::Requested => progress(
            Phase::Requested,
            format!(
                "AWS accepted the creation of organization {id}. It is watched until it is Active."
            ),
        ),
        OrganizationState::Creating | OrganizationState::Validating => progress(
            Phase::Creating,
            format!("AWS is creating organization {id}. It is watched until it is Active."),
        ),
        OrganizationState::Failed => fail(Failure::of(
            Reason::CreationFailed,
            format!(
                "AWS could not create organization {id} ({said}). It is not created again: remove \
                 the cause, delete this resource, delete the failed organization in AWS, and \
                 create a new resource; the alias may not be free again."
            ),
        )),
        OrganizationState::Impaired => fail(Failure::of(
            Reason::Impaired,
            format!(
                "AWS reports organization {id} as Impaired ({said}). Check its directory; if that \
                 is well, ask AWS Support."
            ),
        )),
        OrganizationState::Inactive => fail(Failure::of(
            Reason::Inactive,
            format!(
                "AWS reports organization {id} as Inactive ({said}). Check its directory; if that \
                 is well, ask AWS Support."
            ),
        )),
        OrganizationState::Deleting => fail(gone(id, "is being deleted")),
        OrganizationState::Deleted => fail(gone(id, "was deleted")),
        OrganizationState::Other(word) => fail(Failure::of(
            Reason::UnknownState,
            format!(
                "AWS reports organization {id} in state {word:?}, which this version does not \
                 know. Nothing is changed meanwhile; look for a newer version."
            ),
        )),
    })
}

/// The organization of this object is missing in the listing.
pub(super) fn missing(view: &View, id: &OrganizationId, confirmed: bool) -> Action {
    // The list may lag behind the create.
    if confirmed && !view.facts.young {
        fail(gone(id, "is not in the account any more"))
    } else {
        rest(Outcome::Unconfirmed)
    }
}

fn gone(id: &OrganizationId, what: &str) -> Failure {
    Failure::of(
        Reason::OrganizationGone,
        format!(
            "Organization {id} {what}, and this operator did not ask for it. It is never created \
             again. Find out who deleted it (CloudTrail, event DeleteOrganization); then delete \
             this resource."
        ),
    )
}

/// Details are read when the list shows something new, and in a whole look at a settled state.
pub(super) fn needs_details(view: &View, listed: &Summary) -> bool {
    match listed.state {
        // Nothing is there to describe yet.
        OrganizationState::Requested
        | OrganizationState::Creating
        | OrganizationState::Validating => false,
        OrganizationState::Active
        | OrganizationState::Impaired
        | OrganizationState::Inactive
        | OrganizationState::Failed
        | OrganizationState::Deleting
        | OrganizationState::Deleted
        | OrganizationState::Other(_) => {
            view.shown.differs_from(listed)
                || view.shown.arn.is_none()
                || view.facts.full_read_due
                || view.requested()
        }
    }
}

fn progress(phase: Phase, message: String) -> Action {
    rest(Outcome::Progress { phase, message })
}
