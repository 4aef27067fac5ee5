//! The reconcile of a `WorkMailOrganizationExport`: decide, apply the answer, report.
//!
//! One mailbox goes first, the canary. Once one has succeeded, a mailbox export is made for each of the
//! others, as slots of the queue come near.

mod action;
mod canary;
mod child;
mod decide;
mod manifest;
mod progress;
mod report;
mod selection;
mod status;
mod view;

use super::{
    AccountId, Entity, EntityKind, EntityState, Failure, JobId, ObjectEvent, ObjectKey,
    OrganizationId, Rank, Retry, Source, SourceFacts, Verdict, conditions, forbidden, key_of,
    source, text,
};

pub use action::{Action, Answer, Outcome, Read};
pub use child::{Child, child_name};
pub use decide::decide;
pub use manifest::{Subject, WrittenManifest, manifest};
pub use progress::{Counts, Progress};
pub use report::{Report, report};
pub use selection::{MOST_MAILBOXES, Selection, select};
pub use status::{Memory, Recorded, to_status};
pub use view::{Desired, Directory, Observed, View};
