//! What the operator reports of a mailbox export, and what it has to remember across a crash.

use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::Condition;

/// The state of the export, and what the operator remembers of its work.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkMailMailboxExportStatus {
    /// The generation of the spec that the conditions describe; -1 before the first reconcile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub observed_generation: Option<i64>,

    /// The organization that is exported. Written before the first call that changes anything, and never
    /// changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 34))]
    pub organization_id: Option<String>,

    /// The AWS account of the organization. Written with `organizationId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 12))]
    pub account_id: Option<String>,

    /// The `WorkMailAccount` that served the organization. Written with `organizationId`; absent where
    /// there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 253))]
    pub account: Option<String>,

    /// The AWS region of the organization. Written with `organizationId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    pub region: Option<String>,

    /// The id of the user or resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub entity_id: Option<String>,

    /// The primary address when the export began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 254))]
    pub email: Option<String>,

    /// The name that is displayed for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub display_name: Option<String>,

    /// The size of the mailbox in bytes when the export began; absent for resources, whose size AWS does
    /// not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub mailbox_bytes: Option<i64>,

    /// Queued, Running, Completed, Failed, Cancelled or Gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExportState")]
    pub state: Option<ExportState>,

    /// The progress of the running job in percent, as AWS estimates it; written at most every 10 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 100))]
    pub progress: Option<u32>,

    /// When the progress last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub progressed_at: Option<Timestamp>,

    /// The job of the latest attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 63))]
    pub job_id: Option<String>,

    /// The last 10 attempts, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub attempts: Vec<AttemptStatus>,

    /// Attempts up to this number do not count towards `backoffLimit`: a read was asked for after them.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i64", range(min = 0))]
    pub renewed_after: u32,

    /// The key of the object in the bucket, as AWS names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1023))]
    pub s3_path: Option<String>,

    /// When the job began, as AWS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,

    /// When the job ended, as AWS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub ended_at: Option<Timestamp>,

    /// A call that was about to be made when this was written; removed with its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PendingExport")]
    pub pending: Option<PendingExport>,

    /// The last value of the annotation `workmail-operator.dev/reconcile-requested-at`, of this resource
    /// or of the organization export that made it, that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,

    /// Ready, Reconciling and Stalled as kstatus reads them; Complete, Failed, Suspended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The state of a mailbox export.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum ExportState {
    /// It waits for its turn, or for the next attempt.
    Queued,
    /// A job runs, or may run.
    Running,
    /// The mailbox is exported.
    Completed,
    /// As many attempts failed as `backoffLimit` allows.
    Failed,
    /// Its job was cancelled because the resource is deleted.
    Cancelled,
    /// The user or resource has left the directory.
    Gone,
}

impl ExportState {
    /// The word as it stands in status and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Gone => "Gone",
        }
    }
}

/// One attempt.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptStatus {
    /// Its number, from 1.
    #[schemars(with = "i64", range(min = 1))]
    pub number: u32,
    /// Its job; absent where AWS refused the start, or its answer was lost for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 63))]
    pub job_id: Option<String>,
    /// When it was begun.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// When its end was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub ended_at: Option<Timestamp>,
    /// How it stands.
    pub state: AttemptState,
    /// AWS's text of its failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub error: Option<String>,
}

/// How an attempt stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum AttemptState {
    /// Its job runs.
    Running,
    /// Its job is COMPLETED.
    Completed,
    /// Its job is FAILED.
    Failed,
    /// Its job is CANCELLED.
    Cancelled,
    /// AWS does not know its job any more.
    Lost,
    /// AWS refused to start it.
    Refused,
}

/// A start that may have been made.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingExport {
    /// The AWS operation.
    pub operation: PendingExportOperation,
    /// The id of the user or resource.
    #[schemars(length(max = 256))]
    pub target: String,
    /// When the intent was recorded.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// The number of the attempt.
    #[schemars(with = "i64", range(min = 1))]
    pub attempt: u32,
}

/// The operation whose intent is recorded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum PendingExportOperation {
    /// `StartMailboxExportJob`.
    StartMailboxExportJob,
}
