//! Whose an organization is: one verdict for every decision.

use crate::{
    api::{Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, TAKE_OVER},
    core::{Failure, Look, ObjectKey, OrganizationId, Owner, OwnerName, Tags, View},
};

/// Whose an organization is, as far as AWS shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This object's, by its tags.
    Ours,
    /// Nobody's: it has no ownership tags.
    Nobodys,
    /// Nobody's any more: its tags name an object of this cluster that is gone.
    Void,
    /// AWS does not show its tags, because it is not Active.
    Hidden,
    /// Another's, and the user has named that owner to take it over.
    Given(OwnerName),
    /// Another's.
    Theirs(OwnerName),
}

/// The verdict, or what has to be looked at first.
pub(super) fn whose(view: &View, id: &OrganizationId) -> Result<Whose, Look> {
    let tags = match &view.observed.tags {
        None => return Err(Look::Tags(id.clone())),
        Some(Tags::Hidden) => return Ok(Whose::Hidden),
        Some(Tags::Shown(tags)) => tags,
    };
    let owner = match Owner::of(tags, &view.cluster, &view.desired.object) {
        Owner::Us => return Ok(Whose::Ours),
        Owner::Nobody => return Ok(Whose::Nobodys),
        Owner::Other(owner) => owner,
    };
    if view.desired.take_over.as_deref() == Some(owner.to_string().as_str()) {
        return Ok(Whose::Given(owner));
    }
    let Some((namespace, name)) = owner.within(&view.cluster) else {
        return Ok(Whose::Theirs(owner));
    };
    match view.observed.owner_lives {
        None => Err(Look::Owner {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        Some(true) => Ok(Whose::Theirs(owner)),
        Some(false) => Ok(Whose::Void),
    }
}

/// The organization is another's.
pub(super) fn conflict(id: &OrganizationId, owner: &OwnerName) -> Failure {
    Failure::of(
        Reason::OwnershipConflict,
        format!(
            "Organization {id} belongs to {owner} by its tags {TAG_CLUSTER}, {TAG_NAMESPACE} and \
             {TAG_NAME}. Nothing is changed. To take it over, have that owner let it go and set the \
             annotation {TAKE_OVER}={owner} on this resource; otherwise delete this resource under \
             deletionPolicy Retain."
        ),
    )
}

/// Active in one answer and not in the next: it is looked at again soon.
pub(super) fn not_shown() -> Failure {
    Failure::to_look(
        Reason::OrganizationBusy,
        "AWS does not show the organization's tags at the moment. It is looked at again by itself.",
    )
}

/// Another object of this cluster works on it.
pub(super) fn rivalry(rival: &ObjectKey) -> Failure {
    Failure::of(
        Reason::OwnershipConflict,
        format!(
            "WorkMailOrganization {rival} of this cluster has the same alias and comes first. Delete \
             one of the two (under deletionPolicy Retain nothing happens in AWS)."
        ),
    )
}
