//! The reconcile of a `WorkMailMailboxExport`: decide, apply the answer, report.
//!
//! [`decide()`] takes one [`View`] and returns one [`Action`]; [`View::apply`] applies its answer;
//! [`report()`] turns the [`Outcome`] into what the status says.

mod action;
mod apply;
mod decide;
mod memory;
mod report;
mod status;
mod verify;
mod view;

use super::{
    AccountId, Attempt, ClusterIdentity, Entity, EntityState, ErrorKind, Failure, Job, JobId,
    JobState, ObjectEvent, ObjectKey, OrganizationId, Queue, Rank, Region, Retry, SeenJobs, Source,
    SourceFacts, Task, Verdict, forbidden, key_of, reads_as_account, source, text,
};

pub use action::{Action, Answer, Outcome, Read, Save, StartError};
pub use decide::{decide, saved};
pub use memory::{Memory, Pending, Tried};
pub use report::{Report, report};
pub use status::{Recorded, to_status};
pub use view::{Controller, Desired, Facts, Limits, Observed, Start, View};
