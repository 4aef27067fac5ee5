//! What feeds the controllers of one namespace: the watches of both kinds, and who is woken.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::Arc,
};

use futures::{Stream, StreamExt, TryStreamExt, future::ready};
use kube::{
    Api, Client, ResourceExt,
    runtime::{
        Controller, WatchStreamExt,
        controller::{self, Action, Config},
        reflector::{self, ObjectRef, Store, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::{
    exports::{Exports, key},
    mailbox, organization,
};
use crate::{
    api::{
        EXPORT_UID, ExportState, RECONCILE_REQUESTED_AT, WorkMailMailboxExport,
        WorkMailOrganizationExport,
    },
    controller::{
        Error,
        run::{WATCH_SECONDS, stopped},
    },
    logic::{
        ObjectKey, Retry, gate,
        schedule::{NO_PLACE, NOT_FOUND_BY_KUBERNETES},
    },
};

/// As many objects are listed at once.
const PAGE: u32 = 100;

/// Who has the exports of a namespace reconciled.
pub(super) struct Wake {
    /// All of them, where none is named.
    pub(super) namespace: Option<String>,
    pub(super) mailboxes: mpsc::UnboundedSender<ObjectKey>,
    pub(super) parents: mpsc::UnboundedSender<ObjectKey>,
}

impl Wake {
    pub(super) fn has(&self, object: &ObjectKey) -> bool {
        let namespace = self.namespace.as_ref();
        namespace.is_none_or(|one| **one == *object.namespace)
    }
}

/// What feeds the controllers of one namespace.
pub(super) struct Feed {
    namespace: Option<String>,
    pub(super) mailboxes: Store<WorkMailMailboxExport>,
    pub(super) parents: Store<WorkMailOrganizationExport>,
    mailbox_writer: Writer<WorkMailMailboxExport>,
    parent_writer: Writer<WorkMailOrganizationExport>,
    of_mailboxes: mpsc::UnboundedReceiver<ObjectKey>,
    of_parents: mpsc::UnboundedReceiver<ObjectKey>,
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Feed {
    pub(super) fn new(
        namespace: Option<String>,
        of_mailboxes: mpsc::UnboundedReceiver<ObjectKey>,
        of_parents: mpsc::UnboundedReceiver<ObjectKey>,
    ) -> Self {
        let (mailboxes, mailbox_writer) = reflector::store();
        let (parents, parent_writer) = reflector::store();
        Self {
            namespace,
            mailboxes,
            parents,
            mailbox_writer,
            parent_writer,
            of_mailboxes,
            of_parents,
        }
    }

    /// The controllers of both kinds.
    pub(super) fn controllers(
        self,
        exports: &Arc<Exports>,
        stopping: &watch::Receiver<bool>,
    ) -> [Work; 2] {
        let client = &exports.context.client;
        let children = objects::<WorkMailMailboxExport>(client, self.namespace.as_deref());
        let (all, news) = (exports.clone(), exports.clone());
        // Who is woken reads the cache: it has the change by then.
        let children = children
            .reflect(self.mailbox_writer)
            .inspect(move |event| see_mailbox(&all, event))
            .applied_objects()
            .try_filter(move |object| {
                if news.is_news(object) {
                    news.wake_parent(object);
                    if !is_running(object) {
                        wake_organization(&news, object, &object.spec.organization_ref.name);
                    }
                }
                let (object_key, others) = (key(object), by_others(object));
                ready(news.is_changed(&object_key, others))
            });
        let parents = objects::<WorkMailOrganizationExport>(client, self.namespace.as_deref());
        let (all, news) = (exports.clone(), exports.clone());
        let parents = parents
            .reflect(self.parent_writer)
            .inspect(move |event| see_parent(&all, event))
            .applied_objects()
            .try_filter(move |object| {
                let (object_key, others) = (key(object), by_others(object));
                let is_news = news.is_changed(&object_key, others);
                if is_news {
                    news.wake_children(object);
                }
                if !gate::goes_on(object) {
                    wake_organization(&news, object, &object.spec.organization_ref.name);
                }
                ready(is_news)
            });
        let concurrency = Config::default().concurrency(exports.context.settings.concurrency);
        let mailbox_work = Controller::for_stream(children, self.mailboxes)
            .with_config(concurrency.clone())
            .reconcile_on(
                UnboundedReceiverStream::new(self.of_mailboxes)
                    .map(|object| ObjectRef::new(&object.name).within(&object.namespace)),
            )
            .graceful_shutdown_on(stopped(stopping.clone()))
            .run(mailbox::reconcile, after_error, exports.clone())
            .for_each(|result| async { log(result) });
        let parent_work = Controller::for_stream(parents, self.parents)
            .with_config(concurrency)
            .reconcile_on(
                UnboundedReceiverStream::new(self.of_parents)
                    .map(|object| ObjectRef::new(&object.name).within(&object.namespace)),
            )
            .graceful_shutdown_on(stopped(stopping.clone()))
            .run(organization::reconcile, after_error, exports.clone())
            .for_each(|result| async { log(result) });
        [Box::pin(mailbox_work), Box::pin(parent_work)]
    }
}

/// The objects of a kind and their changes, without what is never read.
fn objects<K>(
    client: &Client,
    namespace: Option<&str>,
) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + use<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let config = watcher::Config::default()
        .timeout(WATCH_SECONDS)
        .page_size(PAGE);
    watcher(api, config)
        .default_backoff()
        .modify(|object: &mut K| {
            object.meta_mut().managed_fields = None;
            object.labels_mut().retain(|label, _| label == EXPORT_UID);
            object
                .annotations_mut()
                .retain(|name, _| name == RECONCILE_REQUESTED_AT);
        })
}

/// Whether a job of it runs, or is still to be started.
fn is_running(object: &WorkMailMailboxExport) -> bool {
    let state = object.status.as_ref().and_then(|status| status.state);
    matches!(
        state,
        None | Some(ExportState::Queued | ExportState::Running)
    )
}

/// A deletion of the organization may wait for this object.
fn wake_organization(exports: &Exports, object: &impl ResourceExt, organization: &str) {
    exports.wake_organization(&object.namespace().unwrap_or_default(), organization);
}

/// A hash of what only others write and a reconcile depends on.
fn by_others(object: &impl ResourceExt) -> u64 {
    let mut hasher = DefaultHasher::new();
    let meta = object.meta();
    meta.generation.hash(&mut hasher);
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    object
        .annotations()
        .get(RECONCILE_REQUESTED_AT)
        .hash(&mut hasher);
    hasher.finish()
}

fn see_mailbox(
    exports: &Arc<Exports>,
    event: &watcher::Result<watcher::Event<WorkMailMailboxExport>>,
) {
    match event {
        Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => {
            // Its slot is held before any other is given.
            if let Some(view) = exports.view(object, mailbox::seconds())
                && let Some(id) = &view.memory.organization
                && !view.desired.is_deleting
            {
                let pool = exports.pool(id);
                view.hold(&mut pool.queue());
            }
        }
        Ok(watcher::Event::Delete(object)) => {
            exports.forget(&key(object));
            exports.wake_parent(object);
            wake_organization(exports, object, &object.spec.organization_ref.name);
        }
        Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
        Err(error) => {
            tracing::warn!(%error, "the watch of WorkMailMailboxExports failed and is started again");
        }
    }
}

fn see_parent(
    exports: &Arc<Exports>,
    event: &watcher::Result<watcher::Event<WorkMailOrganizationExport>>,
) {
    match event {
        Ok(watcher::Event::Delete(object)) => {
            exports.forget(&key(object));
            exports.wake_children(object);
            wake_organization(exports, object, &object.spec.organization_ref.name);
        }
        Ok(
            watcher::Event::Init
            | watcher::Event::InitDone
            | watcher::Event::InitApply(_)
            | watcher::Event::Apply(_),
        ) => {}
        Err(error) => {
            tracing::warn!(%error, "the watch of WorkMailOrganizationExports failed and is started again");
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the controller gives them so"
)]
fn after_error<K>(object: Arc<K>, error: &Error, exports: Arc<Exports>) -> Action
where
    K: kube::Resource,
{
    let retry = match error {
        Error::Gone => Retry::In(NOT_FOUND_BY_KUBERNETES),
        Error::Stopping => Retry::In(NO_PLACE),
        Error::Refused(refusal) => Retry::after_failure(&refusal.failure(false, &[])),
        Error::Stale
        | Error::Kubernetes { .. }
        | Error::Late { .. }
        | Error::Hidden
        | Error::Restless(_) => Retry::TRANSIENT,
    };
    let delay = exports.delay(&key(&*object), retry);
    delay.map_or_else(Action::await_change, Action::requeue)
}

fn log<K: kube::Resource>(
    result: Result<(ObjectRef<K>, Action), controller::Error<Error, watcher::Error>>,
) {
    match result {
        Ok(_)
        | Err(
            controller::Error::ReconcilerFailed(Error::Gone | Error::Stale | Error::Stopping, _)
            | controller::Error::ObjectNotFound(_),
        ) => {}
        Err(controller::Error::ReconcilerFailed(error, object)) => {
            let object = format!("{}/{}", object.namespace.unwrap_or_default(), object.name);
            tracing::error!(object, %error, "a reconcile of an export failed and will be retried");
        }
        Err(error) => {
            tracing::warn!(%error, "the controller of exports reported an error and goes on");
        }
    }
}
