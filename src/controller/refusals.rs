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
    logic::{EventKind, Failure, ObjectEvent, ObjectKey, organization::Report},
};

/// As many events of one object are kept while the Kubernetes API refuses them.
const MOST_EVENTS: usize = 8;

/// What the Kubernetes API refuses of one object, as far as no condition remembers it.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// Events, to be sent later.
    events: Vec<ObjectEvent>,
    /// What the Ready condition says of that.
    sentence: Option<String>,
    /// The last refusal that an event told of.
    told: Option<String>,
}

impl Refused {
    fn keep(&mut self, note: &ObjectEvent, refusal: Failure) {
        self.sentence = Some(refusal.message);
        if self.events.len() < MOST_EVENTS {
            self.events.push(note.clone());
        }
    }

    fn take_events(&mut self) -> Vec<ObjectEvent> {
        self.sentence = None;
        std::mem::take(&mut self.events)
    }

    fn is_news(&mut self, message: &str) -> bool {
        let before = self.told.replace(message.to_owned());
        before.as_deref() != Some(message)
    }
}

/// Keeps an event that was refused. A namespace that is being deleted takes none, and needs none.
pub(super) fn keep_event(
    context: &Context,
    object: &ObjectKey,
    note: &ObjectEvent,
    refusal: &Refusal,
) {
    if !refusal.is_of_namespace_end() {
        let failure = refusal.failure(false, &names(object));
        let process = &context.process;
        process.with(object, |known| known.refused.keep(note, failure));
    }
}

fn names(object: &ObjectKey) -> [String; 2] {
    [object.namespace.to_string(), object.name.to_string()]
}

/// A reconcile came to its end: the next refusal is news again.
pub(super) fn are_over(context: &Context, object: &ObjectKey) {
    let process = &context.process;
    process.with(object, |known| known.refused.told = None);
}

/// Tells by a Warning event what ended a reconcile, once for as long as nothing else is refused.
pub(super) async fn tell(context: &Context, object: &ObjectKey, refusal: &Refusal) {
    let failure = refusal.failure(false, &names(object));
    let process = &context.process;
    let is_news = process.with(object, |known| known.refused.is_news(&failure.message));
    match failure.reason.class() {
        Class::Recoverable | Class::Terminal if is_news => {
            let note = ObjectEvent {
                kind: EventKind::Warning(failure.reason),
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
    let process = &context.process;
    let kept = process.with(object, |known| known.refused.take_events());
    for note in kept {
        publish::event(context, object, &note).await;
    }
}

/// Says in the report that events of the object are refused, if they are.
pub(super) fn mention(context: &Context, object: &ObjectKey, report: &mut Report) {
    let process = &context.process;
    let sentence = process.with(object, |known| known.refused.sentence.clone());
    if let Some(sentence) = sentence {
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
