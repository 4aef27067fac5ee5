//! Organizations whose tags AWS does not show. Hidden tags prove nothing: neither that somebody owns the
//! organization, nor that nobody does.

use super::owner::tags_not_shown;
use crate::{
    api::{Origin, Reason},
    logic::{
        Failure, OrganizationId, Owner, OwnerName,
        organization::{Organization, OrganizationState, Summary, View},
    },
};

/// Returns the owner of this object's organization where that is proven although AWS does not show the
/// tags; else why the organization is not deleted.
///
/// Two things prove it, and both are remembered as themselves:
/// - The tags named this object when they were last read (`status.owner`), and the organization is not
///   Active now. While it is not, nobody can have written other tags.
/// - This object created the organization, and it never was Active, so that nobody can have tagged it.
///   AWS dates the moment at which an organization became usable, `CompletedDate`, and keeps that date
///   while it is Impaired, Inactive, or Failed after a deletion. Only a creation that failed has none.
///   That date is what still tells the two apart where the operator was killed after the organization
///   became Active and before it read the tags. A read of the tags proves that it was Active, too.
pub(super) fn owner(view: &View, organization: &Organization) -> Result<Owner, Failure> {
    let Organization {
        summary: Summary { id, state, .. },
        completed_date,
        ..
    } = organization;
    if *state == OrganizationState::Active {
        // AWS contradicts itself: the tags of an Active organization can be read.
        return Err(Failure::of_read(
            Reason::DeletionBlocked,
            "Nothing needs to be done unless this lasts: the operator retries automatically.",
            format!(
                "AWS does not show the tags of organization {id} at the moment, and they name its owner."
            ),
        ));
    }
    let Some(seen) = &view.memory.owner else {
        let was_active = completed_date.is_some() || view.shown.completed_date.is_some();
        return if view.memory.origin == Some(Origin::Created) && !was_active {
            Ok(Owner::Nobody)
        } else {
            Err(blocked(id, state, "they were never read"))
        };
    };
    match Owner::named(OwnerName::seen(seen), &view.cluster, &view.desired.object) {
        Owner::Us => Ok(Owner::Us),
        Owner::Nobody => Err(blocked(id, state, "they named nobody when last read")),
        Owner::Other(other) => {
            let other = other.described(&view.cluster);
            let last = other.map_or_else(
                || "they were incomplete when last read".to_owned(),
                |other| format!("they named {other} when last read"),
            );
            Err(blocked(id, state, &last))
        }
    }
}

fn blocked(id: &OrganizationId, state: &OrganizationState, last: &str) -> Failure {
    Failure::of(
        Reason::DeletionBlocked,
        format!("Wait until organization {id} is Active again, or delete it in AWS."),
        format!(
            "While it is {}, AWS hides the tags that name its owner, and {last}.",
            state.as_str()
        ),
    )
}

/// The alias is taken in this account and region, nobody asked for the adoption, and AWS does not show
/// whether the organization has an owner.
pub(super) fn not_asked_for(view: &View, candidate: &Summary) -> Failure {
    let Summary { id, state, .. } = described(view, candidate);
    if is_over_soon(state) {
        return tags_not_shown();
    }
    Failure::of(
        Reason::AlreadyExists,
        format!(
            "Create a new resource with another alias; or wait until organization {id} is Active, and \
             set adoptionPolicy to Adopt."
        ),
        format!(
            "It has this alias in this account and region. While it is {}, AWS hides the tags that name \
             its owner, if it has one.",
            state.as_str()
        ),
    )
}

/// An organization may be that of the pending create, and may have been tagged by somebody else since.
pub(super) fn may_be_ours(view: &View, candidate: &Summary) -> Failure {
    if is_over_soon(&described(view, candidate).state) {
        return tags_not_shown();
    }
    unknown(view, candidate, Reason::AlreadyExists)
}

/// The same, for a reason.
pub(super) fn unknown(view: &View, candidate: &Summary, reason: Reason) -> Failure {
    let Summary { id, state, .. } = described(view, candidate);
    Failure::of(
        reason,
        format!("Wait until organization {id}, which has this alias, is Active."),
        format!(
            "While it is {}, AWS hides its tags, so that it is not known whether the pending creation \
             made it.",
            state.as_str()
        ),
    )
}

fn described<'a>(view: &'a View, candidate: &'a Summary) -> &'a Summary {
    let described = view.observed.organization.seen();
    described.map_or(candidate, |seen| &seen.summary)
}

/// Whether AWS is expected to show the tags soon, or that the organization is gone. One that is still
/// being created is not among them: whoever waits for its alias waits in vain.
const fn is_over_soon(state: &OrganizationState) -> bool {
    matches!(
        state,
        OrganizationState::Active | OrganizationState::Validating | OrganizationState::Deleting
    )
}
