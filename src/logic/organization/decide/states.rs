//! What follows from an organization's state alone.

use super::{fail, rest};
use crate::{
    api::Reason,
    logic::{
        Failure, OrganizationId,
        organization::{Action, OrganizationState, Outcome, Phase, Presence, Summary, View},
    },
};

const CHECK_DIRECTORY: &str =
    "Check the organization's directory; if that is well, ask AWS Support.";

/// The outcome of every state but Active.
pub(super) fn unless_active(view: &View, summary: &Summary) -> Option<Action> {
    let id = &summary.id;
    let said = summary
        .error_message
        .as_deref()
        .unwrap_or("no reason given");
    Some(match &summary.state {
        OrganizationState::Active => return None,
        OrganizationState::Requested => progress(
            Phase::Requested,
            format!("AWS accepted the creation of organization {id}."),
        ),
        OrganizationState::Creating | OrganizationState::Validating => progress(
            Phase::Creating,
            format!("AWS is creating organization {id}."),
        ),
        OrganizationState::Failed => fail(Failure::of(
            Reason::CreationFailed,
            "Remove the cause, delete this resource, delete the failed organization in AWS, and create a \
             new resource; the alias may not be free again.",
            format!("AWS could not create organization {id} ({said}); it is not created again."),
        )),
        OrganizationState::Impaired => fail(Failure::of(
            Reason::Impaired,
            CHECK_DIRECTORY,
            format!("AWS reports organization {id} as Impaired ({said})."),
        )),
        OrganizationState::Inactive => fail(Failure::of(
            Reason::Inactive,
            CHECK_DIRECTORY,
            format!("AWS reports organization {id} as Inactive ({said})."),
        )),
        OrganizationState::Deleting => fail(gone(view, id, "is being deleted")),
        OrganizationState::Deleted => fail(gone(view, id, "was deleted")),
        OrganizationState::Other(word) => fail(Failure::of(
            Reason::UnknownState,
            "Look for a newer version of the operator.",
            format!(
                "AWS reports organization {id} in state {word:?}, which this version does not know: \
                 nothing is changed meanwhile."
            ),
        )),
    })
}

/// The organization of this object is missing in the listing.
pub(super) fn missing(view: &View, id: &OrganizationId, confirmed: bool) -> Action {
    // The list may lag behind the create.
    if confirmed && !view.facts.young {
        fail(gone(view, id, "is not in the account any more"))
    } else {
        rest(Outcome::Unconfirmed)
    }
}

fn gone(view: &View, id: &OrganizationId, what: &str) -> Failure {
    let listing = view.observed.listing.as_ref();
    let living = match listing.map(|listing| &listing.by_alias) {
        Some(Presence::Present(row)) if row.id != *id && !row.state.leaves() => {
            format!(" Organization {} has the alias now.", row.id)
        }
        Some(Presence::Present(_) | Presence::Absent { .. }) | None => String::new(),
    };
    Failure::of(
        Reason::OrganizationGone,
        "Find out who deleted the organization (CloudTrail, event DeleteOrganization), and delete this \
         resource.",
        format!(
            "Organization {id} {what}, and this operator did not ask for it; it is never created again.\
             {living}"
        ),
    )
}

/// Details are read when the list shows something new, and in a full read of a settled state.
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
