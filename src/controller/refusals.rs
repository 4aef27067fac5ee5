//! Reports what the Kubernetes API refuses, where it still accepts something: in a condition, else in an
//! event.
//!
//! A refused read or finalizer becomes an answer in `executor`, and so a condition. This module handles the
//! other two: a refused status and refused events.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::{Context, error::Refusal, events, publish};
use crate::{
    api::{Class, WorkMailOrganization},
    logic::{
        EventKind, Failure, ObjectEvent, ObjectKey,
        organization::{Freshness, Report},
    },
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
    /// The last refusal that an event reported.
    reported: Option<String>,
}

impl Refused {
    fn keep(&mut self, note: &ObjectEvent, refusal: &Failure) {
        self.sentence = Some(refusal.message());
        if self.events.len() < MOST_EVENTS {
            self.events.push(note.clone());
        }
    }

    fn take_events(&mut self) -> Vec<ObjectEvent> {
        self.sentence = None;
        std::mem::take(&mut self.events)
    }

    fn is_new(&mut self, message: &str) -> bool {
        let before = self.reported.replace(message.to_owned());
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
        process.with(object, |known| known.refused.keep(note, &failure));
    }
}

fn names(object: &ObjectKey) -> [String; 2] {
    [object.namespace.to_string(), object.name.to_string()]
}

/// A reconcile came to its end: the next refusal is reported again.
pub(super) fn reset(context: &Context, object: &ObjectKey) {
    let process = &context.process;
    process.with(object, |known| known.refused.reported = None);
}

/// Sends a Warning event for the refusal that ended a reconcile, once until something else is refused.
pub(super) async fn report(context: &Context, object: &ObjectKey, refusal: &Refusal) {
    let failure = refusal.failure(false, &names(object));
    let process = &context.process;
    let is_new = process.with(object, |known| known.refused.is_new(&failure.message()));
    match failure.reason.class() {
        Class::Recoverable | Class::Terminal if is_new => {
            let note = ObjectEvent {
                kind: EventKind::Warning(failure.reason),
                message: failure.message(),
            };
            events::send(context, object, &note).await;
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
        events::send(context, object, &note).await;
    }
}

/// Adds to the report that events of the object are refused, if they are.
pub(super) fn mention(context: &Context, object: &ObjectKey, report: &mut Report) {
    let process = &context.process;
    let sentence = process.with(object, |known| known.refused.sentence.clone());
    if let Some(sentence) = sentence {
        report.add_to_ready(&sentence);
    }
}

/// Adds it to a status that was written before the events were refused.
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
        // The next reconcile reports it.
        Err(error) => tracing::debug!(object = %key, %error, "the status was not written again"),
    }
}
