//! An organization that exists already becomes this object's: by tags, read once more before any other
//! write.

use super::{
    call, claim, fail, immutable_differs,
    owner::{competing_object, tags_not_shown},
    rest,
};
use crate::{
    api::{AdoptionPolicy, Origin, Reason, TAKE_OVER},
    logic::{
        Failure, OrganizationId,
        organization::{
            Action, Call, Organization, OrganizationState, Outcome, Reading, Summary, Tags, View,
        },
        ownership::marks,
    },
};

/// Its tags name this object: it is taken up, once a claim of our own has stood its test.
pub(super) fn take_up(view: &View, candidate: &Summary) -> Action {
    if view.facts.unproven_claim {
        rest(Outcome::Claiming)
    } else {
        claim(view, &candidate.id, Origin::Adopted)
    }
}

/// It is nobody's, or given: it gets this object's tags, and nothing else yet.
pub(super) fn take(view: &View, candidate: &Summary) -> Action {
    if let Some(competitor) = &view.competitor {
        return fail(competing_object(competitor));
    }
    let Reading::Seen(organization) = &view.observed.organization else {
        return rest(Outcome::Unconfirmed);
    };
    let Organization { summary, .. } = organization;
    if let Some(why_not) = not_yet(summary) {
        return fail(why_not);
    }
    if let Some(failure) = immutable_differs(view, summary, Some(organization)) {
        return fail(failure);
    }
    if let Some(Tags::Hidden) | None = &view.observed.tags {
        // An owner that is not shown may be there all the same.
        return fail(tags_not_shown());
    }
    if view.memory.account.is_none() || view.memory.region.is_none() {
        return Action::Freeze;
    }
    mark(view, &candidate.id)
}

/// Writes the tags that claim the organization for this object.
pub(super) fn mark(view: &View, id: &OrganizationId) -> Action {
    call(
        view,
        Call::Tag {
            id: id.clone(),
            tags: marks(&view.cluster, &view.desired.object)
                .map(|(key, value)| (key.to_owned(), value))
                .into(),
        },
    )
}

/// Why it cannot be taken as it is: AWS takes tags of Active organizations only.
fn not_yet(summary: &Summary) -> Option<Failure> {
    let (id, state) = (&summary.id, summary.state.as_str());
    let reason = match &summary.state {
        OrganizationState::Active => return None,
        OrganizationState::Requested
        | OrganizationState::Creating
        | OrganizationState::Validating => Reason::OrganizationBusy,
        OrganizationState::Deleting | OrganizationState::Deleted => return Some(leaves(id)),
        OrganizationState::Failed => Reason::CreationFailed,
        OrganizationState::Impaired => Reason::Impaired,
        OrganizationState::Inactive => Reason::Inactive,
        OrganizationState::Other(_) => Reason::UnknownState,
    };
    Some(Failure::of(
        reason,
        format!("Wait until organization {id} is Active."),
        format!(
            "It exists and is {state} in AWS, where only an Active organization can be adopted."
        ),
    ))
}

fn leaves(id: &OrganizationId) -> Failure {
    Failure::of(
        Reason::NotFound,
        "Set adoptionPolicy to AdoptOrCreate, or wait for another organization.",
        format!("AWS is deleting organization {id}, so there is none to adopt."),
    )
}

/// AWS is deleting what has the alias: this object waits until the alias is free, or for another one.
pub(super) fn being_deleted(view: &View, id: &OrganizationId) -> Failure {
    if !view.desired.adoption.creates() {
        return leaves(id);
    }
    Failure::of(
        Reason::OrganizationBusy,
        "Wait until the alias is free: the operator retries automatically.",
        format!("AWS is deleting organization {id}, which has this alias."),
    )
}

/// Nothing is there to be adopted.
pub(super) fn not_found(view: &View) -> Failure {
    let alias = &view.desired.alias;
    let what = view.desired.organization_id.as_ref().map_or_else(
        || format!("No organization with alias {alias}"),
        |id| format!("No organization {id}"),
    );
    let region = view.region().map_or("", |region| region.as_str());
    let account = view
        .observed
        .account
        .as_ref()
        .map_or("", |account| account.as_str());
    let next = match view.desired.adoption {
        // Another policy is refused beside an id.
        AdoptionPolicy::Adopt if view.desired.organization_id.is_some() => {
            "Check organizationId, region and account: adoptionPolicy Adopt creates none."
        }
        AdoptionPolicy::Adopt => {
            "Check alias, region and account, or set adoptionPolicy to AdoptOrCreate: Adopt creates none."
        }
        AdoptionPolicy::Create | AdoptionPolicy::AdoptOrCreate => {
            "Check alias, region and account, or set managementPolicy to Full: Observe creates none."
        }
    };
    Failure::of(
        Reason::NotFound,
        next,
        format!("{what} is in account {account} and region {region}."),
    )
}

/// The alias is taken in this account and region, and nobody asked for the adoption.
pub(super) fn not_asked_for(view: &View, candidate: &Summary) -> Failure {
    // Adopt is refused beside a hosted zone.
    let policy = if view.desired.zoned.is_empty() {
        "Adopt"
    } else {
        "AdoptOrCreate"
    };
    let no_effect = if view.desired.take_over.is_some() {
        format!(", so that the annotation {TAKE_OVER} has no effect")
    } else {
        String::new()
    };
    Failure::of(
        Reason::AlreadyExists,
        format!("Set adoptionPolicy to {policy}, or create a new resource with another alias."),
        format!(
            "Organization {} of this account and region has this alias and no owner{no_effect}.",
            candidate.id
        ),
    )
}
