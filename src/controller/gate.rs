//! What a deletion that waits for exports reads, and what it writes beside them.

use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use k8s_openapi::jiff::Timestamp;
use kube::{Api, ResourceExt, api::ListParams};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::{
    Context, Error,
    executor::{Executor, without_session},
    export::place,
    kubernetes::bounded,
    names::names,
};
use crate::{
    api::{Reason, WorkMailMailboxExport, WorkMailOrganization, WorkMailOrganizationExport},
    aws::{CallError, Organizations, Session},
    logic::{
        ErrorKind, Failure, Operation, OrganizationId, Region,
        account::Access,
        export::{Entity, forbidden},
        gate::{self, Check, CheckId, Checked, Closing, Export, Found, Reading, Rule},
        organization::{Answer, Delete, Policy, View},
        schedule::{DIRECTORY, SWEEP_TURN},
    },
    proof,
};

/// As many objects are listed at once.
const PAGE: u32 = 500;
/// As many exports are checked at once.
const AT_ONCE: usize = 8;

impl Executor<'_> {
    /// The exports, and the mailboxes where they are asked for.
    pub(super) async fn gate(
        &self,
        view: &View,
        id: &OrganizationId,
        (mailboxes, fresh): (bool, bool),
        now: Timestamp,
    ) -> Result<Answer, Error> {
        let listed = if mailboxes {
            let Some(aws) = self.organizations(view) else {
                return Ok(without_session(Operation::ListUsers));
            };
            match mailboxes_of(self.context, &aws, id, fresh).await {
                Ok(listed) => Some(listed),
                Err(error) => return Ok(self.answer(view, Err(error))),
            }
        } else {
            None
        };
        // After the mailboxes: an export that was begun since is seen.
        let exports = exports(self.context, &self.object, id, fresh).await?;
        Ok(reading(exports, listed, fresh, now))
    }

    /// Checks exports once more. What was found in the last hour counts.
    pub(super) async fn checks(
        &self,
        view: &View,
        id: &OrganizationId,
        checks: &[Check],
        skip: usize,
        now: Timestamp,
    ) -> Answer {
        let (Some(session), Some(aws), Some(region)) =
            (&self.session, self.organizations(view), view.region())
        else {
            return without_session(Operation::HeadObject);
        };
        let (process, key) = (&self.context.process, &view.desired.object);
        let mut found = process.with(key, |known| known.checks.clone());
        found.retain(|_, checked| checked.lasts(now));
        let sweeper = Sweeper {
            session,
            aws: &aws,
            region,
            id,
            names: &names(&self.object),
            access: &view.facts.access,
        };
        let open = checks.get(skip..).unwrap_or_default();
        let answer = Box::pin(sweeper.sweep(open, found)).await;
        if let Answer::Checks { found, .. } = &answer {
            process.change(key, |known| known.checks.clone_from(found));
        }
        answer
    }

    pub(super) async fn write_closing(&mut self, view: &View, closing: &Closing) -> Answer {
        let (Some(session), Some(region)) = (&self.session, view.region()) else {
            return without_session(Operation::PutObject);
        };
        let written = write_closing(view, closing, (session, region), Stage::Before).await;
        self.closing = Some(closing.clone());
        self.answer(view, written.map(|()| Answer::ClosingWritten))
    }

    /// AWS has accepted the deletion: the document says so. Nothing waits for it.
    pub(super) async fn close(&mut self, view: &View) {
        let (Some(closing), Some(session), Some(region)) =
            (self.closing.take(), &self.session, view.region())
        else {
            return;
        };
        let request_id = self.deletion_request.take();
        let stage = Stage::Accepted { request_id };
        let write = write_closing(view, &closing, (session, region), stage);
        if let Err(error) = Box::pin(write).await {
            tracing::warn!(
                object = %view.desired.object,
                bucket = closing.destination.bucket,
                key = closing.key,
                detail = error.detail,
                "closing.json could not be written once more; it does not say that the deletion is accepted"
            );
        }
    }
}

/// The exports of the organization: by the caches of the watches where they are filled and `fresh` is not
/// asked for, else by a live list. A kind that is not installed has no objects.
async fn exports(
    context: &Context,
    object: &WorkMailOrganization,
    id: &OrganizationId,
    fresh: bool,
) -> Result<(Vec<Export>, Vec<String>), Error> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let cached = context.exports().filter(|all| !fresh && all.are_listed());
    let (mailboxes, parents) = match cached {
        Some(all) => all.of_namespace(&namespace),
        None => (
            listed::<WorkMailMailboxExport>(context, &namespace).await?,
            listed::<WorkMailOrganizationExport>(context, &namespace).await?,
        ),
    };
    let exports = mailboxes.iter();
    let exports = exports
        .filter_map(|one| Export::read(one, &name, id))
        .collect();
    let going_on = parents
        .iter()
        .filter(|one| gate::is_of(one, &name, id) && gate::goes_on(one));
    Ok((exports, going_on.map(|one| one.name_any()).collect()))
}

async fn listed<K>(context: &Context, namespace: &str) -> Result<Vec<Arc<K>>, Error>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(context.client.clone(), namespace);
    let (mut all, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let found = match bounded("list exports", api.list(&page)).await {
            Ok(found) => found,
            Err(Error::Gone) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        all.extend(found.items.into_iter().map(Arc::new));
        match found.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(all),
        }
    }
}

/// The users and resources: as the exports last listed them where `fresh` is not asked for.
async fn mailboxes_of(
    context: &Context,
    aws: &Organizations,
    id: &OrganizationId,
    fresh: bool,
) -> Result<Vec<Entity>, CallError> {
    match context.exports().filter(|_| !fresh) {
        Some(all) => Box::pin(all.directory(aws, id, DIRECTORY)).await,
        None => Box::pin(aws.entities(id)).await,
    }
}

/// What the checks of one organization are made with.
struct Sweeper<'a> {
    session: &'a Session,
    aws: &'a Organizations,
    region: &'a Region,
    id: &'a OrganizationId,
    names: &'a [String],
    /// What the account allows.
    access: &'a Access,
}

impl Sweeper<'_> {
    /// Checks these exports, as far as there is time for it. `found` is what was found lately.
    async fn sweep(&self, checks: &[Check], mut found: gate::Checks) -> Answer {
        let until = Instant::now() + SWEEP_TURN;
        let open: Vec<_> = checks
            .iter()
            .filter(|check| !found.contains_key(&check.id))
            .collect();
        let (count, mut open) = (open.len(), open.into_iter());
        let first = open.by_ref().take(AT_ONCE);
        let mut asked: FuturesUnordered<_> = first.map(|one| self.check(one).boxed()).collect();
        let (mut done, mut failure) = (0, None);
        while let Ok(Some(answer)) = timeout_at(until, asked.next()).await {
            asked.extend(open.next().map(|one| self.check(one).boxed()));
            match answer {
                Ok((id, checked)) => {
                    done += 1;
                    found.insert(id, checked);
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        if done == 0 && count > 0 && failure.is_none() {
            let late = ErrorKind::TimedOut;
            failure = Some(Failure::of_call(
                Operation::HeadObject,
                &late,
                Some(self.region),
            ));
        }
        Answer::Checks { found, failure }
    }

    async fn check(&self, check: &Check) -> Result<(CheckId, Checked), Failure> {
        let found = match self.object(check).await? {
            Found::AsItWas { bytes: _ } => self.size(check).await?,
            found @ (Found::Missing | Found::Changed | Found::Unread) => found,
        };
        let at = Timestamp::now();
        Ok((check.id.clone(), Checked { at, found }))
    }

    async fn object(&self, check: &Check) -> Result<Found, Failure> {
        let Some(object) = &check.export.object else {
            return Ok(Found::Missing);
        };
        let destination = &check.export.destination;
        if forbidden(self.access, self.region, destination).is_some() {
            return Ok(Found::Unread);
        }
        let place = place(destination, self.region.clone(), self.session.account());
        let read = async {
            let objects = self.session.objects(&place).await?;
            Box::pin(objects.head(&object.key, object.version.as_deref())).await
        };
        Ok(match Box::pin(read).await {
            Ok(None) => Found::Missing,
            Ok(Some(head)) => {
                let seen = head.object;
                let is_other_size = object.bytes.is_some_and(|bytes| bytes != seen.bytes);
                // A version is always the same object; without one the tag tells.
                let is_other_tag = object.version.is_none()
                    && object.e_tag.is_some()
                    && object.e_tag != seen.e_tag;
                if is_other_size || is_other_tag || seen.bytes == 0 {
                    Found::Changed
                } else {
                    Found::AsItWas { bytes: None }
                }
            }
            Err(error) => self.unread(&error)?,
        })
    }

    async fn size(&self, check: &Check) -> Result<Found, Failure> {
        let Some(user) = &check.user else {
            return Ok(Found::AsItWas { bytes: None });
        };
        match Box::pin(self.aws.mailbox_size(self.id, user)).await {
            Ok(bytes) => Ok(Found::AsItWas { bytes }),
            Err(error) => self.unread(&error),
        }
    }

    /// What cannot be read for a reason of its own is told as that; else the sweep is tried again.
    fn unread(&self, error: &CallError) -> Result<Found, Failure> {
        let failure = error.failure(Some(self.region), self.names);
        tracing::warn!(
            organization_id = self.id.as_str(),
            operation = error.operation.as_str(),
            code = error.trouble.label(),
            request_id = error.request_id,
            detail = error.detail,
            "an export could not be checked"
        );
        let is_its_own = matches!(
            failure.reason,
            Reason::AccessDenied
                | Reason::InvalidParameter
                | Reason::UnexpectedError
                | Reason::NotFound
        );
        if is_its_own {
            Ok(Found::Unread)
        } else {
            Err(failure)
        }
    }
}

/// When `closing.json` is written.
enum Stage {
    /// Before `DeleteOrganization` is called.
    Before,
    /// AWS has accepted it, with this request.
    Accepted { request_id: Option<String> },
}

/// Writes `closing.json`.
async fn write_closing(
    view: &View,
    closing: &Closing,
    (session, region): (&Session, &Region),
    stage: Stage,
) -> Result<(), CallError> {
    let undecodable = || CallError::new(Operation::PutObject, ErrorKind::Undecodable);
    let document = document(view, closing, session, stage).ok_or_else(undecodable)?;
    let document = document.to_json().map_err(|_| undecodable())?;
    let objects = session
        .objects(&place(
            &closing.destination,
            region.clone(),
            session.account(),
        ))
        .await?;
    let put = objects.put(&closing.key, "application/json", document.into_bytes());
    Box::pin(put).await.map(|_| ())
}

fn document(
    view: &View,
    closing: &Closing,
    session: &Session,
    stage: Stage,
) -> Option<proof::Closing> {
    let Policy::Delete(how) = &view.desired.policy else {
        return None;
    };
    let Delete {
        delete_directory,
        force,
        ..
    } = how;
    let directory_id = view.shown.directory_id.clone();
    let object = &view.desired.object;
    Some(proof::Closing {
        version: proof::FORMAT_VERSION,
        written_at: Timestamp::now(),
        written_by: concat!("workmail-operator ", env!("CARGO_PKG_VERSION")).to_owned(),
        organization: proof::Organization {
            id: view.id()?.to_string(),
            alias: Some(view.desired.alias.clone()),
            account_id: session.account().to_string(),
            region: view.region()?.to_string(),
        },
        resource: proof::Export {
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
            uid: object.uid.to_string(),
        },
        required: required(&view.gate()?),
        mailboxes: closing.rows.iter().map(mailbox).collect(),
        deletion: proof::Deletion {
            accepted: matches!(stage, Stage::Accepted { .. }),
            caller: format!(
                "account {}, cluster {}",
                session.account(),
                view.cluster.tag()
            ),
            request_id: match stage {
                Stage::Before => None,
                Stage::Accepted { request_id } => request_id,
            },
            force: *force,
        },
        stays: proof::Stays {
            directory_id: directory_id.filter(|_| !delete_directory),
            domains: view.shown.domains.keys().cloned().collect(),
        },
    })
}

fn required(rule: &Rule) -> proof::Required {
    let Rule {
        not_before,
        max_age,
        verified,
        max_growth,
        waivers: _,
    } = rule;
    proof::Required {
        not_before: *not_before,
        max_age_seconds: max_age.as_secs(),
        verified: *verified,
        max_growth_bytes: *max_growth,
    }
}

fn mailbox(row: &gate::Row) -> proof::ClosingMailbox {
    let (waived, export) = match &row.by {
        Ok(export) => (None, Some(counted(export))),
        Err(reason) => (Some(reason.clone()), None),
    };
    proof::ClosingMailbox {
        entity_id: row.id.clone(),
        mailbox: row.label.clone(),
        waived,
        export,
    }
}

fn counted(export: &Export) -> proof::Counted {
    let object = export.object.as_ref();
    proof::Counted {
        name: export.name.clone(),
        job_id: export.job.clone(),
        started_at: export.started_at,
        bucket: export.destination.bucket.clone(),
        key: object.map(|object| object.key.clone()).unwrap_or_default(),
        version_id: object.and_then(|object| object.version.clone()),
        verified: export.is_verified,
    }
}

/// The answer of a read of the exports and the mailboxes.
fn reading(
    (exports, going_on): (Vec<Export>, Vec<String>),
    mailboxes: Option<Vec<Entity>>,
    is_fresh: bool,
    at: Timestamp,
) -> Answer {
    Answer::Gate(Arc::new(Reading {
        at,
        exports,
        going_on,
        mailboxes,
        is_fresh,
    }))
}
