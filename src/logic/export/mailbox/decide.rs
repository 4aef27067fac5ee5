//! The decision.

use k8s_openapi::jiff::Timestamp;

use super::{
    Action, Failure, Job, JobId, JobState, Outcome, Pending, Read, Save, SeenJobs, Source, View,
    forbidden, source, verify::verify,
};
use crate::api::{ExportState, Reason};

/// Returns what is done next.
#[must_use]
pub fn decide(view: &View) -> Action {
    if view.desired.is_deleting {
        return if view.facts.is_ended {
            let_go(view, Outcome::Released)
        } else {
            deletion(view)
        };
    }
    if view.observed.has_answer {
        // What AWS answered is stored before anything else is done.
        if view.memory.running().is_some() {
            return Action::Finish(Outcome::Running);
        }
        if !view.verifies_at_once() {
            return Action::Save(Save::Answer);
        }
    }
    match view.memory.state {
        Some(ExportState::Completed) => return verify(view),
        Some(ExportState::Gone) => return let_go(view, Outcome::Gone),
        Some(ExportState::Failed) => return let_go(view, Outcome::Failed),
        Some(ExportState::Queued | ExportState::Running | ExportState::Cancelled) | None => {}
    }
    if view.facts.is_ended {
        return let_go(view, Outcome::Ended);
    }
    if view
        .organization
        .as_ref()
        .is_some_and(|one| one.is_suspended)
    {
        return Action::Finish(Outcome::Suspended);
    }
    if let Some((_, job)) = view.memory.running() {
        return observe(view, job);
    }
    match checked(view) {
        Ok(source) => next_attempt(view, &source),
        Err(action) => action,
    }
}

/// Whether the export has come to its end.
fn is_over(view: &View) -> bool {
    matches!(
        view.memory.state,
        Some(ExportState::Completed | ExportState::Gone | ExportState::Failed)
    )
}

/// Takes the finalizer off, and then ends.
pub(super) fn let_go(view: &View, outcome: Outcome) -> Action {
    if view.desired.has_finalizer {
        Action::Finalizer(false)
    } else {
        Action::Finish(outcome)
    }
}

/// The object is being deleted: a running job is cancelled first, for a minute at most.
fn deletion(view: &View) -> Action {
    let suspended = view
        .organization
        .as_ref()
        .is_some_and(|one| one.is_suspended);
    if !view.desired.has_finalizer || view.facts.is_cancellation_over || suspended || is_over(view)
    {
        return let_go(view, Outcome::Released);
    }
    let job = match (view.memory.running(), &view.memory.pending) {
        (Some((_, job)), _) => job,
        (None, Some(_)) => match &view.observed.jobs {
            None => return account_or(view, Action::Read(Read::Jobs)),
            Some(Ok(SeenJobs {
                ours: Some(job), ..
            })) => &job.id,
            Some(Ok(SeenJobs { ours: None, .. })) => {
                return Action::Finish(Outcome::Waits(Failure::of(
                    Reason::Deleting,
                    "Nothing needs to be done.",
                    "The job of this export is looked for, to cancel it.",
                )));
            }
            Some(Err(failure)) => return Action::Finish(Outcome::Trouble(failure.clone())),
        },
        (None, None) => return let_go(view, Outcome::Released),
    };
    match (&view.observed.cancelled, &view.observed.details) {
        (None, _) => account_or(view, Action::Cancel(job.clone())),
        // A job that is over cannot be cancelled: how it is says more than the refusal.
        (Some(_), None) => Action::Read(Read::JobDetails(job.clone())),
        (Some(Err(failure)), Some(Ok(Some(job)))) if job.state == JobState::Running => {
            Action::Finish(Outcome::Trouble(failure.clone()))
        }
        (Some(Ok(())), Some(Ok(Some(job)))) if job.state == JobState::Running => {
            Action::Finish(Outcome::Waits(Failure::of(
                Reason::Deleting,
                "Nothing needs to be done.",
                "AWS is cancelling the job of this export.",
            )))
        }
        (Some(_), Some(Ok(_))) => let_go(view, Outcome::Released),
        (Some(_), Some(Err(failure))) => Action::Finish(Outcome::Trouble(failure.clone())),
    }
}

/// Asks for the account first: a call that changes something is made only with credentials of the
/// account that is recorded.
pub(super) fn account_or(view: &View, action: Action) -> Action {
    match &view.observed.account {
        None => Action::Read(Read::Account),
        Some(Err(failure)) => Action::Finish(Outcome::Trouble(failure.clone())),
        Some(Ok(account))
            if view
                .memory
                .account
                .as_ref()
                .is_some_and(|one| one != account) =>
        {
            Action::Finish(Outcome::Trouble(Failure::of(
                Reason::AccountMismatch,
                "Give the operator credentials of the account in status.accountId.",
                format!("It has those of account {account}."),
            )))
        }
        Some(Ok(_)) => action,
    }
}

/// A job runs.
fn observe(view: &View, id: &JobId) -> Action {
    let details = |job: &Job| {
        let lacks_error = job.state == JobState::Failed;
        let lacks_path = job.state == JobState::Completed && job.path.is_none();
        !job.is_whole && (lacks_error || lacks_path)
    };
    if !view.desired.has_finalizer {
        return Action::Finalizer(true);
    }
    match (&view.observed.job, &view.observed.details) {
        (None, None) => account_or(view, Action::Read(Read::Job(id.clone()))),
        // The list has the jobs of seven days: what is not in it is asked for by its id.
        (Some(Ok(None)), None) => Action::Read(Read::JobDetails(id.clone())),
        (Some(Ok(Some(job))), None) if details(job) => Action::Read(Read::JobDetails(id.clone())),
        (Some(Err(failure)), None) | (_, Some(Err(failure))) => {
            Action::Finish(Outcome::Trouble(failure.clone()))
        }
        // It runs: anything else was applied as an answer.
        (Some(Ok(Some(_))), None) | (_, Some(Ok(_))) => Action::Finish(Outcome::Running),
    }
}

/// The organization if a job may be started there.
fn checked(view: &View) -> Result<Source, Action> {
    let trouble = |failure: Failure| Err(Action::Finish(Outcome::Trouble(failure)));
    let desired = &view.desired;
    let controller = desired.controller.as_ref();
    let id = view.organization.as_ref().and_then(|one| one.id.as_ref());
    // The organization export froze it for all its mailboxes, before the first of them was made.
    let of_controller = controller.and_then(|controller| controller.organization.as_ref());
    let frozen = view.memory.organization.as_ref().or(of_controller);
    if let (Some(frozen), Some(id)) = (frozen, id)
        && (frozen != id || of_controller.is_some_and(|one| one != id))
    {
        return trouble(Failure::of(
            Reason::OrganizationChanged,
            "Create a new export.",
            format!(
                "WorkMailOrganization {} is another organization now, and this export is of {frozen}.",
                desired.organization
            ),
        ));
    }
    if controller.is_some_and(|one| one.is_suspended || one.organization.is_none()) {
        return Err(Action::Finish(Outcome::Suspended));
    }
    let source = source(&desired.organization, view.organization.as_ref())
        .map_err(|failure| Action::Finish(Outcome::Trouble(failure)))?;
    let destination = &desired.destination;
    if let Some(failure) = forbidden(&view.access, &source.region, destination) {
        return trouble(failure);
    }
    if let Some(failure) = view.refused_reader() {
        return trouble(failure);
    }
    let key_region = desired.destination.kms_key_arn.split(':').nth(3);
    if key_region != Some(source.region.as_str()) {
        return trouble(Failure::of(
            Reason::DestinationRefused,
            format!(
                "Create a new export with a key of region {}.",
                source.region
            ),
            "Key, bucket and organization have to be in one region, and kmsKeyArn is of another.",
        ));
    }
    let action = account_or(view, Action::Finish(Outcome::Queued));
    if action != Action::Finish(Outcome::Queued) {
        return Err(action);
    }
    match &view.observed.account {
        Some(Ok(account)) if *account != source.account => trouble(Failure::of(
            Reason::AccountMismatch,
            format!(
                "Give the operator credentials of account {}, where the organization is.",
                source.account
            ),
            format!("It has those of account {account}."),
        )),
        Some(_) | None => Ok(source),
    }
}

/// No job runs, as far as is known: the pending one is found or repeated, or the next begins.
fn next_attempt(view: &View, source: &Source) -> Action {
    let memory = &view.memory;
    if let Some(failure) = &view.observed.start_failed {
        return after_failed_start(view, failure);
    }
    if let Some(pending) = &memory.pending {
        return resolve(view, pending);
    }
    let entity = match entity(view) {
        Ok(entity) => entity,
        Err(action) => return action,
    };
    if view.facts.next_attempt_at.is_some() {
        return let_go(view, waits_for_next_attempt(view));
    }
    if let Some(action) = owned(view, &source.id.to_string()) {
        return action;
    }
    match &view.observed.jobs {
        None => return Action::Read(Read::Jobs),
        Some(Err(failure)) => return Action::Finish(Outcome::Trouble(failure.clone())),
        Some(Ok(SeenJobs {
            available_at: Some(at),
            ..
        })) => return Action::Finish(exported_recently(&entity, *at)),
        Some(Ok(_)) => {}
    }
    match view.observed.slot {
        None => return Action::Read(Read::Slot),
        Some(false) => return Action::Finish(Outcome::Queued),
        Some(true) => {}
    }
    if !view.desired.has_finalizer {
        return Action::Finalizer(true);
    }
    Action::Save(Save::Intent)
}

/// The tags name the organization's resource, or what is done instead.
fn owned(view: &View, organization: &str) -> Option<Action> {
    match &view.observed.ownership {
        None => Some(Action::Read(Read::Ownership)),
        Some(Err(failure)) => Some(Action::Finish(Outcome::Trouble(failure.clone()))),
        Some(Ok(false)) => Some(Action::Finish(Outcome::Trouble(Failure::of(
            Reason::OwnershipConflict,
            format!(
                "See the conditions of WorkMailOrganization {}.",
                view.desired.organization
            ),
            format!(
                "The tags of {organization} do not name it as the owner, and only owned organizations are exported."
            ),
        )))),
        Some(Ok(true)) => None,
    }
}

fn exported_recently(entity: &str, at: Timestamp) -> Outcome {
    Outcome::Waits(Failure::of(
        Reason::MailboxExportedRecently,
        "Nothing needs to be done.",
        format!(
            "AWS exports a mailbox once in 24 hours, and {entity} can be exported again at {at:.0}."
        ),
    ))
}

/// The start was not accepted, or its answer is not known: the attempt goes on. Where AWS does not know
/// the user or resource, the directory is listed: only two listings without it make the export Gone.
fn after_failed_start(view: &View, failure: &Failure) -> Action {
    if failure.reason == Reason::NotFound && view.observed.directory.is_none() {
        return Action::Read(Read::Directory);
    }
    Action::Finish(Outcome::Trouble(failure.clone()))
}

/// Asks AWS for a user or resource that listings lack.
fn still_there(view: &View) -> Option<Action> {
    match &view.observed.entity {
        _ if !view.facts.is_missing => None,
        None => Some(Action::Read(Read::Entity)),
        Some(Err(failure)) => Some(Action::Finish(Outcome::Trouble(failure.clone()))),
        Some(Ok(_)) => None,
    }
}

/// The id of the user or resource, which is recorded with the first intent.
fn entity(view: &View) -> Result<String, Action> {
    if let Some(action) = still_there(view) {
        return Err(action);
    }
    if let Some(id) = &view.memory.entity {
        return Ok(id.clone());
    }
    match &view.observed.entity {
        None => Err(Action::Read(Read::Entity)),
        Some(Err(failure)) => Err(Action::Finish(Outcome::Trouble(failure.clone()))),
        Some(Ok(None)) => Err(Action::Finish(Outcome::Trouble(Failure::of(
            Reason::NotFound,
            "Create a new export with another mailbox.",
            format!(
                "No user or resource of the organization is called {}.",
                view.desired.mailbox
            ),
        )))),
        Some(Ok(Some(entity))) => Ok(entity.id.clone()),
    }
}

/// A start may have been made: its job is looked for before the call is repeated.
fn resolve(view: &View, pending: &Pending) -> Action {
    let start = Action::Start {
        attempt: pending.attempt,
    };
    if view.observed.has_recorded_intent {
        return start;
    }
    match &view.observed.jobs {
        None => Action::Read(Read::Jobs),
        Some(Err(failure)) => Action::Finish(Outcome::Trouble(failure.clone())),
        // Its own job would be in the list: AWS would refuse another one of this mailbox.
        Some(Ok(SeenJobs {
            available_at: Some(at),
            ..
        })) => Action::Finish(exported_recently(&pending.target, *at)),
        // A job that was found, and an attempt that is lost, were applied as answers.
        Some(Ok(_)) => still_there(view)
            .or_else(|| owned(view, &view.desired.organization))
            .unwrap_or(start),
    }
}

fn waits_for_next_attempt(view: &View) -> Outcome {
    let error = view
        .memory
        .attempts
        .last()
        .and_then(|last| last.error.clone());
    let error = error.unwrap_or_else(|| "AWS gives no reason".to_owned());
    let at = view.facts.next_attempt_at.map(|at| format!("{at:.0}"));
    Outcome::Waits(Failure::of(
        Reason::AttemptFailed,
        format!(
            "Correct the cause before the next attempt at {}.",
            at.unwrap_or_default()
        ),
        format!("The last one failed: {error}."),
    ))
}

/// Returns what a save says: an intent that a job is about to run, an answer what AWS made of it.
#[must_use]
pub fn saved(view: &View) -> Outcome {
    match view.memory.state {
        Some(ExportState::Completed) if view.is_verified() => Outcome::Completed,
        Some(ExportState::Completed) => Outcome::Verifying,
        Some(ExportState::Failed) => Outcome::Failed,
        Some(ExportState::Gone) => Outcome::Gone,
        Some(ExportState::Running) => Outcome::Running,
        Some(ExportState::Queued | ExportState::Cancelled) | None => waits_for_next_attempt(view),
    }
}
