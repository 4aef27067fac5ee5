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

pub use allowed::{forbidden, reads_as_account};
pub use entity::{Entity, EntityKind, EntityState};
pub use job::{Attempt, Job, JobId, JobState, RunningJobs, SeenJobs};
pub use queue::{MOST_JOBS, Queue, Rank, Task};
pub use source::{Source, SourceFacts, source};

use super::{
    AccountId, ClusterIdentity, ErrorKind, EventKind, Failure, ObjectEvent, ObjectKey,
    OrganizationId, Region, Retry, Verdict, text,
};
