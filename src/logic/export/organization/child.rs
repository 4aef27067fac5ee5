//! A mailbox export, as the organization export that made it sees it.

use std::{fmt::Write, time::Duration};

use k8s_openapi::jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::JobId;
use crate::api::{
    ConditionType, Destination, ExportState, Reason, Verification, WorkMailMailboxExport,
    WorkMailMailboxExportStatus,
};

/// What of a mailbox export matters to its organization export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Child {
    /// Its name.
    pub name: String,
    /// The id of the user or resource.
    pub entity: String,
    /// What it is called in messages.
    pub label: String,
    /// It writes to where the organization export says.
    pub is_current: bool,
    /// It is being deleted.
    pub is_deleting: bool,
    /// Its state; `None`: it was just made.
    pub state: Option<ExportState>,
    /// An attempt has failed since the last request to begin anew.
    pub has_failed_attempt: bool,
    /// It waits for a time to come, and needs no slot until then.
    pub waits: bool,
    /// It is exported, and not verified yet.
    pub is_verifying: bool,
    /// Whether its last export was found to be right; `None`: nothing is known.
    pub proof: Option<bool>,
    /// Its job has made no progress for longer than the deadline of progress.
    pub is_stuck: bool,
    /// What of it stands in the manifest, in short.
    pub mark: String,
    /// The size of the mailbox.
    pub bytes: Option<u64>,
    /// Its job, while it runs.
    pub job: Option<JobId>,
    /// The progress of its job.
    pub progress: u32,
    /// When its job began.
    pub started_at: Option<Timestamp>,
    /// When its job ended.
    pub ended_at: Option<Timestamp>,
    /// The reason and message of its Ready condition.
    pub ready: Option<(String, String)>,
    /// The error of its last attempt.
    pub error: Option<String>,
}

impl Child {
    /// Reads a mailbox export.
    #[must_use]
    pub fn read(
        object: &WorkMailMailboxExport,
        destination: &Destination,
        progress_deadline: Duration,
        now: Timestamp,
    ) -> Self {
        let none = WorkMailMailboxExportStatus::default();
        let WorkMailMailboxExportStatus {
            state,
            attempts,
            renewed_after,
            progress,
            progressed_at,
            mailbox_bytes,
            started_at,
            ended_at,
            email,
            conditions,
            job_id,
            proof,
            ..
        } = object.status.as_ref().unwrap_or(&none);
        let level = object.spec.verification;
        let proof = proof.as_ref();
        // An export that is not verified yet has not succeeded.
        let is_verifying = *state == Some(ExportState::Completed)
            && level != Verification::None
            && proof.is_none_or(|proof| !proof.verified);
        let has_completed = *state == Some(ExportState::Completed);
        let state = state.map(|state| {
            if is_verifying {
                ExportState::Running
            } else {
                state
            }
        });
        let ready = conditions
            .iter()
            .find(|condition| condition.r#type == ConditionType::Ready.as_str());
        let waits_for_time = [Reason::MailboxExportedRecently, Reason::AttemptFailed];
        let waits = ready.is_some_and(|ready| {
            let mut reasons = waits_for_time.iter();
            reasons.any(|reason| ready.reason == reason.as_str())
        });
        let last = attempts.last();
        let age = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        let is_running = state == Some(ExportState::Running);
        let entity = object.spec.mailbox.clone();
        Self {
            name: object.metadata.name.clone().unwrap_or_default(),
            label: email.clone().unwrap_or_else(|| entity.clone()),
            entity,
            is_current: object.spec.destination == *destination,
            is_deleting: object.metadata.deletion_timestamp.is_some(),
            state,
            has_failed_attempt: last.is_some_and(|last| {
                let failed = if is_running {
                    last.number.saturating_sub(1)
                } else {
                    last.number
                };
                failed > *renewed_after
            }) && !has_completed,
            waits: waits || is_verifying,
            is_verifying,
            proof: proof.map(|proof| proof.verified),
            is_stuck: is_running
                && !is_verifying
                && progressed_at.is_some_and(|at| age(at) > progress_deadline),
            mark: mark(object),
            bytes: mailbox_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            job: job_id
                .clone()
                .filter(|_| is_running && !is_verifying)
                .map(JobId),
            progress: progress.unwrap_or_default(),
            started_at: *started_at,
            ended_at: *ended_at,
            ready: ready.map(|ready| (ready.reason.clone(), ready.message.clone())),
            error: last.and_then(|last| last.error.clone()),
        }
    }

    /// Whether it may need a slot: a job of it runs, or it waits for one.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let is_under_way = matches!(
            self.state,
            None | Some(ExportState::Queued | ExportState::Running)
        );
        is_under_way && !self.waits && !self.is_deleting
    }

    /// Whether it has succeeded.
    #[must_use]
    pub fn has_succeeded(&self) -> bool {
        self.state == Some(ExportState::Completed)
    }
}

/// What of a mailbox export stands in the manifest, apart from what never changes. Its job and its attempt
/// say which object it is.
fn mark(object: &WorkMailMailboxExport) -> String {
    let Some(status) = &object.status else {
        return object.spec.mailbox.clone();
    };
    let proof = status.proof.as_ref();
    let state = status.state.map_or("", ExportState::as_str);
    format!(
        "{} {state} {} {:?}",
        object.spec.mailbox,
        status.job_id.as_deref().unwrap_or_default(),
        proof.map(|proof| (proof.attempt, proof.verified))
    )
}

/// Returns the name of the mailbox export of an entity: always the same for the same destination, so that
/// none is made twice, and another one for another destination.
#[must_use]
pub fn child_name(export: &str, uid: &str, entity: &str, destination: &Destination) -> String {
    let Destination {
        bucket,
        prefix,
        role_arn,
        kms_key_arn,
        read_role_arn,
        bucket_account_id,
    } = destination;
    let mut hash = Sha256::new();
    let optional = [read_role_arn, bucket_account_id];
    let optional = optional.into_iter().flatten().map(String::as_str);
    let parts = [uid, entity, bucket, prefix, role_arn, kms_key_arn];
    for part in parts.into_iter().chain(optional) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let short: String = export.chars().take(200).collect();
    let short = short.trim_end_matches(['.', '-']);
    let digest = hash.finalize();
    let digest = digest.iter().take(6).fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    format!("{short}-{digest}")
}
