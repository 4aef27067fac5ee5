//! What is done next, and what comes back.

use std::collections::BTreeSet;

use super::{AccountId, Child, Directory, Entity, Failure, View};

/// What is done next: one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Something is read.
    Read(Read),
    /// The status is written before the first mailbox export is made.
    Save,
    /// A mailbox export is made.
    Create(Entity),
    /// The manifest is written beside the mailboxes.
    Manifest,
    /// A mailbox export is deleted: it writes to where the spec said before.
    Delete(String),
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
    /// The users and resources.
    Directory,
    /// The mailboxes of which a job began lately.
    Recent,
    /// The sizes of the mailboxes of these users.
    Sizes(Vec<String>),
}

/// What comes back.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is taken apart at once"
)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The account of the credentials.
    Account(Result<AccountId, Failure>),
    /// Whether the tags name the organization's resource.
    Ownership(Result<bool, Failure>),
    /// The users and resources.
    Directory(Result<Directory, Failure>),
    /// The mailboxes of which a job began lately.
    Recent(Result<BTreeSet<String>, Failure>),
    /// The directory with the sizes that could be read.
    Sizes(Directory),
    /// The status is written.
    Saved,
    /// The mailbox export is there.
    Created(Child),
    /// The mailbox export is being deleted.
    Deleted,
    /// Whether the manifest is written.
    Manifest(Result<(), Failure>),
}

/// How the reconcile ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The first mailbox is being exported; the rest waits.
    Canary,
    /// The first mailbox could not be exported.
    CanaryFailed(Failure),
    /// Mailboxes are being exported, or wait.
    Running,
    /// A job has made no progress for long.
    Stuck(Failure),
    /// Every mailbox is exported, or gone.
    Completed,
    /// Nothing runs or is queued, and some could not be exported.
    Failed(Failure),
    /// It is suspended, or the organization is.
    Suspended,
    /// The service has ended.
    Ended,
    /// It is being deleted; its mailbox exports go with it.
    Released,
    /// Something is wrong.
    Trouble(Failure),
}

impl View {
    /// Applies the answer to an action.
    pub fn apply(&mut self, action: &Action, answer: Answer) {
        match answer {
            Answer::Account(account) => {
                if account.is_ok() && self.memory.organization.is_none() {
                    let source = self.organization.as_ref();
                    self.memory.organization = source.and_then(|source| source.id.clone());
                }
                self.observed.account = Some(account);
            }
            Answer::Ownership(verdict) => self.observed.ownership = Some(verdict),
            Answer::Directory(directory) => self.observed.directory = Some(directory),
            Answer::Recent(recent) => self.observed.recent = Some(recent),
            Answer::Sizes(directory) => {
                self.observed.has_read_sizes = true;
                self.observed.directory = Some(Ok(directory));
            }
            Answer::Saved => self.saved = self.memory.clone(),
            Answer::Manifest(written) => self.see_manifest(written),
            Answer::Created(child) => self.children.push(child),
            Answer::Deleted => {
                if let Action::Delete(name) = action {
                    let mut children = self.children.iter_mut();
                    if let Some(child) = children.find(|child| child.name == *name) {
                        child.is_deleting = true;
                    }
                }
            }
        }
    }
}
