//! All that is known of a mailbox export as its reconcile decides.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::super::MOST_JOBS;
use super::{
    AccountId, Attempt, ClusterIdentity, Entity, Failure, Job, Memory, ObjectKey, OrganizationId,
    Outcome, Queue, Rank, Recorded, Report, SeenJobs, SourceFacts, Task, Verdict,
};
use crate::{
    api::{Destination, ExportState, Verification, WorkMailMailboxExport},
    logic::account::Access,
    logic::schedule::{CANCELLATION, EXPORT_LOOKS_AGAIN, JOBS_LISTED, PROGRESS_WRITES},
    proof::{Head, Inspection},
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
    /// What the mailbox is called.
    pub mailbox: String,
    /// Where the export goes.
    pub destination: Destination,
    /// How the export is checked before it counts as done.
    pub verification: Verification,
    /// How many attempts may fail.
    pub backoff_limit: u32,
    /// The organization export that made it.
    pub controller: Option<Controller>,
    /// The value of the annotation that asks for a read, the controller's where there is one.
    pub requested: Option<String>,
    /// It is being deleted.
    pub is_deleting: bool,
    /// It has the operator's finalizer.
    pub has_finalizer: bool,
}

/// The organization export that made a mailbox export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Controller {
    /// Its UID.
    pub uid: String,
    /// The organization that it exports, as its status froze it. Nothing is begun before it did.
    pub organization: Option<OrganizationId>,
    /// How many jobs it may run at once.
    pub parallelism: usize,
    /// It is suspended, or gone: nothing new is begun.
    pub is_suspended: bool,
}

/// What was read in this reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Observed {
    /// The account of the credentials.
    pub account: Option<Result<AccountId, Failure>>,
    /// Whether the tags name the organization's resource.
    pub ownership: Option<Result<bool, Failure>>,
    /// The user or resource.
    pub entity: Option<Result<Option<Entity>, Failure>>,
    /// The jobs that concern the mailbox.
    pub jobs: Option<Result<SeenJobs, Failure>>,
    /// The running job as the process last saw it.
    pub job: Option<Result<Option<Job>, Failure>>,
    /// The running job as it is now.
    pub details: Option<Result<Option<Job>, Failure>>,
    /// Whether the directory was listed.
    pub directory: Option<Result<(), Failure>>,
    /// Whether a slot is granted.
    pub slot: Option<bool>,
    /// The start was answered with a failure after which the attempt goes on.
    pub start_failed: Option<Failure>,
    /// The cancellation was answered.
    pub cancelled: Option<Result<(), Failure>>,
    /// What S3 says of the exported object.
    pub head: Option<Head>,
    /// The zip, as far as it was read. A reconcile goes on where the last one of this process stopped.
    pub inspection: Option<Inspection>,
    /// Why the export could not be read.
    pub unread: Option<Failure>,
    /// The status does not have what AWS answered.
    pub has_answer: bool,
    /// The intent of the pending start was recorded in this reconcile.
    pub has_recorded_intent: bool,
}

/// The bounds that a reconcile is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// How long after the start of an attempt the next one may begin (`--export-retry-after`).
    pub retry_after: Duration,
    /// The service has ended.
    pub is_ended: bool,
}

/// Facts of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    /// The service has ended.
    pub is_ended: bool,
    /// How long after the start of an attempt the next one may begin.
    pub retry_after: Duration,
    /// When the next attempt may begin; `None`: now.
    pub next_attempt_at: Option<Timestamp>,
    /// The intent is so old that the list may not show its job any more.
    pub is_intent_old: bool,
    /// The deletion was waited for long enough.
    pub is_cancellation_over: bool,
    /// The role of the destination that reads is that of a `WorkMailAccount`.
    pub reads_as_account: bool,
    /// Progress may be written again.
    pub is_progress_due: bool,
    /// Two complete listings of the directory, 15 minutes apart, did not have the user or resource.
    pub is_missing: bool,
}

/// The input of `StartMailboxExportJob`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Start {
    /// The client token.
    pub token: String,
    /// The description of the job.
    pub description: String,
    /// The beginning of the keys that it writes.
    pub prefix: String,
    /// The bucket.
    pub bucket: String,
    /// The role that writes to it.
    pub role: String,
    /// The key.
    pub key: String,
    /// The user or resource.
    pub entity: String,
}

/// All that is known of a mailbox export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// What the object asks for.
    pub desired: Desired,
    /// This cluster.
    pub cluster: ClusterIdentity,
    /// What status remembers.
    pub memory: Memory,
    /// What the status that is stored remembers.
    pub saved: Memory,
    /// The conditions that are stored.
    pub previous: Vec<Verdict>,
    /// The organization's resource, as the cache has it.
    pub organization: Option<SourceFacts>,
    /// The user or resource as the directory was last read.
    pub known: Option<Entity>,
    /// What was read in this reconcile.
    pub observed: Observed,
    /// Facts of time.
    pub facts: Facts,
    /// With which account the export works.
    pub access: Access,
}

impl Desired {
    /// Reads the object; `None` if it is not stored. `controller` is the organization export that made it,
    /// with the value of its annotation.
    #[must_use]
    pub fn parse(
        object: &WorkMailMailboxExport,
        controller: Option<(Controller, Option<String>)>,
        own_request: Option<String>,
    ) -> Option<Self> {
        let meta = &object.metadata;
        let finalizers = meta.finalizers.iter().flatten();
        let (controller, requested) = match controller {
            Some((controller, requested)) => (Some(controller), requested),
            None => (None, own_request),
        };
        Some(Self {
            object: ObjectKey {
                namespace: meta.namespace.as_deref()?.into(),
                name: meta.name.as_deref()?.into(),
                uid: meta.uid.as_deref()?.into(),
            },
            generation: meta.generation.unwrap_or_default(),
            organization: object.spec.organization_ref.name.clone(),
            mailbox: object.spec.mailbox.clone(),
            destination: object.spec.destination.clone(),
            verification: object.spec.verification,
            backoff_limit: object.spec.backoff_limit.max(1),
            controller,
            requested: requested.map(|value| value.chars().take(256).collect()),
            is_deleting: meta.deletion_timestamp.is_some(),
            has_finalizer: finalizers
                .into_iter()
                .any(|one| one == crate::api::EXPORT_FINALIZER),
        })
    }
}

impl View {
    /// Returns what is known as a reconcile begins.
    #[must_use]
    pub fn begin(
        desired: Desired,
        recorded: Recorded,
        cluster: ClusterIdentity,
        (organization, access): (Option<SourceFacts>, Access),
        limits: Limits,
        (deleted_at, now): (Option<Timestamp>, Timestamp),
    ) -> Self {
        let Recorded { memory, verdicts } = recorded;
        let facts = Facts::of(&memory, limits, deleted_at, now);
        let mut view = Self {
            desired,
            cluster,
            saved: memory.clone(),
            memory,
            previous: verdicts,
            organization,
            known: None,
            observed: Observed::default(),
            facts,
            access,
        };
        view.renew();
        view
    }

    /// Begins anew after every attempt failed and a read was asked for.
    fn renew(&mut self) {
        let is_asked = self.desired.requested.is_some();
        let memory = &mut self.memory;
        if memory.state == Some(ExportState::Failed)
            && is_asked
            && memory.handled != self.desired.requested
        {
            memory.state = Some(ExportState::Queued);
            memory.renewed_after = memory.attempts.last().map_or(0, |last| last.number);
            memory.handled.clone_from(&self.desired.requested);
        }
    }

    /// The attempt of this number.
    #[must_use]
    pub const fn attempt(&self, number: u32) -> Attempt<'_> {
        Attempt {
            object: &self.desired.object,
            cluster: &self.cluster,
            number,
        }
    }

    /// The attempt that runs, may run, or comes next.
    #[must_use]
    pub fn current_attempt(&self) -> Attempt<'_> {
        let pending = self.memory.pending.as_ref().map(|pending| pending.attempt);
        let running = self.memory.running().map(|(attempt, _)| attempt.number);
        self.attempt(
            pending
                .or(running)
                .unwrap_or_else(|| self.memory.next_attempt()),
        )
    }

    /// The UID of the organization export that made the object.
    #[must_use]
    pub fn controller(&self) -> Option<&str> {
        let controller = self.desired.controller.as_ref();
        controller.map(|controller| controller.uid.as_str())
    }

    /// Notes in the queue that a job runs or may run.
    pub fn hold(&self, queue: &mut Queue) {
        if self.holds_slot() {
            queue.hold(&self.desired.object, self.controller(), self.task());
        }
    }

    fn task(&self) -> Task {
        let memory = &self.memory;
        let pending = memory.pending.as_ref().map(|pending| &pending.target);
        Task {
            description: self.current_attempt().description(),
            entity: memory
                .entity
                .as_ref()
                .or(pending)
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// Asks the queue for a slot.
    pub fn ask(&self, queue: &mut Queue) -> bool {
        let controller = self.desired.controller.as_ref();
        let parallelism = controller.map_or(MOST_JOBS, |controller| controller.parallelism);
        let export = (self.controller(), parallelism);
        queue.ask(&self.desired.object, &self.rank(), export, self.task())
    }

    /// Takes note of the end of the reconcile in the queue. Returns the objects that may go on.
    pub fn settle(&self, queue: &mut Queue, outcome: &Outcome) -> Vec<ObjectKey> {
        if self.holds_slot() && !self.desired.is_deleting {
            self.hold(queue);
            return Vec::new();
        }
        if matches!(outcome, Outcome::Queued) {
            return Vec::new();
        }
        if self.desired.is_deleting && !matches!(outcome, Outcome::Released | Outcome::Ended) {
            return Vec::new();
        }
        queue.leave(&self.desired.object)
    }

    /// Takes note of a report that is stored.
    pub fn stored(&mut self, report: &Report) {
        self.previous.clone_from(&report.verdicts);
        self.saved.clone_from(&report.memory);
    }

    /// The start that the pending attempt makes: the same for every repeat.
    #[must_use]
    pub fn start(&self, number: u32) -> Start {
        let attempt = self.attempt(number);
        let pending = self.memory.pending.as_ref();
        let entity = pending
            .map(|pending| pending.target.clone())
            .unwrap_or_default();
        let destination = &self.desired.destination;
        Start {
            token: attempt.token(),
            description: attempt.description(),
            prefix: attempt.prefix(&destination.prefix, self.controller(), &entity),
            bucket: destination.bucket.clone(),
            role: destination.role_arn.clone(),
            key: destination.kms_key_arn.clone(),
            entity,
        }
    }

    /// The names of the export, which stay in AWS's texts whatever they look like.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let destination = &self.desired.destination;
        let memory = &self.memory;
        let organization = memory.organization.as_ref().map(ToString::to_string);
        let optional = [&memory.entity, &memory.email, &organization];
        let own = [
            &self.desired.mailbox,
            &destination.bucket,
            &destination.prefix,
            &destination.role_arn,
            &destination.kms_key_arn,
        ];
        let optional = optional.into_iter().flatten();
        own.into_iter().chain(optional).cloned().collect()
    }

    /// Where it stands in the queue.
    #[must_use]
    pub fn rank(&self) -> Rank {
        let disabled_at = self.known.as_ref().and_then(|entity| entity.disabled_at);
        Rank::of(disabled_at, self.memory.bytes)
    }

    /// Returns how long it waits for the time at which the mailbox can be exported again: a second at
    /// least, and a minute at most, because the wait may be over sooner.
    #[must_use]
    pub fn until_next_attempt(&self, now: Timestamp) -> Duration {
        let seen = match &self.observed.jobs {
            Some(Ok(seen)) => seen.available_at,
            Some(Err(_)) | None => None,
        };
        let left = self.facts.next_attempt_at.max(seen);
        let left = left.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
        let left = left.unwrap_or(EXPORT_LOOKS_AGAIN);
        left.clamp(Duration::from_secs(1), EXPORT_LOOKS_AGAIN)
    }

    /// Whether it holds a slot: a job of it runs or may run.
    #[must_use]
    pub fn holds_slot(&self) -> bool {
        self.memory.pending.is_some() || self.memory.running().is_some()
    }
}

impl Facts {
    fn of(memory: &Memory, limits: Limits, deleted_at: Option<Timestamp>, now: Timestamp) -> Self {
        let age =
            |since: Timestamp| Duration::try_from(now.duration_since(since)).unwrap_or_default();
        let last = memory.attempts.last().map(|last| last.started_at);
        let wait = last.filter(|last| age(*last) < limits.retry_after);
        let pending = memory.pending.as_ref();
        Self {
            is_ended: limits.is_ended,
            retry_after: limits.retry_after,
            next_attempt_at: wait.and_then(|last| last.checked_add(limits.retry_after).ok()),
            is_intent_old: pending.is_some_and(|pending| age(pending.since) > JOBS_LISTED),
            is_cancellation_over: deleted_at.is_some_and(|at| age(at) > CANCELLATION),
            is_progress_due: memory
                .progressed_at
                .is_none_or(|at| age(at) >= PROGRESS_WRITES),
            is_missing: false,
            reads_as_account: false,
        }
    }
}
