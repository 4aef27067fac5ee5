//! What the status says of an outcome.

use super::super::conditions;
use super::{Memory, ObjectEvent, Outcome, Retry, Verdict, View};
use crate::{
    api::{
        AttemptState, ConditionStatus, ConditionType, ExportState, ProofReason, Reason,
        Verification,
    },
    logic::schedule::EXPORT_LOOKS_AGAIN,
};

/// All of the status but its times, and the events of the way there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Report {
    /// The generation that the conditions describe.
    pub observed_generation: i64,
    /// What is remembered.
    pub memory: Memory,
    /// The conditions.
    pub verdicts: Vec<Verdict>,
    /// What is new and worth an event.
    pub events: Vec<ObjectEvent>,
}

/// Returns what the status says of an outcome.
#[must_use]
pub fn report(view: &View, outcome: &Outcome) -> Report {
    let mut view = view.clone();
    if view.observed.account.is_some() {
        view.freeze();
    }
    let generation = view.desired.generation;
    let mut memory = view.memory.clone();
    if memory.state.is_none() {
        memory.state = Some(ExportState::Queued);
    }
    if memory.handled.is_some() || view.desired.requested.is_some() {
        memory.handled.clone_from(&view.desired.requested);
    }
    let mailbox = memory.email.as_deref().unwrap_or(&view.desired.mailbox);
    let ((reason, message), more) = match outcome {
        Outcome::Suspended | Outcome::Ended => {
            return Report {
                observed_generation: generation,
                memory,
                verdicts: paused(&view, outcome),
                events: Vec::new(),
            };
        }
        Outcome::Queued => (
            (
                Reason::Queued,
                format!(
                    "Nothing needs to be done: the export of {mailbox} waits for its turn; 10 jobs run at \
                     once in an organization."
                ),
            ),
            None,
        ),
        Outcome::Running => (
            (
                Reason::Running,
                format!("Nothing needs to be done: {mailbox} is being exported."),
            ),
            None,
        ),
        Outcome::Verifying => (
            (
                Reason::Verifying,
                format!("Nothing needs to be done: the export of {mailbox} is being verified."),
            ),
            None,
        ),
        Outcome::Completed => (
            (
                Reason::Completed,
                format!("{mailbox} is exported: see status.s3Path."),
            ),
            Some((
                ConditionType::Complete,
                Reason::Completed,
                "The mailbox is exported.",
            )),
        ),
        Outcome::Gone => (
            (
                Reason::Gone,
                format!("{mailbox} left the directory of the organization before it was exported."),
            ),
            None,
        ),
        Outcome::Failed => (
            failed(&view, mailbox),
            Some((
                ConditionType::Failed,
                Reason::ExportFailed,
                "As many attempts failed as backoffLimit allows.",
            )),
        ),
        Outcome::Released => (
            (Reason::Deleting, "This export is being deleted.".to_owned()),
            None,
        ),
        Outcome::Waits(failure) | Outcome::Trouble(failure) => {
            ((failure.reason, failure.message()), None)
        }
    };
    let more: Vec<_> = more.into_iter().collect();
    let mut verdicts = conditions::of(generation, (reason, &message), &more);
    verdicts.extend(verified(&view));
    Report {
        observed_generation: generation,
        verdicts,
        events: conditions::event(&view.previous, reason, &message)
            .into_iter()
            .collect(),
        memory,
    }
}

/// Whether the export is what it should be; `None` before there is one, and where nobody asked.
fn verified(view: &View) -> Option<Verdict> {
    let memory = &view.memory;
    let (status, reason, message) = match &memory.proof {
        Some(proof) if proof.verified => (
            ConditionStatus::True,
            Reason::Verified,
            match proof.verification {
                Verification::Content => {
                    "The directory of the zip is whole and as large as the mailbox lets expect: a check of plausibility."
                }
                Verification::None | Verification::Head => {
                    "The object is there, is not empty and is encrypted with the key of the spec."
                }
            }
            .to_owned(),
        ),
        Some(proof) => {
            let message = proof.message.clone().unwrap_or_default();
            (ConditionStatus::False, wrong(proof.reason), message)
        }
        None if view.verifies_at_once() => (
            ConditionStatus::Unknown,
            Reason::ReadFailed,
            "The export could not be read yet, which says nothing about it.".to_owned(),
        ),
        None => return None,
    };
    Some(Verdict {
        kind: ConditionType::Verified,
        status,
        reason: reason.as_str().to_owned(),
        message,
        generation: view.desired.generation,
    })
}

const fn wrong(reason: ProofReason) -> Reason {
    match reason {
        ProofReason::Verified => Reason::Verified,
        ProofReason::SmallerThanMailbox => Reason::SmallerThanMailbox,
        ProofReason::Unreadable => Reason::Unreadable,
        ProofReason::Missing => Reason::Missing,
        ProofReason::EncryptedOtherwise => Reason::EncryptedOtherwise,
    }
}

fn failed(view: &View, mailbox: &str) -> (Reason, String) {
    let last = view.memory.attempts.last();
    let error = last.and_then(|last| last.error.as_deref());
    let what = match last.map(|last| last.state) {
        Some(AttemptState::Refused) => "AWS refused the last attempt",
        Some(AttemptState::Cancelled | AttemptState::Lost) => "The last attempt came to nothing",
        Some(AttemptState::Failed | AttemptState::Completed | AttemptState::Running) | None => {
            "The last attempt failed"
        }
    };
    (
        Reason::ExportFailed,
        format!(
            "Correct the cause and change the annotation workmail-operator.dev/reconcile-requested-at to \
             try {mailbox} again. {what}: {}.",
            error.unwrap_or("AWS gives no reason")
        ),
    )
}

/// Everything stays as last seen; only Reconciling and Stalled go.
fn paused(view: &View, outcome: &Outcome) -> Vec<Verdict> {
    let (reason, kind, message) = if *outcome == Outcome::Ended {
        (
            Reason::EndOfService,
            None,
            "Amazon WorkMail has ended: nothing is exported any more.",
        )
    } else {
        (
            Reason::Suspended,
            Some((
                ConditionType::Suspended,
                Reason::Suspended,
                "Set suspend to false to go on.",
            )),
            "Set suspend to false, of the organization or of its export, to go on: no job is started.",
        )
    };
    let more: Vec<_> = kind.into_iter().collect();
    let mut verdicts = conditions::of(view.desired.generation, (reason, message), &more);
    verdicts.extend(verified(view));
    verdicts
}

impl Outcome {
    /// When the object is reconciled again, if nothing changes before.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            // The driver knows when a slot is free, when the job is read, and when what is waited for is over.
            Self::Queued | Self::Running | Self::Verifying | Self::Waits(_) | Self::Suspended => {
                Retry::In(EXPORT_LOOKS_AGAIN)
            }
            Self::Trouble(failure) => Retry::after_failure(failure),
            Self::Ended | Self::Completed | Self::Failed | Self::Gone | Self::Released => {
                Retry::Never
            }
        }
    }
}
