//! What the Kubernetes API refuses, told where the API still takes something: in a condition, else by
//! an event.
//!
//! A refused read or finalizer becomes an answer in `act`, and so a condition. Here are the other two:
//! the status itself, and events.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Context,
    error::Refusal,
    publish::{self, Freshness},
};
use crate::{
    api::{Class, WorkMailOrganization},
    core::{Note, NoteKind, ObjectKey, Report},
};

/// Tells by a Warning event what ended a reconcile, once for as long as nothing else is refused.
pub(super) async fn tell(context: &Context, object: &ObjectKey, refusal: &Refusal) {
    let failure = refusal.failure(false);
    let is_news = context.process.is_news(object, &failure.message);
    match failure.reason.class() {
        Class::Recoverable | Class::Terminal if is_news => {
            let note = Note {
                kind: NoteKind::Warning(failure.reason),
                message: failure.message,
            };
            publish::event(context, object, &note).await;
        }
        Class::Recoverable
        | Class::Terminal
        | Class::Transient
        | Class::InProgress
        | Class::Good => {}
    }
}

/// Sends the events of the object that were refused before. Those that are refused again are kept.
pub(super) async fn send_kept_events(context: &Context, object: &ObjectKey) {
    for note in context.process.take_kept_events(object) {
        publish::event(context, object, &note).await;
    }
}

/// Says in the report that events of the object are refused, if they are.
pub(super) fn mention(context: &Context, object: &ObjectKey, report: &mut Report) {
    if let Some(sentence) = context.process.events_refused(object) {
        report.add_to_ready(&sentence);
    }
}

/// Says it in a status that was written before the events were refused.
pub(super) async fn mention_late(
    context: &Context,
    key: &ObjectKey,
    object: Arc<WorkMailOrganization>,
    report: &mut Report,
) {
    let before = report.ready().cloned();
    mention(context, key, report);
    if report.ready() == before.as_ref() {
        return;
    }
    let version = object.resource_version();
    let now = Timestamp::now();
    match publish::status(context, object, report, Freshness::Required, now).await {
        Ok(_) => context.process.overwrote(key, version),
        // The next reconcile says it.
        Err(error) => tracing::debug!(object = %key, %error, "the status was not written again"),
    }
}
