//! Verification: whether what a completed job wrote is what it should be.
//!
//! What it must not do: take a failed read for a missing object, call an export verified of which nothing was
//! read, or read a message.

use k8s_openapi::jiff::Timestamp;

use super::{
    Action, Failure, Outcome, Read, View,
    decide::{account_or, let_go},
    forbidden, key_of, reads_as_account,
};
use crate::{
    api::{AttemptState, ExportLog, ExportProof, ExportState, ProofReason, Reason, Verification},
    proof::{
        Contents, Head, Inspection, Log, Trouble, Verdict, VerdictReason, Verified, judge,
        judge_head, ratio_percent,
    },
};

/// Returns what is done next about an export whose job is COMPLETED.
pub(super) fn verify(view: &View) -> Action {
    if view.is_verified() {
        return let_go(view, Outcome::Completed);
    }
    let trouble = |failure: &Failure| let_go(view, Outcome::Trouble(failure.clone()));
    let is_suspended = view.organization.as_ref();
    if is_suspended.is_some_and(|one| one.is_suspended) {
        return let_go(view, Outcome::Suspended);
    }
    let (Some(region), Some(key)) = (&view.memory.region, view.key()) else {
        return trouble(&Failure::of(
            Reason::UnexpectedError,
            "Create a new export.",
            "The status does not say where the export is.",
        ));
    };
    if let Some(failure) = forbidden(&view.access, region, &view.desired.destination) {
        return trouble(&failure);
    }
    if let Some(failure) = view.refused_reader() {
        return trouble(&failure);
    }
    let observed = &view.observed;
    if let Some(failure) = &observed.unread {
        return trouble(failure);
    }
    let next = match (&observed.head, observed.inspection.as_ref()) {
        (None, _) | (Some(_), None) => Read::Head(key),
        (Some(head), Some(inspection)) => match inspection.wanted() {
            Some(range) => Read::Range(Box::new(head.object.clone()), range),
            // It was in no entry of the zip.
            None => Read::Log(key),
        },
    };
    let action = account_or(view, Action::Read(next));
    if let Action::Finish(outcome) = action {
        let_go(view, outcome)
    } else {
        action
    }
}

impl View {
    /// Whether the export is verified as far as the spec asks for.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        let last = self.memory.attempts.last().map(|last| last.number);
        let proof = self.memory.proof.as_ref();
        self.desired.verification == Verification::None
            || proof.is_some_and(|proof| proof.verified && Some(proof.attempt) == last)
    }

    /// The key of the object that the job wrote.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let path = self.memory.path.as_deref()?;
        let destination = &self.desired.destination;
        Some(key_of(path, &destination.bucket, &destination.prefix))
    }

    /// Why nothing is read with the role of the destination.
    pub(super) fn refused_reader(&self) -> Option<Failure> {
        let role = self.desired.destination.read_role_arn.as_ref()?;
        self.facts.reads_as_account.then(|| reads_as_account(role))
    }

    /// Applies what S3 says of the object.
    pub(super) fn see_head(&mut self, head: Result<Option<Head>, Failure>, now: Timestamp) {
        let head = match head {
            Ok(Some(head)) => head,
            Ok(None) => return self.conclude(&Err(Trouble::NotFound), now),
            Err(failure) => return self.observed.unread = Some(failure),
        };
        let verdict = judge_head(&head, &self.desired.destination.kms_key_arn);
        let level = self.desired.verification;
        self.memory.version.clone_from(&head.object.version_id);
        let size = head.object.bytes;
        self.observed.head = Some(head);
        if verdict.verified != Verified::True || level != Verification::Content {
            self.prove(&verdict, None, now);
        } else {
            self.observed.inspection = Some(Inspection::new(size));
        }
    }

    /// Applies a range of the object, which the inspection asked for.
    pub(super) fn see_range(&mut self, bytes: Result<Option<Vec<u8>>, Failure>, now: Timestamp) {
        let bytes = match bytes {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.conclude(&Err(Trouble::NotFound), now),
            Err(failure) => return self.observed.unread = Some(failure),
        };
        let Some(inspection) = &mut self.observed.inspection else {
            return;
        };
        match inspection.supply(&bytes).map_err(Trouble::from) {
            Ok(()) => {
                let has_log = inspection.wanted().is_none() && inspection.has_log();
                if has_log {
                    let contents = inspection.clone().finish();
                    self.conclude(&Ok(contents), now);
                }
            }
            Err(trouble) => self.conclude(&Err(trouble), now),
        }
    }

    /// Applies the log that stands beside the zip, or its absence.
    pub(super) fn see_log(&mut self, log: Option<Log>, now: Timestamp) {
        if let Some(inspection) = self.observed.inspection.take() {
            let contents = Contents {
                log,
                ..inspection.finish()
            };
            self.conclude(&Ok(contents), now);
        }
    }

    fn conclude(&mut self, contents: &Result<Contents, Trouble>, now: Timestamp) {
        let verdict = judge(contents, self.memory.bytes);
        match verdict.verified {
            Verified::True | Verified::False => {
                self.prove(&verdict, contents.as_ref().ok(), now);
            }
            Verified::Unknown => {
                self.observed.unread = Some(Failure::of_read(
                    Reason::ServiceUnavailable,
                    "Nothing needs to be done unless this lasts: the operator retries automatically.",
                    verdict.message,
                ));
            }
        }
    }

    /// Records a verdict. A wrong export is a failed attempt.
    fn prove(&mut self, verdict: &Verdict, contents: Option<&Contents>, now: Timestamp) {
        let Some(last) = self.memory.attempts.last_mut() else {
            return;
        };
        let object = self.observed.head.as_ref().map(|head| &head.object);
        let is_right = verdict.verified == Verified::True;
        let count = |count: u64| i64::try_from(count).ok();
        let message = Some(verdict.message.clone()).filter(|message| !message.is_empty());
        let proof = ExportProof {
            attempt: last.number,
            verification: self.desired.verification,
            verified: is_right,
            reason: reason(verdict.reason),
            message: message.map(|message| message.chars().take(512).collect()),
            verified_at: now,
            bytes: object.and_then(|object| count(object.bytes)),
            e_tag: object.and_then(|object| object.e_tag.clone()),
            entries: contents.and_then(|contents| count(contents.entries)),
            uncompressed_bytes: contents.and_then(|contents| count(contents.uncompressed_bytes)),
            ratio_percent: contents.and_then(|contents| ratio_percent(contents, self.memory.bytes)),
            log: contents.and_then(|contents| contents.log.as_ref()).map(log),
        };
        if is_right {
            self.observed.has_answer = true;
        } else {
            last.state = AttemptState::Failed;
            let what = verdict.message.trim_end_matches('.');
            let what = what.split_once(": ").map_or(what, |(_, what)| what);
            last.error = Some(format!("its export is not verified, because {what}"));
            self.memory.path = None;
            self.memory.version = None;
            self.after_failure();
        }
        self.memory.proof = Some(proof);
    }

    /// Whether a completed export is read before its status is written: the end of the job can be read again.
    pub(super) fn verifies_at_once(&self) -> bool {
        self.memory.state == Some(ExportState::Completed) && !self.is_verified()
    }
}

const fn reason(reason: VerdictReason) -> ProofReason {
    match reason {
        VerdictReason::Verified => ProofReason::Verified,
        VerdictReason::SmallerThanMailbox => ProofReason::SmallerThanMailbox,
        VerdictReason::EncryptedOtherwise => ProofReason::EncryptedOtherwise,
        VerdictReason::Missing => ProofReason::Missing,
        // What was not read has no proof: [`View::conclude`].
        VerdictReason::Unreadable | VerdictReason::ReadFailed => ProofReason::Unreadable,
    }
}

fn log(log: &Log) -> ExportLog {
    let Log {
        total_messages,
        total_bytes,
        total_folders,
        total_non_exportable_items,
        sha384_hash,
    } = log;
    let count = |count: Option<u64>| count.and_then(|count| i64::try_from(count).ok());
    ExportLog {
        total_messages: count(*total_messages),
        total_bytes: count(*total_bytes),
        total_folders: count(*total_folders),
        total_non_exportable_items: count(*total_non_exportable_items),
        sha384_hash: sha384_hash.clone(),
    }
}
