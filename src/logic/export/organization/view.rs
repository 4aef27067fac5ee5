//! All that is known of an organization export as its reconcile decides.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{AccountId, Child, Entity, Failure, Memory, ObjectKey, Recorded, SourceFacts, Verdict};
use crate::{
    api::{Destination, MailboxSelection, Verification, WorkMailOrganizationExport},
    logic::account::Access,
};

/// What the object asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Desired {
    /// The object.
    pub object: ObjectKey,
    /// The generation of its spec.
    pub generation: i64,
    /// The name of the organization's resource.
    pub organization: String,
    /// Where the exports go.
    pub destination: Destination,
    /// Which mailboxes.
    pub mailboxes: MailboxSelection,
    /// The mailbox that goes first.
    pub canary: Option<String>,
    /// How many jobs run at once.
    pub parallelism: usize,
    /// How each export is checked before it counts as done.
    pub verification: Verification,
    /// How long a job may be without progress.
    pub progress_deadline: Duration,
    /// When all should be exported.
    pub deadline: Timestamp,
    /// Nothing new is begun.
    pub is_suspended: bool,
    /// The value of the annotation that asks for a read.
    pub requested: Option<String>,
    /// It is being deleted.
    pub is_deleting: bool,
}

/// The users and resources of the organization, as they were last listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Directory {
    /// All of them.
    pub entities: Vec<Entity>,
    /// Those whose size was asked for.
    pub sized: BTreeSet<String>,
}

/// What was read in this reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Observed {
    /// The account of the credentials.
    pub account: Option<Result<AccountId, Failure>>,
    /// Whether the tags name the organization's resource.
    pub ownership: Option<Result<bool, Failure>>,
    /// The directory.
    pub directory: Option<Result<Directory, Failure>>,
    /// The mailboxes of which a job began so lately that they cannot be exported now.
    pub recent: Option<Result<BTreeSet<String>, Failure>>,
    /// Whether the manifest is written.
    pub manifest: Option<Result<(), Failure>>,
    /// The sizes that could not be read in this reconcile are not asked for again.
    pub has_read_sizes: bool,
}

/// All that is known of an organization export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// What the object asks for.
    pub desired: Desired,
    /// What status remembers.
    pub memory: Memory,
    /// What the status that is stored remembers.
    pub saved: Memory,
    /// The conditions that are stored.
    pub previous: Vec<Verdict>,
    /// The organization's resource, as the cache has it.
    pub organization: Option<SourceFacts>,
    /// The mailbox exports that it made.
    pub children: Vec<Child>,
    /// As many slots of the queue may be this export's.
    pub capacity: usize,
    /// What was read in this reconcile.
    pub observed: Observed,
    /// The manifest could not be written a moment ago.
    pub is_manifest_refused: bool,
    /// The service has ended.
    pub is_ended: bool,
    /// With which account the export works.
    pub access: Access,
    /// The present, for what is counted in days.
    pub now: Timestamp,
}

impl Desired {
    /// Reads the object; `None` if it is not stored. `deadline` counts where the spec names none.
    #[must_use]
    pub fn parse(
        object: &WorkMailOrganizationExport,
        requested: Option<&String>,
        deadline: Timestamp,
    ) -> Option<Self> {
        let (meta, spec) = (&object.metadata, &object.spec);
        let day = spec.deadline.as_ref();
        let day = day.and_then(|day| format!("{day}T00:00:00Z").parse::<Timestamp>().ok());
        Some(Self {
            object: ObjectKey {
                namespace: meta.namespace.as_deref()?.into(),
                name: meta.name.as_deref()?.into(),
                uid: meta.uid.as_deref()?.into(),
            },
            generation: meta.generation.unwrap_or_default(),
            organization: spec.organization_ref.name.clone(),
            destination: spec.destination.clone(),
            mailboxes: spec.mailboxes.clone().unwrap_or_default(),
            canary: spec.canary.clone(),
            parallelism: usize::try_from(spec.parallelism).unwrap_or(1).max(1),
            verification: spec.verification,
            progress_deadline: duration(&spec.progress_deadline),
            deadline: day.unwrap_or(deadline),
            is_suspended: spec.suspend,
            requested: requested.map(|value| value.chars().take(256).collect()),
            is_deleting: meta.deletion_timestamp.is_some(),
        })
    }
}

/// Reads `24h`, `90m` or `3600s`, as the schema lets them through.
fn duration(text: &str) -> Duration {
    let day = Duration::from_hours(24);
    let Some((unit, at)) = text.chars().last().zip(text.len().checked_sub(1)) else {
        return day;
    };
    let seconds = match unit {
        'h' => 3600,
        'm' => 60,
        's' => 1,
        _ => return day,
    };
    let count = text.get(..at).and_then(|count| count.parse::<u64>().ok());
    count.map_or(day, |count| {
        Duration::from_secs(count.saturating_mul(seconds))
    })
}

impl View {
    /// Returns what is known as a reconcile begins.
    #[must_use]
    pub fn begin(
        desired: Desired,
        recorded: Recorded,
        (organization, access): (Option<SourceFacts>, Access),
        children: Vec<Child>,
        now: Timestamp,
    ) -> Self {
        let Recorded { memory, verdicts } = recorded;
        Self {
            capacity: desired.parallelism,
            desired,
            saved: memory.clone(),
            memory,
            previous: verdicts,
            organization,
            children,
            observed: Observed::default(),
            is_manifest_refused: false,
            is_ended: false,
            access,
            now,
        }
    }

    /// The mailbox exports that write to where the spec says.
    pub(super) fn current(&self) -> impl Iterator<Item = &Child> {
        let children = self.children.iter();
        children.filter(|child| child.is_current && !child.is_deleting)
    }

    /// The mailbox exports that count: those, and what is exported already, wherever it is.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Child> {
        let children = self.children.iter();
        children.filter(|child| child.has_succeeded() || child.is_current && !child.is_deleting)
    }

    /// Whether a read is asked for that was not acted on.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.desired.requested.is_some() && self.desired.requested != self.memory.handled
    }
}
