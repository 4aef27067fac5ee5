//! The status, read and written.

use k8s_openapi::jiff::Timestamp;

use super::{OrganizationId, Progress, Report, Verdict, WrittenManifest, conditions};
use crate::api::WorkMailOrganizationExportStatus;

/// What must survive a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The organization, frozen before the first mailbox export is made.
    pub organization: Option<OrganizationId>,
    /// The last request that was acted on.
    pub handled: Option<String>,
    /// When everything was exported: final.
    pub completed_at: Option<Timestamp>,
    /// The estimate that was last told.
    pub estimated_at: Option<Timestamp>,
    /// The manifest that was last written.
    pub manifest: Option<WrittenManifest>,
}

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
    pub fn read(status: &WorkMailOrganizationExportStatus) -> Self {
        Self {
            memory: Memory {
                organization: status.organization_id.as_deref().map(OrganizationId::from),
                handled: status.last_handled_reconcile_at.clone(),
                completed_at: status.completed_at,
                estimated_at: status.estimated_completion_at,
                manifest: written(status),
            },
            verdicts: conditions::read(&status.conditions),
        }
    }
}

fn written(status: &WorkMailOrganizationExportStatus) -> Option<WrittenManifest> {
    Some(WrittenManifest {
        url: status.manifest.clone()?,
        digest: status.manifest_digest.clone()?,
        at: status.manifest_written_at?,
    })
}

/// Writes the status of a report over the one before, which has what this reconcile did not count.
#[must_use]
pub fn to_status(
    report: &Report,
    before: &WorkMailOrganizationExportStatus,
    now: Timestamp,
) -> WorkMailOrganizationExportStatus {
    let Memory {
        organization,
        handled,
        completed_at,
        estimated_at: _,
        manifest,
    } = report.memory.clone();
    let mut status = WorkMailOrganizationExportStatus {
        manifest: manifest.as_ref().map(|written| written.url.clone()),
        manifest_digest: manifest.as_ref().map(|written| written.digest.clone()),
        manifest_written_at: manifest.map(|written| written.at),
        observed_generation: Some(report.observed_generation),
        organization_id: organization.map(|id| id.as_str().to_owned()),
        last_handled_reconcile_at: handled,
        completed_at,
        conditions: conditions::write(&report.verdicts, &before.conditions, now),
        ..before.clone()
    };
    if let Some(progress) = &report.progress {
        count(&mut status, progress);
        status.failures.clone_from(&report.failures);
    }
    if completed_at.is_some() {
        status.estimated_completion_at = None;
    }
    status
}

fn count(status: &mut WorkMailOrganizationExportStatus, progress: &Progress) {
    let Progress {
        counts,
        percent,
        mailbox_bytes,
        exported_bytes,
        started_at,
        ended_at: _,
        estimated_at,
    } = *progress;
    let bytes = |bytes: u64| i64::try_from(bytes).ok();
    status.total = Some(counts.total);
    status.queued = Some(counts.queued);
    status.running = Some(counts.running);
    status.succeeded = Some(counts.succeeded);
    status.failed = Some(counts.failed);
    status.gone = Some(counts.gone);
    status.done = Some(format!("{}/{}", counts.succeeded, counts.total));
    status.progress = Some(percent);
    status.mailbox_bytes = bytes(mailbox_bytes);
    status.exported_bytes = bytes(exported_bytes);
    status.started_at = started_at.or(status.started_at);
    status.estimated_completion_at = estimated_at;
}
