//! The manifest: which mailboxes were exported, and where they are.
//!
//! What it must not do: name an object that was not read, or leave one out that was exported.

use std::fmt::Write;

use k8s_openapi::jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Action, Child, Failure, Outcome, View, key_of};
use crate::{
    api::{ExportLog, ExportProof, ProofReason, Verification, WorkMailMailboxExport},
    logic::schedule::MANIFEST_WRITES,
    proof::{
        self, Destination, Export, FORMAT_VERSION, Log, Manifest, Object, Organization, Verdict,
        VerdictReason, Verified,
    },
};

/// What status remembers of the manifest that was last written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WrittenManifest {
    /// Where it is: `s3://BUCKET/KEY`.
    pub url: String,
    /// What it was made of, as [`View::manifest_digest`] has it.
    pub digest: String,
    /// When it was written.
    pub at: Timestamp,
}

impl View {
    /// The folder of the manifest, which is that of the mailboxes: `PREFIX/UID8/`.
    #[must_use]
    pub fn folder(&self) -> String {
        let uid: String = self.desired.object.uid.chars().take(8).collect();
        format!("{}/{uid}/", self.desired.destination.prefix)
    }

    /// A digest of what the manifest is made of.
    #[must_use]
    pub fn manifest_digest(&self) -> String {
        let mut marks: Vec<_> = self.children.iter().map(|child| &child.mark).collect();
        marks.sort_unstable();
        let mut hash = Sha256::new();
        for mark in marks {
            hash.update(mark.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        digest.iter().take(8).fold(String::new(), |mut text, byte| {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Whether the manifest that is stored, if any, is another one than it should be.
    #[must_use]
    pub fn lacks_manifest(&self) -> bool {
        let written = self.memory.manifest.as_ref();
        self.desired.verification != Verification::None
            && self.children.iter().any(Child::has_succeeded)
            && written.is_none_or(|written| written.digest != self.manifest_digest())
    }

    /// Takes note of a manifest that was written.
    pub(super) fn see_manifest(&mut self, written: Result<(), Failure>) {
        if written.is_ok() {
            self.memory.manifest = Some(WrittenManifest {
                url: format!(
                    "s3://{}/{}manifest.json",
                    self.desired.destination.bucket,
                    self.folder()
                ),
                digest: self.manifest_digest(),
                at: self.now,
            });
        }
        self.observed.manifest = Some(written);
    }
}

/// Puts the manifest before the end of a reconcile, where it has changed: every 10 minutes at most, and in
/// any case once everything is exported or has failed.
pub(super) fn before(view: &View, action: Action) -> Action {
    let Action::Finish(outcome) = &action else {
        return action;
    };
    let is_end = matches!(outcome, Outcome::Completed | Outcome::Failed(_));
    if !is_end && !matches!(outcome, Outcome::Running | Outcome::Stuck(_)) {
        return action;
    }
    let written = view.memory.manifest.as_ref();
    let age = written.map(|written| view.now.duration_since(written.at));
    let is_old = age.is_none_or(|age| age.unsigned_abs() >= MANIFEST_WRITES);
    let is_due = is_end || is_old && !view.is_manifest_refused;
    if is_due && view.observed.manifest.is_none() && view.lacks_manifest() {
        Action::Manifest
    } else {
        action
    }
}

/// Who and where a manifest is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The organization.
    pub organization: Organization,
    /// The organization export.
    pub export: Export,
    /// Where the mailboxes are.
    pub destination: Destination,
    /// The program, with its version.
    pub written_by: String,
}

/// Returns the manifest of these mailbox exports.
#[must_use]
pub fn manifest<'a>(
    subject: Subject,
    children: impl Iterator<Item = &'a WorkMailMailboxExport>,
    now: Timestamp,
) -> Manifest {
    let mut mailboxes: Vec<_> = children.map(mailbox).collect();
    mailboxes
        .sort_by(|one, other| (&one.email, &one.entity_id).cmp(&(&other.email, &other.entity_id)));
    Manifest {
        version: FORMAT_VERSION,
        written_at: now,
        written_by: subject.written_by,
        organization: subject.organization,
        export: subject.export,
        destination: subject.destination,
        mailboxes,
        waivers: Vec::new(),
    }
}

fn mailbox(child: &WorkMailMailboxExport) -> proof::Mailbox {
    let status = child.status.clone().unwrap_or_default();
    let destination = &child.spec.destination;
    let proof = status.proof.as_ref();
    let count = |count: i64| u64::try_from(count).ok();
    let right = proof.filter(|proof| proof.verified);
    let object = right
        .zip(status.s3_path.as_ref())
        .and_then(|(proof, path)| {
            Some(Object {
                bucket: destination.bucket.clone(),
                key: key_of(path, &destination.bucket, &destination.prefix),
                version_id: status.version_id.clone(),
                e_tag: proof.e_tag.clone(),
                bytes: count(proof.bytes?)?,
            })
        });
    proof::Mailbox {
        entity_id: status
            .entity_id
            .unwrap_or_else(|| child.spec.mailbox.clone()),
        email: status.email,
        aliases: Vec::new(),
        display_name: status.display_name,
        mailbox_bytes: status.mailbox_bytes.and_then(count),
        state: status
            .state
            .map_or("Queued", |state| state.as_str())
            .to_owned(),
        job_id: status.job_id,
        started_at: status.started_at,
        ended_at: status.ended_at,
        object,
        entries: right.and_then(|proof| count(proof.entries?)),
        uncompressed_bytes: right.and_then(|proof| count(proof.uncompressed_bytes?)),
        log: right.and_then(|proof| proof.log.as_ref()).map(log),
        verification: proof.map(verdict),
    }
}

fn verdict(proof: &ExportProof) -> Verdict {
    Verdict {
        verified: if proof.verified {
            Verified::True
        } else {
            Verified::False
        },
        reason: match proof.reason {
            ProofReason::Verified => VerdictReason::Verified,
            ProofReason::SmallerThanMailbox => VerdictReason::SmallerThanMailbox,
            ProofReason::Unreadable => VerdictReason::Unreadable,
            ProofReason::Missing => VerdictReason::Missing,
            ProofReason::EncryptedOtherwise => VerdictReason::EncryptedOtherwise,
        },
        message: proof.message.clone().unwrap_or_default(),
    }
}

fn log(log: &ExportLog) -> Log {
    let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    Log {
        total_messages: count(log.total_messages),
        total_bytes: count(log.total_bytes),
        total_folders: count(log.total_folders),
        total_non_exportable_items: count(log.total_non_exportable_items),
        sha384_hash: log.sha384_hash.clone(),
    }
}
