//! The log of an export job: what Amazon WorkMail says it has written.
//!
//! The guide shows its fields, and says neither where it is nor what the hash covers. It is read where it is
//! found, as an entry of the zip or an object beside it, and never required.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most bytes that are taken for a log.
pub const LONGEST_LOG: usize = 48 * 1024;

/// The totals of an export job's log.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// How many items were exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_messages: Option<u64>,
    /// Their bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// How many folders the mailbox has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_folders: Option<u64>,
    /// How many items cannot be exported, such as contacts and notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_non_exportable_items: Option<u64>,
    /// A SHA-384 in hexadecimal digits. What it covers is not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha384_hash: Option<String>,
}

impl Log {
    /// Reads a log: a JSON object with some of the totals, each a number or a text of one. `None` if it is
    /// something else, such as a message.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > LONGEST_LOG {
            return None;
        }
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let nested = value
            .as_object()?
            .values()
            .filter(|value| value.is_object());
        std::iter::once(&value).chain(nested).find_map(Self::of)
    }

    fn of(value: &Value) -> Option<Self> {
        let number = |name: &str| {
            let value = value.get(name)?;
            value
                .as_u64()
                .or_else(|| value.as_str()?.trim().parse().ok())
        };
        let hash = value.get("sha384Hash").and_then(Value::as_str);
        let hash = hash
            .filter(|hash| hash.len() == 96 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let log = Self {
            total_messages: number("totalMessages"),
            total_bytes: number("totalBytes"),
            total_folders: number("totalFolders"),
            total_non_exportable_items: number("totalNonExportableItems"),
            sha384_hash: hash.map(str::to_ascii_lowercase),
        };
        (log != Self::default()).then_some(log)
    }

    /// Whether an entry or object of this name and size may be a log, so that it is worth reading.
    #[must_use]
    pub fn may_be_called(name: &str, bytes: u64) -> bool {
        let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let is_short = bytes > 1 && bytes <= LONGEST_LOG as u64;
        let kinds = [".json", ".log", ".txt"];
        is_short && (kinds.iter().any(|kind| file.ends_with(kind)) || file.ends_with("log"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_numbers_or_texts_of_numbers_and_may_be_nested() {
        let log = br#"{"totalMessages":"12","totalBytes":3400,"startTime":"x"}"#;
        let parsed = Log::parse(log).unwrap();
        assert_eq!(
            (parsed.total_messages, parsed.total_bytes),
            (Some(12), Some(3400))
        );
        assert_eq!(parsed.total_folders, None, "what is not there is not zero");
        let nested = br#"{"exportLog":{"totalMessages":"12"}}"#;
        assert_eq!(Log::parse(nested).unwrap().total_messages, Some(12));
    }

    #[test]
    fn what_has_no_total_is_no_log() {
        for other in [
            &b"{}"[..],
            b"[]",
            b"From: ada",
            br#"{"totalMessages":"many"}"#,
            br#"{"sha384Hash":"ab"}"#,
        ] {
            assert_eq!(Log::parse(other), None);
        }
        let padded = format!("{}{}", r#"{"totalMessages":"12"}"#, " ".repeat(LONGEST_LOG));
        assert_eq!(Log::parse(padded.as_bytes()), None, "too long");
    }

    #[test]
    fn only_short_files_with_a_usual_name_are_read_as_a_log() {
        assert!(Log::may_be_called("export-log.json", 300));
        assert!(Log::may_be_called("a/ExportLog", 300));
        assert!(!Log::may_be_called("Inbox/0001.eml", 300));
        assert!(!Log::may_be_called("export-log.json", 1 << 20));
    }
}
