//! `verified.json`: what `workmail-operator verify` has read, and what it found.

use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    log::Log,
    manifest::{FORMAT_VERSION, FormatError, Object, parse},
    time,
    verdict::Verified,
};

/// The most findings of one mailbox that are kept. The others are counted.
pub const MOST_FINDINGS: usize = 50;

/// The result of a full proof.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedReport {
    /// The version of the format: 1.
    pub version: u32,
    /// The manifest that was followed.
    pub manifest: Object,
    /// The SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// The program that read everything, with its version.
    pub verified_by: String,
    /// Who ran it: the ARN of the AWS identity. It is absent if AWS STS did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// When it began.
    #[serde(with = "time::required")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// When the last mailbox was read. It is absent in a run that has not ended, which the next one resumes.
    #[serde(
        default,
        with = "time::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub completed_at: Option<Timestamp>,
    /// True if every mailbox of the manifest was read and is right, False if one is wrong, else Unknown.
    pub verified: Verified,
    /// The mailboxes, in the order of the manifest.
    pub mailboxes: Vec<VerifiedMailbox>,
}

/// What was read of one mailbox.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedMailbox {
    /// The id of the user or resource.
    pub entity_id: String,
    /// The primary address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The object that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Whether every byte was read and is right.
    pub verified: Verified,
    /// When it was read.
    #[serde(with = "time::required")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub read_at: Timestamp,
    /// The SHA-256 of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The SHA-384 of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha384: Option<String>,
    /// What its zip has.
    #[serde(flatten)]
    pub counts: Counts,
    /// What the log of the export job says, where one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// What is wrong, or could not be read; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub findings_total: u64,
}

/// How much a zip has. Every entry counted here was read to its end, and its CRC-32 is right.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Messages.
    pub messages: u64,
    /// Calendars.
    pub calendars: u64,
    /// Entries that are neither, without folders and the log.
    pub others: u64,
    /// The bytes of all of these, uncompressed.
    pub uncompressed_bytes: u64,
    /// The folders, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<FolderCount>,
}

/// How many items a folder has.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct FolderCount {
    /// Its path in the zip. It is empty for the top.
    pub folder: String,
    /// Messages.
    pub messages: u64,
    /// Calendars.
    pub calendars: u64,
    /// Entries that are neither.
    pub others: u64,
}

/// Something that is wrong or could not be read.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub reason: FindingReason,
    /// The entry of the zip, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// A text for users.
    pub message: String,
}

/// What a finding is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum FindingReason {
    /// Wrong: the manifest has no object for the mailbox.
    NotExported,
    /// Wrong: the object does not exist (404).
    Missing,
    /// Wrong: the object is not the one that the manifest names: its size or entity tag differs.
    Changed,
    /// Wrong: the object is no zip, or its directory is damaged.
    Unreadable,
    /// Wrong: an entry is damaged.
    BrokenEntry,
    /// Wrong: the zip has fewer items than the log of the export job, or than the manifest.
    FewerItems,
    /// Unknown: a read failed.
    ReadFailed,
    /// Only told: the mailbox has no export, and needs none: it is waived, or it left the directory before.
    NotRequired,
    /// Only told: a number differs from the log or the manifest, and what it counts is not published.
    Differs,
}

impl FindingReason {
    /// Returns what the finding makes of the mailbox.
    #[must_use]
    pub fn verified(self) -> Verified {
        match self {
            Self::NotExported
            | Self::Missing
            | Self::Changed
            | Self::Unreadable
            | Self::BrokenEntry
            | Self::FewerItems => Verified::False,
            Self::ReadFailed => Verified::Unknown,
            Self::NotRequired | Self::Differs => Verified::True,
        }
    }
}

impl VerifiedReport {
    /// Reads a report.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn parse(json: &[u8]) -> Result<Self, FormatError> {
        parse(json)
    }

    /// Returns the report as a document.
    ///
    /// # Errors
    /// Never: every value has a form in JSON.
    pub fn to_json(&self) -> Result<String, FormatError> {
        debug_assert_eq!(self.version, FORMAT_VERSION);
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Returns the result of several mailboxes: False if one is False, else Unknown if one is Unknown.
    #[must_use]
    pub fn together(results: impl IntoIterator<Item = Verified>) -> Verified {
        results
            .into_iter()
            .fold(Verified::True, |all, one| match (all, one) {
                (Verified::False, _) | (_, Verified::False) => Verified::False,
                (Verified::Unknown, _) | (_, Verified::Unknown) => Verified::Unknown,
                (Verified::True, Verified::True) => Verified::True,
            })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
