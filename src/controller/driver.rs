//! The reconcile: decide, take one step, fold its answer in, decide again; then report.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action as Requeue};
use tokio::time::Instant;

use super::{
    Context, Error,
    act::Hands,
    context::youngest,
    process::Finalizer,
    publish::{self, Freshness},
    roster,
};
use crate::{
    api::{ConditionStatus, ConditionType, EventReason, Reason, WorkMailOrganization},
    core::{
        Action, Failure, Note, NoteKind, ObjectKey, OrganizationState, Outcome, Presence, Report,
        View, decide, report, retained,
    },
    metrics::Standing,
};

/// No step is begun after this time, so that no reconcile takes a minute: the longest step takes 30 s,
/// and the status and an event after it 10 s each.
const LAST_STEP: Duration = Duration::from_secs(10);
/// An object that the API server does not know is looked at once more: it may not know its kind yet.
const ONCE_MORE: Duration = Duration::from_secs(30);
/// Domains of an object in trouble are read no more often.
const TROUBLED_DOMAINS: Duration = Duration::from_mins(15);
/// Tells what was done, which no status remembers.
const MENDED: NoteKind = NoteKind::Normal(EventReason::DriftMended);
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
    let key = context.roster.shared(roster::key(&object));
    let answer = Box::pin(attempt(&key, object, &context, begun)).await;
    context.process.resynced(&key);
    let result = match &answer {
        Ok((_, result)) => result.as_str(),
        Err(Error::Stale) => "Stale",
        Err(Error::Gone) => "Gone",
        Err(Error::Kubernetes { .. } | Error::Late { .. } | Error::Restless(_)) => "Error",
    };
    context.metrics.reconciled(result, begun.elapsed());
    answer.map(|(requeue, _)| requeue)
}

/// When to try again after a reconcile that came to no outcome.
pub(super) fn after_error(
    object: &WorkMailOrganization,
    error: &Error,
    context: &Context,
) -> Requeue {
    match error {
        Error::Gone => Requeue::requeue(ONCE_MORE),
        Error::Stale | Error::Kubernetes { .. } | Error::Late { .. } | Error::Restless(_) => {
            let generation = object.metadata.generation.unwrap_or_default();
            Requeue::requeue(
                context
                    .process
                    .delay_after_error(&roster::key(object), generation),
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
        // The cache has not seen our own last write yet.
        Arc::new(publish::get(context, &object).await?)
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
    let was_whole = view.look_is_whole();
    let mut hands = Hands::new(context, object);
    for _ in 0..MOST_STEPS {
        view.facts.untagged = context.untagged(key, view.memory.region.as_ref());
        let action = decide(&view);
        if let Action::Rest(outcome) = action {
            return rest(&view, &outcome, was_whole, hands).await;
        }
        if let Some(later) = pause(context, &action, begun) {
            return Ok((later, "Paused".to_owned()));
        }
        let now = Timestamp::now();
        match Box::pin(hands.act(&view, &action, now)).await {
            // Its time is that of the answer, however long the call took.
            Ok(Some(answer)) => view.fold(&action, answer, Timestamp::now()),
            Ok(None) => view.note(&action, now),
            Err(Error::Gone) => {
                gone_meanwhile(context, &view).await;
                if !context.process.let_go(key) {
                    context.forget(key);
                }
                return Err(Error::Gone);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::Restless(MOST_STEPS))
}

/// Whether to stop here: answers are always saved, but nothing new is begun at the end of the time
/// of a reconcile, or of the process.
fn pause(context: &Context, action: &Action, begun: Instant) -> Option<Requeue> {
    if let Action::Save(_) = action {
        return None;
    }
    let stopping = *context.stopping.borrow();
    (stopping || begun.elapsed() > LAST_STEP).then(|| Requeue::requeue(Duration::from_secs(1)))
}

async fn rest(
    view: &View,
    outcome: &Outcome,
    was_whole: bool,
    hands: Hands<'_>,
) -> Result<(Requeue, String), Error> {
    let context = hands.context;
    let key = &view.desired.object;
    let report = report(view, outcome);
    let mut object = hands.object;
    match outcome {
        // The object is gone, or going without us.
        Outcome::Released(_) | Outcome::Gone => {}
        Outcome::Active
        | Outcome::Observed(_)
        | Outcome::AsBefore
        | Outcome::Claiming
        | Outcome::Progress { .. }
        | Outcome::Searching
        | Outcome::Unconfirmed
        | Outcome::Failed(_)
        | Outcome::Suspended
        | Outcome::Ended => {
            let before = object.resource_version();
            // What AWS answered must not be lost; all else can be looked at again.
            let freshness = if view.memory == view.saved || !view.observed.current {
                Freshness::Required
            } else {
                Freshness::Waived
            };
            let now = Timestamp::now();
            object = match publish::status(context, object, &report, freshness, now).await {
                Ok(written) => written,
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
        warn_the_rival(view, note, context).await;
    }
    if let Outcome::Released(_) = outcome {
        // The watch tells that it is gone, and then it is forgotten.
        return Ok((Requeue::await_change(), "Released".to_owned()));
    }
    remember(view, outcome, was_whole, context);
    count(view, &report, context);
    if matches!(outcome, Outcome::Suspended | Outcome::Ended) {
        context.leave_alone(key);
    } else {
        follow(view, &report, context);
    }
    if !context.roster.has(key) {
        // It went meanwhile, and was forgotten before this was remembered.
        context.forget(key);
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

/// When domains whose verification is waited for are read again.
fn domains(view: &View, outcome: &Outcome, report: &Report, context: &Context) -> Option<Duration> {
    let youngest = youngest(&report.shown, Timestamp::now());
    let read = view.observed.domains.is_some();
    let delay = context
        .process
        .plan_domains(&view.desired.object, youngest, read)?;
    match outcome {
        Outcome::Active | Outcome::Observed(_) | Outcome::AsBefore => Some(delay),
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
async fn warn_the_rival(view: &View, note: &Note, context: &Context) {
    let NoteKind::Warning(Reason::OwnershipConflict) = note.kind else {
        return;
    };
    let Some(rival) = &view.rival else { return };
    let told = Note {
        kind: note.kind,
        message: format!(
            "WorkMailOrganization {} of this cluster has the same alias and waits for this one. \
             Delete one of the two.",
            view.desired.object
        ),
    };
    publish::event(context, rival, &told).await;
}

fn remember(view: &View, outcome: &Outcome, was_whole: bool, context: &Context) {
    let blind = matches!(outcome, Outcome::Failed(Failure { looking: true, .. }));
    let listing = view.observed.listing.as_ref();
    let undone = view.memory.deletion_accepted.is_some()
        && listing.is_some_and(|listing| listing.deletion_failed);
    context.process.with(&view.desired.object, |known| {
        let told = (Instant::now(), view.desired.generation);
        known.deletion_failed = undone.then(|| known.deletion_failed.unwrap_or(told));
        if blind {
            known.blind_since.get_or_insert_with(Instant::now);
        } else {
            known.blind_since = None;
            if was_whole {
                known.whole_look = Some(Instant::now());
            }
        }
        if *outcome == Outcome::Active {
            known.in_sync = Some(view.desired.generation);
        }
    });
    match outcome {
        Outcome::Active | Outcome::Claiming => context.process.used_consent(&view.desired),
        Outcome::Observed(_)
        | Outcome::AsBefore
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
    context.process.with(&view.desired.object, |known| {
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
        (None, None) => return,
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

/// The object went away during the reconcile: if anything was created for it, that is told.
async fn gone_meanwhile(context: &Context, view: &View) {
    if view.memory.organization_id.is_some() && view.memory != view.saved {
        tell_what_remains(context, view, view.desired.finalizer).await;
    }
}

/// An object without our finalizer is gone: what remains in AWS is told.
pub(super) async fn gone(context: &Context, object: &WorkMailOrganization) {
    let view = context.view(object, Timestamp::now());
    let known = context.forget(&roster::key(object));
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
