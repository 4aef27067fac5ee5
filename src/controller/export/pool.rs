//! What the exports of one organization share: the queue, the jobs as last seen, the directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex as StdMutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    aws::{CallError, Organizations},
    logic::{
        ObjectKey, OrganizationId,
        export::{
            Entity, EntityKind, Job, JobId, JobState, Queue, RunningJobs, organization::Directory,
        },
        schedule::DIRECTORY,
    },
};

/// What the exports of one organization share.
#[derive(Debug, Default)]
pub(super) struct Pool {
    queue: StdMutex<Queue>,
    /// Held while they are read, so that all who need them share one read.
    jobs: Mutex<Jobs>,
    /// The resources that the tags were found to name, and when.
    owned: Mutex<BTreeMap<ObjectKey, Instant>>,
    directory: Mutex<()>,
    listed: StdMutex<Listed>,
    /// When a start of a job of a mailbox was last tried.
    starts: StdMutex<BTreeMap<String, Instant>>,
    /// The progress of the jobs that run, as last seen.
    progress: StdMutex<BTreeMap<JobId, u32>>,
}

/// The jobs as last seen.
#[derive(Debug, Default)]
struct Jobs {
    seen: BTreeMap<JobId, Job>,
    pages: usize,
    listed: Option<Instant>,
    refreshed: Option<Instant>,
    /// Those that are asked for, and by which exports.
    followed: BTreeMap<JobId, ObjectKey>,
}

/// The directory as last listed.
#[derive(Debug, Default)]
struct Listed {
    directory: Directory,
    at: Option<Instant>,
    /// Since when listings have lacked what exports name.
    missing: BTreeMap<String, Instant>,
    named: BTreeSet<String>,
}

impl Jobs {
    /// Whether a job is not seen to run. What is not in the list is asked for by its id.
    fn is_over(&self, job: &JobId) -> bool {
        let seen = self.seen.get(job);
        seen.is_none_or(|seen| seen.state != JobState::Running)
    }

    fn ended(&self) -> Vec<ObjectKey> {
        let followed = self.followed.iter();
        let ended = followed.filter(|(job, _)| self.is_over(job));
        ended.map(|(_, object)| object.clone()).collect()
    }
}

impl Pool {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn starts(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note that a job of this mailbox may have been started.
    pub(super) fn starts_job_of(&self, entity: &str) {
        self.starts().insert(entity.to_owned(), Instant::now());
    }

    /// The jobs by a listing no older than `age`, which has those of `entity` that this process started.
    pub(super) async fn jobs(
        &self,
        aws: &Organizations,
        id: &OrganizationId,
        entity: Option<&str>,
        age: Duration,
    ) -> Result<Vec<Job>, CallError> {
        let mut jobs = self.jobs.lock().await;
        let started = entity.and_then(|entity| self.starts().get(entity).copied());
        let is_old =
            |at: Instant| at.elapsed() > age || started.is_some_and(|started| at < started);
        if jobs.listed.is_none_or(is_old) {
            self.list(&mut jobs, aws, id).await?;
        }
        Ok(jobs.seen.values().cloned().collect())
    }

    async fn list(
        &self,
        jobs: &mut Jobs,
        aws: &Organizations,
        id: &OrganizationId,
    ) -> Result<(), CallError> {
        let begun = Instant::now();
        let (listed, pages) = aws.export_jobs(id).await?;
        let mut queue = self.queue();
        let others = RunningJobs::of(&listed, &queue.held()).others;
        queue.see_others(others);
        jobs.seen = listed
            .into_iter()
            .map(|job| (job.id.clone(), job))
            .collect();
        self.note_progress(jobs);
        jobs.pages = pages;
        jobs.listed = Some(begun);
        jobs.refreshed = Some(begun);
        Ok(())
    }

    fn note_progress(&self, jobs: &Jobs) {
        let running = jobs.seen.values();
        let running = running.filter(|job| job.state == JobState::Running);
        let seen = running.map(|job| (job.id.clone(), job.progress)).collect();
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// The progress of a job in percent, as it was last seen running.
    pub(super) fn progress(&self, job: &JobId) -> Option<u32> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.get(job).copied()
    }

    /// One job, which an export follows, no older than `age`: by the fewer of the pages of the list and a
    /// description of each job that is followed. Returns the exports too whose jobs this read showed to be
    /// over.
    pub(super) async fn job(
        &self,
        aws: &Organizations,
        id: &OrganizationId,
        (job, object): (&JobId, &ObjectKey),
        age: Duration,
    ) -> Result<(Option<Job>, Vec<ObjectKey>), CallError> {
        let mut jobs = self.jobs.lock().await;
        jobs.followed.insert(job.clone(), object.clone());
        let mut ended = Vec::new();
        let begun = Instant::now();
        if jobs.refreshed.is_none_or(|at| at.elapsed() > age) {
            if jobs.listed.is_none() || jobs.pages <= jobs.followed.len() {
                self.list(&mut jobs, aws, id).await?;
            } else {
                for followed in jobs.followed.keys().cloned().collect::<Vec<_>>() {
                    match aws.export_job(id, &followed).await? {
                        Some(seen) => jobs.seen.insert(followed, seen),
                        None => jobs.seen.remove(&followed),
                    };
                }
                self.note_progress(&jobs);
                jobs.refreshed = Some(begun);
            }
            ended = jobs.ended();
        }
        let seen = jobs.seen.get(job).cloned();
        if jobs.is_over(job) {
            jobs.followed.remove(job);
        }
        Ok((seen, ended))
    }

    /// Whether the tags name the owner; what was found less than `age` ago counts. That they do not is
    /// not remembered.
    pub(super) async fn is_owned<F>(
        &self,
        owner: &ObjectKey,
        age: Duration,
        ask: F,
    ) -> Result<bool, CallError>
    where
        F: Future<Output = Result<bool, CallError>>,
    {
        let mut found = self.owned.lock().await;
        if found.get(owner).is_some_and(|at| at.elapsed() < age) {
            return Ok(true);
        }
        let begun = Instant::now();
        let is_owned = ask.await?;
        found.clear();
        if is_owned {
            found.insert(owner.clone(), begun);
        }
        Ok(is_owned)
    }

    /// The directory, by a listing no older than `age`.
    pub(super) async fn directory(
        &self,
        aws: &Organizations,
        id: &OrganizationId,
        age: Duration,
    ) -> Result<Directory, CallError> {
        let _turn = self.directory.lock().await;
        {
            let listed = self.listed();
            if listed.at.is_some_and(|at| at.elapsed() < age) {
                return Ok(listed.directory.clone());
            }
        }
        let begun = Instant::now();
        let mut entities = Box::pin(aws.entities(id)).await?;
        let mut listed = self.listed();
        let sizes: BTreeMap<_, _> = listed
            .directory
            .entities
            .iter()
            .filter_map(|entity| Some((entity.id.clone(), entity.bytes?)))
            .collect();
        for entity in &mut entities {
            entity.bytes = sizes.get(&entity.id).copied();
        }
        let there: BTreeSet<_> = entities.iter().map(|entity| entity.id.as_str()).collect();
        let Listed { missing, named, .. } = &mut *listed;
        missing.retain(|entity, _| !there.contains(entity.as_str()));
        for entity in named
            .iter()
            .filter(|entity| !there.contains(entity.as_str()))
        {
            missing.entry(entity.clone()).or_insert(begun);
        }
        listed.directory.entities = entities;
        listed.at = Some(begun);
        Ok(listed.directory.clone())
    }

    /// Whether two complete listings, 15 minutes apart, did not have it. From the first question on it is
    /// watched whether it leaves.
    pub(super) fn is_missing(&self, entity: &str) -> bool {
        let mut listed = self.listed();
        if !listed.named.contains(entity) {
            listed.named.insert(entity.to_owned());
        }
        let first = listed.missing.get(entity);
        first
            .zip(listed.at)
            .is_some_and(|(first, last)| last.saturating_duration_since(*first) >= DIRECTORY)
    }

    /// A user or resource, as it was last listed.
    pub(super) fn known_entity(&self, id: &str) -> Option<Entity> {
        let listed = self.listed();
        let mut entities = listed.directory.entities.iter();
        entities.find(|entity| entity.id == id).cloned()
    }

    /// Reads the size of a user's mailbox, once.
    pub(super) async fn sized(
        &self,
        aws: &Organizations,
        id: &OrganizationId,
        mut entity: Entity,
    ) -> Entity {
        if entity.kind != EntityKind::User || entity.bytes.is_some() {
            return entity;
        }
        match aws.mailbox_size(id, &entity.id).await {
            Ok(bytes) => {
                entity.bytes = bytes;
                self.size(&entity.id, bytes);
            }
            // Sizes are for the order and the progress: nothing waits for one.
            Err(error) => tracing::debug!(?error, "the size of a mailbox cannot be read"),
        }
        entity
    }

    fn size(&self, id: &str, bytes: Option<u64>) {
        let mut listed = self.listed();
        listed.directory.sized.insert(id.to_owned());
        let mut entities = listed.directory.entities.iter_mut();
        if let Some(entity) = entities.find(|entity| entity.id == id) {
            entity.bytes = bytes;
        }
    }

    /// Reads the sizes of these users' mailboxes, and returns the directory with them. What cannot be
    /// read is not asked for again before the directory is listed anew.
    pub(super) async fn sizes(
        &self,
        aws: &Organizations,
        id: &OrganizationId,
        users: &[String],
    ) -> Directory {
        let reads = users.iter().map(|user| async move {
            let size = aws.mailbox_size(id, user).await;
            self.size(user, size.unwrap_or_default());
        });
        futures::future::join_all(reads).await;
        self.listed().directory.clone()
    }
}

/// The mailboxes of which a job began less than `interval` ago.
pub(super) fn recent(jobs: &[Job], interval: Duration, now: Timestamp) -> BTreeSet<String> {
    let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
    let is_recent = |job: &&Job| {
        let age = job.started_at.map(|at| now.duration_since(at));
        job.state == JobState::Running || age.is_some_and(|age| age < interval)
    };
    let recent = jobs.iter().filter(is_recent);
    recent.map(|job| job.entity.clone()).collect()
}
