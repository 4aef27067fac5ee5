//! The reconcile: decide, take one step, fold its answer in, decide again; then report.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action as Requeue};
use tokio::time::{Instant, sleep};

use super::{
    Context, Error,
    context::waiting,
    domain_waits::domains_of,
    executor::Executor,
    limits::{TURN, has_to_wait, must_pause},
    process::Finalizer,
    publish::{self, Freshness},
    reads::{Reads, may_go_on},
    refusals, registry,
};
use crate::{
    api::{ConditionStatus, ConditionType, EventReason, Reason, WorkMailOrganization},
    aws::Wanted,
    logic::{
        EventKind, Failure, ObjectEvent, ObjectKey,
        organization::{
            Action, OrganizationState, Outcome, Presence, Report, View, decide, report, retained,
        },
    },
    metrics::Standing,
};

/// An object that the API server does not know is looked at once more: it may not know its kind yet.
const ONCE_MORE: Duration = Duration::from_secs(30);
/// Domains of an object in trouble are read no more often.
const TROUBLED_DOMAINS: Duration = Duration::from_mins(15);
/// Tells what was done, which no status remembers.
const MENDED: EventKind = EventKind::Normal(EventReason::DriftMended);
/// More steps than any way through `decide` has.
const MOST_STEPS: usize = 1000;

/// One reconcile of one object.
pub(super) async fn reconcile(
    object: Arc<WorkMailOrganization>,
    context: Arc<Context>,
) -> Result<Requeue, Error> {
    let Some(_place) = context.place().await else {
        return Ok(Requeue::requeue(Duration::from_secs(1)));
    };
    let begun = Instant::now();
    let key = context.registry.shared(registry::key(&object));
    let _attendance = Attendance {
        context: &context,
        object: &key,
    };
    let answer = Box::pin(attempt(&key, object, &context, begun)).await;
    match &answer {
        Ok(_) => refusals::are_over(&context, &key),
        Err(Error::Refused(refusal)) => refusals::tell(&context, &key, refusal).await,
        Err(_) => {}
    }
    let result = match &answer {
        Ok((_, result)) => result.as_str(),
        Err(Error::Stale) => "Stale",
        Err(Error::Gone) => "Gone",
        Err(Error::Stopping) => "Paused",
        Err(
            Error::Refused(_)
            | Error::Kubernetes { .. }
            | Error::Late { .. }
            | Error::Hidden
            | Error::Restless(_),
        ) => "Error",
    };
    context.metrics.reconciled(result, begun.elapsed());
    answer.map(|(requeue, _)| requeue)
}

/// Held while an object is reconciled. Whatever way the reconcile ends, the place of its resync comes
/// back, and nothing is kept of an object that went meanwhile.
struct Attendance<'a> {
    context: &'a Context,
    object: &'a ObjectKey,
}

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        self.context.process.resynced(self.object);
        if !self.context.registry.has(self.object) {
            self.context.forget(self.object);
        }
    }
}

/// When to try again after a reconcile that came to no outcome.
pub(super) fn after_error(
    object: &WorkMailOrganization,
    error: &Error,
    context: &Context,
) -> Requeue {
    match error {
        Error::Gone => Requeue::requeue(ONCE_MORE),
        Error::Stopping => Requeue::requeue(Duration::from_secs(1)),
        Error::Refused(refusal) => {
            let generation = object.metadata.generation.unwrap_or_default();
            let object = registry::key(object);
            let process = &context.process;
            Requeue::requeue(process.delay_after_refusal(&object, generation, refusal))
        }
        Error::Stale
        | Error::Kubernetes { .. }
        | Error::Late { .. }
        | Error::Hidden
        | Error::Restless(_) => {
            let generation = object.metadata.generation.unwrap_or_default();
            Requeue::requeue(
                context
                    .process
                    .delay_after_error(&registry::key(object), generation),
            )
        }
    }
}

async fn attempt(
    key: &ObjectKey,
    object: Arc<WorkMailOrganization>,
    context: &Context,
    begun: Instant,
) -> Result<(Requeue, String), Error> {
    let version = object.resource_version();
    let object = if context.process.is_stale(key, version.as_deref()) {
        // The cache has not seen our own last write yet, or has what an older definition showed.
        let live = publish::get(context, &object).await?;
        context.enter(&live);
        Arc::new(live)
    } else {
        object
    };
    let Some(mut view) = context.view(&object, Timestamp::now()) else {
        return Ok((Requeue::await_change(), "Gone".to_owned()));
    };
    if view.desired.object != *key {
        return Err(Error::Gone);
    }
    context.process.note_finalizer(&view.desired);
    let was_full_read = view.needs_full_read();
    let before = domains_of(&view.shown);
    let mut executor = Executor::new(context, object);
    let mut reads = Reads::of(context, &view);
    for _ in 0..MOST_STEPS {
        let action = decide(&view);
        if let Action::Finish(outcome) = action {
            if may_go_on(&outcome) {
                reads.keep(context, &view);
            }
            let rested = rest(&view, &outcome, was_full_read, executor).await;
            context.let_go_with(&view, &outcome, &before);
            return rested;
        }
        if must_pause(context, &action, begun) {
            reads.keep(context, &view);
            let generation = view.desired.generation;
            let later = context.process.delay_after_error(key, generation);
            return Ok((Requeue::requeue(later), "Paused".to_owned()));
        }
        let now = Timestamp::now();
        match Box::pin(executor.act(&view, &action, now)).await {
            Ok(Some(answer)) if has_to_wait(&action, &answer, begun) => {
                // It takes its turn again, at the pace that the account is left with.
                sleep(TURN.mul_f64(rand::random())).await;
            }
            Ok(Some(answer)) => {
                // Its time is that of the answer, however long the call took.
                let now = Timestamp::now();
                view.apply_answer(&action, answer, now);
                reads.resume(&mut view, now);
            }
            Ok(None) => view.record(&action, now),
            Err(Error::Gone) => {
                gone_meanwhile(context, &view).await;
                return Err(Error::Gone);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::Restless(MOST_STEPS))
}

async fn rest(
    view: &View,
    outcome: &Outcome,
    was_full_read: bool,
    executor: Executor<'_>,
) -> Result<(Requeue, String), Error> {
    let context = executor.context;
    let key = &view.desired.object;
    refusals::send_kept_events(context, key).await;
    let mut report = report(view, outcome);
    refusals::mention(context, key, &mut report);
    let mut object = executor.object;
    match outcome {
        // The object is gone, or going without us.
        Outcome::Released(_) | Outcome::Gone => {}
        Outcome::Active
        | Outcome::Observed(_)
        | Outcome::Unchanged
        | Outcome::Claiming
        | Outcome::Progress { .. }
        | Outcome::Searching
        | Outcome::Unconfirmed
        | Outcome::Failed(_)
        | Outcome::Suspended
        | Outcome::Ended => {
            let before = object.resource_version();
            // What AWS answered must not be lost; all else can be looked at again.
            let freshness = if view.has_unsaved_answer() && view.observed.current {
                Freshness::Waived
            } else {
                Freshness::Required
            };
            let now = Timestamp::now();
            let written = publish::status(context, object.clone(), &report, freshness, now).await;
            object = match written {
                Ok(written) => written,
                // An event tells it, for a status cannot, or would lose what is hidden.
                Err(Error::Hidden | Error::Kubernetes { .. }) if is_outdated(outcome) => object,
                Err(error) => {
                    // The next look says all else again, but sees nothing of what was mended.
                    for note in report.notes.iter().filter(|note| note.kind == MENDED) {
                        publish::event(context, key, note).await;
                    }
                    return Err(error);
                }
            };
            if before != object.resource_version() {
                context.process.overwrote(key, before);
            }
        }
    }
    for note in &report.notes {
        publish::event(context, key, note).await;
        warn_the_competitor(view, note, context).await;
    }
    if !matches!(outcome, Outcome::Released(_) | Outcome::Gone) {
        refusals::mention_late(context, key, object, &mut report).await;
    }
    if let Outcome::Released(_) = outcome {
        // The watch tells that it is gone, and then it is forgotten.
        return Ok((Requeue::await_change(), "Released".to_owned()));
    }
    remember(view, outcome, was_full_read, context);
    count(view, &report, context);
    if matches!(outcome, Outcome::Suspended | Outcome::Ended) || is_outdated(outcome) {
        context.leave_alone(key);
    } else {
        follow(view, &report, context);
    }
    let delay = context.process.delay(key, view.desired.generation, outcome);
    let delay = delay
        .into_iter()
        .chain(domains(view, outcome, &report, context))
        .min();
    let result = report
        .ready()
        .map_or_else(|| "Gone".to_owned(), |ready| ready.reason.clone());
    Ok((
        delay.map_or_else(Requeue::await_change, Requeue::requeue),
        result,
    ))
}

/// Whether nothing is done because an older definition of the kind is served.
fn is_outdated(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(failure) if failure.reason == Reason::SchemaOutdated)
}

/// When domains whose verification is waited for are read again.
fn domains(view: &View, outcome: &Outcome, report: &Report, context: &Context) -> Option<Duration> {
    let waiting = waiting(&report.shown, Timestamp::now());
    let read = view.observed.domains.is_some();
    let delay = context
        .process
        .plan_domains(&view.desired.object, waiting, read)?;
    match outcome {
        Outcome::Active | Outcome::Observed(_) | Outcome::Unchanged => Some(delay),
        // What was refused is asked for again with every look: not as often.
        Outcome::Failed(_) => Some(delay.max(TROUBLED_DOMAINS)),
        Outcome::Claiming
        | Outcome::Progress { .. }
        | Outcome::Searching
        | Outcome::Unconfirmed
        | Outcome::Suspended
        | Outcome::Ended
        | Outcome::Released(_)
        | Outcome::Gone => None,
    }
}

/// Both of two rivals get the Warning.
async fn warn_the_competitor(view: &View, note: &ObjectEvent, context: &Context) {
    let EventKind::Warning(Reason::OwnershipConflict) = note.kind else {
        return;
    };
    let Some(competitor) = &view.competitor else {
        return;
    };
    let told = ObjectEvent {
        kind: note.kind,
        message: format!(
            "WorkMailOrganization {} of this cluster has the same alias and waits for this one. \
             Delete one of the two.",
            view.desired.object
        ),
    };
    publish::event(context, competitor, &told).await;
}

fn remember(view: &View, outcome: &Outcome, was_full_read: bool, context: &Context) {
    let unreachable = matches!(
        outcome,
        Outcome::Failed(Failure {
            read_failed: true,
            ..
        })
    );
    let listing = view.observed.listing.as_ref();
    let undone = view.memory.deletion_accepted.is_some()
        && listing.is_some_and(|listing| listing.deletion_failed);
    context.process.with(&view.desired.object, |known| {
        let told = (Instant::now(), view.desired.generation);
        known.deletion_failed = undone.then(|| known.deletion_failed.unwrap_or(told));
        if unreachable {
            known.unreachable_since.get_or_insert_with(Instant::now);
        } else {
            known.unreachable_since = None;
            if was_full_read {
                known.last_full_read = Some(Instant::now());
            }
        }
        if *outcome == Outcome::Active {
            known.in_sync = Some(view.desired.generation);
        }
    });
    if !unreachable {
        context.process.searched(&view.desired.object);
    }
    if *outcome == Outcome::Unconfirmed && view.id().is_none() {
        context.process.needs_newer_listing(&view.desired.object);
    }
    match outcome {
        Outcome::Active | Outcome::Claiming => context.process.used_consent(&view.desired),
        Outcome::Observed(_)
        | Outcome::Unchanged
        | Outcome::Failed(_)
        | Outcome::Progress { .. }
        | Outcome::Searching
        | Outcome::Unconfirmed
        | Outcome::Suspended
        | Outcome::Ended
        | Outcome::Released(_)
        | Outcome::Gone => {}
    }
}

fn count(view: &View, report: &Report, context: &Context) {
    let drift = i64::try_from(report.shown.drift.len()).unwrap_or(i64::MAX);
    let ready = report.ready();
    let standing = Standing {
        state: report
            .shown
            .state
            .as_ref()
            .map_or("none", OrganizationState::label)
            .to_owned(),
        ready: match ready.map(|verdict| verdict.status) {
            Some(ConditionStatus::True) => "True",
            Some(ConditionStatus::False) => "False",
            Some(ConditionStatus::Unknown) | None => "Unknown",
        },
    };
    context.process.change(&view.desired.object, |known| {
        context
            .metrics
            .moved(known.standing.as_ref(), Some(&standing));
        known.standing = Some(standing);
        context.metrics.drifted(drift - known.drift);
        known.drift = drift;
    });
    let was_on_its_way = view.previous.iter().any(|before| {
        before.kind == ConditionType::Ready
            && [Reason::Progressing, Reason::Requested, Reason::Creating]
                .iter()
                .any(|reason| reason.as_str() == before.reason)
    });
    if was_on_its_way && ready.is_some_and(|verdict| verdict.status == ConditionStatus::True) {
        let age = Timestamp::now().duration_since(view.desired.created_at);
        context
            .metrics
            .became_ready(Duration::try_from(age).unwrap_or_default());
    }
}

/// Tells the observer what this reconcile acted on.
fn follow(view: &View, report: &Report, context: &Context) {
    let listing = view.observed.listing.as_ref();
    let (id, mut acted_on) = match (view.id(), &report.shown.seen) {
        (Some(id), _) => (id, listing.and_then(|listing| listing.by_id.clone())),
        (None, Some(seen)) => (seen, view.candidate().cloned().map(Presence::Present)),
        (None, None) => return wait_for(view, context),
    };
    let in_transition = report
        .shown
        .state
        .as_ref()
        .is_some_and(OrganizationState::in_transition);
    if let Some(Presence::Present(row)) = &mut acted_on
        && !in_transition
    {
        // The next listing is compared with what was set or seen since this one.
        let described = view.observed.organization.seen();
        let seen = described.and_then(|seen| seen.summary.default_domain.as_ref());
        let latest = view.observed.default_domain.as_ref().or(seen);
        row.default_domain = latest.cloned().or(row.default_domain.take());
    }
    if let (Some(region), Some(acted_on)) = (view.region(), acted_on) {
        context
            .observer(region)
            .follow(&view.desired.object, id, acted_on, in_transition);
    }
}

/// Tells the observer what a reconcile without an organization of its own has found.
fn wait_for(view: &View, context: &Context) {
    let (Some(region), Some(_)) = (view.region(), &view.observed.listing) else {
        return;
    };
    let wanted = match &view.desired.organization_id {
        Some(id) => Wanted::Id(id.clone()),
        None => Wanted::Alias(view.desired.alias.as_str().into()),
    };
    let found = view.candidate().cloned();
    context
        .observer(region)
        .wait_for(&view.desired.object, wanted, found);
}

/// The object went away during the reconcile: if anything was created for it, that is told.
async fn gone_meanwhile(context: &Context, view: &View) {
    if view.memory.organization_id.is_some() && view.has_unsaved_answer() {
        tell_what_remains(context, view, view.desired.finalizer).await;
    }
}

/// An object without our finalizer is gone: what remains in AWS is told.
pub(super) async fn gone(context: &Context, object: &WorkMailOrganization) {
    let view = context.view(object, Timestamp::now());
    let known = context.forget(&registry::key(object));
    let Some(view) = view else { return };
    let finalizer = known.map(|known| known.finalizer).unwrap_or_default();
    if finalizer == Finalizer::Released {
        return;
    }
    if view.id().is_some() || view.memory.pending_create().is_some() {
        let held = view.desired.finalizer || finalizer == Finalizer::Held;
        tell_what_remains(context, &view, held).await;
    }
}

/// `held`: our finalizer was on the object, and it was not us who took it off.
async fn tell_what_remains(context: &Context, view: &View, held: bool) {
    let because = if held {
        "its finalizer workmail-operator.dev/organization was removed by hand"
    } else {
        "the resource was deleted without deletionPolicy Delete in force"
    };
    publish::event(context, &view.desired.object, &retained(view, because)).await;
}
