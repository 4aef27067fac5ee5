//! The ownership verdict: who owns an organization, decided in one place.

use crate::{
    api::{Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, TAKE_OVER},
    logic::{
        Failure, ObjectKey, OrganizationId, Owner, OwnerName,
        organization::{Read, Tags, View},
    },
};

/// Who owns an organization, as far as AWS shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OwnershipVerdict {
    /// This object's, by its tags.
    Ours,
    /// Nobody's: it has no ownership tags.
    Unowned,
    /// Nobody's any more: its tags name an object of this cluster that is gone.
    OwnerGone,
    /// AWS does not show its tags, because it is not Active.
    Hidden,
    /// Another's, and the user has named that owner to take it over.
    TakeOverAllowed(OwnerName),
    /// Another's.
    OwnedByOther(OwnerName),
}

/// The verdict, or what has to be looked at first.
pub(super) fn whose(view: &View, id: &OrganizationId) -> Result<OwnershipVerdict, Read> {
    let tags = match &view.observed.tags {
        None => return Err(Read::Tags(id.clone())),
        Some(Tags::Hidden) => return Ok(OwnershipVerdict::Hidden),
        Some(Tags::Shown(tags)) => tags,
    };
    let owner = match Owner::of(tags, &view.cluster, &view.desired.object) {
        Owner::Us => return Ok(OwnershipVerdict::Ours),
        Owner::Nobody => return Ok(OwnershipVerdict::Unowned),
        Owner::Other(owner) => owner,
    };
    if view.desired.take_over.as_deref() == Some(owner.to_string().as_str()) {
        return Ok(OwnershipVerdict::TakeOverAllowed(owner));
    }
    let Some((namespace, name)) = owner.within(&view.cluster) else {
        return Ok(OwnershipVerdict::OwnedByOther(owner));
    };
    match view.observed.owner_lives {
        None => Err(Read::Owner {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        Some(true) => Ok(OwnershipVerdict::OwnedByOther(owner)),
        Some(false) => Ok(OwnershipVerdict::OwnerGone),
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
pub(super) fn tags_not_shown() -> Failure {
    Failure::of_read(
        Reason::OrganizationBusy,
        "AWS does not show the organization's tags at the moment. It is looked at again by itself.",
    )
}

/// Another object of this cluster works on it.
pub(super) fn competing_object(competitor: &ObjectKey) -> Failure {
    Failure::of(
        Reason::OwnershipConflict,
        format!(
            "WorkMailOrganization {competitor} of this cluster has the same alias and comes first. Delete \
             one of the two (under deletionPolicy Retain nothing happens in AWS)."
        ),
    )
}
