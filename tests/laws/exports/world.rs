//! The model: a job service that forgets, an API server that holds statuses, and the driver between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use workmail_operator::{
    api::{
        Destination, ExportProof, ExportState, Reason, Verification, WorkMailMailboxExportStatus,
    },
    logic::{
        AccountId, ClusterIdentity, Failure, ObjectKey, OrganizationId, Region,
        account::Access,
        export::{
            Entity, EntityKind, EntityState, Job, JobId, JobState, Queue, RunningJobs, SeenJobs,
            SourceFacts,
            mailbox::{
                Action, Answer, Controller, Desired, Limits, Outcome, Read, Recorded, StartError,
                View, decide, report, saved, to_status,
            },
        },
    },
    proof::{self, Head},
};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/k";

pub(super) const RETRY_AFTER: Duration = Duration::from_hours(24);
pub(super) const JOB_TAKES: Duration = Duration::from_mins(20);
const LISTED: Duration = Duration::from_hours(7 * 24);

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process ends before the action is carried out.
    KillBefore,
    /// The process ends after it, and its answer is lost.
    KillAfter,
    /// The action is carried out, and the answer is lost.
    LostReply,
    /// The action is not carried out, and nothing is known of it.
    Failed,
}

/// A job of the service.
#[derive(Clone, Debug)]
pub(super) struct ModelJob {
    pub(super) job: Job,
    pub(super) ends: Timestamp,
    pub(super) ends_as: JobState,
    pub(super) prefix: String,
    pub(super) token: String,
}

/// An object of the API server.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) key: ObjectKey,
    pub(super) status: WorkMailMailboxExportStatus,
    pub(super) has_finalizer: bool,
    pub(super) deleted_at: Option<Timestamp>,
    pub(super) is_gone: bool,
    pub(super) requested: Option<String>,
    pub(super) outcome: Option<Outcome>,
}

#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) jobs: Vec<ModelJob>,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) queue: Queue,
    /// A job is listed this long after its start.
    pub(super) list_lag: Duration,
    /// A token is known this long.
    pub(super) token_lasts: Duration,
    /// How the next jobs end.
    pub(super) ends_as: Vec<JobState>,
    pub(super) is_owned: bool,
    pub(super) facts: SourceFacts,
    /// Faults by the number of the step.
    pub(super) faults: BTreeMap<usize, Fault>,
    pub(super) step: usize,
    /// How many jobs ran at once at most.
    pub(super) most_running: usize,
    pub(super) backoff_limit: u32,
    pub(super) is_missing: bool,
    /// With which account the export works.
    pub(super) access: Access,
    /// Starts that AWS refuses for good.
    pub(super) refuses: usize,
    /// AWS does not know the users.
    pub(super) is_unknown: bool,
    /// How often the directory was listed.
    pub(super) listings: usize,
    /// The organization export that made them.
    pub(super) controller: Option<Controller>,
    pub(super) is_ended: bool,
    pub(super) verification: Verification,
    /// What the next jobs write; whole zips after that.
    pub(super) writes: Vec<Written>,
    /// What is in S3, by its key.
    pub(super) stored: BTreeMap<String, Written>,
    /// S3 refuses every read.
    pub(super) is_unreadable: bool,
    /// The size of each mailbox.
    pub(super) mailbox_bytes: u64,
    pub(super) read_role: Option<String>,
    /// That role is the one of a `WorkMailAccount`.
    pub(super) reads_as_account: bool,
}

/// What a job writes to S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// A zip.
    Zip(Vec<u8>),
    /// A zip that is encrypted with another key.
    WithAnotherKey(Vec<u8>),
    /// Nothing.
    Nothing,
}

/// A zip with one entry of as many bytes.
pub(super) fn zip(bytes: usize) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("Inbox/1.eml", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(&vec![b'x'; bytes]).unwrap();
    zip.finish().unwrap().into_inner()
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(super) fn organization() -> SourceFacts {
    SourceFacts {
        id: Some(OrganizationId::from("m-1")),
        account: Some(AccountId::from("123456789012")),
        region: Some(Region::from("us-east-1")),
        has_origin: true,
        is_active: true,
        is_full: true,
        is_suspended: false,
        is_deleted: false,
    }
}

impl World {
    pub(super) fn new(mailboxes: usize) -> Self {
        let objects = (0..mailboxes).map(|n| {
            let name = format!("user{n:02}");
            let key = ObjectKey {
                namespace: "mail".into(),
                name: name.as_str().into(),
                uid: format!("{n:08x}-uid").into(),
            };
            let object = Object {
                key,
                status: WorkMailMailboxExportStatus::default(),
                has_finalizer: false,
                deleted_at: None,
                is_gone: false,
                requested: None,
                outcome: None,
            };
            (name, object)
        });
        Self {
            now: at(0),
            jobs: Vec::new(),
            objects: objects.collect(),
            queue: Queue::default(),
            list_lag: Duration::ZERO,
            token_lasts: Duration::from_hours(24),
            ends_as: Vec::new(),
            is_owned: true,
            facts: organization(),
            faults: BTreeMap::new(),
            step: 0,
            most_running: 0,
            backoff_limit: 3,
            is_missing: false,
            access: Access::OperatorsOwn,
            refuses: 0,
            is_unknown: false,
            listings: 0,
            controller: None,
            is_ended: false,
            verification: Verification::None,
            writes: Vec::new(),
            stored: BTreeMap::new(),
            is_unreadable: false,
            mailbox_bytes: 1000,
            read_role: None,
            reads_as_account: false,
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self
            .now
            .checked_add(SignedDuration::try_from(time).unwrap())
            .unwrap();
        for job in &mut self.jobs {
            if job.job.state == JobState::Running && job.ends <= self.now {
                job.job.state = job.ends_as;
                job.job.ended_at = Some(job.ends);
                job.job.progress = 100;
                if job.ends_as == JobState::Completed {
                    let path = format!("{}/{}.zip", job.prefix, job.job.id.0);
                    let written = if self.writes.is_empty() {
                        Written::Zip(zip(1000))
                    } else {
                        self.writes.remove(0)
                    };
                    self.stored.insert(path.clone(), written);
                    job.job.path = Some(path);
                }
                job.job.error = (job.ends_as == JobState::Failed).then(|| "denied".to_owned());
            }
        }
    }

    pub(super) fn running(&self) -> usize {
        let jobs = self.jobs.iter();
        jobs.filter(|job| job.job.state == JobState::Running)
            .count()
    }

    fn listing(&self, lag: Duration) -> Vec<Job> {
        let age = |job: &ModelJob| self.now.duration_since(job.job.started_at.unwrap());
        let shown = self.jobs.iter().filter(|job| {
            age(job) >= SignedDuration::try_from(lag).unwrap()
                && age(job) <= SignedDuration::try_from(LISTED).unwrap()
        });
        let plain = |job: &ModelJob| Job {
            error: None,
            is_whole: false,
            ..job.job.clone()
        };
        shown.map(plain).collect()
    }

    /// What a reconcile of this object begins with.
    pub(super) fn view(&self, name: &str) -> View {
        let object = &self.objects[name];
        let desired = Desired {
            object: object.key.clone(),
            generation: 1,
            organization: "acme".to_owned(),
            mailbox: name.to_owned(),
            destination: Destination {
                bucket: "archive".to_owned(),
                prefix: "mail".to_owned(),
                role_arn: "arn:aws:iam::123456789012:role/export".to_owned(),
                kms_key_arn: KEY.to_owned(),
                read_role_arn: self.read_role.clone(),
                bucket_account_id: None,
            },
            verification: self.verification,
            backoff_limit: self.backoff_limit,
            controller: self.controller.clone(),
            requested: object.requested.clone(),
            is_deleting: object.deleted_at.is_some(),
            has_finalizer: object.has_finalizer,
        };
        let limits = Limits {
            retry_after: RETRY_AFTER,
            is_ended: self.is_ended,
        };
        let recorded = Recorded::read(&object.status);
        let cluster = ClusterIdentity::new(Some("c".to_owned()), "u".to_owned(), []);
        let times = (object.deleted_at, self.now);
        let mut view = View::begin(
            desired,
            recorded,
            cluster,
            (Some(self.facts.clone()), self.access.clone()),
            limits,
            times,
        );
        view.facts.is_missing = self.is_missing;
        view.facts.reads_as_account = self.reads_as_account;
        view
    }

    /// The process ends and begins anew.
    pub(super) fn restart(&mut self) {
        let mut queue = Queue::default();
        for name in self.objects.keys() {
            self.view(name).hold(&mut queue);
        }
        self.queue = queue;
    }

    /// One reconcile. False if the process was killed.
    pub(super) fn reconcile(&mut self, name: &str) -> bool {
        if self.objects[name].is_gone {
            return true;
        }
        let mut view = self.view(name);
        view.hold(&mut self.queue);
        for _ in 0..60 {
            let action = decide(&view);
            let fault = self.faults.get(&self.step).copied();
            self.step += 1;
            if fault == Some(Fault::KillBefore) {
                self.restart();
                return false;
            }
            if let Action::Finish(outcome) = &action {
                self.finish(name, &view, outcome);
                return true;
            }
            let answer = self.perform(name, &mut view, &action, fault);
            if fault == Some(Fault::KillAfter) {
                self.restart();
                return false;
            }
            let Some(answer) = answer else {
                // Kubernetes did not take it, or did not say so.
                return true;
            };
            view.apply(&action, answer, self.now);
            self.assert_bounds();
        }
        panic!("{name} does not come to rest: {view:#?}");
    }

    fn finish(&mut self, name: &str, view: &View, outcome: &Outcome) {
        self.write(name, view, outcome);
        view.settle(&mut self.queue, outcome);
        let object = self.objects.get_mut(name).unwrap();
        object.outcome = Some(outcome.clone());
        if object.deleted_at.is_some() && !object.has_finalizer {
            object.is_gone = true;
        }
    }

    fn write(&mut self, name: &str, view: &View, outcome: &Outcome) {
        let object = self.objects.get_mut(name).unwrap();
        let told = report(view, outcome);
        object.status = to_status(&told, &object.status, self.now);
    }

    fn perform(
        &mut self,
        name: &str,
        view: &mut View,
        action: &Action,
        fault: Option<Fault>,
    ) -> Option<Answer> {
        let lost = matches!(fault, Some(Fault::LostReply | Fault::Failed));
        let failure = || Failure::of_read(Reason::ServiceUnavailable, "Wait.", "no answer");
        let skipped = fault == Some(Fault::Failed);
        Some(match action {
            Action::Read(read) => self.read(name, view, read, lost.then(failure)),
            Action::Save(save) => {
                if !skipped {
                    view.prepare(*save, self.now);
                    let outcome = saved(view);
                    self.write(name, view, &outcome);
                }
                if lost {
                    return None;
                }
                Answer::Written
            }
            Action::Finalizer(present) => {
                if !skipped {
                    self.objects.get_mut(name).unwrap().has_finalizer = *present;
                }
                if lost {
                    return None;
                }
                Answer::Written
            }
            Action::Start { attempt } => {
                let answer = if skipped {
                    Err(StartError::Unknown(failure()))
                } else {
                    self.start(view, *attempt)
                };
                Answer::Started(if lost {
                    Err(StartError::Unknown(failure()))
                } else {
                    answer
                })
            }
            Action::Cancel(id) => {
                if !skipped {
                    for job in &mut self.jobs {
                        if job.job.id == *id && job.job.state == JobState::Running {
                            job.job.state = JobState::Cancelled;
                        }
                    }
                }
                Answer::Cancelled(if lost { Err(failure()) } else { Ok(()) })
            }
            Action::Finish(_) => panic!("the reconcile ends with it"),
        })
    }

    fn read(&mut self, name: &str, view: &View, read: &Read, failure: Option<Failure>) -> Answer {
        let entity = format!("S-{name}");
        match read {
            Read::Account => {
                Answer::Account(failure.map_or_else(|| Ok(AccountId::from("123456789012")), Err))
            }
            Read::Ownership => Answer::Ownership(failure.map_or(Ok(self.is_owned), Err)),
            Read::Entity => {
                let is_there = !self.is_missing && !self.is_unknown;
                let found = is_there.then(|| Entity {
                    id: entity,
                    kind: EntityKind::User,
                    name: name.to_owned(),
                    email: Some(format!("{name}@acme.example")),
                    display_name: None,
                    state: EntityState::Enabled,
                    disabled_at: None,
                    bytes: Some(self.mailbox_bytes),
                });
                Answer::Entity(failure.map_or(Ok(found), Err))
            }
            Read::Jobs => {
                let jobs = self.listing(self.list_lag);
                self.queue
                    .see_others(RunningJobs::of(&jobs, &self.queue.held()).others);
                let description = view.current_attempt().description();
                let about = (entity.as_str(), description.as_str());
                let seen = SeenJobs::of(&jobs, about, RETRY_AFTER, self.now);
                Answer::Jobs(failure.map_or(Ok(seen), Err))
            }
            Read::Job(id) => {
                let jobs = self.listing(self.list_lag);
                let job = jobs.into_iter().find(|job| job.id == *id);
                Answer::Job(failure.map_or(Ok(job), Err))
            }
            Read::JobDetails(id) => {
                let job = self.jobs.iter().find(|job| job.job.id == *id);
                let job = job.map(|job| Job {
                    is_whole: true,
                    ..job.job.clone()
                });
                Answer::JobDetails(failure.map_or(Ok(job), Err))
            }
            Read::Directory => {
                self.listings += 1;
                Answer::Directory(failure.map_or(Ok(()), Err))
            }
            Read::Slot => Answer::Slot(view.ask(&mut self.queue)),
            Read::Head(key) => Answer::Head(self.s3(failure).map(|()| self.head(key))),
            Read::Range(object, range) => Answer::Range(self.s3(failure).map(|()| {
                let zip = self.zip(&object.key)?;
                let end = usize::try_from(range.end).unwrap();
                Some(zip[usize::try_from(range.start).unwrap()..end].to_vec())
            })),
            Read::Log(_) => Answer::Log(None),
        }
    }

    fn s3(&self, failure: Option<Failure>) -> Result<(), Failure> {
        let refused = || Failure::of_read(Reason::AccessDenied, "Allow it.", "AWS refuses it.");
        match failure.or_else(|| self.is_unreadable.then(refused)) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    fn zip(&self, key: &str) -> Option<&Vec<u8>> {
        match self.stored.get(key)? {
            Written::Zip(zip) | Written::WithAnotherKey(zip) => Some(zip),
            Written::Nothing => None,
        }
    }

    fn head(&self, key: &str) -> Option<Head> {
        let bytes = self.zip(key)?.len() as u64;
        let is_other = matches!(self.stored[key], Written::WithAnotherKey(_));
        let object = proof::Object {
            bucket: "archive".to_owned(),
            key: key.to_owned(),
            version_id: Some("v1".to_owned()),
            e_tag: Some("\"tag\"".to_owned()),
            bytes,
        };
        Some(Head {
            object,
            encryption: Some("aws:kms".to_owned()),
            key: Some(if is_other { "other" } else { KEY }.to_owned()),
        })
    }

    /// `StartMailboxExportJob`.
    fn start(&mut self, view: &View, attempt: u32) -> Result<JobId, StartError> {
        assert!(
            self.is_owned && self.facts.is_full && self.facts.has_origin,
            "nothing is started here"
        );
        assert!(
            !self.facts.is_suspended,
            "nothing is started while it is suspended"
        );
        let start = view.start(attempt);
        let saved = &self.objects[&*view.desired.object.name].status.pending;
        assert_eq!(
            saved.as_ref().map(|pending| pending.attempt),
            Some(attempt),
            "the intent is stored"
        );
        let since = |job: &ModelJob| self.now.duration_since(job.job.started_at.unwrap());
        let lasts = SignedDuration::try_from(self.token_lasts).unwrap();
        let same = self
            .jobs
            .iter()
            .find(|job| job.token == start.token && since(job) < lasts);
        if let Some(job) = same {
            return Ok(job.job.id.clone());
        }
        let refused = |reason| Failure::of(reason, "Wait.", "refused");
        if self.is_unknown {
            return Err(StartError::Absent(refused(Reason::NotFound)));
        }
        if self.refuses > 0 {
            self.refuses -= 1;
            return Err(StartError::Refused(refused(Reason::InvalidParameter)));
        }
        let day = SignedDuration::from_hours(24);
        let recently = self
            .jobs
            .iter()
            .any(|job| job.job.entity == start.entity && since(job) < day);
        if recently || self.running() >= 10 {
            return Err(StartError::Limit(refused(Reason::ExportLimit)));
        }
        let id = JobId(format!("job-{}", self.jobs.len()));
        let takes = SignedDuration::try_from(JOB_TAKES).unwrap();
        self.jobs.push(ModelJob {
            job: Job {
                id: id.clone(),
                entity: start.entity,
                description: start.description,
                state: JobState::Running,
                progress: 0,
                path: None,
                error: None,
                started_at: Some(self.now),
                ended_at: None,
                is_whole: true,
            },
            ends: self.now.checked_add(takes).unwrap(),
            ends_as: if self.ends_as.is_empty() {
                JobState::Completed
            } else {
                self.ends_as.remove(0)
            },
            prefix: start.prefix,
            token: start.token,
        });
        Ok(id)
    }

    fn assert_bounds(&mut self) {
        self.most_running = self.most_running.max(self.running());
        let mut descriptions = BTreeSet::new();
        let mut prefixes = BTreeSet::new();
        for job in &self.jobs {
            let once = descriptions.insert(&job.job.description);
            assert!(once, "an attempt was exported twice: {:#?}", self.jobs);
            assert!(prefixes.insert(&job.prefix), "a key is written twice");
        }
    }

    /// Reconciles every object again and again, as time goes by, until each has come to its end.
    pub(super) fn settle(&mut self, most: usize) {
        for _ in 0..most {
            let names: Vec<_> = self.objects.keys().cloned().collect();
            for name in &names {
                self.reconcile(name);
            }
            let over = |object: &Object| {
                let state = object.status.state;
                let is_verified = |proof: &ExportProof| proof.verified;
                let waits = state == Some(ExportState::Completed)
                    && self.verification != Verification::None
                    && !object.status.proof.as_ref().is_some_and(is_verified);
                let ends = [
                    ExportState::Completed,
                    ExportState::Failed,
                    ExportState::Gone,
                ];
                let is_at_end = state.is_some_and(|state| ends.contains(&state));
                object.is_gone || is_at_end && !waits && !object.has_finalizer
            };
            if self.objects.values().all(over) {
                return;
            }
            self.pass(Duration::from_mins(10));
        }
        panic!("it does not come to an end: {:#?}", self.objects);
    }

    /// Reconciles every object that many times, 10 minutes apart.
    pub(super) fn settle_for(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let names: Vec<_> = self.objects.keys().cloned().collect();
            for name in &names {
                self.reconcile(name);
            }
            self.pass(Duration::from_mins(10));
        }
    }

    pub(super) fn state(&self, name: &str) -> Option<ExportState> {
        self.objects[name].status.state
    }
}
