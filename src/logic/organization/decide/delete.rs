//! An object that is being deleted: let it go, or delete its organization first.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{call, create, endpoint, fail, gate, hidden, read_prerequisites, rest, retain};
use crate::{
    api::{PendingOperation, Reason},
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

const RETAIN: &str =
    "Set deletionPolicy to Retain, to release this resource and keep the organization.";

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
            create::Search::Hidden(found) => {
                with_way_out(hidden::unknown(view, &found, Reason::DeletionBlocked))
            }
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
            "Set spec.suspend to false to delete the organization.",
            "This resource is suspended, so nothing is called in AWS.",
        ));
    }
    // What AWS has accepted is only waited for.
    (view.observes() && !accepted).then(observes)
}

fn observes() -> Action {
    blocked(
        "Set managementPolicy to Full to delete the organization.",
        "Under managementPolicy Observe nothing is changed in AWS.",
    )
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
            if let Some(action) = although_accepted(view, listed, how) {
                action
            } else if let Some((next, why)) = unconfirmed(view, id, how) {
                blocked(next, why)
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
fn although_accepted(view: &View, listed: &Summary, how: &Delete) -> Option<Action> {
    view.memory.deletion_accepted?;
    let listing = view.observed.listing.as_ref();
    if !listing.is_some_and(|seen| seen.deletion_failed) {
        // The list may lag behind the call, which is made once.
        return Some(rest(Outcome::Unconfirmed));
    }
    if view.observes() {
        return Some(observes());
    }
    let again = view.facts.delete_again || view.requested();
    (!again).then(|| unfinished(listed, how))
}

/// AWS accepted the deletion and did not finish it.
fn unfinished(listed: &Summary, how: &Delete) -> Action {
    let Summary {
        id,
        state,
        error_message,
        ..
    } = listed;
    let said = error_message.as_deref().unwrap_or("no reason given");
    let next = if how.delete_directory {
        "Set deletion.deleteDirectory to false if others use the directory; else remove the cause in AWS."
    } else {
        "Remove the cause in AWS."
    };
    blocked(
        next,
        format!(
            "AWS accepted the deletion of organization {id} and did not finish it; it is {} ({said}).",
            state.as_str()
        ),
    )
}

/// The deletion goes on in AWS, and nobody waits for it.
fn suspended_too_late(view: &View) -> Action {
    let id = view.id().map_or("", |id| id.as_str());
    fail(Failure::of(
        Reason::DeletionBlocked,
        format!(
            "Set spec.suspend to false, so that this resource goes once organization {id} is deleted."
        ),
        "AWS had accepted the deletion before, and it cannot be stopped.",
    ))
}

const fn being_created(state: &OrganizationState) -> bool {
    matches!(
        state,
        OrganizationState::Requested | OrganizationState::Creating | OrganizationState::Validating
    )
}

/// Which of the user's confirmations is missing, if one is: what to do, and why.
fn unconfirmed(view: &View, id: &OrganizationId, how: &Delete) -> Option<(String, String)> {
    if !how.confirmed {
        return Some((
            "Set deletion.confirmAlias to the value of alias to delete the organization."
                .to_owned(),
            "They are not equal.".to_owned(),
        ));
    }
    match &how.organization_id {
        Some(confirmed) if confirmed != id.as_str() => Some((
            format!("Set deletion.confirmOrganizationId to {id} to delete that organization."),
            format!("It is {confirmed}, which is another one."),
        )),
        None if how.force => Some((
            format!(
                "Set deletion.confirmOrganizationId to {id} to delete the organization with the mail of \
                 its enabled users."
            ),
            "The field deletion.forceDelete needs that confirmation.".to_owned(),
        )),
        None if how.delete_directory => {
            let directory = view.desired.input.directory_id.as_ref()?;
            Some((
                format!(
                    "Set deletion.deleteDirectory to false, or deletion.confirmOrganizationId to {id} to \
                     delete directory {directory} too."
                ),
                "The directory was there before the organization.".to_owned(),
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
            Err(why) => return with_way_out(why),
        },
        Some(Tags::Shown(tags)) => Owner::of(tags, &view.cluster, &view.desired.object),
    };
    if owner == Owner::Us && view.facts.unproven_claim {
        return rest(Outcome::Claiming);
    }
    if let Some(why) = not_this_one(view, organization, &owner) {
        return fail(Failure::of(Reason::DeletionBlocked, RETAIN, why));
    }
    if let Some(refusal) = &view.observed.refused {
        return refused(refusal, how);
    }
    if let Some(action) = gate::before_intent(view, id) {
        return action;
    }
    let Some(pending) = view.memory.pending_delete() else {
        return Action::Intend(PendingOperation::DeleteOrganization);
    };
    if let Some(action) = gate::before_call(view, id) {
        return action;
    }
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

/// AWS refused the deletion: what to change in the spec depends on what was asked for.
fn refused(refusal: &Failure, how: &Delete) -> Action {
    if refusal.reason != Reason::DeletionBlocked {
        return fail(refusal.clone());
    }
    let next = match (how.delete_directory, how.force) {
        (true, false) => {
            "Set deletion.deleteDirectory to false if others use the directory. If there are enabled \
             users, disable them, or set deletion.forceDelete and deletion.confirmOrganizationId."
        }
        (true, true) => "Set deletion.deleteDirectory to false if others use the directory.",
        (false, true) => "Remove the cause that AWS names.",
        (false, false) => &refusal.next_step,
    };
    blocked(next, &refusal.detail)
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
                 first: nothing is deleted."
            )
        }),
        Owner::Other(other) => Some(match other.described(&view.cluster) {
            Some(other) => format!("The organization belongs to {other}: it is not deleted."),
            None => "The organization has incomplete ownership tags: it is not deleted.".to_owned(),
        }),
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

pub(super) fn blocked(next: impl Into<String>, why: impl Into<String>) -> Action {
    with_way_out(Failure::of(Reason::DeletionBlocked, next, why))
}

fn with_way_out(mut failure: Failure) -> Action {
    failure.detail = format!("{} {WAY_OUT}", failure.detail);
    fail(failure)
}
