//! The reconcile: decide, perform one action, apply its answer, decide again; then report.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action as Requeue};
use tokio::time::{Instant, sleep};

use super::{
    Context, Error, counting, domain_waits::domains_of, events, executor::Executor, following,
    gone::gone_meanwhile, kubernetes, publish, refusals, registry,
};
use crate::{
    api::{EventReason, Reason, WorkMailOrganization},
    logic::{
        EventKind, ObjectEvent, ObjectKey,
        organization::{Action, Outcome, Read, Reconcile, Report, View},
        schedule::{NO_PLACE, NOT_FOUND_BY_KUBERNETES, TURN},
    },
};

/// No status remembers what was corrected: its event is sent at once.
const CORRECTED: EventKind = EventKind::Normal(EventReason::DriftMended);
/// More steps than any way through `decide` has.
const MOST_STEPS: usize = 1000;

/// One reconcile of one object.
pub(super) async fn reconcile(
    object: Arc<WorkMailOrganization>,
    context: Arc<Context>,
) -> Result<Requeue, Error> {
    let Some(_place) = context.place(&object).await else {
        return Ok(Requeue::requeue(NO_PLACE));
    };
    let begun = Instant::now();
    let key = context.registry.shared(registry::key(&object));
    let _attendance = Attendance {
        context: &context,
        object: &key,
    };
    let answer = Box::pin(attempt(&key, object, &context)).await;
    match &answer {
        Ok(_) => refusals::reset(&context, &key),
        Err(Error::Refused(refusal)) => refusals::report(&context, &key, refusal).await,
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

/// Held while an object is reconciled. Whatever way the reconcile ends, the place of its resync is given
/// back, and nothing is kept of an object that was deleted meanwhile.
struct Attendance<'a> {
    context: &'a Context,
    object: &'a ObjectKey,
}

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        self.context.process.resync_ends(self.object);
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
    let generation = object.metadata.generation.unwrap_or_default();
    let (process, key) = (&context.process, registry::key(object));
    Requeue::requeue(match error {
        Error::Gone => NOT_FOUND_BY_KUBERNETES,
        Error::Stopping => NO_PLACE,
        Error::Refused(refusal) => process.delay_after_refusal(&key, generation, refusal),
        Error::Stale
        | Error::Kubernetes { .. }
        | Error::Late { .. }
        | Error::Hidden
        | Error::Restless(_) => process.delay_without_outcome(&key, generation),
    })
}

async fn attempt(
    key: &ObjectKey,
    object: Arc<WorkMailOrganization>,
    context: &Context,
) -> Result<(Requeue, String), Error> {
    let object = latest(key, object, context).await?;
    let Some(view) = context.view(&object) else {
        return Ok((Requeue::await_change(), "Gone".to_owned()));
    };
    if view.desired.object != *key {
        return Err(Error::Gone);
    }
    let process = &context.process;
    process.see_finalizer(&view.desired);
    let domains = domains_of(&view.shown);
    let now = process.now().moment;
    let mut reconcile = process.with_memory(key, |memory| Reconcile::begin(view, memory, now));
    let mut executor = Executor::new(context, object);
    for _ in 0..MOST_STEPS {
        let action = reconcile.next();
        if let Action::Finish(outcome) = action {
            let finished = finish(&mut reconcile, &outcome, executor).await;
            context.wake_for_free_domains(&reconcile.view, &outcome, &domains);
            return finished;
        }
        if must_pause(context, &reconcile, &action) {
            process.with_memory(key, |memory| reconcile.pause(memory));
            let generation = reconcile.view.desired.generation;
            let later = process.delay_without_outcome(key, generation);
            return Ok((Requeue::requeue(later), "Paused".to_owned()));
        }
        let began = Timestamp::now();
        match Box::pin(executor.act(&reconcile.view, &action, began)).await {
            Ok(Some(answer)) => {
                // Its time is that of the answer, however long the call took.
                let now = process.now();
                if reconcile.may_take_another_turn(&action, &answer, now.moment) {
                    sleep(TURN.mul_f64(rand::random())).await;
                } else {
                    process.with_memory(key, |memory| {
                        reconcile.answered(memory, &action, answer, now)
                    });
                    if let Action::Read(Read::Account) = action {
                        // Who competes is known once the AWS account is.
                        reconcile.view.competitor = context.registry.competitor(key);
                    }
                }
            }
            Ok(None) => reconcile.view.record(&action, began),
            Err(Error::Gone) => {
                gone_meanwhile(context, &reconcile.view).await;
                return Err(Error::Gone);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::Restless(MOST_STEPS))
}

/// The object as it is, where the cache has not seen our own last write yet, or has what an older
/// definition of the kind showed.
async fn latest(
    key: &ObjectKey,
    object: Arc<WorkMailOrganization>,
    context: &Context,
) -> Result<Arc<WorkMailOrganization>, Error> {
    let version = object.resource_version();
    if !context.process.is_stale(key, version.as_deref()) {
        return Ok(object);
    }
    let live = kubernetes::get(context, &object).await?;
    context.enter(&live);
    Ok(Arc::new(live))
}

/// Whether to stop before this action, at the end of the time of a reconcile or of the process.
fn must_pause(context: &Context, reconcile: &Reconcile, action: &Action) -> bool {
    let stops = *context.stopping.borrow() && !matches!(action, Action::Save(_));
    stops || reconcile.is_late_for(action, context.process.now().moment)
}

async fn finish(
    reconcile: &mut Reconcile,
    outcome: &Outcome,
    executor: Executor<'_>,
) -> Result<(Requeue, String), Error> {
    let context = executor.context;
    let process = &context.process;
    let key = reconcile.view.desired.object.clone();
    refusals::send_kept_events(context, &key).await;
    let mut report = process.with_memory(&key, |memory| reconcile.report(memory, outcome));
    refusals::mention(context, &key, &mut report);
    let object = write(reconcile, outcome, &report, executor).await?;
    let view = &reconcile.view;
    for event in &report.notes {
        events::send(context, &key, event).await;
        warn_the_competitor(view, event, context).await;
    }
    if !matches!(outcome, Outcome::Released(_) | Outcome::Gone) {
        refusals::mention_late(context, &key, object, &mut report).await;
    }
    if let Outcome::Released(_) = outcome {
        // It is forgotten when the watch shows its deletion.
        return Ok((Requeue::await_change(), "Released".to_owned()));
    }
    context.process.see_listing_use(view, outcome);
    context.process.end_sweep(&key, outcome);
    if view.requested() && report.handled == view.desired.requested {
        context.process.request_is_fulfilled(&key);
    }
    counting::count(view, &report, context);
    if matches!(outcome, Outcome::Suspended | Outcome::Ended) || makes_no_call(outcome) {
        context.stop_observing(&key);
    } else {
        following::follow(view, &report, context);
    }
    let (now, random) = (process.now(), rand::random());
    let delay = process.with_memory(&key, |memory| {
        reconcile.finish(memory, outcome, &report, now, random)
    });
    let result = report
        .ready()
        .map_or_else(|| "Gone".to_owned(), |ready| ready.reason.clone());
    Ok((
        delay.map_or_else(Requeue::await_change, Requeue::requeue),
        result,
    ))
}

/// Writes the status of the report. Returns the object as it then is.
async fn write(
    reconcile: &Reconcile,
    outcome: &Outcome,
    report: &Report,
    executor: Executor<'_>,
) -> Result<Arc<WorkMailOrganization>, Error> {
    let (context, object) = (executor.context, executor.object);
    let Some(freshness) = reconcile.freshness(outcome) else {
        return Ok(object);
    };
    let key = &reconcile.view.desired.object;
    let before = object.resource_version();
    let now = Timestamp::now();
    match publish::status(context, object.clone(), report, freshness, now).await {
        Ok(written) => {
            if before != written.resource_version() {
                context.process.overwrote(key, before);
            }
            Ok(written)
        }
        // An event reports it, for a status cannot, or would lose what is hidden.
        Err(Error::Hidden | Error::Kubernetes { .. }) if is_outdated(outcome) => Ok(object),
        Err(error) => {
            // The next reconcile reports all else again, but not what was corrected.
            let corrected = report.notes.iter().filter(|event| event.kind == CORRECTED);
            for event in corrected {
                events::send(context, key, event).await;
            }
            Err(error)
        }
    }
}

/// Whether no call is made in AWS until something changes in Kubernetes.
fn makes_no_call(outcome: &Outcome) -> bool {
    let has_no_account = matches!(
        outcome,
        Outcome::Failed(failure)
            if matches!(failure.reason, Reason::AccountNotFound | Reason::AccountNotAllowed)
    );
    has_no_account || is_outdated(outcome)
}

/// Whether nothing is done because an older definition of the kind is served.
fn is_outdated(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(failure) if failure.reason == Reason::SchemaOutdated)
}

/// Both of two competing objects get the Warning.
async fn warn_the_competitor(view: &View, event: &ObjectEvent, context: &Context) {
    let EventKind::Warning(Reason::OwnershipConflict) = event.kind else {
        return;
    };
    let Some(competitor) = &view.competitor else {
        return;
    };
    let told = ObjectEvent {
        kind: event.kind,
        message: format!(
            "Delete WorkMailOrganization {}, which has the same alias; this one has the organization.",
            view.desired.object
        ),
    };
    events::send(context, competitor, &told).await;
}
