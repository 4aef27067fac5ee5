//! Events about objects.

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ObjectMeta, PostParams},
};

use super::{Context, Error, kubernetes::bounded, refusals};
use crate::{
    api::{EventReason, FIELD_MANAGER, WorkMailOrganization},
    logic::{EventKind, ObjectEvent, ObjectKey},
};

/// An object is named in events by at most this much of its name: an event's name has a suffix of
/// its own, and 253 characters in all.
const LONGEST_NAME: usize = 220;

/// Sends an event about the object. One that cannot be sent is logged: nothing depends on it, and a
/// namespace that is being deleted takes none. One that is refused is kept, to be sent later.
pub(super) async fn send(context: &Context, object: &ObjectKey, event: &ObjectEvent) {
    let (type_, reason) = match event.kind {
        EventKind::Normal(reason) => ("Normal", reason.as_str()),
        EventKind::Warning(reason) => ("Warning", reason.as_str()),
        EventKind::Alert(reason) => ("Warning", reason.as_str()),
    };
    tracing::info!(object = %object, reason, "{}", event.message);
    if event.kind == EventKind::Normal(EventReason::Retained) {
        context.metrics.retained();
    }
    let now = Timestamp::now();
    let short: String = object.name.chars().take(LONGEST_NAME).collect();
    let sent = Event {
        metadata: ObjectMeta {
            name: Some(format!(
                "{}.{:x}",
                short.trim_end_matches(['.', '-']),
                now.as_nanosecond()
            )),
            namespace: Some(object.namespace.to_string()),
            ..ObjectMeta::default()
        },
        type_: Some(type_.to_owned()),
        reason: Some(reason.to_owned()),
        // An event's note has at most 1024 bytes.
        note: Some(shorten(&event.message, 1024)),
        action: Some("Reconcile".to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(WorkMailOrganization::api_version(&()).into_owned()),
            kind: Some(WorkMailOrganization::kind(&()).into_owned()),
            namespace: Some(object.namespace.to_string()),
            name: Some(object.name.to_string()),
            uid: Some(object.uid.to_string()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(FIELD_MANAGER.to_owned()),
        reporting_instance: Some(context.settings.replica.clone()),
        event_time: Some(MicroTime(now)),
        ..Event::default()
    };
    let events: Api<Event> = Api::namespaced(context.client.clone(), &object.namespace);
    let answer = bounded(
        "create events",
        events.create(&PostParams::default(), &sent),
    )
    .await;
    if let Err(error) = answer {
        tracing::warn!(%object, reason, %error, "an event could not be sent");
        if let Error::Refused(mut refusal) = error {
            // Each event has another name, and the sentence goes into a condition.
            let said = &mut refusal.status.message;
            *said = said.replace(&sent.name_any(), &object.name);
            refusals::keep_event(context, object, event, &refusal);
        }
    }
}

fn shorten(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shorten("aé", 2), "a");
        assert_eq!(shorten("ab", 2), "ab");
    }
}
