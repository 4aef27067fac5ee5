//! From nothing to an organization: exactly one, whatever is killed or lost on the way.

use k8s_openapi::jiff::Timestamp;

use super::{
    adopt::{being_deleted, not_asked_for, not_found, take, take_up},
    call, claim, fail, hidden,
    owner::{OwnershipVerdict, competing_object, conflict, whose},
    rest,
};
use crate::{
    api::{Origin, Pending, PendingOperation, Reason},
    logic::{
        Failure,
        organization::{
            Action, Call, OrganizationState, Outcome, Presence, Read, Reading, Summary, View,
            observed::Organization,
        },
    },
};

/// Decides for an object that has no organization. The listing was seen.
pub(super) fn decide(view: &View) -> Action {
    match (view.memory.pending_create(), &view.observed.refused) {
        (Some(pending), None) if view.desired.adoption.creates() => repeat(view, pending),
        (Some(pending), None) => only_look(view, pending),
        (Some(pending), Some(refusal)) => after_refusal(view, pending, refusal),
        (None, Some(refusal)) => refused(view, refusal),
        (None, None) => begin(view),
    }
}

/// The recorded call, with the recorded input and the same token: a repeat is the same call.
fn repeat(view: &View, pending: &Pending) -> Action {
    if let Some(competitor) = &view.competitor {
        return match find(view, pending) {
            Search::Step(action) => action,
            Search::Absent { .. } | Search::NotOurs | Search::Hidden(_) => {
                fail(competing_object(competitor))
            }
        };
    }
    call(
        view,
        Call::Create {
            alias: pending.target.clone(),
            input: pending.input.clone().unwrap_or_default(),
            token: view.desired.object.uid.to_string(),
        },
    )
}

/// A create was recorded, and none is allowed any more: what came of it is looked for.
fn only_look(view: &View, pending: &Pending) -> Action {
    match find(view, pending) {
        Search::Step(action) => action,
        Search::Absent { confirmed: true } => Action::Forget,
        Search::Absent { confirmed: false } => rest(Outcome::Unconfirmed),
        Search::NotOurs => begin(view),
        Search::Hidden(found) => fail(hidden::may_be_ours(view, &found)),
    }
}

/// A first create or an adoption, as the policy says; never a create beside somebody's organization.
fn begin(view: &View) -> Action {
    let adoption = view.desired.adoption;
    let Some(candidate) = view.candidate() else {
        return match &view.competitor {
            // A listing from before the object says nothing of what it is to adopt.
            _ if adoption.adopts() && !has_fresh_listing(view) => {
                Action::Read(Read::Listing { fresh: true })
            }
            _ if !adoption.creates() => fail(not_found(view)),
            Some(competitor) => fail(competing_object(competitor)),
            None => Action::Intend(PendingOperation::CreateOrganization),
        };
    };
    if view.competitor.is_none()
        && let Some(action) = until_deleted(view, candidate)
    {
        return action;
    }
    match identify(view, candidate) {
        Identity::Read(look) => Action::Read(look),
        Identity::Vanished => rest(Outcome::Unconfirmed),
        // Its tags come before every order among objects.
        Identity::Known(OwnershipVerdict::Ours) => take_up(view, candidate),
        Identity::Known(OwnershipVerdict::OwnedByOther(owner)) => {
            fail(conflict(view, &candidate.id, &owner))
        }
        Identity::Known(OwnershipVerdict::TakeOverAllowed(_)) => take(view, candidate),
        Identity::Known(
            whose @ (OwnershipVerdict::Unowned
            | OwnershipVerdict::OwnerGone
            | OwnershipVerdict::Hidden),
        ) => {
            // What has tags, even of an owner that is gone, was made for that owner.
            let may_be_ours = whose != OwnershipVerdict::OwnerGone;
            if let Some(competitor) = &view.competitor {
                fail(competing_object(competitor))
            } else if may_be_ours
                && adoption.creates()
                && younger_than(view, view.desired.created_at)
            {
                // It may be ours with its memory lost. The same call with the same token is the
                // question; AWS answers with its id, or refuses.
                Action::Intend(PendingOperation::CreateOrganization)
            } else if adoption.adopts() {
                take(view, candidate)
            } else if whose == OwnershipVerdict::Hidden {
                fail(hidden::not_asked_for(view, candidate))
            } else {
                fail(not_asked_for(view, candidate))
            }
        }
    }
}

/// What to do instead of asking for the owner while AWS is deleting what has the alias: it has no owner
/// for long, and the alias may be free soon. Reading it takes one call, so that the list is read again
/// only once it is gone.
fn until_deleted(view: &View, candidate: &Summary) -> Option<Action> {
    let was_leaving = candidate.state == OrganizationState::Deleting;
    let state = match &view.observed.organization {
        Reading::NotRead if was_leaving => {
            return Some(Action::Read(Read::Organization(candidate.id.clone())));
        }
        Reading::Absent if was_leaving => &OrganizationState::Deleted,
        Reading::NotRead | Reading::Absent => return None,
        Reading::Seen(organization) => &organization.summary.state,
    };
    if !state.leaves() {
        return None;
    }
    Some(if *state == OrganizationState::Deleting {
        fail(being_deleted(view, &candidate.id))
    } else if has_fresh_listing(view) {
        rest(Outcome::Unconfirmed)
    } else {
        Action::Read(Read::Listing { fresh: true })
    })
}

/// The recorded create was refused, and an earlier attempt may have gone through unanswered.
fn after_refusal(view: &View, pending: &Pending, refusal: &Failure) -> Action {
    match find(view, pending) {
        Search::Step(action) => action,
        Search::Absent { confirmed: true } => Action::Forget,
        // The recorded input is repeated until the alias is known to be absent; what AWS says of it is
        // not told of another spec.
        Search::Absent { confirmed: false } if view.has_older_create() => {
            rest(Outcome::Unconfirmed)
        }
        Search::Absent { confirmed: false } | Search::NotOurs => refused(view, refusal),
        Search::Hidden(found) => fail(hidden::may_be_ours(view, &found)),
    }
}

/// Tells a refusal. If the alias is taken in this very account and region, a listing begun after the
/// call shows by whom.
fn refused(view: &View, refusal: &Failure) -> Action {
    if refusal.reason != Reason::AliasUnavailable && !view.has_older_create() {
        return fail(refusal.clone());
    }
    if !has_fresh_listing(view) {
        return Action::Read(Read::Listing { fresh: true });
    }
    let Some(candidate) = view.candidate() else {
        return fail(unavailable(view, refusal));
    };
    if let Some(action) = until_deleted(view, candidate) {
        return action;
    }
    match identify(view, candidate) {
        Identity::Read(look) => Action::Read(look),
        Identity::Vanished => fail(refusal.clone()),
        Identity::Known(OwnershipVerdict::Ours) => take_up(view, candidate),
        Identity::Known(OwnershipVerdict::OwnedByOther(owner)) => {
            fail(conflict(view, &candidate.id, &owner))
        }
        Identity::Known(OwnershipVerdict::TakeOverAllowed(_)) => take(view, candidate),
        Identity::Known(
            OwnershipVerdict::Unowned | OwnershipVerdict::OwnerGone | OwnershipVerdict::Hidden,
        ) if view.desired.adoption.adopts() => take(view, candidate),
        Identity::Known(OwnershipVerdict::Unowned | OwnershipVerdict::OwnerGone) => {
            fail(not_asked_for(view, candidate))
        }
        Identity::Known(OwnershipVerdict::Hidden) => fail(hidden::not_asked_for(view, candidate)),
    }
}

/// The alias is free in this account and region, and AWS does not give it out.
fn unavailable(view: &View, refusal: &Failure) -> Failure {
    let listing = view.observed.listing.as_ref();
    match listing.and_then(|listing| listing.deleted.as_ref()) {
        Some(id) => Failure {
            detail: format!(
                "Organization {id} with this alias was deleted in this account and region; AWS may never \
                 free the alias."
            ),
            ..refusal.clone()
        },
        None => refusal.clone(),
    }
}

/// Whether the listing was begun after everything that it has to tell of.
pub(super) fn has_fresh_listing(view: &View) -> bool {
    view.observed
        .listing
        .as_ref()
        .is_some_and(|seen| seen.fresh)
}

/// What a search for the organization of a pending create comes to.
pub(super) enum Search {
    /// Something to do first, or the claim of what was found.
    Step(Action),
    /// No organization has the alias.
    Absent {
        /// Seen twice.
        confirmed: bool,
    },
    /// One has it, but it is not ours.
    NotOurs,
    /// One has it that may be ours, and AWS does not show its tags at the moment.
    Hidden(Summary),
}

/// Looks for the organization of a pending create by its alias, in a listing begun after the call.
pub(super) fn find(view: &View, pending: &Pending) -> Search {
    if !has_fresh_listing(view) {
        return Search::Step(Action::Read(Read::Listing { fresh: true }));
    }
    let candidate = match alias(view) {
        Presence::Absent { confirmed } => {
            return Search::Absent {
                confirmed: *confirmed,
            };
        }
        Presence::Present(candidate) => candidate,
    };
    match identify(view, candidate) {
        Identity::Read(look) => Search::Step(Action::Read(look)),
        Identity::Vanished => Search::Absent { confirmed: false },
        // What a create makes has no tags before it is known: this one was there, and is adopted.
        Identity::Known(OwnershipVerdict::Ours) => Search::Step(take_up(view, candidate)),
        Identity::Known(
            OwnershipVerdict::OwnedByOther(_)
            | OwnershipVerdict::TakeOverAllowed(_)
            | OwnershipVerdict::OwnerGone,
        ) => Search::NotOurs,
        Identity::Known(whose @ (OwnershipVerdict::Unowned | OwnershipVerdict::Hidden)) => {
            let may_be_ours = view.competitor.is_none()
                && younger_than(view, pending.since)
                && pending.candidate.as_deref() != Some(candidate.id.as_str());
            if !may_be_ours {
                Search::NotOurs
            } else if whose == OwnershipVerdict::Hidden && was_active(view) {
                // Somebody may have tagged it since.
                Search::Hidden(candidate.clone())
            } else {
                Search::Step(claim(view, &candidate.id, Origin::Created))
            }
        }
    }
}

/// Who a candidate is, as far as AWS shows it.
enum Identity {
    /// Look at this first.
    Read(Read),
    /// The list shows it and its description does not.
    Vanished,
    /// Who owns it.
    Known(OwnershipVerdict),
}

fn identify(view: &View, candidate: &Summary) -> Identity {
    match &view.observed.organization {
        Reading::NotRead => return Identity::Read(Read::Organization(candidate.id.clone())),
        Reading::Absent => return Identity::Vanished,
        Reading::Seen(_) => {}
    }
    match whose(view, &candidate.id) {
        Err(look) => Identity::Read(look),
        Ok(whose) => Identity::Known(whose),
    }
}

/// Whether the candidate is no older than that moment: not completed yet, or completed after it.
fn younger_than(view: &View, moment: Timestamp) -> bool {
    view.observed
        .organization
        .seen()
        .is_some_and(|Organization { completed_date, .. }| {
            completed_date.is_none_or(|completed| completed >= moment)
        })
}

/// Whether the candidate has been Active at any time: only then can anybody have tagged it.
fn was_active(view: &View) -> bool {
    view.observed
        .organization
        .seen()
        .is_some_and(|seen| seen.completed_date.is_some())
}

fn alias(view: &View) -> &Presence<Summary> {
    view.observed
        .listing
        .as_ref()
        .map_or(&Presence::Absent { confirmed: false }, |listing| {
            &listing.by_alias
        })
}
