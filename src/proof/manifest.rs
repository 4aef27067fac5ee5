//! `manifest.json` and `manifest.csv`: which mailboxes were exported, and where they are.
//!
//! It is what remains after the service. docs/proof.md describes the format, and docs/schemas has its schema.
//! A later version of the format only adds fields, or has another number.

use std::fmt::Write as _;

use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{log::Log, time, verdict::Verdict};

/// The version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 1;

/// The manifest of the exports of an organization.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The version of the format: 1.
    pub version: u32,
    /// When it was written.
    #[serde(with = "time::required")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub written_at: Timestamp,
    /// The program that wrote it, with its version.
    pub written_by: String,
    /// The organization that the mailboxes are of.
    pub organization: Organization,
    /// The Kubernetes object that asked for the exports.
    pub export: Export,
    /// Where the exports are.
    pub destination: Destination,
    /// The mailboxes, by address.
    pub mailboxes: Vec<Mailbox>,
    /// Mailboxes whose export is not required for the deletion of the organization.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
}

/// An organization of Amazon WorkMail.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// Its id, as `m-…`.
    pub id: String,
    /// Its alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The AWS account.
    pub account_id: String,
    /// The AWS region.
    pub region: String,
}

/// The Kubernetes object that asked for the exports.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Export {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// Where exports are.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// The bucket.
    pub bucket: String,
    /// What the keys of all mailboxes begin with.
    pub prefix: String,
    /// The AWS account that owns the bucket. Every request names it as the expected owner.
    pub account_id: String,
    /// The KMS key that the objects are encrypted with.
    pub kms_key_arn: String,
}

/// A mailbox and its last export.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mailbox {
    /// The id of the user or resource.
    pub entity_id: String,
    /// The primary address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The other addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The name that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The size of the mailbox when it was exported, in bytes. It is known for users only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox_bytes: Option<u64>,
    /// What became of it: `Completed`, `Failed`, `Cancelled`, `Gone`, or how far it has come.
    pub state: String,
    /// The export job that wrote the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// When the job began. The export has what was in the mailbox then.
    #[serde(
        default,
        with = "time::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// When the job ended.
    #[serde(
        default,
        with = "time::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub ended_at: Option<Timestamp>,
    /// The object. It is absent where nothing was exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// How many entries the zip has, without folders and the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// How many bytes they have, uncompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncompressed_bytes: Option<u64>,
    /// What the log of the job says, where one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// What the operator found when it verified the export. `workmail-operator verify` is the full proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verdict>,
}

/// An object of S3.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version, if the bucket keeps versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The entity tag, which tells one content from another in a bucket without versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
    /// The size in bytes.
    pub bytes: u64,
}

/// A mailbox that the deletion of the organization does not wait for.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Waiver {
    /// The mailbox, as the spec names it.
    pub mailbox: String,
    /// Why.
    pub reason: String,
}

/// Why a document cannot be read.
#[derive(Debug, Error)]
pub enum FormatError {
    /// It is not of this format.
    #[error("it is no such document: {0}")]
    Json(#[from] serde_json::Error),
    /// It has another version.
    #[error(
        "it has version {0} of the format, and this program reads version {FORMAT_VERSION}: use a newer one"
    )]
    Version(u32),
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn parse(json: &[u8]) -> Result<Self, FormatError> {
        parse(json)
    }

    /// Returns the manifest as a document.
    ///
    /// # Errors
    /// Never: every value has a form in JSON.
    pub fn to_json(&self) -> Result<String, FormatError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Returns `manifest.csv`: a manifest of S3 Batch Operations, one line for each object. It has no header,
    /// keys are URL-encoded, and versions stand in every line or in none, as S3 asks.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let objects = || {
            self.mailboxes
                .iter()
                .filter_map(|mailbox| mailbox.object.as_ref())
        };
        let has_versions = objects().all(|object| object.version_id.is_some());
        objects().fold(String::new(), |mut csv, object| {
            let Object {
                bucket,
                key,
                version_id,
                e_tag: _,
                bytes: _,
            } = object;
            csv.push_str(bucket);
            csv.push(',');
            url_encode(key, &mut csv);
            if let Some(version) = version_id.as_ref().filter(|_| has_versions) {
                csv.push(',');
                csv.push_str(version);
            }
            csv.push('\n');
            csv
        })
    }
}

/// Reads a document with a version, which is looked at before anything else.
pub(super) fn parse<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, FormatError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    match serde_json::from_slice(json)? {
        Version {
            version: FORMAT_VERSION,
        } => Ok(serde_json::from_slice(json)?),
        Version { version } => Err(FormatError::Version(version)),
    }
}

fn url_encode(key: &str, to: &mut String) {
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/!*'()".contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(to, "%{byte:02X}");
        }
    }
}
