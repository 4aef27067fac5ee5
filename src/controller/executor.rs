//! One action, one call, one answer.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use super::{
    AUDIT_TARGET, Context, Error, endpoint, events, kubernetes, names::names, process::Finalizer,
    publish, run::stopped,
};
use crate::{
    api::WorkMailOrganization,
    aws::{CallError, Done, Observer, Organizations, Recency, Session},
    logic::{
        AccountId, ErrorKind, Failure, Operation, OrganizationId, Region,
        gate::Closing,
        organization::{
            Action, Answer, Call, Read, Release, SaveAs, View, deletion_started, domain_changed,
            keep, taken,
        },
    },
};

/// Performs the actions of one reconcile, with the object as last seen and the session it uses.
pub(super) struct Executor<'a> {
    pub(super) context: &'a Context,
    pub(super) object: Arc<WorkMailOrganization>,
    pub(super) session: Option<Session>,
    /// Kept, so that it does not end before this reconcile has told it what it acted on.
    observer: Option<Arc<Observer>>,
    /// What was written beside the exports before the deletion.
    pub(super) closing: Option<Closing>,
    /// The request of an accepted deletion.
    pub(super) deletion_request: Option<String>,
}

impl<'a> Executor<'a> {
    pub(super) const fn new(context: &'a Context, object: Arc<WorkMailOrganization>) -> Self {
        Self {
            context,
            object,
            session: None,
            observer: None,
            closing: None,
            deletion_request: None,
        }
    }

    /// Makes the one call of an action. Returns `None` for an action that makes no call.
    pub(super) async fn act(
        &mut self,
        view: &View,
        action: &Action,
        now: Timestamp,
    ) -> Result<Option<Answer>, Error> {
        match self.attempt(view, action, now).await {
            // A refused status cannot report itself in a condition: `refusals` sends an event.
            Err(Error::Refused(refusal)) if !matches!(action, Action::Save(_)) => {
                let read_failed = matches!(action, Action::Read(_));
                tracing::warn!(
                    object = %view.desired.object,
                    organization_id = view.id().map(OrganizationId::as_str),
                    error = %refusal,
                    "the Kubernetes API refused a request"
                );
                let failure = refusal.failure(read_failed, &names(&self.object));
                Ok(Some(Answer::Refused(failure)))
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
            Action::Read(read) => {
                let stopping = self.context.stopping.clone();
                // A read changes nothing, so it is given up when the process stops.
                tokio::select! {
                    answer = self.read(view, read, now) => answer?,
                    () = stopped(stopping) => return Err(Error::Stopping),
                }
            }
            Action::AddFinalizer => {
                self.finalizer(view, true).await?;
                Answer::FinalizerAdded
            }
            Action::RemoveFinalizer(release) => {
                // Recorded before the call: the watch may show the result before the answer arrives.
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
            Action::Call(_) if !self.may_still_call(view) => {
                return Err(Error::Stale);
            }
            Action::Call(call) => Box::pin(self.call(view, call)).await,
            Action::WriteClosing(closing) => self.write_closing(view, closing).await,
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

    async fn read(&mut self, view: &View, read: &Read, now: Timestamp) -> Result<Answer, Error> {
        Ok(match read {
            Read::Account => self.account(view).await,
            Read::Listing { fresh } => self.listing(view, *fresh, now).await,
            Read::Organization(id) => match self.organizations(view) {
                Some(aws) => self.answer(view, aws.describe(id).await.map(Answer::Organization)),
                None => without_session(Operation::DescribeOrganization),
            },
            Read::Tags(id) => match self.organizations(view) {
                Some(aws) => self.answer(view, aws.tags(id).await.map(Answer::Tags)),
                None => without_session(Operation::ListTagsForResource),
            },
            Read::Domains { id, list, details } => match self.organizations(view) {
                Some(aws) => {
                    let seen = aws.domains(id, *list, details).await;
                    self.answer(view, seen.map(Answer::Domains))
                }
                None => without_session(Operation::ListMailDomains),
            },
            Read::Addresses { id, domain } => match self.organizations(view) {
                Some(aws) => {
                    let holder = aws.primary_address_in(id, domain).await;
                    let domain = domain.clone();
                    self.answer(
                        view,
                        holder.map(|holder| Answer::Addresses { domain, holder }),
                    )
                }
                None => without_session(Operation::ListUsers),
            },
            Read::Owner { namespace, name } => {
                Answer::OwnerLives(kubernetes::lives(self.context, namespace, name).await)
            }
            Read::Gate {
                id,
                mailboxes,
                fresh,
            } => self.gate(view, id, (*mailboxes, *fresh), now).await?,
            Read::Checks { id, checks, skip } => self.checks(view, id, checks, *skip, now).await,
            Read::Endpoint => Answer::Endpoint(endpoint::read(self.context, &self.object).await?),
            Read::Scope => Answer::Scope(kubernetes::scope(self.context, &self.object).await?),
            Read::Object => {
                let live = kubernetes::get(self.context, &self.object).await?;
                if live.resource_version() != self.object.resource_version() {
                    return Err(Error::Stale);
                }
                Answer::Current
            }
        })
    }

    async fn account(&mut self, view: &View) -> Answer {
        let Some(identity) = self.context.identity(&view.facts.access) else {
            return without_session(Operation::GetCallerIdentity);
        };
        match identity.session(view.requested()).await {
            Ok(session) => {
                let account = session.account().clone();
                let name = view.facts.access.account_name();
                self.context.registry.learn(name, &account);
                self.session = Some(session);
                Answer::Account(account)
            }
            Err(error) => self.failed(view, &error),
        }
    }

    /// Whether the definition of the kind, the account and its rule are those under which the call was
    /// decided.
    fn may_still_call(&self, view: &View) -> bool {
        let access = self.context.access(&self.object);
        view.is_decided_under(&self.context.schema(), &access)
    }

    /// The observer of the account and region of this reconcile.
    fn observer(&mut self, region: &Region) -> Option<Arc<Observer>> {
        let observers = &self.context.observers;
        let session = self.session.as_ref()?;
        self.observer = Some(observers.of_session(session, region));
        self.observer.clone()
    }

    async fn listing(&mut self, view: &View, fresh: bool, now: Timestamp) -> Answer {
        let (Some(region), Some(account)) = (view.region(), &view.observed.account) else {
            return without_session(Operation::ListOrganizations);
        };
        let Some(observer) = self.observer(region) else {
            return without_session(Operation::ListOrganizations);
        };
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
        let before = self.object.resource_version();
        let report = keep(view, save);
        self.object = publish::status(
            self.context,
            self.object.clone(),
            &report,
            save.freshness(),
            now,
        )
        .await?;
        let process = &self.context.process;
        process.overwrote(&view.desired.object, before);
        if save == SaveAs::Intent
            && view.memory.pending_create().is_some()
            && let Some(region) = view.region()
            && let Some(observer) = self.observer(region)
        {
            observer.may_appear(&view.desired.object);
        }
        if view.memory.organization_id != view.saved.organization_id
            && let Some(note) = taken(view)
        {
            events::send(self.context, &view.desired.object, &note).await;
        }
        if let Some(note) = deletion_started(view) {
            events::send(self.context, &view.desired.object, &note).await;
            self.close(view).await;
        }
        // An answer is written over changes of others, such as a policy set back to Retain: then
        // nothing more is done from this view.
        let now_desired = self.context.desired(&self.object);
        if save == SaveAs::Answer && now_desired.as_ref() != Some(&view.desired) {
            return Err(Error::Stale);
        }
        Ok(Answer::Saved)
    }

    async fn call(&mut self, view: &View, call: &Call) -> Answer {
        let Some(aws) = self.organizations(view) else {
            return without_session(call.operation());
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
        if let (Call::Delete(_), Ok(done)) = (call, &answer) {
            self.deletion_request.clone_from(&done.request_id);
        }
        if let (Call::Delete(_), Ok(_)) = (call, &answer)
            && let Some(observer) = self.observer(aws.region())
        {
            observer.deletion_accepted(&view.desired.object);
        }
        if let Call::Create { .. } = call {
            self.context
                .process
                .needs_newer_listing(&view.desired.object);
            let did_nothing = matches!(&answer, Err(error) if error.trouble.did_nothing());
            if !did_nothing && let Some(observer) = self.observer(aws.region()) {
                observer.may_appear(&view.desired.object);
            }
        }
        let answer = self.answer(view, answer.map(|done| done.answer));
        if let Some(event) = domain_changed(view, &answer) {
            events::send(self.context, &view.desired.object, &event).await;
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
            target: AUDIT_TARGET,
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

    pub(super) fn answer(&self, view: &View, answer: Result<Answer, CallError>) -> Answer {
        match answer {
            Ok(answer) => answer,
            Err(error) => {
                if let (Some(session), Some(region)) = (&self.session, view.region()) {
                    session.failed(&error, region);
                }
                self.failed(view, &error)
            }
        }
    }

    fn failed(&self, view: &View, error: &CallError) -> Answer {
        tracing::warn!(
            object = %view.desired.object,
            organization_id = view.id().map(OrganizationId::as_str),
            operation = error.operation.as_str(),
            code = error.trouble.label(),
            request_id = error.request_id,
            detail = error.detail,
            "an AWS call did not succeed"
        );
        let failure = error.failure(view.region(), &names(&self.object));
        Answer::of_error(&error.trouble, failure)
    }

    pub(super) fn organizations(&self, view: &View) -> Option<Organizations> {
        let all = self.session.as_ref()?.organizations(view.region()?);
        Some(all.for_namespace(view.desired.object.namespace.clone()))
    }
}

/// Returns when the organization that is searched for may have been created, by the times in the status,
/// which are cut to whole seconds.
fn made(view: &View, now: Timestamp) -> Option<Instant> {
    let pending = view.memory.pending_create().map(|pending| pending.since);
    let age = now.duration_since(view.memory.created_at.max(pending)?);
    let age = Duration::try_from(age).unwrap_or_default();
    let age = age.saturating_sub(Duration::from_secs(1));
    Instant::now().checked_sub(age)
}

/// The answer to a call without a region or credentials. `decide` asks for them first, so this is not
/// reached.
pub(super) fn without_session(operation: Operation) -> Answer {
    Answer::Failed {
        failure: Failure::of_call(operation, &ErrorKind::no_credentials(None), None),
        did_nothing: true,
    }
}
