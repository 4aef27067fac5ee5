//! `closing.json`: what proved that an organization could be deleted, and what stays of it.

use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    manifest::{Export, FormatError, Organization, parse},
    time,
};

/// What the deletion of an organization rested on. It is written before `DeleteOrganization` is called, and
/// once more when AWS has accepted it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Closing {
    /// The version of the format: 1.
    pub version: u32,
    /// When it was written.
    #[serde(with = "time::required")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub written_at: Timestamp,
    /// The program that wrote it, with its version.
    pub written_by: String,
    /// The organization that is deleted.
    pub organization: Organization,
    /// The `WorkMailOrganization` that is deleted.
    pub resource: Export,
    /// What was asked for of each mailbox.
    pub required: Required,
    /// The mailboxes that counted, by address.
    pub mailboxes: Vec<ClosingMailbox>,
    /// The call of `DeleteOrganization`.
    pub deletion: Deletion,
    /// What stays after the deletion.
    pub stays: Stays,
}

/// What was asked for of each mailbox: `spec.deletion.requireExport`, or the defaults of the account's rule.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Required {
    /// Exports that began earlier did not count.
    #[serde(
        default,
        with = "time::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub not_before: Option<Timestamp>,
    /// Exports that were older, in seconds, did not count.
    pub max_age_seconds: u64,
    /// Only exports counted whose content was verified.
    pub verified: bool,
    /// Exports of mailboxes that had grown by more bytes did not count.
    pub max_growth_bytes: u64,
}

/// A mailbox that counted.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosingMailbox {
    /// The id of the user or resource.
    pub entity_id: String,
    /// Its address, else its id.
    pub mailbox: String,
    /// Why it needed no export, where it was waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// The export that counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<Counted>,
}

/// An export that counted.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// The name of the `WorkMailMailboxExport`.
    pub name: String,
    /// The export job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// When the job began.
    #[serde(
        default,
        with = "time::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Whether its content was verified.
    pub verified: bool,
}

/// The call of `DeleteOrganization`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// Whether AWS has accepted it. Where it says false, the call was about to be made.
    pub accepted: bool,
    /// Who calls: the account of the credentials, and the cluster.
    pub caller: String,
    /// The id of the request, once AWS has accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Enabled users did not stop it.
    pub force: bool,
}

/// What stays after the deletion.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stays {
    /// The directory, which may be billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_id: Option<String>,
    /// The domains: their SES identities and DNS records stay.
    pub domains: Vec<String>,
}

impl Closing {
    /// Reads the document.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn parse(json: &[u8]) -> Result<Self, FormatError> {
        parse(json)
    }

    /// Returns the document.
    ///
    /// # Errors
    /// Never: every value has a form in JSON.
    pub fn to_json(&self) -> Result<String, FormatError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
