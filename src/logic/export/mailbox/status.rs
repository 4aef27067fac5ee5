//! The status, read and written.

use k8s_openapi::jiff::Timestamp;

use super::super::conditions;
use super::{AccountId, JobId, Memory, OrganizationId, Pending, Region, Report, Tried, Verdict};
use crate::api::{
    AttemptStatus, PendingExport, PendingExportOperation, WorkMailMailboxExportStatus,
};

/// What a status says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Recorded {
    /// What is remembered.
    pub memory: Memory,
    /// The conditions.
    pub verdicts: Vec<Verdict>,
}

impl Recorded {
    /// Reads a status.
    #[must_use]
    pub fn read(status: &WorkMailMailboxExportStatus) -> Self {
        let WorkMailMailboxExportStatus {
            observed_generation: _,
            organization_id,
            account_id,
            account,
            region,
            entity_id,
            email,
            display_name,
            mailbox_bytes,
            state,
            progress,
            progressed_at,
            job_id: _,
            attempts,
            renewed_after,
            s3_path,
            version_id,
            proof,
            started_at,
            ended_at,
            pending,
            last_handled_reconcile_at,
            conditions: stored,
        } = status;
        let memory = Memory {
            organization: organization_id.as_deref().map(OrganizationId::from),
            account: account_id.as_deref().map(AccountId::from),
            served_by: account.clone(),
            region: region.as_deref().map(Region::from),
            entity: entity_id.clone(),
            email: email.clone(),
            display_name: display_name.clone(),
            bytes: mailbox_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            state: *state,
            progress: *progress,
            progressed_at: *progressed_at,
            pending: pending.as_ref().map(|pending| Pending {
                attempt: pending.attempt,
                target: pending.target.clone(),
                since: pending.since,
            }),
            attempts: attempts.iter().map(tried).collect(),
            renewed_after: *renewed_after,
            path: s3_path.clone(),
            version: version_id.clone(),
            proof: proof.clone(),
            started_at: *started_at,
            ended_at: *ended_at,
            handled: last_handled_reconcile_at.clone(),
        };
        Self {
            memory,
            verdicts: conditions::read(stored),
        }
    }
}

fn tried(status: &AttemptStatus) -> Tried {
    let AttemptStatus {
        number,
        job_id,
        started_at,
        ended_at,
        state,
        error,
    } = status.clone();
    Tried {
        number,
        job: job_id.map(JobId),
        started_at,
        ended_at,
        state,
        error,
    }
}

/// Writes the status of a report over the one before, which has the times of the conditions.
#[must_use]
pub fn to_status(
    report: &Report,
    before: &WorkMailMailboxExportStatus,
    now: Timestamp,
) -> WorkMailMailboxExportStatus {
    WorkMailMailboxExportStatus {
        observed_generation: Some(report.observed_generation),
        conditions: conditions::write(&report.verdicts, &before.conditions, now),
        ..remembered(&report.memory)
    }
}

/// The status with what is remembered, and without conditions.
fn remembered(memory: &Memory) -> WorkMailMailboxExportStatus {
    let Memory {
        organization,
        account,
        served_by,
        region,
        entity,
        email,
        display_name,
        bytes,
        state,
        progress,
        progressed_at,
        pending,
        attempts,
        renewed_after,
        path,
        version,
        proof,
        started_at,
        ended_at,
        handled,
    } = memory.clone();
    WorkMailMailboxExportStatus {
        observed_generation: None,
        organization_id: organization.map(|id| id.as_str().to_owned()),
        account_id: account.map(|id| id.as_str().to_owned()),
        account: served_by,
        region: region.map(|region| region.as_str().to_owned()),
        entity_id: entity,
        email,
        display_name,
        mailbox_bytes: bytes.and_then(|bytes| i64::try_from(bytes).ok()),
        state,
        progress,
        progressed_at,
        job_id: attempts
            .last()
            .and_then(|last| last.job.clone())
            .map(|job| job.0),
        attempts: attempts.into_iter().map(attempt).collect(),
        renewed_after,
        s3_path: path,
        version_id: version,
        proof,
        started_at,
        ended_at,
        pending: pending.map(|pending| PendingExport {
            operation: PendingExportOperation::StartMailboxExportJob,
            target: pending.target,
            since: pending.since,
            attempt: pending.attempt,
        }),
        last_handled_reconcile_at: handled,
        conditions: Vec::new(),
    }
}

fn attempt(tried: Tried) -> AttemptStatus {
    let Tried {
        number,
        job,
        started_at,
        ended_at,
        state,
        error,
    } = tried;
    AttemptStatus {
        number,
        job_id: job.map(|job| job.0),
        started_at,
        ended_at,
        state,
        error: error.map(|error| error.chars().take(1024).collect()),
    }
}
