//! What the status says of an outcome.

use super::{Child, Memory, ObjectEvent, Outcome, Progress, Retry, Verdict, View, conditions};
use crate::{
    api::{
        ConditionStatus, ConditionType, EventReason, ExportFailure, ExportState, Reason,
        Verification,
    },
    logic::{
        EventKind,
        schedule::{EXPORT_LOOKS_AGAIN, EXPORT_WRITES},
    },
};

/// As many failed mailboxes stand in the status.
const FAILURES: usize = 20;

/// All of the status but its times, and the events of the way there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Report {
    /// The generation that the conditions describe.
    pub observed_generation: i64,
    /// What is remembered.
    pub memory: Memory,
    /// How far it has come; `None`: as before.
    pub progress: Option<Progress>,
    /// The mailboxes that could not be exported.
    pub failures: Vec<ExportFailure>,
    /// The conditions.
    pub verdicts: Vec<Verdict>,
    /// What is new and worth an event.
    pub events: Vec<ObjectEvent>,
}

/// Returns what the status says of an outcome.
#[must_use]
pub fn report(view: &View, outcome: &Outcome) -> Report {
    let generation = view.desired.generation;
    let progress = Progress::of(view);
    let mut memory = view.memory.clone();
    // A request stands until what it asks for was read.
    if !matches!(
        outcome,
        Outcome::Trouble(_) | Outcome::Suspended | Outcome::Ended
    ) {
        memory.handled.clone_from(&view.desired.requested);
    }
    let (reason, message) = told(view, outcome, progress.as_ref());
    let more: &[(ConditionType, Reason, &str)] = match outcome {
        Outcome::Completed => &[(
            ConditionType::Complete,
            Reason::Completed,
            "Every mailbox is exported, or gone.",
        )],
        Outcome::Failed(_) => &[(
            ConditionType::Failed,
            Reason::ExportFailed,
            "Some mailboxes could not be exported.",
        )],
        Outcome::Suspended => &[(
            ConditionType::Suspended,
            Reason::Suspended,
            "No new job is started.",
        )],
        Outcome::Canary
        | Outcome::CanaryFailed(_)
        | Outcome::Running
        | Outcome::Stuck(_)
        | Outcome::Ended
        | Outcome::Released
        | Outcome::Trouble(_) => &[],
    };
    let mut events: Vec<_> = conditions::event(&view.previous, reason, &message)
        .into_iter()
        .collect();
    if *outcome == Outcome::Completed && memory.completed_at.is_none() {
        memory.completed_at = progress
            .and_then(|progress| progress.ended_at)
            .or(Some(view.now));
        events.push(ObjectEvent {
            kind: EventKind::Normal(EventReason::ExportCompleted),
            message: message.clone(),
        });
    }
    events.extend(late(view, progress.as_ref()));
    let mut verdicts = conditions::of(generation, (reason, &message), more);
    verdicts.extend(verified(view, outcome));
    Report {
        observed_generation: generation,
        memory,
        failures: failures(view),
        verdicts,
        progress,
        events,
    }
}

/// Whether what was exported is what it should be; `None` before there is any, and where nobody asked.
fn verified(view: &View, outcome: &Outcome) -> Option<Verdict> {
    if view.desired.verification == Verification::None {
        return None;
    }
    let is_wrong = |child: &Child| child.proof == Some(false);
    let is_exported = |child: &Child| child.is_verifying || child.has_succeeded();
    let (status, reason, message) = if *outcome == Outcome::Completed {
        (
            ConditionStatus::True,
            Reason::Verified,
            "Every export is verified.",
        )
    } else if view.current().any(is_wrong) {
        (
            ConditionStatus::False,
            Reason::AttemptFailed,
            "An export is not what it should be: see the WorkMailMailboxExports that are not Verified.",
        )
    } else if view.current().any(is_exported) {
        (
            ConditionStatus::Unknown,
            Reason::Verifying,
            "Not every mailbox is exported and verified yet.",
        )
    } else {
        return None;
    };
    Some(Verdict {
        kind: ConditionType::Verified,
        status,
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
        generation: view.desired.generation,
    })
}

fn told(view: &View, outcome: &Outcome, progress: Option<&Progress>) -> (Reason, String) {
    match outcome {
        Outcome::Canary => (
            Reason::Running,
            "Nothing needs to be done: one mailbox is exported first; the others follow once it has \
             succeeded."
                .to_owned(),
        ),
        // The numbers stand in the status: a message that had them would be written again and again.
        Outcome::Running => (
            Reason::Running,
            match by_how_much(view, progress) {
                Some(late) => format!(
                    "Raise parallelism, leave mailboxes out or move the deadline: by the rate so far the \
                     last mailbox is exported {late} after the deadline."
                ),
                None => "Nothing needs to be done: mailboxes are being exported; see status.done."
                    .to_owned(),
            },
        ),
        Outcome::Completed => (Reason::Completed, completed(view)),
        Outcome::Suspended => (
            Reason::Suspended,
            "Set suspend to false, of the organization or of this export, to go on: no new job is started."
.to_owned(),
        ),
        Outcome::Ended => (
            Reason::EndOfService,
            "Amazon WorkMail has ended: nothing is exported any more.".to_owned(),
        ),
        Outcome::Released => (Reason::Deleting, "This export is being deleted.".to_owned()),
        Outcome::CanaryFailed(failure)
        | Outcome::Stuck(failure)
        | Outcome::Failed(failure)
        | Outcome::Trouble(failure) => (failure.reason, failure.message()),
    }
}

fn completed(view: &View) -> String {
    match &view.observed.manifest {
        Some(Err(failure)) => format!(
            "{} Every mailbox is exported or gone, and the manifest is not written yet.",
            failure.message()
        ),
        Some(Ok(())) | None => {
            "Every mailbox is exported, or its user or resource is gone: see status.done and status.gone."
                .to_owned()
        }
    }
}

/// By how many days the estimate is past the deadline.
fn by_how_much(view: &View, progress: Option<&Progress>) -> Option<String> {
    let estimated = progress?.estimated_at?;
    let late = estimated.duration_since(view.desired.deadline).as_hours();
    match late {
        ..=0 => None,
        1..48 => Some(format!("{late} hours")),
        _ => Some(format!("{} days", late / 24)),
    }
}

/// The Warning when the estimate passes the deadline.
fn late(view: &View, progress: Option<&Progress>) -> Option<ObjectEvent> {
    let late = by_how_much(view, progress)?;
    let was_late = view
        .memory
        .estimated_at
        .is_some_and(|at| at > view.desired.deadline);
    (!was_late).then(|| ObjectEvent {
        kind: EventKind::Alert(EventReason::DeadlineAtRisk),
        message: format!(
            "Raise parallelism, leave mailboxes out or move the deadline: by the rate so far the last \
             mailbox is exported {late} after it."
        ),
    })
}

fn failures(view: &View) -> Vec<ExportFailure> {
    let failed = |child: &&Child| child.state == Some(ExportState::Failed) && child.is_current;
    let mut failed: Vec<_> = view.children.iter().filter(failed).collect();
    failed.sort_by_key(|child| &child.label);
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    failed
        .into_iter()
        .take(FAILURES)
        .map(|child| {
            let (reason, message) = child.ready.clone().unwrap_or_default();
            ExportFailure {
                mailbox: cut(&child.label, 256),
                reason: cut(&reason, 64),
                message: cut(child.error.as_deref().unwrap_or(&message), 512),
            }
        })
        .collect()
}

impl Outcome {
    /// When the object is reconciled again, if nothing changes before.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            // The progress of what runs is told as often as it may be written.
            Self::Canary | Self::Running => Retry::In(EXPORT_WRITES),
            Self::Stuck(_) | Self::Suspended => Retry::In(EXPORT_LOOKS_AGAIN),
            // A mailbox export that changes wakes it, and so does a request.
            Self::CanaryFailed(_) | Self::Failed(_) => Retry::Slowly,
            Self::Trouble(failure) => Retry::after_failure(failure),
            Self::Completed | Self::Ended | Self::Released => Retry::Never,
        }
    }
}
