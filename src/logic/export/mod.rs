//! The reconciles of the export kinds: one mailbox ([`mailbox`]), and a whole organization.
//!
//! What both share is here: jobs as AWS shows them and how the operator names its own ([`Job`],
//! [`Attempt`]), the users and resources of the directory ([`Entity`]), and the [`Queue`] of an organization.

mod allowed;
mod conditions;
mod entity;
mod job;
pub mod mailbox;
pub mod organization;
mod queue;
mod source;

/// The key of the object that a job wrote. Where AWS names the bucket before it, that is left out.
#[must_use]
pub fn key_of(path: &str, bucket: &str, prefix: &str) -> String {
    let bucket = format!("{bucket}/");
    let key = match path.strip_prefix("s3://") {
        Some(path) => path.strip_prefix(&bucket).unwrap_or(path),
        None if path.starts_with(prefix) => path,
        None => path.strip_prefix(&bucket).unwrap_or(path),
    };
    key.trim_start_matches('/').to_owned()
}

pub use allowed::{forbidden, reads_as_account};
pub use entity::{Entity, EntityKind, EntityState};
pub use job::{Attempt, Job, JobId, JobState, RunningJobs, SeenJobs};
pub use queue::{MOST_JOBS, Queue, Rank, Task};
pub use source::{Source, SourceFacts, source};

use super::{
    AccountId, ClusterIdentity, ErrorKind, EventKind, Failure, ObjectEvent, ObjectKey,
    OrganizationId, Region, Retry, Verdict, text,
};
