//! What is written to Kubernetes for exports.

use std::fmt::Debug;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::exports::{Exports, key};
use crate::{
    api::{EXPORT_FINALIZER, FIELD_MANAGER, WorkMailMailboxExport},
    controller::{Error, kubernetes::bounded},
    logic::{EventKind, ObjectEvent},
};

/// A write that must be made is not tried against more changes of others than this.
const MOST_CONFLICTS: usize = 5;

/// The API of the objects beside this one.
pub(super) fn api<K>(exports: &Exports, beside: &impl Resource) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    let namespace = beside.meta().namespace.as_deref().unwrap_or_default();
    Api::namespaced(exports.context.client.clone(), namespace)
}

/// The object of this name as it is now. It is listed by its name, so that no right but those of the watch
/// is needed.
pub(super) async fn live<K>(api: &Api<K>, name: &str) -> Result<K, Error>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let one = ListParams::default().fields(&format!("metadata.name={name}"));
    let found = bounded("list exports", api.list(&one)).await?;
    found.items.into_iter().next().ok_or(Error::Gone)
}

/// Replaces the status. `is_answer`: over any version of the same object.
pub(super) async fn status<K>(exports: &Exports, mut whole: K, is_answer: bool) -> Result<K, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<K> = api(exports, &whole);
    // The API server keeps them; an empty list would clear them.
    whole.meta_mut().managed_fields = None;
    let ours = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let name = whole.name_any();
    for _ in 0..MOST_CONFLICTS {
        let write = api.replace_status(&name, &ours, &whole);
        match bounded("write the status of this export", write).await {
            Err(Error::Stale) if is_answer => {
                let live = live(&api, &name).await?;
                if live.uid() != whole.uid() {
                    return Err(Error::Gone);
                }
                whole.meta_mut().resource_version = live.resource_version();
                whole
                    .meta_mut()
                    .finalizers
                    .clone_from(&live.meta().finalizers);
            }
            answer => {
                let written = answer?;
                exports.wrote(&key(&written), written.resource_version());
                return Ok(written);
            }
        }
    }
    Err(Error::Stale)
}

/// Puts the finalizer on the object, or takes it off, if the view of the object is fresh.
pub(super) async fn finalizer(
    exports: &Exports,
    object: &WorkMailMailboxExport,
    present: bool,
) -> Result<WorkMailMailboxExport, Error> {
    let mut finalizers: Vec<_> = object
        .finalizers()
        .iter()
        .filter(|one| *one != EXPORT_FINALIZER)
        .cloned()
        .collect();
    if present {
        finalizers.push(EXPORT_FINALIZER.to_owned());
    }
    let by_us = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({"metadata": {
        "resourceVersion": object.resource_version(),
        "finalizers": finalizers,
    }}));
    let api: Api<WorkMailMailboxExport> = api(exports, object);
    let name = object.name_any();
    let write = api.patch(&name, &by_us, &patch);
    let written = bounded("change its finalizer on this export", write).await?;
    exports.wrote(&key(&written), written.resource_version());
    Ok(written)
}

/// Sends events about an object. One that cannot be sent is logged: nothing depends on it.
pub(super) async fn events<K>(exports: &Exports, object: &K, events: &[ObjectEvent])
where
    K: Resource<DynamicType = ()>,
{
    for event in events {
        let (type_, reason) = match event.kind {
            EventKind::Normal(reason) => ("Normal", reason.as_str()),
            EventKind::Warning(reason) => ("Warning", reason.as_str()),
            EventKind::Alert(reason) => ("Warning", reason.as_str()),
        };
        let key = key(object);
        tracing::info!(object = %key, reason, "{}", event.message);
        let now = Timestamp::now();
        let short: String = key.name.chars().take(220).collect();
        let short = short.trim_end_matches(['.', '-']);
        let note = &event.message;
        let sent = Event {
            metadata: ObjectMeta {
                name: Some(format!("{short}.{:x}", now.as_nanosecond())),
                namespace: Some(key.namespace.to_string()),
                ..ObjectMeta::default()
            },
            type_: Some(type_.to_owned()),
            reason: Some(reason.to_owned()),
            // An event's note has at most 1024 bytes.
            note: note
                .get(..note.floor_char_boundary(1024))
                .map(str::to_owned),
            action: Some("Reconcile".to_owned()),
            regarding: Some(ObjectReference {
                api_version: Some(K::api_version(&()).into_owned()),
                kind: Some(K::kind(&()).into_owned()),
                namespace: Some(key.namespace.to_string()),
                name: Some(key.name.to_string()),
                uid: Some(key.uid.to_string()),
                ..ObjectReference::default()
            }),
            reporting_controller: Some(FIELD_MANAGER.to_owned()),
            reporting_instance: Some(exports.context.settings.replica.clone()),
            event_time: Some(MicroTime(now)),
            ..Event::default()
        };
        let api: Api<Event> = Api::namespaced(exports.context.client.clone(), &key.namespace);
        let answer = bounded("create events", api.create(&PostParams::default(), &sent)).await;
        if let Err(error) = answer {
            tracing::warn!(object = %key, reason, %error, "an event could not be sent");
        }
    }
}
