//! What the operator reports of a mailbox export, and what it has to remember across a crash.

use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Verification;
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

    /// The version of the object, where the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub version_id: Option<String>,

    /// What was found when the export was verified. Absent as long as it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExportProof")]
    pub proof: Option<ExportProof>,

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

    /// Ready, Reconciling and Stalled as kstatus reads them; Complete, Failed, Suspended; Verified.
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

/// What was found when an export was verified.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportProof {
    /// The number of the attempt whose export was verified.
    #[schemars(with = "i64", range(min = 1))]
    pub attempt: u32,
    /// How it was verified: Head or Content.
    pub verification: Verification,
    /// Whether it is what it should be.
    pub verified: bool,
    /// Why.
    pub reason: ProofReason,
    /// What to do, and what was seen; absent if nothing is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 512))]
    pub message: Option<String>,
    /// When it was verified.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub verified_at: Timestamp,
    /// The size of the object in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub bytes: Option<i64>,
    /// The entity tag of the object, which tells one content from another in a bucket without versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 256))]
    pub e_tag: Option<String>,
    /// How many entries the zip has, without folders and the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub entries: Option<i64>,
    /// How many bytes they have, uncompressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub uncompressed_bytes: Option<i64>,
    /// The uncompressed bytes over the size of the mailbox, cut to two decimals; of users only.
    #[serde(
        default,
        with = "hundredths",
        rename = "ratio",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "f64", range(min = 0))]
    pub ratio_percent: Option<u64>,
    /// What the log of the job says, where one was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExportLog")]
    pub log: Option<ExportLog>,
}

/// A number with two decimals, as its hundredths.
mod hundredths {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio above 2^53 is none of a mailbox"
    )]
    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(number: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => to.serialize_f64(*number as f64 / 100.0),
            None => to.serialize_none(),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is at least 0, and what is too large becomes the largest"
    )]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        let number = Option::<f64>::deserialize(from)?;
        Ok(number.map(|number| (number * 100.0).round().max(0.0) as u64))
    }
}

/// Why a verification has its result.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum ProofReason {
    /// Nothing is wrong.
    Verified,
    /// The export is empty or much smaller than its mailbox.
    SmallerThanMailbox,
    /// It is no zip, or a damaged one.
    Unreadable,
    /// The object does not exist.
    Missing,
    /// It is encrypted with another key than the spec names.
    EncryptedOtherwise,
}

/// The totals of the log of an export job.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportLog {
    /// How many items were exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub total_messages: Option<i64>,
    /// Their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub total_bytes: Option<i64>,
    /// How many folders the mailbox has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub total_folders: Option<i64>,
    /// How many items cannot be exported, such as contacts and notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub total_non_exportable_items: Option<i64>,
    /// A SHA-384 in hexadecimal digits. What it covers is not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 96))]
    pub sha384_hash: Option<String>,
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
