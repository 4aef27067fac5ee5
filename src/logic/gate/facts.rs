//! The gate's facts, as the objects have them.

use super::{Export, Object};
use crate::{
    api::{
        ConditionStatus, ConditionType, Verification, WorkMailMailboxExport,
        WorkMailOrganizationExport,
    },
    logic::OrganizationId,
};

impl Export {
    /// Reads a mailbox export of this organization, whose resource has that name; `None` if it is of
    /// another one. An export that has not begun is of the organization that its reference names.
    #[must_use]
    pub fn read(
        object: &WorkMailMailboxExport,
        organization: &str,
        id: &OrganizationId,
    ) -> Option<Self> {
        let (meta, spec) = (&object.metadata, &object.spec);
        let status = object.status.clone().unwrap_or_default();
        let is_of_it = match &status.organization_id {
            Some(recorded) => recorded == id.as_str(),
            None => spec.organization_ref.name == organization,
        };
        if !is_of_it {
            return None;
        }
        let owners = meta.owner_references.iter().flatten();
        let controller = owners
            .filter(|owner| owner.controller == Some(true))
            .map(|owner| owner.uid.clone())
            .next();
        let attempt = status.attempts.last();
        // What was found of an earlier attempt says nothing of this one.
        let proof = status
            .proof
            .filter(|proof| attempt.is_some_and(|attempt| attempt.number == proof.attempt));
        let is_verified = proof.as_ref().is_some_and(|proof| {
            proof.verified
                && match proof.verification {
                    Verification::Content => true,
                    Verification::None | Verification::Head => false,
                }
        });
        let attempt = attempt.map(|attempt| attempt.started_at);
        let bytes = proof.as_ref().and_then(|proof| proof.bytes);
        Some(Self {
            name: meta.name.clone()?,
            uid: meta.uid.clone()?,
            controller,
            mailbox: spec.mailbox.clone(),
            entity: status.entity_id,
            email: status.email,
            state: status.state,
            job: status.job_id,
            // The intent of the attempt is older than its job.
            started_at: status.started_at.or(attempt),
            is_verified,
            is_leaving: meta.deletion_timestamp.is_some(),
            bytes: status
                .mailbox_bytes
                .and_then(|bytes| u64::try_from(bytes).ok()),
            destination: spec.destination.clone(),
            object: status.s3_path.map(|key| Object {
                key,
                version: status.version_id,
                e_tag: proof.and_then(|proof| proof.e_tag),
                bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            }),
        })
    }
}

/// Whether an organization export of this resource goes on: it has neither completed nor failed, and is
/// not suspended.
#[must_use]
pub fn goes_on(object: &WorkMailOrganizationExport) -> bool {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let is_over = conditions
        .filter(|one| {
            [ConditionType::Complete, ConditionType::Failed]
                .iter()
                .any(|kind| kind.as_str() == one.r#type)
        })
        .any(|one| one.status == ConditionStatus::True);
    !is_over && !object.spec.suspend && object.metadata.deletion_timestamp.is_none()
}

/// Whether an organization export is of this organization.
#[must_use]
pub fn is_of(object: &WorkMailOrganizationExport, organization: &str, id: &OrganizationId) -> bool {
    let status = object.status.as_ref();
    match status.and_then(|status| status.organization_id.as_deref()) {
        Some(recorded) => recorded == id.as_str(),
        None => object.spec.organization_ref.name == organization,
    }
}
