//! One action, one call, one answer.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use super::{
    Context, Error, endpoint,
    process::Finalizer,
    publish::{self, Freshness},
    run::stopped,
};
use crate::{
    api::WorkMailOrganization,
    aws::{CallError, Done, Organizations, Recency, Session},
    logic::{
        AccountId, ErrorKind, Failure, Operation, OrganizationId, Region,
        organization::{
            Action, Answer, Call, Desired, Read, Release, SaveAs, View, deletion_started,
            domain_changed, keep, taken,
        },
    },
};

/// The hands of one reconcile: the object as last seen, and the credentials it works with.
pub(super) struct Executor<'a> {
    pub(super) context: &'a Context,
    pub(super) object: Arc<WorkMailOrganization>,
    session: Option<Session>,
}

impl<'a> Executor<'a> {
    pub(super) const fn new(context: &'a Context, object: Arc<WorkMailOrganization>) -> Self {
        Self {
            context,
            object,
            session: None,
        }
    }

    /// Makes the one call of an action. Notes and rest make none: `None`.
    pub(super) async fn act(
        &mut self,
        view: &View,
        action: &Action,
        now: Timestamp,
    ) -> Result<Option<Answer>, Error> {
        match self.attempt(view, action, now).await {
            // What cannot be written down is told by an event (`refusals`): no condition can.
            Err(Error::Refused(refusal)) if !matches!(action, Action::Save(_)) => {
                let read_failed = matches!(action, Action::Read(_));
                tracing::warn!(
                    object = %view.desired.object,
                    organization_id = view.id().map(OrganizationId::as_str),
                    error = %refusal,
                    "the Kubernetes API refused a request"
                );
                Ok(Some(Answer::Refused(refusal.failure(read_failed))))
            }
            answer => answer,
        }
    }

    async fn attempt(
        &mut self,
        view: &View,
        action: &Action,
        now: Timestamp,
    ) -> Result<Option<Answer>, Error> {
        let answer = match action {
            Action::Read(look) => {
                let stopping = self.context.stopping.clone();
                // A read changes nothing, and nobody waits for its answer at the end.
                tokio::select! {
                    answer = self.look(view, look, now) => answer?,
                    () = stopped(stopping) => return Err(Error::Stopping),
                }
            }
            Action::AddFinalizer => {
                self.finalizer(view, true).await?;
                Answer::FinalizerAdded
            }
            Action::RemoveFinalizer(release) => {
                // Known before it is done: the watch may tell of it before this call is answered.
                let process = &self.context.process;
                let note = |finalizer| {
                    process.with(&view.desired.object, |known| known.finalizer = finalizer);
                };
                note(if *release == Release::PolicyRetain {
                    Finalizer::Absent
                } else {
                    Finalizer::Released
                });
                let done = self.finalizer(view, false).await;
                if let Err(Error::Stale | Error::Refused(_)) = done {
                    // Refused. After any other error it may have been done.
                    note(Finalizer::Held);
                }
                done?;
                Answer::FinalizerRemoved(release.clone())
            }
            Action::Save(save) => self.save(view, *save, now).await?,
            // The decision was made under another definition of the kind.
            Action::Call(_) if self.context.schema() != view.facts.schema => {
                return Err(Error::Stale);
            }
            Action::Call(call) => Box::pin(self.call(view, call)).await,
            Action::KeepEndpoint(entries) => {
                endpoint::keep(self.context, &self.object, entries).await?;
                Answer::EndpointKept(entries.clone())
            }
            Action::Intend(_)
            | Action::Claim(..)
            | Action::Freeze
            | Action::Manage(_)
            | Action::ManageDomains(_)
            | Action::Forget
            | Action::Finish(_) => return Ok(None),
        };
        Ok(Some(answer))
    }

    async fn finalizer(&mut self, view: &View, present: bool) -> Result<(), Error> {
        let before = self.object.resource_version();
        let written = publish::finalizer(self.context, &self.object, present).await?;
        self.context.process.overwrote(&view.desired.object, before);
        self.object = Arc::new(written);
        Ok(())
    }

    async fn look(&mut self, view: &View, look: &Read, now: Timestamp) -> Result<Answer, Error> {
        Ok(match look {
            Read::Account => self.account(view).await,
            Read::Listing { fresh } => self.listing(view, *fresh, now).await,
            Read::Organization(id) => match self.organizations(view) {
                Some(aws) => self.told(view, aws.describe(id).await.map(Answer::Organization)),
                None => nowhere(Operation::DescribeOrganization),
            },
            Read::Tags(id) => match self.organizations(view) {
                Some(aws) => self.told(view, aws.tags(id).await.map(Answer::Tags)),
                None => nowhere(Operation::ListTagsForResource),
            },
            Read::Domains { id, list, details } => match self.organizations(view) {
                Some(aws) => {
                    let seen = aws.domains(id, *list, details).await;
                    self.told(view, seen.map(Answer::Domains))
                }
                None => nowhere(Operation::ListMailDomains),
            },
            Read::Addresses { id, domain } => match self.organizations(view) {
                Some(aws) => {
                    let holder = aws.primary_address_in(id, domain).await;
                    let domain = domain.clone();
                    self.told(
                        view,
                        holder.map(|holder| Answer::Addresses { domain, holder }),
                    )
                }
                None => nowhere(Operation::ListUsers),
            },
            Read::Owner { namespace, name } => {
                Answer::OwnerLives(publish::lives(self.context, namespace, name).await)
            }
            Read::Endpoint => Answer::Endpoint(endpoint::look(self.context, &self.object).await?),
            Read::Scope => Answer::Scope(publish::scope(self.context, &self.object).await?),
            Read::Object => {
                let live = publish::get(self.context, &self.object).await?;
                if live.resource_version() != self.object.resource_version() {
                    return Err(Error::Stale);
                }
                Answer::Current
            }
        })
    }

    async fn account(&mut self, view: &View) -> Answer {
        match self.context.aws.session(view.requested()).await {
            Ok(session) => {
                let account = session.account().clone();
                self.session = Some(session);
                Answer::Account(account)
            }
            Err(error) => Self::trouble(view, &error),
        }
    }

    async fn listing(&self, view: &View, fresh: bool, now: Timestamp) -> Answer {
        let (Some(region), Some(account)) = (view.region(), &view.observed.account) else {
            return nowhere(Operation::ListOrganizations);
        };
        let observer = self.context.observer(region);
        if view.memory.deletion_accepted.is_some() {
            observer.expect_deletion(&view.desired.object);
        }
        let recency = Recency {
            fresh_since: self.context.process.fresh_since(view),
            fresh,
            made: made(view, now),
        };
        let seen = observer
            .listing(
                account,
                &view.desired.object,
                view.wanted_id(),
                &view.desired.alias,
                recency,
            )
            .await;
        match seen {
            Ok(listing) => Answer::Listing(listing),
            Err(failure) => Answer::Failed {
                failure,
                did_nothing: true,
            },
        }
    }

    /// Writes what is remembered. What was answered must not be lost: it is written whatever became
    /// of the object meanwhile.
    async fn save(&mut self, view: &View, save: SaveAs, now: Timestamp) -> Result<Answer, Error> {
        let freshness = match save {
            SaveAs::Intent => Freshness::Required,
            SaveAs::Answer => Freshness::Waived,
        };
        let before = self.object.resource_version();
        let report = keep(view, save);
        self.object =
            publish::status(self.context, self.object.clone(), &report, freshness, now).await?;
        let process = &self.context.process;
        process.overwrote(&view.desired.object, before);
        if save == SaveAs::Intent
            && let Some(pending) = view.memory.pending_create()
        {
            let attempts = Some((pending.since, true));
            process.with(&view.desired.object, |known| known.attempts = attempts);
            if let Some(region) = view.region() {
                self.context
                    .observer(region)
                    .may_appear(&view.desired.object);
            }
        }
        if view.memory.organization_id != view.saved.organization_id
            && let Some(note) = taken(view)
        {
            publish::event(self.context, &view.desired.object, &note).await;
        }
        if let Some(note) = deletion_started(view) {
            publish::event(self.context, &view.desired.object, &note).await;
        }
        // What was written whatever became of the object may show that somebody changed it: an
        // emergency brake, say. Then nothing more is done from this view.
        let now_desired = Desired::parse(&self.object, self.context.default_region());
        if save == SaveAs::Answer && now_desired.as_ref() != Some(&view.desired) {
            return Err(Error::Stale);
        }
        Ok(Answer::Saved)
    }

    async fn call(&mut self, view: &View, call: &Call) -> Answer {
        let Some(aws) = self.organizations(view) else {
            return nowhere(call.operation());
        };
        self.context.wait_for_domains(view, call);
        let answer = match call {
            Call::Create {
                alias,
                input,
                token,
            } => aws
                .create(alias, input, token)
                .await
                .map(|done| done.map(Answer::Created)),
            Call::Tag { id, tags } => aws
                .tag(id, tags)
                .await
                .map(|done| done.map(|()| Answer::Tagged(tags.clone()))),
            Call::Untag { id, keys } => aws
                .untag(id, keys)
                .await
                .map(|done| done.map(|()| Answer::Untagged(keys.clone()))),
            Call::Register { id, domain } => aws
                .register(id, domain)
                .await
                .map(|done| done.map(|()| Answer::Registered(domain.clone()))),
            Call::SetDefault { id, domain } => aws
                .set_default(id, domain)
                .await
                .map(|done| done.map(|()| Answer::DefaultSet(domain.clone()))),
            Call::Deregister { id, domain } => aws
                .deregister(id, domain)
                .await
                .map(|done| done.map(|()| Answer::Deregistered(domain.clone()))),
            Call::Delete(input) => aws
                .delete(input)
                .await
                .map(|done| done.map(|()| Answer::DeleteAccepted)),
        };
        Self::audit(view, call, &answer);
        if let Call::Tag { .. } = call
            && view.claims()
        {
            let now = Some(Instant::now());
            let process = &self.context.process;
            process.with(&view.desired.object, |known| known.claimed = now);
        }
        if let (Call::Delete(_), Ok(_)) = (call, &answer) {
            let observer = self.context.observer(aws.region());
            observer.deletion_accepted(&view.desired.object);
        }
        // An id that was answered counts as unanswered until it is written down: then nothing is
        // pending any more. If it cannot be written, a later refusal must not pass for the answer.
        let did_nothing = matches!(&answer, Err(error) if error.trouble.did_nothing());
        if let Call::Create { .. } = call {
            let process = &self.context.process;
            process.needs_newer_listing(&view.desired.object);
        }
        if let Call::Create { .. } = call
            && !did_nothing
        {
            let observer = self.context.observer(aws.region());
            observer.may_appear(&view.desired.object);
            self.context.process.with(&view.desired.object, |known| {
                if let Some((_, answered)) = &mut known.attempts {
                    *answered = false;
                }
            });
        }
        let answer = self.told(view, answer.map(|done| done.answer));
        if let Some(note) = domain_changed(view, &answer) {
            publish::event(self.context, &view.desired.object, &note).await;
        }
        self.context.wait_no_longer(view, call, &answer);
        answer
    }

    /// One line for each call that changes something in AWS, or tried to.
    fn audit(view: &View, call: &Call, answer: &Result<Done<Answer>, CallError>) {
        let (created, code, request_id) = match answer {
            Ok(Done {
                answer: Answer::Created(id),
                request_id,
            }) => (Some(id), "OK", request_id),
            Ok(Done { request_id, .. }) => (None, "OK", request_id),
            Err(error) if !error.sent => return,
            Err(error) => (None, error.trouble.label(), &error.request_id),
        };
        tracing::info!(
            object = %view.desired.object,
            organization_id = created.or(view.id()).map(OrganizationId::as_str),
            operation = call.operation().as_str(),
            call = %call,
            account = view.observed.account.as_ref().map(AccountId::as_str),
            region = view.region().map(Region::as_str),
            code,
            request_id = request_id.as_deref(),
            "called AWS"
        );
    }

    fn told(&self, view: &View, answer: Result<Answer, CallError>) -> Answer {
        match answer {
            Ok(answer) => answer,
            Err(error) => {
                if let (Some(session), Some(region)) = (&self.session, view.region()) {
                    session.failed(&error, region);
                }
                Self::trouble(view, &error)
            }
        }
    }

    fn trouble(view: &View, error: &CallError) -> Answer {
        tracing::warn!(
            object = %view.desired.object,
            organization_id = view.id().map(OrganizationId::as_str),
            operation = error.operation.as_str(),
            code = error.trouble.label(),
            request_id = error.request_id,
            detail = error.detail,
            "an AWS call did not succeed"
        );
        Answer::of_error(&error.trouble, error.failure(view.region()))
    }

    fn organizations(&self, view: &View) -> Option<Organizations> {
        Some(self.session.as_ref()?.organizations(view.region()?))
    }
}

/// When the organization that is looked for may have been made, as far as the status tells. Its times are
/// in whole seconds, cut off.
fn made(view: &View, now: Timestamp) -> Option<Instant> {
    let pending = view.memory.pending_create().map(|pending| pending.since);
    let age = now.duration_since(view.memory.created_at.max(pending)?);
    let age = Duration::try_from(age).unwrap_or_default();
    let age = age.saturating_sub(Duration::from_secs(1));
    Instant::now().checked_sub(age)
}

/// A call without a region or credentials: `decide` asks for them first, so that this is not reached.
fn nowhere(operation: Operation) -> Answer {
    Answer::Failed {
        failure: Failure::of_call(operation, &ErrorKind::NoCredentials, None),
        did_nothing: true,
    }
}
