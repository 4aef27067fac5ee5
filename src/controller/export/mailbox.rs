//! The reconcile of a mailbox export: decide, perform one action, apply its answer, decide again; then report.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::runtime::controller::Action as Requeue;
use tokio::time::Instant;

use super::{
    exports::{Exports, key},
    store,
};
use crate::{
    api::{Destination, Reason, WorkMailMailboxExport},
    aws::{CallError, Objects, Organizations, Place, Session},
    controller::{AUDIT_TARGET, Error},
    logic::{
        AccountId, ErrorKind, Failure, ObjectKey, Operation, OrganizationId, Owner, Region, Retry,
        account::Access,
        export::{
            EntityKind, SeenJobs,
            mailbox::{
                Action, Answer, Outcome, Read, Save, StartError, View, decide, report, saved,
                to_status,
            },
        },
        organization::Tags,
        schedule::{
            DIRECTORY, EXPORT_LOOKS_AGAIN, EXPORT_WRITES, JOBS_LAST, LAST_STEP, NO_PLACE,
            TAGS_LAST, jobs_pace,
        },
    },
};

/// More steps than any way through the decision has in its time: a zip of a million messages is read by 500
/// ranges.
const MOST_STEPS: usize = 2000;
/// An export whose deletion waits for its job looks again after this.
const DELETION_LOOKS_AGAIN: Duration = Duration::from_secs(2);

/// One reconcile of one object.
pub(super) async fn reconcile(
    object: Arc<WorkMailMailboxExport>,
    exports: Arc<Exports>,
) -> Result<Requeue, Error> {
    exports.begun().await;
    let Some(_place) = exports
        .place(
            object.metadata.namespace.as_deref(),
            &object.spec.organization_ref.name,
        )
        .await
    else {
        return Ok(Requeue::requeue(NO_PLACE));
    };
    let begun = Instant::now();
    let answer = Box::pin(attempt(object, &exports, begun)).await;
    let result = match &answer {
        Ok((_, result)) => result.as_str(),
        Err(Error::Stale) => "Stale",
        Err(Error::Gone) => "Gone",
        Err(_) => "Error",
    };
    let kind = "WorkMailMailboxExport";
    exports
        .context
        .metrics
        .reconciled_kind(kind, result, begun.elapsed());
    answer.map(|(requeue, _)| requeue)
}

/// What one reconcile works with.
struct Work<'a> {
    exports: &'a Exports,
    object: WorkMailMailboxExport,
    view: View,
    session: Option<Session>,
}

async fn attempt(
    object: Arc<WorkMailMailboxExport>,
    exports: &Exports,
    begun: Instant,
) -> Result<(Requeue, String), Error> {
    let object = latest(object, exports).await?;
    let Some(view) = exports.view(&object, seconds()) else {
        return Ok((Requeue::await_change(), "Gone".to_owned()));
    };
    let mut work = Work {
        exports,
        object,
        view,
        session: None,
    };
    if let Some(id) = work.organization() {
        let pool = exports.pool(&id);
        work.view.hold(&mut pool.queue());
    }
    for _ in 0..MOST_STEPS {
        let action = decide(&work.view);
        if let Action::Finish(outcome) = action {
            return Box::pin(work.finish(&outcome)).await;
        }
        let is_save = matches!(action, Action::Save(_));
        let stops = *exports.context.stopping.borrow();
        if !is_save && (stops || begun.elapsed() > LAST_STEP) {
            exports.keep_inspection(&work.view);
            return Ok((Requeue::requeue(NO_PLACE), "Paused".to_owned()));
        }
        let answer = match Box::pin(work.act(&action)).await {
            Ok(answer) => answer,
            Err(error) => {
                work.give_back();
                return Err(error);
            }
        };
        work.view.apply(&action, answer, seconds());
    }
    Err(Error::Restless(MOST_STEPS))
}

/// The object as it is, where the cache has not seen our own last write yet.
async fn latest(
    object: Arc<WorkMailMailboxExport>,
    exports: &Exports,
) -> Result<WorkMailMailboxExport, Error> {
    let key = key(&*object);
    if !exports.is_stale(&key, object.metadata.resource_version.as_deref()) {
        return Ok(WorkMailMailboxExport::clone(&object));
    }
    let api = store::api::<WorkMailMailboxExport>(exports, &*object);
    let live = store::live(&api, &key.name).await?;
    if live.metadata.uid.as_deref() == Some(&*key.uid) {
        Ok(live)
    } else {
        Err(Error::Gone)
    }
}

/// The present in whole seconds, as statuses have it; cut off, so that no time lies ahead.
pub(super) fn seconds() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

impl Work<'_> {
    /// The organization whose queue the export is in.
    fn organization(&self) -> Option<OrganizationId> {
        let seen = self
            .view
            .organization
            .as_ref()
            .and_then(|one| one.id.clone());
        self.view.memory.organization.clone().or(seen)
    }

    /// Gives a slot back that was granted and is not used.
    fn give_back(&self) {
        if let Some(id) = self.organization()
            && !self.view.holds_slot()
            && self.view.saved.pending.is_none()
        {
            let waiting = self
                .exports
                .pool(&id)
                .queue()
                .leave(&self.view.desired.object);
            self.exports.wake_all(waiting);
        }
    }

    fn region(&self) -> Option<Region> {
        let seen = self
            .view
            .organization
            .as_ref()
            .and_then(|one| one.region.clone());
        self.view.memory.region.clone().or(seen)
    }

    /// The calls of the organization's region, once the credentials are known.
    fn aws(&self) -> Option<(Organizations, OrganizationId)> {
        let session = self.session.as_ref()?;
        Some((session.organizations(&self.region()?), self.organization()?))
    }

    /// The credentials of the account that the export works with.
    async fn session(&self) -> Result<Session, Failure> {
        match (
            &self.view.access,
            self.exports.context.identity(&self.view.access),
        ) {
            (Access::Refused(failure), _) => Err(failure.clone()),
            (_, None) => Err(no_credentials()),
            (_, Some(identity)) => {
                let session = identity.session(false).await;
                session.map_err(|error| error.failure(None, &self.view.names()))
            }
        }
    }

    async fn act(&mut self, action: &Action) -> Result<Answer, Error> {
        Ok(match action {
            Action::Read(Read::Account) => self.account().await,
            Action::Read(read) => Box::pin(self.read(read)).await,
            Action::Save(save) => {
                if *save == Save::Intent {
                    Box::pin(self.measure()).await;
                }
                self.view.prepare(*save, seconds());
                let outcome = saved(&self.view);
                self.write(&outcome, *save == Save::Answer).await?;
                Answer::Written
            }
            Action::Finalizer(present) => {
                self.object = store::finalizer(self.exports, &self.object, *present).await?;
                Answer::Written
            }
            Action::Start { attempt } => Box::pin(self.start(*attempt)).await,
            Action::Cancel(job) => {
                let Some((aws, id)) = self.aws() else {
                    return Ok(Answer::Cancelled(Err(no_credentials())));
                };
                let answer = aws.cancel_export(&id, job).await;
                let done = answer.as_ref().map(|done| done.request_id.clone());
                self.audit(Operation::CancelMailboxExportJob, &job.0, &done);
                Answer::Cancelled(self.told(answer.map(|_| ())))
            }
            // The loop ends with it.
            Action::Finish(_) => Answer::Written,
        })
    }

    async fn account(&mut self) -> Answer {
        Answer::Account(match self.session().await {
            Ok(session) => {
                let account = session.account().clone();
                self.session = Some(session);
                Ok(account)
            }
            Err(failure) => Err(failure),
        })
    }

    /// The objects of the destination.
    async fn objects(&self) -> Result<Objects, Failure> {
        let (Some(session), Some(region)) = (&self.session, self.region()) else {
            return Err(no_credentials());
        };
        let destination = &self.view.desired.destination;
        let place = place(destination, region, session.account());
        let objects = session.objects(&place).await;
        let objects = objects.map_err(|error| untold(&error, destination, &self.view.names()))?;
        Ok(objects.for_namespace(self.view.desired.object.namespace.clone()))
    }

    /// Reads what is needed to verify the export.
    async fn verify(&self, read: &Read) -> Option<Answer> {
        let destination = &self.view.desired.destination;
        let told = |error: CallError| {
            tracing::debug!(object = %self.view.desired.object, ?error, "a call of S3 failed");
            untold(&error, destination, &self.view.names())
        };
        Some(match read {
            Read::Head(key) => Answer::Head(match self.objects().await {
                Ok(objects) => Box::pin(objects.head(key, None)).await.map_err(told),
                Err(failure) => Err(failure),
            }),
            Read::Range(object, range) => Answer::Range(match self.objects().await {
                Ok(objects) => Box::pin(objects.range(object, range)).await.map_err(told),
                Err(failure) => Err(failure),
            }),
            Read::Log(key) => Answer::Log(match self.objects().await {
                Ok(objects) => {
                    let log = Box::pin(objects.log_beside(key)).await;
                    log.map_err(told).ok().flatten()
                }
                Err(_) => None,
            }),
            Read::Account
            | Read::Ownership
            | Read::Entity
            | Read::Jobs
            | Read::Job(_)
            | Read::JobDetails(_)
            | Read::Directory
            | Read::Slot => return None,
        })
    }

    async fn read(&self, read: &Read) -> Answer {
        if let Some(answer) = Box::pin(self.verify(read)).await {
            return answer;
        }
        let Some((aws, id)) = self.aws() else {
            return nowhere(read);
        };
        let pool = self.exports.pool(&id);
        match read {
            Read::Account | Read::Head(_) | Read::Range(..) | Read::Log(_) => nowhere(read),
            Read::Ownership => {
                let desired = &self.view.desired;
                let names = (&desired.object, desired.organization.as_str());
                let owned = is_owned(self.exports, &aws, &id, names, TAGS_LAST);
                Answer::Ownership(self.told(Box::pin(owned).await))
            }
            Read::Entity => Answer::Entity(self.entity(&aws, &id).await),
            Read::Directory => {
                let listed = Box::pin(pool.directory(&aws, &id, DIRECTORY)).await;
                Answer::Directory(self.told(listed.map(|_| ())))
            }
            Read::Jobs => {
                // A pending start needs a listing that was begun after its intent.
                let age = match &self.view.memory.pending {
                    Some(_) => Duration::ZERO,
                    None => JOBS_LAST,
                };
                let entity = self.view.memory.entity.as_deref().unwrap_or_default();
                let jobs = pool.jobs(&aws, &id, Some(entity), age).await;
                let description = self.view.current_attempt().description();
                let interval = self.exports.context.settings.export_retry_after;
                let seen = jobs
                    .map(|jobs| SeenJobs::of(&jobs, (entity, &description), interval, seconds()));
                Answer::Jobs(self.told(seen))
            }
            Read::Job(job) => {
                // A little younger than its pace: those that are read in one go stay together.
                let age = self.pace().mul_f64(0.9);
                let object = &self.view.desired.object;
                let read = pool.job(&aws, &id, (job, object), age).await;
                let read = read.map(|(job, ended)| {
                    let others = ended.into_iter().filter(|other| other != object);
                    self.exports.wake_all(others.collect());
                    job
                });
                Answer::Job(self.told(read))
            }
            Read::JobDetails(job) => Answer::JobDetails(self.told(aws.export_job(&id, job).await)),
            Read::Slot => Answer::Slot(self.view.ask(&mut pool.queue())),
        }
    }

    async fn entity(
        &self,
        aws: &Organizations,
        id: &OrganizationId,
    ) -> Result<Option<crate::logic::export::Entity>, Failure> {
        let pool = self.exports.pool(id);
        let known = self
            .view
            .known
            .clone()
            .filter(|_| !self.view.facts.is_missing);
        // Its address may be another's by now: what was recorded is asked for by its id.
        let recorded = self.view.memory.entity.as_ref();
        let word = recorded.unwrap_or(&self.view.desired.mailbox);
        let entity = match known {
            Some(entity) => Some(entity),
            None => self.told(aws.entity(id, word).await)?,
        };
        let entity = match entity {
            None if recorded.is_none() => self.called(aws, id, word).await?,
            entity => entity,
        };
        match entity {
            Some(entity) => Ok(Some(pool.sized(aws, id, entity).await)),
            None => Ok(None),
        }
    }

    /// A user or resource by its name, by which `DescribeUser` may not find it.
    async fn called(
        &self,
        aws: &Organizations,
        id: &OrganizationId,
        word: &str,
    ) -> Result<Option<crate::logic::export::Entity>, Failure> {
        let pool = self.exports.pool(id);
        let listed = self.told(Box::pin(pool.directory(aws, id, DIRECTORY)).await)?;
        let mut entities = listed.entities.into_iter();
        Ok(entities.find(|entity| entity.is_called(word)))
    }

    /// Reads how large the mailbox of a user is as its job is started: whether mail has come since is
    /// measured against it. Where it cannot be read, the size stays that was read before.
    async fn measure(&mut self) {
        let known = self.view.known.as_ref().or_else(|| {
            let read = self.view.observed.entity.as_ref()?.as_ref().ok()?;
            read.as_ref()
        });
        let is_user = known.is_some_and(|entity| entity.kind == EntityKind::User);
        let (Some((aws, id)), Some(user), true) =
            (self.aws(), self.view.memory.entity.clone(), is_user)
        else {
            return;
        };
        match aws.mailbox_size(&id, &user).await {
            Ok(Some(bytes)) => self.view.memory.bytes = Some(bytes),
            Ok(None) => {}
            Err(error) => self.note(&error),
        }
    }

    async fn start(&self, attempt: u32) -> Answer {
        let Some((aws, id)) = self.aws() else {
            return Answer::Started(Err(StartError::Unknown(no_credentials())));
        };
        let start = self.view.start(attempt);
        let answer = Box::pin(aws.start_export(&id, &start)).await;
        self.exports.pool(&id).starts_job_of(&start.entity);
        let done = answer.as_ref().map(|done| done.request_id.clone());
        self.audit(Operation::StartMailboxExportJob, &start.prefix, &done);
        Answer::Started(match answer {
            Ok(done) => Ok(done.answer),
            Err(error) => {
                self.note(&error);
                let failure = error.failure(self.region().as_ref(), &self.view.names());
                Err(StartError::of(&error.trouble, failure))
            }
        })
    }

    /// One line for each call that changes something in AWS, or tried to.
    fn audit(&self, operation: Operation, call: &str, answer: &Result<Option<String>, &CallError>) {
        let (code, request_id) = match answer {
            Ok(request_id) => ("OK", request_id.as_deref()),
            Err(error) if !error.sent => return,
            Err(error) => (error.trouble.label(), error.request_id.as_deref()),
        };
        tracing::info!(
            target: AUDIT_TARGET,
            object = %self.view.desired.object,
            organization_id = self.organization().as_ref().map(OrganizationId::as_str),
            operation = operation.as_str(),
            call,
            account = self.session.as_ref().map(|session| session.account().as_str()),
            region = self.region().as_ref().map(Region::as_str),
            code,
            request_id,
            "called AWS"
        );
    }

    fn note(&self, error: &CallError) {
        tracing::debug!(object = %self.view.desired.object, ?error, "a call of AWS failed");
        if let (Some(session), Some(region)) = (&self.session, self.region()) {
            session.failed(error, &region);
        }
    }

    fn told<T>(&self, answer: Result<T, CallError>) -> Result<T, Failure> {
        answer.map_err(|error| {
            self.note(&error);
            error.failure(self.region().as_ref(), &self.view.names())
        })
    }

    async fn write(&mut self, outcome: &Outcome, is_answer: bool) -> Result<(), Error> {
        let told = report(&self.view, outcome);
        let before = self.object.status.clone().unwrap_or_default();
        let after = to_status(&told, &before, seconds());
        if after != before {
            let whole = WorkMailMailboxExport {
                status: Some(after),
                ..self.object.clone()
            };
            self.object = store::status(self.exports, whole, is_answer).await?;
            store::events(self.exports, &self.object, &told.events).await;
        }
        self.view.stored(&told);
        Ok(())
    }

    async fn finish(mut self, outcome: &Outcome) -> Result<(Requeue, String), Error> {
        let waits_briefly = matches!(outcome, Outcome::Queued) && self.is_new();
        if !matches!(outcome, Outcome::Released) && !waits_briefly {
            let is_answer = self.view.observed.has_answer;
            if let Err(error) = self.write(outcome, is_answer).await {
                self.give_back();
                return Err(error);
            }
        }
        let object = &self.view.desired.object;
        if let Some(id) = self.organization() {
            let pool = self.exports.pool(&id);
            let waiting = self.view.settle(&mut pool.queue(), outcome);
            self.exports.wake_all(waiting);
        }
        let state = self
            .view
            .saved
            .state
            .map(|state| ("mailbox", state.as_str()));
        self.exports.counted(object, state);
        let retry = match outcome {
            Outcome::Running => Retry::In(self.pace()),
            Outcome::Waits(_) if self.view.desired.is_deleting => Retry::In(DELETION_LOOKS_AGAIN),
            Outcome::Waits(_) => Retry::In(self.view.until_next_attempt(Timestamp::now())),
            // The organization's resource stands in the way: a look at it costs no call.
            Outcome::Trouble(_) if self.view.observed.account.is_none() => {
                Retry::In(EXPORT_LOOKS_AGAIN)
            }
            Outcome::Queued if waits_briefly => Retry::In(EXPORT_WRITES),
            Outcome::Queued
            | Outcome::Verifying
            | Outcome::Completed
            | Outcome::Failed
            | Outcome::Gone
            | Outcome::Suspended
            | Outcome::Ended
            | Outcome::Released
            | Outcome::Trouble(_) => outcome.retry(),
        };
        let delay = self.exports.delay(object, retry);
        let result = self.view.previous.first().map(|ready| ready.reason.clone());
        Ok((
            delay.map_or_else(Requeue::await_change, Requeue::requeue),
            result.unwrap_or_else(|| "Released".to_owned()),
        ))
    }

    /// Whether it was just made and nothing is written of it: most get a slot in a moment, and that they
    /// wait is worth a write only if it lasts.
    fn is_new(&self) -> bool {
        let made = self.object.metadata.creation_timestamp.as_ref();
        let age = made.map(|made| Timestamp::now().duration_since(made.0));
        let age = age.and_then(|age| Duration::try_from(age).ok());
        self.view.previous.is_empty() && age.is_some_and(|age| age < EXPORT_WRITES)
    }

    /// When the running job is read again.
    fn pace(&self) -> Duration {
        let running = self.view.memory.running();
        let age = running.map(|(attempt, _)| Timestamp::now().duration_since(attempt.started_at));
        jobs_pace(
            age.and_then(|age| Duration::try_from(age).ok())
                .unwrap_or_default(),
        )
    }
}

/// Whether the tags of an organization, read no longer than `age` ago, name its resource, which an export
/// of this namespace names.
pub(super) async fn is_owned(
    exports: &Exports,
    aws: &Organizations,
    id: &OrganizationId,
    (object, organization): (&ObjectKey, &str),
    age: Duration,
) -> Result<bool, CallError> {
    let Some(owner) = exports.organization_key(&object.namespace, organization) else {
        return Ok(false);
    };
    let pool = exports.pool(id);
    let ask = Box::pin(async {
        Ok(match aws.tags(id).await? {
            Tags::Shown(tags) => {
                Owner::of(&tags, &exports.context.settings.cluster, &owner) == Owner::Us
            }
            Tags::Hidden => false,
        })
    });
    pool.is_owned(&owner, age, ask).await
}

/// Where the exports of an organization of this account and region are.
pub(in crate::controller) fn place(
    destination: &Destination,
    region: Region,
    account: &AccountId,
) -> Place {
    let owner = destination.bucket_account_id.as_deref();
    Place {
        region,
        bucket: destination.bucket.clone(),
        prefix: destination.prefix.clone(),
        key: destination.kms_key_arn.clone(),
        owner: owner.map_or_else(|| account.clone(), AccountId::from),
        read_role: destination.read_role_arn.clone(),
    }
}

/// The failure of a call of S3, or of the role that reads there. What is missing is named for that role.
pub(super) fn untold(error: &CallError, destination: &Destination, names: &[String]) -> Failure {
    let failure = error.failure(None, names);
    if destination.read_role_arn.is_none() || failure.reason != Reason::AccessDenied {
        return failure;
    }
    let next_step = if error.operation == Operation::AssumeRole {
        "Have the role of readRoleArn trust the operator's, and allow that sts:AssumeRole on it."
            .to_owned()
    } else {
        let next = &failure.next_step;
        next.replace("the operator's role", "the role of readRoleArn")
    };
    Failure {
        next_step,
        read_failed: true,
        ..failure
    }
}

pub(super) fn no_credentials() -> Failure {
    Failure::of_call(
        Operation::GetCallerIdentity,
        &ErrorKind::NoCredentials { said: None },
        None,
    )
}

/// There are no credentials, or no organization to ask about: the decision asks for them first.
fn nowhere(read: &Read) -> Answer {
    let failure = no_credentials();
    match read {
        Read::Account => Answer::Account(Err(failure)),
        Read::Ownership => Answer::Ownership(Err(failure)),
        Read::Entity => Answer::Entity(Err(failure)),
        Read::Directory => Answer::Directory(Err(failure)),
        Read::Jobs => Answer::Jobs(Err(failure)),
        Read::Job(_) => Answer::Job(Err(failure)),
        Read::JobDetails(_) => Answer::JobDetails(Err(failure)),
        Read::Slot => Answer::Slot(false),
        Read::Head(_) => Answer::Head(Err(failure)),
        Read::Range(..) => Answer::Range(Err(failure)),
        Read::Log(_) => Answer::Log(None),
    }
}
