//! The export jobs of one organization.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;

use crate::{clock::before, faults::ExportEnd, views::ExportView};

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExportState {
    /// It is not over.
    Running,
    /// The mailbox is in S3.
    Completed,
    /// It has gone wrong.
    Failed,
    /// A call has cancelled it.
    Cancelled,
}

/// Where a job writes to, and with which role and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) role_arn: String,
    pub(crate) kms_key_arn: String,
    pub(crate) bucket: String,
    pub(crate) prefix: String,
}

/// A job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// The number in the order of creation, within the organization.
    pub(crate) serial: u64,
    pub(crate) entity_id: String,
    pub(crate) description: Option<String>,
    pub(crate) destination: Destination,
    pub(crate) state: ExportState,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) error_info: Option<String>,
    /// How long it takes.
    pub(crate) takes: Duration,
    /// How it ends instead of well.
    pub(crate) end: Option<ExportEnd>,
    /// Whether it is over only when the mailbox is in S3.
    pub(crate) uploads: bool,
}

/// The progress at which a job hangs, in percent.
const HANGS_AT: i64 = 40;

impl Job {
    pub(crate) fn is_running(&self) -> bool {
        self.state == ExportState::Running
    }

    /// Whether its time is over. A job that hangs is never due.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let hangs = matches!(self.end, Some(ExportEnd::Hang));
        !hangs && before(now, self.takes) >= self.started_at
    }

    /// Returns the key of the archive.
    pub(crate) fn key(&self) -> String {
        let prefix = self.destination.prefix.trim_end_matches('/');
        format!("{prefix}/{}.zip", self.id)
    }

    /// Returns the progress in percent. Only a completed job has all of it.
    pub(crate) fn progress(&self, now: Timestamp) -> i64 {
        if self.state == ExportState::Completed {
            return 100;
        }
        let until = self.ended_at.unwrap_or(now);
        let elapsed = until.duration_since(self.started_at).as_millis();
        let takes = i128::try_from(self.takes.as_millis()).unwrap_or(i128::MAX);
        let percent = (elapsed * 100).checked_div(takes).unwrap_or(100);
        let most = match self.end {
            Some(ExportEnd::Hang) => HANGS_AT,
            Some(ExportEnd::Fail(_) | ExportEnd::Cause(_)) | None => 99,
        };
        i64::try_from(percent).unwrap_or(most).clamp(0, most)
    }

    pub(crate) fn view(&self) -> ExportView {
        ExportView {
            id: self.id.clone(),
            entity_id: self.entity_id.clone(),
            description: self.description.clone(),
            state: self.state,
            bucket: self.destination.bucket.clone(),
            key: self.key(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            error_info: self.error_info.clone(),
        }
    }

    /// Ends the job with an error or without.
    pub(crate) fn finish(&mut self, error: Option<String>, now: Timestamp) {
        self.state = match error {
            Some(_) => ExportState::Failed,
            None => ExportState::Completed,
        };
        self.error_info = error;
        self.ended_at = Some(now);
    }

    pub(crate) fn cancel(&mut self, now: Timestamp) {
        self.state = ExportState::Cancelled;
        self.ended_at = Some(now);
    }
}

/// All jobs of an organization.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exports {
    by_serial: BTreeMap<u64, Job>,
    serials: HashMap<String, u64>,
    /// The jobs that may still run.
    running: BTreeSet<u64>,
    /// The jobs of an entity.
    of_entity: HashMap<String, Vec<u64>>,
    last_serial: u64,
}

impl Exports {
    /// Adds a job as the last one.
    pub(crate) fn add(&mut self, job: Job) {
        self.last_serial += 1;
        let serial = self.last_serial;
        self.serials.insert(job.id.clone(), serial);
        self.running.insert(serial);
        let of_entity = self.of_entity.entry(job.entity_id.clone()).or_default();
        of_entity.push(serial);
        self.by_serial.insert(serial, Job { serial, ..job });
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Job> {
        self.by_serial.get(self.serials.get(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Job> {
        self.by_serial.get_mut(self.serials.get(id)?)
    }

    /// Removes a job as if it had never existed. Returns whether it existed.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let serial = self.serials.remove(id);
        serial.is_some_and(|serial| self.by_serial.remove(&serial).is_some())
    }

    /// Returns the jobs after a number in the order of creation.
    pub(crate) fn after(&self, serial: u64) -> impl Iterator<Item = &Job> {
        self.by_serial.range(serial + 1..).map(|(_, job)| job)
    }

    /// Returns the jobs that run.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Job> {
        let jobs = self.running.iter();
        jobs.filter_map(|serial| self.by_serial.get(serial))
            .filter(|job| job.is_running())
    }

    /// Returns the jobs of an entity in the order of creation.
    pub(crate) fn of(&self, entity: &str) -> impl Iterator<Item = &Job> {
        let jobs = self.of_entity.get(entity).into_iter().flatten();
        jobs.filter_map(|serial| self.by_serial.get(serial))
    }

    /// Ends the jobs that are due and write nothing.
    pub(crate) fn catch_up(&mut self, now: Timestamp) {
        let Self {
            running, by_serial, ..
        } = self;
        running.retain(|serial| {
            let Some(job) = by_serial.get_mut(serial).filter(|job| job.is_running()) else {
                return false;
            };
            if job.is_due(now) {
                match &job.end {
                    Some(ExportEnd::Fail(text)) => job.finish(Some(text.clone()), now),
                    None if !job.uploads => job.finish(None, now),
                    Some(ExportEnd::Cause(_) | ExportEnd::Hang) | None => {}
                }
            }
            job.is_running()
        });
    }
}
