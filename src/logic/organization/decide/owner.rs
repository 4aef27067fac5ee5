//! The ownership verdict: who owns an organization, decided in one place.

use crate::{
    api::{Reason, TAKE_OVER},
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

/// The verdict, or what has to be read first.
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
pub(super) fn conflict(view: &View, id: &OrganizationId, owner: &OwnerName) -> Failure {
    let value = owner.to_string();
    let how = match &view.desired.take_over {
        None => format!("to take over, set the annotation {TAKE_OVER}={value}"),
        Some(given) if *given == value => format!(
            "to take over once more, remove the annotation {TAKE_OVER} and set it to {value} again"
        ),
        Some(_) => format!("to take over, correct the annotation to {TAKE_OVER}={value}"),
    };
    Failure::of(
        Reason::OwnershipConflict,
        format!("Delete this resource under deletionPolicy Retain or, {how}."),
        match owner.described(&view.cluster) {
            Some(owner) => format!("Organization {id} belongs to {owner}."),
            None => {
                format!("Organization {id} has incomplete ownership tags, as of another owner.")
            }
        },
    )
}

/// Active in one answer and not in the next: it is read again soon.
pub(super) fn tags_not_shown() -> Failure {
    Failure::of_read(
        Reason::OrganizationBusy,
        "Nothing needs to be done unless this lasts: the operator retries automatically.",
        "AWS does not show the organization's tags at the moment.",
    )
}

/// Another object of this cluster works on it.
pub(super) fn competing_object(competitor: &ObjectKey) -> Failure {
    Failure::of(
        Reason::OwnershipConflict,
        "Delete this resource under deletionPolicy Retain.",
        format!(
            "WorkMailOrganization {competitor} of this cluster has the same alias and comes first."
        ),
    )
}
