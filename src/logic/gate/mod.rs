//! The gate of a deletion: no organization is deleted whose mail is not exported.
//!
//! Pure. [`judge`] gets the rule, what was read (users and resources, all export objects of the
//! organization) and what the sweep has found, and says who is missing. What could not be read is never
//! taken for fine.

mod closing;
mod count;
mod facts;
mod judge;
mod rule;
mod sweep;
#[cfg(test)]
mod tests;

use k8s_openapi::jiff::Timestamp;

pub use closing::Closing;
pub use facts::{goes_on, is_of};
pub use judge::{Missing, Row, Verdict, Why, judge};
pub use rule::{Rule, Waiver};
pub use sweep::{Check, CheckId, Checked, Checks, Found, SWEEP_LASTS, Sweep};

use super::export::{Entity, EntityKind, EntityState};
use crate::api::{Destination, ExportState};

/// What was read for the gate in this reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    /// When it was read.
    pub at: Timestamp,
    /// The mailbox exports of the organization, in the namespace of its resource.
    pub exports: Vec<Export>,
    /// The names of the organization exports that have not come to their end.
    pub going_on: Vec<String>,
    /// The users and resources of the directory. `None`: they were not asked for, or could not be read.
    pub mailboxes: Option<Vec<Entity>>,
    /// It was read from AWS and the API server, after everything else that the deletion rests on. What is
    /// not fresh may come from a cache.
    pub is_fresh: bool,
}

impl Reading {
    /// The exports that are not at their end: while there is one, nothing is deleted.
    #[must_use]
    pub fn running(&self) -> Vec<&str> {
        let exports = self.exports.iter().filter(|export| export.is_running());
        let going_on = self.going_on.iter().map(String::as_str);
        exports
            .map(|export| export.name.as_str())
            .chain(going_on)
            .collect()
    }
}

/// A `WorkMailMailboxExport` of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The UID of the organization export that made it.
    pub controller: Option<String>,
    /// What its spec calls the mailbox.
    pub mailbox: String,
    /// The id of the user or resource, once it is known.
    pub entity: Option<String>,
    /// The address of the mailbox when the export began.
    pub email: Option<String>,
    /// How it stands; `None` before its first reconcile.
    pub state: Option<ExportState>,
    /// The job that wrote the object.
    pub job: Option<String>,
    /// When the job began: the export has what was in the mailbox then.
    pub started_at: Option<Timestamp>,
    /// Its content was verified, and found right.
    pub is_verified: bool,
    /// It is being deleted.
    pub is_leaving: bool,
    /// The size of the mailbox in bytes when the job was started.
    pub bytes: Option<u64>,
    /// Where it was written to.
    pub destination: Destination,
    /// The object that the job wrote.
    pub object: Option<Object>,
}

impl Export {
    /// Whether a job of it runs, or is still to be started.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        match self.state {
            None | Some(ExportState::Queued | ExportState::Running) => true,
            Some(
                ExportState::Completed
                | ExportState::Failed
                | ExportState::Cancelled
                | ExportState::Gone,
            ) => false,
        }
    }

    /// What it calls the mailbox in messages.
    #[must_use]
    pub fn label(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.mailbox)
    }
}

/// An object of S3, as it was when the export was completed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its version, in a bucket that has versions.
    pub version: Option<String>,
    /// Its `ETag`, where it was read.
    pub e_tag: Option<String>,
    /// Its size in bytes, where it was read.
    pub bytes: Option<u64>,
}
