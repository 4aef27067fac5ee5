//! From nothing to an organization: exactly one, whatever is killed or lost on the way.

use k8s_openapi::jiff::Timestamp;

use super::{call, claim, fail, rest, rivalry};
use crate::{
    api::{Origin, Pending, PendingOperation, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE},
    core::{
        Action, Call, Failure, Look, Outcome, Owner, Presence, Sight, Summary, Tags, View,
        observed::Organization,
    },
};

/// Decides for an object whose organization's id is not known. The listing was seen.
pub(super) fn decide(view: &View) -> Action {
    match (view.memory.pending_create(), &view.observed.refused) {
        (Some(pending), None) => repeat(view, pending),
        (Some(pending), Some(refusal)) => after_refusal(view, pending, refusal),
        (None, Some(refusal)) => refused(view, refusal),
        (None, None) => begin(view),
    }
}

/// The recorded call, with the recorded input and the same token: a repeat is the same call.
fn repeat(view: &View, pending: &Pending) -> Action {
    if let Some(rival) = &view.rival {
        return match find(view, pending) {
            Search::Step(action) => action,
            Search::Absent { .. } | Search::NotOurs => fail(rivalry(rival)),
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

/// A first create: only if the alias is nobody's here.
fn begin(view: &View) -> Action {
    let candidate = match alias(view) {
        Presence::Absent { .. } => {
            return view.rival.as_ref().map_or(
                Action::Intend(PendingOperation::CreateOrganization),
                |rival| fail(rivalry(rival)),
            );
        }
        Presence::Present(candidate) => candidate,
    };
    match identify(view, candidate) {
        Identity::Look(look) => Action::Look(look),
        Identity::Vanished => rest(Outcome::Unconfirmed),
        Identity::Known { owner } => match owner {
            // Its tags come before every order among objects.
            Some(Owner::Us) => claim(view, &candidate.id, Origin::Adopted),
            Some(Owner::Other(other)) => fail(conflict(candidate, &other)),
            Some(Owner::Nobody) | None => {
                if let Some(rival) = &view.rival {
                    fail(rivalry(rival))
                } else if younger_than(view, view.desired.created_at) {
                    // It may be ours with its memory lost. The same call with the same token is the
                    // question; AWS answers with its id, or refuses.
                    Action::Intend(PendingOperation::CreateOrganization)
                } else {
                    fail(not_ours(view, candidate))
                }
            }
        },
    }
}

/// The recorded create was refused, and an earlier attempt may have gone through unanswered.
fn after_refusal(view: &View, pending: &Pending, refusal: &Failure) -> Action {
    match find(view, pending) {
        Search::Step(action) => action,
        Search::Absent { confirmed: true } => Action::Forget,
        // The recorded input is repeated until the alias is known to be absent.
        Search::Absent { confirmed: false } | Search::NotOurs => refused(view, refusal),
    }
}

/// Tells a refusal. If the alias is taken in this very account and region, a listing begun after the
/// call shows by whom.
fn refused(view: &View, refusal: &Failure) -> Action {
    if refusal.reason != Reason::AliasUnavailable {
        return fail(refusal.clone());
    }
    if !has_fresh_listing(view) {
        return Action::Look(Look::Listing { fresh: true });
    }
    let Presence::Present(candidate) = alias(view) else {
        return fail(refusal.clone());
    };
    match identify(view, candidate) {
        Identity::Look(look) => Action::Look(look),
        Identity::Vanished => fail(refusal.clone()),
        Identity::Known { owner } => match owner {
            Some(Owner::Us) => claim(view, &candidate.id, Origin::Adopted),
            Some(Owner::Other(other)) => fail(conflict(candidate, &other)),
            Some(Owner::Nobody) | None => fail(not_ours(view, candidate)),
        },
    }
}

fn has_fresh_listing(view: &View) -> bool {
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
}

/// Looks for the organization of a pending create by its alias, in a listing begun after the call.
pub(super) fn find(view: &View, pending: &Pending) -> Search {
    if !has_fresh_listing(view) {
        return Search::Step(Action::Look(Look::Listing { fresh: true }));
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
        Identity::Look(look) => Search::Step(Action::Look(look)),
        Identity::Vanished => Search::Absent { confirmed: false },
        Identity::Known { owner } => {
            let ours = match owner {
                Some(Owner::Us) => true,
                Some(Owner::Other(_)) => false,
                Some(Owner::Nobody) | None => {
                    view.rival.is_none()
                        && younger_than(view, pending.since)
                        && pending.candidate.as_deref() != Some(candidate.id.as_str())
                }
            };
            if ours {
                Search::Step(claim(view, &candidate.id, Origin::Created))
            } else {
                Search::NotOurs
            }
        }
    }
}

/// Who a candidate is, as far as AWS shows it.
enum Identity {
    /// Look at this first.
    Look(Look),
    /// The list shows it and its description does not.
    Vanished,
    /// Its owner by its tags; `None` where AWS does not show them.
    Known {
        /// The owner.
        owner: Option<Owner>,
    },
}

fn identify(view: &View, candidate: &Summary) -> Identity {
    match &view.observed.organization {
        Sight::NotLooked => return Identity::Look(Look::Organization(candidate.id.clone())),
        Sight::Absent => return Identity::Vanished,
        Sight::Seen(_) => {}
    }
    match &view.observed.tags {
        None => Identity::Look(Look::Tags(candidate.id.clone())),
        Some(Tags::Hidden) => Identity::Known { owner: None },
        Some(Tags::Shown(tags)) => Identity::Known {
            owner: Some(Owner::of(tags, &view.cluster, &view.desired.object)),
        },
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

fn alias(view: &View) -> &Presence<Summary> {
    view.observed
        .listing
        .as_ref()
        .map_or(&Presence::Absent { confirmed: false }, |listing| {
            &listing.by_alias
        })
}

fn conflict(candidate: &Summary, owner: &str) -> Failure {
    Failure::of(
        Reason::OwnershipConflict,
        format!(
            "Organization {} has this alias and belongs to {owner} by its tags \
             (cluster/namespace/name). Delete this resource, or have the owner let it go and remove \
             the tags {TAG_CLUSTER}, {TAG_NAMESPACE} and {TAG_NAME} in AWS.",
            candidate.id
        ),
    )
}

fn not_ours(view: &View, candidate: &Summary) -> Failure {
    let object = &view.desired.object;
    Failure::of(
        Reason::AliasUnavailable,
        format!(
            "Organization {} of this account and region has this alias, and nothing shows that it is \
             this resource's; it is left alone. To put it under this resource, give it the tags \
             {TAG_CLUSTER}={}, {TAG_NAMESPACE}={} and {TAG_NAME}={} in AWS. Otherwise create a new \
             resource with another alias: the alias of a deleted organization may never be free \
             again.",
            candidate.id,
            view.cluster.tag(),
            object.namespace,
            object.name,
        ),
    )
}
