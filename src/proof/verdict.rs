//! Whether an export is what it should be, as far as it can be judged without its messages.
//!
//! What it must not do: take a failed read for a missing object, or say True where nothing was read.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{contents::Contents, directory::Damage, manifest::Object};

/// The result of a verification, as the status of a condition.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Verified {
    /// What was read is right.
    True,
    /// What was read is wrong.
    False,
    /// It could not be read. This is never taken for False.
    Unknown,
}

/// Why a verification has its result.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum VerdictReason {
    /// Nothing is wrong.
    Verified,
    /// False: the export is empty or much smaller than its mailbox.
    SmallerThanMailbox,
    /// False: it is no zip, or a damaged one.
    Unreadable,
    /// False: the object does not exist (404).
    Missing,
    /// False: it is encrypted with another key than the spec names.
    EncryptedOtherwise,
    /// Unknown: the read failed.
    ReadFailed,
}

/// A judgement: the result, its reason, and a text for users.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Verdict {
    /// The result.
    pub verified: Verified,
    /// Why.
    pub reason: VerdictReason,
    /// What to do, and what was seen. Empty if nothing is wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Why an object could not be inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The store says that the object, or this version of it, does not exist: status 404.
    NotFound,
    /// The zip is damaged.
    Damaged(Damage),
    /// A read failed in another way (no right, no answer, a key that may not be used), and what was said.
    Failed(String),
}

impl From<Damage> for Trouble {
    fn from(damage: Damage) -> Self {
        match damage {
            // A store that returns another number of bytes says nothing about the zip.
            Damage::ShortRead(_) => Self::Failed(damage.to_string()),
            Damage::NoEnd | Damage::Record(_) | Damage::Count { .. } => Self::Damaged(damage),
        }
    }
}

/// What an object is, and how it is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// The object.
    pub object: Object,
    /// How it is encrypted, in S3's word: `aws:kms`, `AES256`. Amazon S3 says it of every object.
    pub encryption: Option<String>,
    /// The ARN of the KMS key that encrypts it.
    pub key: Option<String>,
}

/// Judges an export by what S3 says of its object: that it is not empty, and encrypted with this key. A store
/// that says nothing about encryption is no Amazon S3, and is not judged by it.
#[must_use]
pub fn judge_head(head: &Head, key: &str) -> Verdict {
    let Head {
        object,
        encryption,
        key: used,
    } = head;
    if object.bytes == 0 {
        return wrong(
            VerdictReason::Unreadable,
            "Export the mailbox again: the object is empty.".to_owned(),
        );
    }
    let is_encrypted = encryption
        .as_ref()
        .is_none_or(|kind| kind.starts_with("aws:kms") && used.as_deref() == Some(key));
    if is_encrypted {
        return right();
    }
    wrong(
        VerdictReason::EncryptedOtherwise,
        format!(
            "Check the default encryption of the bucket: the object is encrypted with {}.",
            used.as_deref()
                .or(encryption.as_deref())
                .unwrap_or("no key")
        ),
    )
}

/// The smallest mailbox, in bytes, that is compared with its export: a small one may have contacts alone,
/// which are not exported.
pub const LEAST_JUDGED: u64 = 5_000_000;

/// Judges an export by what its zip has, and the size of the mailbox where it is known, in bytes.
#[must_use]
pub fn judge(contents: &Result<Contents, Trouble>, mailbox_bytes: Option<u64>) -> Verdict {
    match contents {
        Ok(contents) => judge_size(contents, mailbox_bytes),
        Err(Trouble::NotFound) => wrong(
            VerdictReason::Missing,
            "Export the mailbox again: the object does not exist.".to_owned(),
        ),
        Err(Trouble::Damaged(damage)) => wrong(
            VerdictReason::Unreadable,
            format!("Export the mailbox again: {damage}."),
        ),
        Err(Trouble::Failed(said)) => Verdict {
            verified: Verified::Unknown,
            reason: VerdictReason::ReadFailed,
            message: format!(
                "Check the rights to the bucket and its key: the read failed ({said})."
            ),
        },
    }
}

fn judge_size(contents: &Contents, mailbox_bytes: Option<u64>) -> Verdict {
    let exported = contents.uncompressed_bytes;
    match mailbox_bytes.filter(|bytes| *bytes >= LEAST_JUDGED) {
        Some(bytes) if exported < bytes / 2 => wrong(
            VerdictReason::SmallerThanMailbox,
            format!(
                "Compare the mailbox with its export: it has {} MB, and the export {} MB uncompressed.",
                bytes / 1_000_000,
                exported / 1_000_000
            ),
        ),
        Some(_) | None => right(),
    }
}

/// Returns the uncompressed bytes of an export over the bytes of its mailbox, in percent; `None` for a
/// mailbox that is empty or of unknown size.
#[must_use]
pub fn ratio_percent(contents: &Contents, mailbox_bytes: Option<u64>) -> Option<u64> {
    let bytes = u128::from(mailbox_bytes.filter(|bytes| *bytes > 0)?);
    u64::try_from(u128::from(contents.uncompressed_bytes) * 100 / bytes).ok()
}

const fn right() -> Verdict {
    Verdict {
        verified: Verified::True,
        reason: VerdictReason::Verified,
        message: String::new(),
    }
}

fn wrong(reason: VerdictReason, message: String) -> Verdict {
    Verdict {
        verified: Verified::False,
        reason,
        message,
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn contents(bytes: u64) -> Contents {
        Contents {
            entries: u64::from(bytes > 0),
            uncompressed_bytes: bytes,
            log: None,
        }
    }

    #[rstest]
    #[case::as_large(
        Ok(contents(10_000_000)),
        Some(10_000_000),
        Verified::True,
        VerdictReason::Verified
    )]
    #[case::half(
        Ok(contents(5_000_000)),
        Some(10_000_000),
        Verified::True,
        VerdictReason::Verified
    )]
    #[case::under_half(
        Ok(contents(4_999_999)),
        Some(10_000_000),
        Verified::False,
        VerdictReason::SmallerThanMailbox
    )]
    #[case::empty(
        Ok(contents(0)),
        Some(5_000_000),
        Verified::False,
        VerdictReason::SmallerThanMailbox
    )]
    #[case::small_and_not_judged(
        Ok(contents(0)),
        Some(4_999_999),
        Verified::True,
        VerdictReason::Verified
    )]
    #[case::of_a_resource(Ok(contents(0)), None, Verified::True, VerdictReason::Verified)]
    #[case::missing(
        Err(Trouble::NotFound),
        Some(1),
        Verified::False,
        VerdictReason::Missing
    )]
    #[case::no_zip(
        Err(Trouble::Damaged(Damage::NoEnd)),
        None,
        Verified::False,
        VerdictReason::Unreadable
    )]
    #[case::refused(Err(Trouble::Failed("AccessDenied".to_owned())), Some(1), Verified::Unknown, VerdictReason::ReadFailed)]
    #[case::short(Err(Damage::ShortRead(1).into()), Some(1), Verified::Unknown, VerdictReason::ReadFailed)]
    fn an_export_is_judged_by_its_size_and_a_failed_read_is_no_judgement(
        #[case] contents: Result<Contents, Trouble>,
        #[case] mailbox_bytes: Option<u64>,
        #[case] verified: Verified,
        #[case] reason: VerdictReason,
    ) {
        let verdict = judge(&contents, mailbox_bytes);
        assert_eq!((verdict.verified, verdict.reason), (verified, reason));
        assert_eq!(verdict.message.is_empty(), verified == Verified::True);
        assert!(verdict.message.len() <= 160, "{}", verdict.message);
    }

    #[rstest]
    #[case::with_the_key(9, Some("aws:kms"), Some("key"), VerdictReason::Verified)]
    #[case::with_two_layers(9, Some("aws:kms:dsse"), Some("key"), VerdictReason::Verified)]
    #[case::empty(0, Some("aws:kms"), Some("key"), VerdictReason::Unreadable)]
    #[case::with_another_key(9, Some("aws:kms"), Some("other"), VerdictReason::EncryptedOtherwise)]
    #[case::with_the_key_of_s3(9, Some("AES256"), None, VerdictReason::EncryptedOtherwise)]
    #[case::by_a_store_that_says_nothing(9, None, None, VerdictReason::Verified)]
    fn an_object_is_not_empty_and_is_encrypted_with_the_key_of_the_spec(
        #[case] bytes: u64,
        #[case] encryption: Option<&str>,
        #[case] key: Option<&str>,
        #[case] reason: VerdictReason,
    ) {
        let object = Object {
            bucket: "archive".to_owned(),
            key: "a.zip".to_owned(),
            version_id: None,
            e_tag: None,
            bytes,
        };
        let head = Head {
            object,
            encryption: encryption.map(str::to_owned),
            key: key.map(str::to_owned),
        };
        let verdict = judge_head(&head, "key");
        assert_eq!(verdict.reason, reason);
        assert_eq!(
            verdict.verified == Verified::True,
            reason == VerdictReason::Verified
        );
        assert!(verdict.message.len() <= 160, "{}", verdict.message);
    }

    #[test]
    fn the_ratio_is_that_of_the_bytes_and_needs_a_size() {
        let contents = contents(3_000_000);
        assert_eq!(ratio_percent(&contents, Some(4_000_000)), Some(75));
        assert_eq!(ratio_percent(&contents, Some(0)), None);
        assert_eq!(ratio_percent(&contents, None), None);
    }
}
