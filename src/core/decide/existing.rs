//! An organization whose id is known, and which stays.

use std::collections::BTreeMap;

use super::{call, fail, rest, rivalry};
use crate::{
    api::Reason,
    core::{
        Action, Call, Failure, Look, Organization, OrganizationId, OrganizationState, Outcome,
        Owner, Phase, Presence, Sight, Summary, TagPlan, Tags, View,
    },
};

/// Decides for an object that has an organization. The listing was seen.
pub(super) fn decide(view: &View, id: &OrganizationId) -> Action {
    let listed = match view
        .observed
        .listing
        .as_ref()
        .and_then(|all| all.by_id.as_ref())
    {
        // A listing without a verdict on this id was made before the id was known.
        None => return Action::Look(Look::Listing { fresh: false }),
        Some(Presence::Absent { confirmed }) => return missing(view, id, *confirmed),
        Some(Presence::Present(summary)) => summary,
    };
    let described = match &view.observed.organization {
        Sight::Seen(organization) => Some(organization),
        // Listed, but not described: AWS contradicts itself, so nothing is concluded.
        Sight::Absent => return rest(Outcome::Unconfirmed),
        Sight::NotLooked if needs_details(view, listed) => {
            return Action::Look(Look::Organization(id.clone()));
        }
        Sight::NotLooked => None,
    };
    let summary = described.map_or(listed, |organization| &organization.summary);
    let said = summary
        .error_message
        .as_deref()
        .unwrap_or("no reason given");
    match &summary.state {
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
        OrganizationState::Active => active(view, id, summary, described),
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
    }
}

fn missing(view: &View, id: &OrganizationId, confirmed: bool) -> Action {
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
fn needs_details(view: &View, listed: &Summary) -> bool {
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
                || view.facts.whole_look_due
                || view.requested()
        }
    }
}

fn active(
    view: &View,
    id: &OrganizationId,
    summary: &Summary,
    described: Option<&Organization>,
) -> Action {
    if let Some(failure) = immutable_differs(view, summary, described) {
        return fail(failure);
    }
    if !view.look_is_whole() {
        return rest(Outcome::Active);
    }
    let none = BTreeMap::new();
    let actual = match &view.observed.tags {
        Some(Tags::Shown(actual)) => actual,
        None if view.facts.untagged && view.memory.origin.is_some() && !view.requested() => &none,
        None => return Action::Look(Look::Tags(id.clone())),
        // Active in one answer and not in the next: look again soon.
        Some(Tags::Hidden) => {
            return fail(Failure::to_look(
                Reason::OrganizationBusy,
                "AWS does not show the organization's tags at the moment. It is looked at again by \
                 itself.",
            ));
        }
    };
    match Owner::of(actual, &view.cluster, &view.desired.object) {
        Owner::Other(owner) => {
            return fail(Failure::of(
                Reason::OwnershipConflict,
                format!(
                    "Organization {id} now belongs to {owner} by its tags (cluster/namespace/name). \
                     Nothing is changed. Delete this resource under deletionPolicy Retain, or remove \
                     those tags in AWS."
                ),
            ));
        }
        Owner::Us => {}
        Owner::Nobody if view.memory.origin.is_some() => {
            if let Some(rival) = &view.rival {
                return fail(rivalry(rival));
            }
        }
        Owner::Nobody => {
            return fail(Failure::of(
                Reason::OwnershipConflict,
                format!(
                    "Nothing shows that organization {id} is this resource's: it has no ownership \
                     tags and status has no origin. Nothing is changed. Create a new resource, or \
                     tag the organization."
                ),
            ));
        }
    }
    mend(view, id, actual)
}

/// One write after the other: the tags that are removed, the record of what is managed, the tags that
/// are set. Removed first: neither AWS's limit of 50 tags nor the record has room for both.
fn mend(view: &View, id: &OrganizationId, actual: &BTreeMap<String, String>) -> Action {
    let plan = TagPlan::new(
        &view.desired.tags,
        actual,
        &view.memory.managed_tag_keys,
        &view.cluster,
        &view.desired.object,
    );
    if !plan.remove.is_empty() {
        return call(
            view,
            Call::Untag {
                id: id.clone(),
                keys: plan.remove,
            },
        );
    }
    if plan.managed != view.memory.managed_tag_keys {
        return Action::Manage(plan.managed);
    }
    if !plan.set.is_empty() {
        return call(
            view,
            Call::Tag {
                id: id.clone(),
                tags: plan.set,
            },
        );
    }
    rest(Outcome::Active)
}

/// Compares with the description, or with what the status shows of an earlier one: AWS never changes
/// these fields.
fn immutable_differs(
    view: &View,
    summary: &Summary,
    described: Option<&Organization>,
) -> Option<Failure> {
    let wanted = &view.desired.input;
    let (actual_directory, actual_interoperability) = described.map_or(
        (
            &view.shown.directory_id,
            view.shown.interoperability_enabled,
        ),
        |seen| (&seen.directory_id, seen.interoperability_enabled),
    );
    let differs = |field: &str, wanted: &str, actual: &str| {
        Failure::of(
            Reason::ImmutableFieldDiffers,
            format!(
                "{field} is {wanted} in the spec and {actual} in AWS, and cannot be changed there. \
                 Delete this resource (under deletionPolicy Retain nothing happens in AWS) and \
                 create it again as the organization is."
            ),
        )
    };
    if let (Some(directory), Some(actual)) = (&wanted.directory_id, actual_directory)
        && actual != directory
    {
        return Some(differs("directoryId", directory, actual));
    }
    if let Some(actual) = actual_interoperability
        && actual != wanted.enable_interoperability
    {
        return Some(differs(
            "enableInteroperability",
            &wanted.enable_interoperability.to_string(),
            &actual.to_string(),
        ));
    }
    if !summary.alias.eq_ignore_ascii_case(&view.desired.alias) {
        return Some(differs("alias", &view.desired.alias, &summary.alias));
    }
    None
}

fn progress(phase: Phase, message: String) -> Action {
    rest(Outcome::Progress { phase, message })
}
