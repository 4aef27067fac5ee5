//! The reconcile of an organization export: decide, perform one action, apply its answer, decide again; then
//! report.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::OwnerReference, jiff::Timestamp};
use kube::{
    Resource, ResourceExt,
    api::{DeleteParams, ObjectMeta, PostParams, Preconditions},
    runtime::controller::Action as Requeue,
};
use tokio::time::Instant;

use super::{
    exports::{Exports, key},
    mailbox::{is_owned, no_credentials, place, seconds, untold},
    pool::recent,
    store,
};
use crate::{
    api::{
        EXPORT_UID, FIELD_MANAGER, OrganizationRef, RECONCILE_REQUESTED_AT, Reason,
        WorkMailMailboxExport, WorkMailMailboxExportSpec, WorkMailOrganizationExport,
        WorkMailOrganizationExportStatus,
    },
    aws::{CallError, Done, Organizations, Session},
    controller::{AUDIT_TARGET, Error, kubernetes::bounded},
    logic::{
        ErrorKind, Failure, Operation, OrganizationId, Region, Retry,
        account::Access,
        export::{
            Entity,
            organization::{
                Action, Answer, Child, Desired, Directory, Outcome, Read, Recorded, Subject, View,
                child_name, decide, manifest, report, to_status,
            },
        },
        schedule::{
            DIRECTORY, EXPORT_WRITES, JOBS_LAST, LAST_STEP, MANIFEST_WRITES, NO_PLACE, TAGS_LAST,
        },
    },
    proof,
};

/// More steps than one reconcile takes: a mailbox export is made for each slot, and sizes are read once.
const MOST_STEPS: usize = 1000;

/// One reconcile of one object.
pub(super) async fn reconcile(
    object: Arc<WorkMailOrganizationExport>,
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
    let kind = "WorkMailOrganizationExport";
    exports
        .context
        .metrics
        .reconciled_kind(kind, result, begun.elapsed());
    answer.map(|(requeue, _)| requeue)
}

/// What one reconcile works with.
struct Work<'a> {
    exports: &'a Exports,
    object: WorkMailOrganizationExport,
    view: View,
    session: Option<Session>,
}

async fn attempt(
    object: Arc<WorkMailOrganizationExport>,
    exports: &Exports,
    begun: Instant,
) -> Result<(Requeue, String), Error> {
    let own = key(&*object);
    let object = if exports.is_stale(&own, object.metadata.resource_version.as_deref()) {
        let api = store::api::<WorkMailOrganizationExport>(exports, &*object);
        store::live(&api, &own.name).await?
    } else {
        WorkMailOrganizationExport::clone(&object)
    };
    let requested = object.annotations().get(RECONCILE_REQUESTED_AT);
    let Some(desired) = Desired::parse(&object, requested, exports.deadline()) else {
        return Ok((Requeue::await_change(), "Gone".to_owned()));
    };
    let mut work = Work {
        exports,
        view: begin(exports, &object, desired),
        object,
        session: None,
    };
    for _ in 0..MOST_STEPS {
        let action = decide(&work.view);
        if let Action::Finish(outcome) = action {
            return work.finish(&outcome).await;
        }
        if *exports.context.stopping.borrow() || begun.elapsed() > LAST_STEP {
            return Ok((Requeue::requeue(NO_PLACE), "Paused".to_owned()));
        }
        let answer = Box::pin(work.act(&action)).await?;
        work.view.apply(&action, answer);
    }
    Err(Error::Restless(MOST_STEPS))
}

fn begin(exports: &Exports, object: &WorkMailOrganizationExport, desired: Desired) -> View {
    let now = seconds();
    let children: Vec<_> = exports
        .children(&desired.object)
        .iter()
        .map(|child| Child::read(child, &desired.destination, desired.progress_deadline, now))
        .collect();
    let names = (&*desired.object.namespace, desired.organization.as_str());
    let organization = exports.organization(names.0, names.1);
    let access = exports.access(names.0, names.1, None);
    let recorded = object
        .status
        .as_ref()
        .map(Recorded::read)
        .unwrap_or_default();
    let mut view = View::begin(desired, recorded, (organization, access), children, now);
    view.is_ended = exports.is_ended();
    view.is_manifest_refused = exports.is_manifest_refused(&view.desired.object);
    let seen = view
        .organization
        .as_ref()
        .and_then(|organization| organization.id.clone());
    if let Some(id) = view.memory.organization.clone().or(seen) {
        let pool = exports.pool(&id);
        for child in &mut view.children {
            let seen = child.job.as_ref().and_then(|job| pool.progress(job));
            child.progress = seen.map_or(child.progress, |seen| seen.max(child.progress));
        }
        let queue = pool.queue();
        let own = queue.holders_of(Some(&view.desired.object.uid));
        view.capacity = view.desired.parallelism.min(queue.free() + own);
    }
    view
}

impl Work<'_> {
    fn aws(&self) -> Option<(Organizations, OrganizationId)> {
        let session = self.session.as_ref()?;
        let organization = self.view.organization.as_ref()?;
        let region = organization.region.as_ref()?;
        Some((session.organizations(region), organization.id.clone()?))
    }

    fn region(&self) -> Option<&Region> {
        self.view
            .organization
            .as_ref()
            .and_then(|one| one.region.as_ref())
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
                session.map_err(|error| error.failure(None, &[]))
            }
        }
    }

    async fn act(&mut self, action: &Action) -> Result<Answer, Error> {
        Ok(match action {
            Action::Read(Read::Account) => Answer::Account(match self.session().await {
                Ok(session) => {
                    let account = session.account().clone();
                    self.session = Some(session);
                    Ok(account)
                }
                Err(failure) => Err(failure),
            }),
            Action::Read(read) => Box::pin(self.read(read)).await,
            Action::Save => {
                self.write(&Outcome::Canary).await?;
                Answer::Saved
            }
            Action::Create(entity) => Answer::Created(self.create(entity).await?),
            Action::Manifest => {
                let written = Box::pin(self.manifest()).await;
                let object = &self.view.desired.object;
                self.exports.manifest_written(object, written.is_ok());
                Answer::Manifest(written)
            }
            Action::Delete(name) => {
                self.delete(name).await?;
                Answer::Deleted
            }
            // The loop ends with it.
            Action::Finish(_) => Answer::Saved,
        })
    }

    async fn read(&self, read: &Read) -> Answer {
        let Some((aws, id)) = self.aws() else {
            return nowhere(read);
        };
        let pool = self.exports.pool(&id);
        // A request asks for a full read.
        let is_requested = self.view.is_requested();
        let age = |usual| {
            if is_requested { Duration::ZERO } else { usual }
        };
        match read {
            Read::Account => nowhere(read),
            Read::Ownership => {
                let desired = &self.view.desired;
                let names = (&desired.object, desired.organization.as_str());
                let ask = is_owned(self.exports, &aws, &id, names, age(TAGS_LAST));
                Answer::Ownership(self.told(Box::pin(ask).await))
            }
            Read::Directory => {
                let listed = Box::pin(pool.directory(&aws, &id, age(DIRECTORY))).await;
                Answer::Directory(self.told(listed))
            }
            Read::Recent => {
                let interval = self.exports.context.settings.export_retry_after;
                let jobs = self.told(pool.jobs(&aws, &id, None, age(JOBS_LAST)).await);
                Answer::Recent(jobs.map(|jobs| recent(&jobs, interval, seconds())))
            }
            Read::Sizes(users) => Answer::Sizes(pool.sizes(&aws, &id, users).await),
        }
    }

    /// Writes manifest.csv and manifest.json, which names it by being there last.
    async fn manifest(&self) -> Result<(), Failure> {
        let (Some(session), Some(source)) = (&self.session, &self.view.organization) else {
            return Err(no_credentials());
        };
        let (Some(region), Some(id)) = (&source.region, &self.view.memory.organization) else {
            return Err(no_credentials());
        };
        let desired = &self.view.desired;
        let place = place(&desired.destination, region.clone(), session.account());
        let subject = Subject {
            organization: proof::Organization {
                id: id.to_string(),
                alias: None,
                account_id: session.account().to_string(),
                region: region.to_string(),
            },
            export: proof::Export {
                namespace: desired.object.namespace.to_string(),
                name: desired.object.name.to_string(),
                uid: desired.object.uid.to_string(),
            },
            destination: proof::Destination {
                bucket: place.bucket.clone(),
                prefix: self.view.folder(),
                account_id: place.owner.to_string(),
                kms_key_arn: place.key.clone(),
            },
            written_by: concat!("workmail-operator ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let children = self.exports.children(&desired.object);
        let manifest = manifest(subject, children.iter().map(|child| &**child), seconds());
        let json = manifest.to_json().map_err(|error| {
            let said = error.to_string();
            Failure::of(Reason::UnexpectedError, "Report this fault.", said)
        })?;
        let documents = [
            ("manifest.csv", "text/csv", manifest.to_csv()),
            ("manifest.json", "application/json", json),
        ];
        let untold = |error: CallError| untold(&error, &desired.destination, &[]);
        let objects = session.objects(&place).await.map_err(untold)?;
        let objects = objects.for_namespace(desired.object.namespace.clone());
        for (name, kind, text) in documents {
            let key = format!("{}{name}", self.view.folder());
            let answer = Box::pin(objects.put(&key, kind, text.into_bytes())).await;
            self.audit(&key, &answer);
            answer.map_err(untold)?;
        }
        Ok(())
    }

    /// One line for each call that writes to S3, or tried to.
    fn audit(&self, key: &str, answer: &Result<Done<Option<String>>, CallError>) {
        let (code, request_id) = match answer {
            Ok(done) => ("OK", done.request_id.as_deref()),
            Err(error) if !error.sent => return,
            Err(error) => (error.trouble.label(), error.request_id.as_deref()),
        };
        tracing::info!(
            target: AUDIT_TARGET,
            object = %self.view.desired.object,
            operation = Operation::PutObject.as_str(),
            call = key,
            account = self.session.as_ref().map(|session| session.account().as_str()),
            region = self.region().map(Region::as_str),
            code,
            request_id,
            "called AWS"
        );
    }

    fn told<T>(&self, answer: Result<T, CallError>) -> Result<T, Failure> {
        answer.map_err(|error| {
            tracing::debug!(object = %self.view.desired.object, ?error, "a call of AWS failed");
            if let (Some(session), Some(region)) = (&self.session, self.region()) {
                session.failed(&error, region);
            }
            error.failure(self.region(), &[])
        })
    }

    /// Makes the mailbox export of a user or resource. One of the same name is the same one.
    async fn create(&self, entity: &Entity) -> Result<Child, Error> {
        let desired = &self.view.desired;
        let uid = &*desired.object.uid;
        let name = child_name(&desired.object.name, uid, &entity.id, &desired.destination);
        let owner = OwnerReference {
            api_version: WorkMailOrganizationExport::api_version(&()).into_owned(),
            kind: WorkMailOrganizationExport::kind(&()).into_owned(),
            name: desired.object.name.to_string(),
            uid: uid.to_owned(),
            controller: Some(true),
            block_owner_deletion: None,
        };
        let mut child = WorkMailMailboxExport::new(
            &name,
            WorkMailMailboxExportSpec {
                organization_ref: OrganizationRef {
                    name: desired.organization.clone(),
                },
                mailbox: entity.id.clone(),
                destination: desired.destination.clone(),
                backoff_limit: self.object.spec.backoff_limit,
                verification: self.object.spec.verification,
            },
        );
        child.metadata = ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(desired.object.namespace.to_string()),
            labels: Some(BTreeMap::from([(EXPORT_UID.to_owned(), uid.to_owned())])),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        };
        let api = store::api::<WorkMailMailboxExport>(self.exports, &self.object);
        let ours = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let made = match bounded("create mailbox exports", api.create(&ours, &child)).await {
            // It is there already: the cache has not seen it yet.
            Err(Error::Stale) => store::live(&api, &name).await?,
            answer => answer?,
        };
        if super::exports::parent_key(&made).is_none_or(|parent| parent.uid != desired.object.uid) {
            // Somebody else's of the same name: it is not taken.
            return Err(Error::Stale);
        }
        Ok(Child::read(
            &made,
            &desired.destination,
            desired.progress_deadline,
            seconds(),
        ))
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let api = store::api::<WorkMailMailboxExport>(self.exports, &self.object);
        let children = self.exports.children(&self.view.desired.object);
        let child = children.iter().find(|child| child.name_any() == name);
        let only_it = DeleteParams {
            preconditions: Some(Preconditions {
                uid: child.and_then(|child| child.uid()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match bounded("delete mailbox exports", api.delete(name, &only_it)).await {
            Ok(_) | Err(Error::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes the status. What only counts is written at most every 10 seconds. Returns how long a write
    /// waits.
    async fn write(&mut self, outcome: &Outcome) -> Result<Option<Duration>, Error> {
        let told = report(&self.view, outcome);
        let before = self.object.status.clone().unwrap_or_default();
        let after = to_status(&told, &before, seconds());
        if after == before {
            return Ok(None);
        }
        let own = &self.view.desired.object;
        let only_counts = says(&after) == says(&before);
        if only_counts && let Some(wait) = self.exports.waits(own, EXPORT_WRITES) {
            return Ok(Some(wait));
        }
        self.exports.writes(own);
        let whole = WorkMailOrganizationExport {
            status: Some(after),
            ..self.object.clone()
        };
        self.object = store::status(self.exports, whole, false).await?;
        self.exports.froze(own, told.memory.organization.as_ref());
        store::events(self.exports, &self.object, &told.events).await;
        self.view.previous = told.verdicts;
        self.view.memory = told.memory;
        Ok(None)
    }

    async fn finish(mut self, outcome: &Outcome) -> Result<(Requeue, String), Error> {
        if matches!(outcome, Outcome::Released) {
            return Ok((Requeue::await_change(), "Released".to_owned()));
        }
        let waits = self.write(outcome).await?;
        let object = &self.view.desired.object;
        let result = self.view.previous.first().map(|ready| ready.reason.clone());
        let state = match outcome {
            Outcome::Completed => "Completed",
            Outcome::Failed(_) => "Failed",
            Outcome::Suspended | Outcome::Ended => "Suspended",
            Outcome::CanaryFailed(_) | Outcome::Trouble(_) => "Stalled",
            Outcome::Canary | Outcome::Running | Outcome::Stuck(_) | Outcome::Released => "Running",
        };
        self.exports.counted(object, Some(("organization", state)));
        let asked_nobody = self.view.observed.account.is_none();
        let retry = if matches!(self.view.observed.manifest, Some(Err(_)))
            && matches!(outcome, Outcome::Completed | Outcome::Failed(_))
        {
            Retry::In(MANIFEST_WRITES)
        } else if *outcome == Outcome::Running && self.has_sizes_to_read() {
            Retry::In(Duration::from_secs(1))
        } else if matches!(outcome, Outcome::Trouble(_)) && asked_nobody {
            // The organization's resource stands in the way: a look at it costs no call.
            Retry::In(EXPORT_WRITES)
        } else if *outcome == Outcome::Suspended && self.view.desired.is_suspended {
            // It is woken by what runs, and by the change of its spec.
            Retry::Slowly
        } else {
            outcome.retry()
        };
        let delay = self.exports.delay(object, retry);
        let delay = waits.into_iter().chain(delay).min();
        Ok((
            delay.map_or_else(Requeue::await_change, Requeue::requeue),
            result.unwrap_or_default(),
        ))
    }

    /// Whether more sizes are to be read.
    fn has_sizes_to_read(&self) -> bool {
        let Some(Ok(Directory { entities, sized })) = &self.view.observed.directory else {
            return false;
        };
        let users = entities
            .iter()
            .filter(|entity| entity.kind == crate::logic::export::EntityKind::User);
        users.count() > sized.len() && self.view.children.iter().any(Child::has_succeeded)
    }
}

/// What a status says besides its counts, its messages and the times of its conditions.
#[derive(PartialEq, Eq)]
struct Says {
    observed_generation: Option<i64>,
    handled: Option<String>,
    completed_at: Option<Timestamp>,
    manifest: Option<Timestamp>,
    conditions: Vec<(String, String, i64)>,
}

fn says(status: &WorkMailOrganizationExportStatus) -> Says {
    let conditions = status.conditions.iter().map(|condition| {
        let (kind, reason) = (condition.r#type.clone(), condition.reason.clone());
        (kind, reason, condition.observed_generation)
    });
    Says {
        observed_generation: status.observed_generation,
        handled: status.last_handled_reconcile_at.clone(),
        completed_at: status.completed_at,
        manifest: status.manifest_written_at,
        conditions: conditions.collect(),
    }
}

fn nowhere(read: &Read) -> Answer {
    let failure = Failure::of_call(
        Operation::GetCallerIdentity,
        &ErrorKind::NoCredentials { said: None },
        None,
    );
    match read {
        Read::Account => Answer::Account(Err(failure)),
        Read::Ownership => Answer::Ownership(Err(failure)),
        Read::Recent => Answer::Recent(Err(failure)),
        Read::Directory | Read::Sizes(_) => Answer::Directory(Err(failure)),
    }
}
