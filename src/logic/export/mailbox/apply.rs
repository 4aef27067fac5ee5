//! What an answer makes of the view.

use k8s_openapi::jiff::Timestamp;

use super::{
    Action, Answer, Entity, EntityState, Job, JobId, JobState, Memory, Pending, Save, SeenJobs,
    StartError, Tried, View, text,
};
use crate::api::{AttemptState, ExportState};

impl View {
    /// Takes note of what is about to be saved: the intent of a start goes with it.
    pub fn prepare(&mut self, save: Save, now: Timestamp) {
        match save {
            Save::Answer => {}
            Save::Intent => {
                self.freeze();
                let memory = &mut self.memory;
                let Some(target) = memory.entity.clone() else {
                    return;
                };
                memory.pending = Some(Pending {
                    attempt: memory.next_attempt(),
                    target,
                    since: now,
                });
                memory.state = Some(ExportState::Running);
            }
        }
    }

    /// Records the organization that is exported: it never changes from then on.
    pub(super) fn freeze(&mut self) {
        let memory = &mut self.memory;
        if let Some(source) = &self.organization {
            let ids = (&source.id, &source.account, &source.region);
            if let (None, (Some(id), Some(account), Some(region))) = (&memory.organization, ids) {
                memory.organization = Some(id.clone());
                memory.account = Some(account.clone());
                memory.served_by = self.access.account_name().map(str::to_owned);
                memory.region = Some(region.clone());
            }
        }
    }

    /// Applies the answer to an action.
    pub fn apply(&mut self, action: &Action, answer: Answer, now: Timestamp) {
        match answer {
            Answer::Account(account) => self.observed.account = Some(account),
            Answer::Ownership(verdict) => self.observed.ownership = Some(verdict),
            Answer::Entity(entity) => self.see_entity(entity),
            Answer::Directory(listed) => self.observed.directory = Some(listed),
            Answer::Slot(is_granted) => self.observed.slot = Some(is_granted),
            Answer::Jobs(jobs) => {
                if let Ok(jobs) = &jobs {
                    self.see_jobs(jobs, now);
                }
                self.observed.jobs = Some(jobs);
            }
            Answer::Job(job) => {
                if let Ok(Some(job)) = &job {
                    self.see_job(job, now);
                }
                self.observed.job = Some(job);
            }
            Answer::JobDetails(job) => {
                match &job {
                    Ok(Some(job)) => self.see_job(job, now),
                    Ok(None) => self.lose_job(now),
                    Err(_) => {}
                }
                self.observed.details = Some(job);
            }
            Answer::Head(head) => self.see_head(head, now),
            Answer::Range(bytes) => self.see_range(bytes, now),
            Answer::Log(log) => self.see_log(log, now),
            Answer::Written => self.written(action),
            Answer::Started(answer) => self.started(answer, now),
            Answer::Cancelled(answer) => self.observed.cancelled = Some(answer),
        }
    }

    fn written(&mut self, action: &Action) {
        match action {
            Action::Save(save) => {
                self.saved = self.memory.clone();
                self.observed.has_answer = false;
                self.observed.has_recorded_intent = *save == Save::Intent;
            }
            Action::Finalizer(present) => self.desired.has_finalizer = *present,
            Action::Read(_) | Action::Start { .. } | Action::Cancel(_) | Action::Finish(_) => {}
        }
    }

    fn see_entity(&mut self, entity: Result<Option<Entity>, super::Failure>) {
        let there = |entity: &Entity| entity.state != EntityState::Deleted;
        let entity = entity.map(|entity| entity.filter(there));
        let was_there = self.memory.entity.is_some() || self.desired.controller.is_some();
        if entity == Ok(None) && self.facts.is_missing && was_there {
            self.memory.state = Some(ExportState::Gone);
            // No job of it was listed, and none can be started.
            self.memory.pending = None;
            self.observed.has_answer = true;
        }
        if let (Ok(Some(entity)), None) = (&entity, &self.memory.entity) {
            record_entity(&mut self.memory, entity.clone());
        }
        self.observed.entity = Some(entity);
    }

    /// The job of the pending start is found, or its attempt is lost. A job of the next attempt was started
    /// by a process whose status somebody has emptied since: it is not started again.
    fn see_jobs(&mut self, jobs: &SeenJobs, now: Timestamp) {
        let forgotten = || {
            let job = jobs.ours.as_ref()?;
            Some(Pending {
                attempt: self.memory.next_attempt(),
                target: job.entity.clone(),
                since: job.started_at.unwrap_or(now),
            })
        };
        let Some(pending) = self.memory.pending.clone().or_else(forgotten) else {
            return;
        };
        self.freeze();
        if let Some(job) = &jobs.ours {
            self.memory.pending = None;
            self.begin_attempt(&pending, &job.id);
            self.see_job(job, now);
        } else if self.facts.is_intent_old {
            // The list may have forgotten its job, and AWS the token: a repeat could be a second job.
            let error = "the answer to its start was lost, and AWS lists jobs for 7 days only";
            self.end_attempt(&pending, AttemptState::Lost, error, now);
        }
    }

    fn begin_attempt(&mut self, pending: &Pending, job: &JobId) {
        let memory = &mut self.memory;
        memory.add(Tried {
            number: pending.attempt,
            job: Some(job.clone()),
            started_at: pending.since,
            ended_at: None,
            state: AttemptState::Running,
            error: None,
        });
        memory.state = Some(ExportState::Running);
        memory.proof = None;
        memory.progress = Some(0);
        memory.progressed_at = Some(pending.since);
        self.observed.has_answer = true;
    }

    fn started(&mut self, answer: Result<JobId, StartError>, now: Timestamp) {
        let Some(pending) = self.memory.pending.clone() else {
            return;
        };
        match answer {
            Ok(job) => {
                self.memory.pending = None;
                self.begin_attempt(&pending, &job);
            }
            Err(StartError::Refused(failure)) => {
                self.end_attempt(&pending, AttemptState::Refused, &failure.detail, now);
            }
            // The attempt goes on: its job may run.
            Err(
                StartError::Limit(failure)
                | StartError::Absent(failure)
                | StartError::Unknown(failure),
            ) => {
                self.observed.start_failed = Some(failure);
            }
        }
    }

    /// The pending attempt is over without a job.
    fn end_attempt(&mut self, pending: &Pending, state: AttemptState, error: &str, now: Timestamp) {
        self.memory.pending = None;
        self.memory.add(Tried {
            number: pending.attempt,
            job: None,
            started_at: pending.since,
            ended_at: Some(now),
            state,
            error: Some(text::one_line(error)),
        });
        self.after_failure();
    }

    /// AWS does not know the running job.
    fn lose_job(&mut self, now: Timestamp) {
        if self.memory.running().is_some() {
            let error = "AWS does not know its job any more".to_owned();
            self.end_running(AttemptState::Lost, Some(error), now);
        }
    }

    /// Takes note of the running job.
    fn see_job(&mut self, job: &Job, now: Timestamp) {
        if self.memory.running().is_none_or(|(_, id)| *id != job.id) {
            return;
        }
        match job.state {
            JobState::Running => self.see_progress(job, now),
            JobState::Completed => match &job.path {
                Some(path) => self.complete(job, path.clone(), now),
                None if job.is_whole => {
                    let error = "AWS says that it is done and names no object".to_owned();
                    self.end_running(AttemptState::Failed, Some(error), now);
                }
                None => {}
            },
            JobState::Failed if job.is_whole => {
                let names = self.names();
                let error = job.error.as_deref();
                let error = error.map(|error| text::steady(error, &names));
                self.end_running(AttemptState::Failed, error, now);
            }
            JobState::Failed => {}
            JobState::Cancelled => {
                let error = "somebody cancelled its job".to_owned();
                self.end_running(AttemptState::Cancelled, Some(error), now);
            }
        }
    }

    fn see_progress(&mut self, job: &Job, now: Timestamp) {
        let memory = &mut self.memory;
        let progress = job.progress.min(100);
        if memory.progress != Some(progress) && self.facts.is_progress_due {
            memory.progress = Some(progress);
            memory.progressed_at = Some(now);
            // It is not worth a write of its own.
            memory.started_at = job.started_at.or(memory.started_at);
        }
    }

    fn complete(&mut self, job: &Job, path: String, now: Timestamp) {
        let memory = &mut self.memory;
        memory.state = Some(ExportState::Completed);
        memory.progress = Some(100);
        memory.path = Some(path);
        memory.version = None;
        if job.started_at.is_some() {
            memory.started_at = job.started_at;
        }
        memory.ended_at = job.ended_at.or(Some(now));
        if let Some(last) = memory.attempts.last_mut() {
            last.state = AttemptState::Completed;
            last.ended_at = job.ended_at.or(Some(now));
        }
        self.observed.has_answer = true;
    }

    fn end_running(&mut self, state: AttemptState, error: Option<String>, now: Timestamp) {
        if let Some(last) = self.memory.attempts.last_mut() {
            last.state = state;
            last.ended_at = Some(now);
            last.error = error;
        }
        self.after_failure();
    }

    pub(super) fn after_failure(&mut self) {
        let failed = self.memory.failed_attempts();
        let memory = &mut self.memory;
        memory.progress = None;
        memory.progressed_at = None;
        memory.state = Some(if failed >= self.desired.backoff_limit {
            ExportState::Failed
        } else {
            ExportState::Queued
        });
        if memory.state == Some(ExportState::Failed) {
            memory.handled.clone_from(&self.desired.requested);
        }
        let last = memory.attempts.last().map(|last| last.started_at);
        self.facts.next_attempt_at =
            last.and_then(|last| last.checked_add(self.facts.retry_after).ok());
        self.observed.has_answer = true;
    }
}

fn record_entity(memory: &mut Memory, entity: Entity) {
    memory.entity = Some(entity.id);
    memory.email = entity.email;
    memory.display_name = entity.display_name;
    memory.bytes = entity.bytes;
}
