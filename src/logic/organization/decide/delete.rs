//! An object that is being deleted: let it go, or delete its organization first.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{call, create, endpoint, fail, hidden, read_prerequisites, rest, retain};
use crate::{
    api::{PendingOperation, RECONCILE_REQUESTED_AT, Reason},
    logic::{
        Failure, OrganizationId, Owner,
        organization::{
            Action, Call, Delete, DeleteInput, Organization, OrganizationState, Outcome, Phase,
            Policy, Presence, Read, Reading, Release, Summary, Tags, View, action::Retained,
            report::being_deleted,
        },
    },
};

/// What to do instead, said in every blocked deletion.
const WAY_OUT: &str =
    "Setting deletionPolicy to Retain releases this resource and keeps the organization.";

const OBSERVES: &str = "managementPolicy is Observe, so nothing is changed in AWS. Set it to Full to \
                        delete the organization.";

/// Decides for an object with a deletion timestamp.
pub(super) fn decide(view: &View) -> Action {
    if !view.desired.finalizer {
        return rest(Outcome::Gone);
    }
    if view.id().is_none() && view.memory.pending_create().is_none() {
        return Action::RemoveFinalizer(Release::NeverCreated);
    }
    let how = match &view.desired.policy {
        Policy::Retain => return retain(Retained::Policy),
        Policy::Delete(how) => how,
    };
    if view.facts.ended {
        return retain(Retained::EndOfService);
    }
    let Some(scope) = view.observed.scope else {
        return Action::Read(Read::Scope);
    };
    if let Some(why) = scope.retains() {
        return retain(why);
    }
    if let Some(action) = held_back(view).or_else(|| read_prerequisites(view)) {
        return action;
    }
    match (view.id(), view.memory.pending_create()) {
        (Some(id), _) => with_organization(view, id, how),
        (None, Some(pending)) => match create::find(view, pending) {
            create::Search::Step(action) => action,
            create::Search::Absent { confirmed: true } | create::Search::NotOurs
                if view.facts.pending_expired =>
            {
                Action::RemoveFinalizer(Release::NeverCreated)
            }
            create::Search::Absent { .. } | create::Search::NotOurs => rest(Outcome::Searching),
            create::Search::Hidden(found) => blocked(&hidden::unknown(view, &found)),
        },
        (None, None) => Action::RemoveFinalizer(Release::NeverCreated),
    }
}

/// What suspend and Observe make of a deletion.
fn held_back(view: &View) -> Option<Action> {
    let accepted = view.memory.deletion_accepted.is_some();
    if view.desired.suspend && accepted {
        return Some(suspended_too_late(view));
    }
    if view.desired.suspend {
        return Some(blocked(
            "The resource is suspended, so nothing is called in AWS. Set spec.suspend to false to \
             delete the organization.",
        ));
    }
    // What AWS has accepted is only looked after.
    (view.observes() && !accepted).then(|| blocked(OBSERVES))
}

fn with_organization(view: &View, id: &OrganizationId, how: &Delete) -> Action {
    let accepted = view.memory.deletion_accepted.is_some();
    let listed = match view
        .observed
        .listing
        .as_ref()
        .and_then(|all| all.by_id.as_ref())
    {
        None => return Action::Read(Read::Listing { fresh: false }),
        Some(Presence::Absent { confirmed: true }) if accepted || !view.facts.young => {
            return deleted(view, how);
        }
        Some(Presence::Absent { .. }) => return rest(Outcome::Unconfirmed),
        Some(Presence::Present(listed)) => listed,
    };
    match &listed.state {
        OrganizationState::Deleted => deleted(view, how),
        OrganizationState::Deleting => deleting(id),
        state @ (OrganizationState::Requested
        | OrganizationState::Creating
        | OrganizationState::Validating
        | OrganizationState::Active
        | OrganizationState::Impaired
        | OrganizationState::Inactive
        | OrganizationState::Failed
        | OrganizationState::Other(_)) => {
            if let Some(action) = although_accepted(view, listed) {
                action
            } else if let Some(why) = unconfirmed(view, id, how) {
                blocked(&why)
            } else if being_created(state) {
                too_early(id, state)
            } else {
                prove(view, id, how)
            }
        }
    }
}

/// What follows where AWS accepted the deletion, and the organization is there all the same. Nothing
/// where that is over, so that the deletion is asked for again.
fn although_accepted(view: &View, listed: &Summary) -> Option<Action> {
    view.memory.deletion_accepted?;
    let listing = view.observed.listing.as_ref();
    if !listing.is_some_and(|seen| seen.deletion_failed) {
        // The list may lag behind the call, which is made once.
        return Some(rest(Outcome::Unconfirmed));
    }
    if view.observes() {
        return Some(blocked(OBSERVES));
    }
    let again = view.facts.delete_again || view.requested();
    (!again).then(|| unfinished(listed))
}

/// AWS accepted the deletion and did not finish it.
fn unfinished(listed: &Summary) -> Action {
    let Summary {
        id,
        state,
        error_message,
        ..
    } = listed;
    let said = error_message.as_deref().unwrap_or("no reason given");
    blocked(&format!(
        "Remove the cause: AWS accepted the deletion of organization {id} and did not finish it; it is \
         {} ({said}). It is asked for again in about an hour, or at once when the annotation \
         {RECONCILE_REQUESTED_AT} changes.",
        state.as_str()
    ))
}

/// The deletion goes on in AWS, and nobody looks after it.
fn suspended_too_late(view: &View) -> Action {
    let id = view.id().map_or("", |id| id.as_str());
    fail(Failure::of(
        Reason::DeletionBlocked,
        format!(
            "Set spec.suspend to false, so that this resource goes once organization {id} is deleted: \
             AWS had accepted that before."
        ),
    ))
}

const fn being_created(state: &OrganizationState) -> bool {
    matches!(
        state,
        OrganizationState::Requested | OrganizationState::Creating | OrganizationState::Validating
    )
}

/// Which of the user's confirmations is missing, if one is.
fn unconfirmed(view: &View, id: &OrganizationId, how: &Delete) -> Option<String> {
    if !how.confirmed {
        return Some("deletion.confirmAlias does not equal alias.".to_owned());
    }
    match &how.organization_id {
        Some(confirmed) if confirmed != id.as_str() => Some(format!(
            "deletion.confirmOrganizationId is {confirmed}, but the organization is {id}. Correct \
             it to delete {id}."
        )),
        None if how.force => Some(format!(
            "deletion.forceDelete needs deletion.confirmOrganizationId: set it to {id} to delete \
             the organization with the mail of its enabled users."
        )),
        None if how.delete_directory => {
            let directory = view.desired.input.directory_id.as_ref()?;
            Some(format!(
                "deletion.deleteDirectory needs deletion.confirmOrganizationId: set it to {id} to \
                 delete directory {directory} too, which was there before the organization."
            ))
        }
        Some(_) | None => None,
    }
}

/// Describes the organization and reads its tags in this very reconcile, before anything is deleted.
fn prove(view: &View, id: &OrganizationId, how: &Delete) -> Action {
    let organization = match &view.observed.organization {
        Reading::NotRead => return Action::Read(Read::Organization(id.clone())),
        Reading::Absent => return rest(Outcome::Unconfirmed),
        Reading::Seen(organization) => organization,
    };
    match &organization.summary.state {
        OrganizationState::Deleted => return deleted(view, how),
        OrganizationState::Deleting => return deleting(id),
        state @ (OrganizationState::Requested
        | OrganizationState::Creating
        | OrganizationState::Validating) => return too_early(id, state),
        OrganizationState::Active
        | OrganizationState::Impaired
        | OrganizationState::Inactive
        | OrganizationState::Failed
        | OrganizationState::Other(_) => {}
    }
    // Whoever the tags name is respected here, even an object that does not exist: it may be about to
    // be created.
    let owner = match &view.observed.tags {
        None => return Action::Read(Read::Tags(id.clone())),
        Some(Tags::Hidden) => match hidden::owner(view, organization) {
            Ok(owner) => owner,
            Err(why) => return blocked_by(why),
        },
        Some(Tags::Shown(tags)) => Owner::of(tags, &view.cluster, &view.desired.object),
    };
    if owner == Owner::Us && view.facts.unproven_claim {
        return rest(Outcome::Claiming);
    }
    if let Some(why) = not_this_one(view, organization, &owner) {
        return blocked(&why);
    }
    if let Some(refusal) = &view.observed.refused {
        return fail(refusal.clone());
    }
    let Some(pending) = view.memory.pending_delete() else {
        return Action::Intend(PendingOperation::DeleteOrganization);
    };
    call(
        view,
        Call::Delete(DeleteInput {
            id: id.clone(),
            delete_directory: how.delete_directory,
            force: how.force,
            delete_identity_center_application: how.delete_identity_center_application,
            token: token(&view.desired.object.uid, pending),
        }),
    )
}

/// Why this organization must not be deleted for this object, if so.
fn not_this_one(view: &View, organization: &Organization, owner: &Owner) -> Option<String> {
    let alias = &organization.summary.alias;
    if !alias.eq_ignore_ascii_case(&view.desired.alias) {
        return Some(format!(
            "Organization {} has the alias {alias} in AWS, not {}: it is not deleted.",
            organization.summary.id, view.desired.alias
        ));
    }
    match owner {
        Owner::Us => None,
        // It is ours by the memory in status.
        Owner::Nobody => view.competitor.as_ref().map(|competitor| {
            format!(
                "WorkMailOrganization {competitor} of this cluster means the same organization and comes \
                 first. It is not deleted."
            )
        }),
        Owner::Other(other) => Some(format!(
            "The organization belongs to {other} by its tags (cluster/namespace/name). It is not \
             deleted."
        )),
    }
}

/// The same for a repeat of the same intent, another for a new one.
fn token(uid: &str, pending: &crate::api::Pending) -> String {
    let mut hash = Sha256::new();
    for part in [
        uid,
        "DeleteOrganization",
        &pending.target,
        &pending.since.to_string(),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn deleted(view: &View, how: &Delete) -> Action {
    // The MX records go after the organization, and never before.
    if let Some(action) = endpoint::remove(view) {
        return action;
    }
    let directory_left = (!how.delete_directory)
        .then(|| view.shown.directory_id.clone())
        .flatten();
    Action::RemoveFinalizer(Release::Deleted { directory_left })
}

fn deleting(id: &OrganizationId) -> Action {
    rest(Outcome::Progress {
        phase: Phase::Deleting,
        message: being_deleted(id),
    })
}

fn too_early(id: &OrganizationId, state: &OrganizationState) -> Action {
    rest(Outcome::Progress {
        phase: Phase::Deleting,
        message: format!(
            "Organization {id} is {}; it is deleted once AWS has finished creating it.",
            state.as_str()
        ),
    })
}

fn blocked(why: &str) -> Action {
    blocked_by(Failure::of(Reason::DeletionBlocked, why))
}

fn blocked_by(mut failure: Failure) -> Action {
    failure.message = format!("{} {WAY_OUT}", failure.message);
    fail(failure)
}
