//! What is done next, and what comes back.

use std::ops::Range;

use super::{AccountId, Entity, ErrorKind, Failure, Job, JobId, SeenJobs};
use crate::{
    api::Reason,
    proof::{Head, Log, Object},
};

/// What is done next: one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Something is read.
    Read(Read),
    /// The status is written before anything else is done.
    Save(Save),
    /// The finalizer is put on the object, or taken off.
    Finalizer(bool),
    /// `StartMailboxExportJob` for this attempt.
    Start {
        /// The number of the attempt.
        attempt: u32,
    },
    /// `CancelMailboxExportJob`.
    Cancel(JobId),
    /// The reconcile ends.
    Finish(Outcome),
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    /// The account of the credentials.
    Account,
    /// Whether the organization's tags name its resource.
    Ownership,
    /// The user or resource, by whatever the spec calls it.
    Entity,
    /// The jobs of the organization, by a listing begun after the intent was recorded.
    Jobs,
    /// A job, as the process last saw it in a listing or a description.
    Job(JobId),
    /// A job, by a description made now.
    JobDetails(JobId),
    /// The directory of the organization, listed at most every 15 minutes: a user or resource that two
    /// listings lack may be gone.
    Directory,
    /// A slot of the organization's queue.
    Slot,
    /// What S3 says of the exported object with this key.
    Head(String),
    /// A range of exactly this object.
    Range(Box<Object>, Range<u64>),
    /// The log beside the object with this key. It is not required: a failed read is none.
    Log(String),
}

/// How the status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Save {
    /// Only over the version of the object that was decided from: a call follows.
    Intent,
    /// Over any version of the same object: what AWS answered must not be lost.
    Answer,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The account of the credentials.
    Account(Result<AccountId, Failure>),
    /// Whether the tags name the organization's resource.
    Ownership(Result<bool, Failure>),
    /// The user or resource; `None`: AWS knows none that is not deleted.
    Entity(Result<Option<Entity>, Failure>),
    /// The jobs that concern the mailbox.
    Jobs(Result<SeenJobs, Failure>),
    /// The job; `None`: it is not among those that were listed.
    Job(Result<Option<Job>, Failure>),
    /// The job; `None`: AWS does not know it.
    JobDetails(Result<Option<Job>, Failure>),
    /// Whether the directory was listed.
    Directory(Result<(), Failure>),
    /// Whether the slot is granted.
    Slot(bool),
    /// What S3 says of the object; `None`: it does not exist.
    Head(Result<Option<Head>, Failure>),
    /// The bytes of the range; `None`: the object does not exist.
    Range(Result<Option<Vec<u8>>, Failure>),
    /// The log, if there is one.
    Log(Option<Log>),
    /// The status or the finalizer is written.
    Written,
    /// AWS's answer to the start.
    Started(Result<JobId, StartError>),
    /// AWS's answer to the cancellation.
    Cancelled(Result<(), Failure>),
}

/// A start that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StartError {
    /// AWS refused it for good: the attempt is over.
    Refused(Failure),
    /// As many jobs run as AWS allows, or the mailbox was exported less than a day ago.
    Limit(Failure),
    /// AWS does not know the user or resource.
    Absent(Failure),
    /// Anything else. The job may run.
    Unknown(Failure),
}

impl StartError {
    /// Reads the error of the call; `failure` is the same by the table.
    #[must_use]
    pub fn of(error: &ErrorKind, failure: Failure) -> Self {
        let code = match error {
            ErrorKind::Refused { code, .. } => code.as_str(),
            ErrorKind::Throttled
            | ErrorKind::TimedOut
            | ErrorKind::Unreachable
            | ErrorKind::ServerFault
            | ErrorKind::Undecodable
            | ErrorKind::NoCredentials { .. } => "",
        };
        match code {
            "InvalidParameterException" | "ValidationException" => Self::Refused(failure),
            "LimitExceededException" => Self::Limit(failure),
            "EntityNotFoundException" => Self::Absent(Failure::of(
                Reason::NotFound,
                "Wait, or look for the user or resource in the directory.",
                format!("AWS does not know it: {}", failure.detail),
            )),
            _ => Self::Unknown(failure),
        }
    }
}

/// How the reconcile ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It waits for a slot.
    Queued,
    /// Something stands in the way for now; it is tried again.
    Waits(Failure),
    /// A job runs.
    Running,
    /// The mailbox is exported, and its export is verified as far as the spec asks for.
    Completed,
    /// The mailbox is exported, and its export is not verified yet.
    Verifying,
    /// Every attempt failed.
    Failed,
    /// The user or resource has left the directory.
    Gone,
    /// The organization or the organization export is suspended.
    Suspended,
    /// The service has ended.
    Ended,
    /// The object is deleted: the finalizer is off, or there was none.
    Released,
    /// Something is wrong.
    Trouble(Failure),
}
