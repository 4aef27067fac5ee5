//! What the operator reports of an organization export.

use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::Condition;

/// How far the export has come. The mailboxes have resources of their own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkMailOrganizationExportStatus {
    /// The generation of the spec that the conditions describe; -1 before the first reconcile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub observed_generation: Option<i64>,

    /// The organization that is exported. Written before the first mailbox, and never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 34))]
    pub organization_id: Option<String>,

    /// How many mailboxes are to be exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub total: Option<u32>,

    /// How many wait for their turn or for another attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub queued: Option<u32>,

    /// How many are being exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub running: Option<u32>,

    /// How many are exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub succeeded: Option<u32>,

    /// How many could not be exported in as many attempts as `backoffLimit` allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub failed: Option<u32>,

    /// How many left the directory before they were exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub gone: Option<u32>,

    /// `succeeded/total`, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    pub done: Option<String>,

    /// The progress in percent, by mailbox size where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 100))]
    pub progress: Option<u32>,

    /// The sizes of the mailboxes that are known, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub mailbox_bytes: Option<i64>,

    /// How many of these bytes are exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub exported_bytes: Option<i64>,

    /// When the first job began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,

    /// When the last mailbox was exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub completed_at: Option<Timestamp>,

    /// When it will be complete, by the rate so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub estimated_completion_at: Option<Timestamp>,

    /// The failed mailboxes, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub failures: Vec<ExportFailure>,

    /// Where the manifest is: which mailboxes were exported, and where to. `workmail-operator verify` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub manifest: Option<String>,

    /// A digest of what the manifest that was last written was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub manifest_digest: Option<String>,

    /// When the manifest was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub manifest_written_at: Option<Timestamp>,

    /// The last value of the annotation `workmail-operator.dev/reconcile-requested-at` that was acted on.
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

/// A mailbox that could not be exported.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct ExportFailure {
    /// Its address, or its id where it has none.
    #[schemars(length(max = 256))]
    pub mailbox: String,
    /// Why, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Why, in a sentence.
    #[schemars(length(max = 512))]
    pub message: String,
}
