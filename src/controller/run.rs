//! The wiring: watches, observers, reconciler, and their end.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt, Stream, StreamExt, TryStreamExt,
    future::{join, join_all, pending, ready},
};
use kube::{
    Api, CustomResourceExt, Resource, ResourceExt,
    runtime::{
        Controller, WatchStreamExt,
        controller::{self, Config},
        reflector,
        reflector::ObjectRef,
        watcher,
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::{
    Context, Error, accounts, definition,
    driver::{after_error, reconcile},
    export,
    gone::gone,
    namespaces, resync,
};
use crate::{
    api::{RECONCILE_REQUESTED_AT, TAKE_OVER, WorkMailOrganization},
    logic::ObjectKey,
};

/// The API server ends a watch after this many seconds, and it is begun again where it ended. A
/// connection that is silent for longer is given up by the client.
pub(super) const WATCH_SECONDS: u32 = 45;

/// How long a watch lasts.
pub const WATCH: Duration = Duration::from_secs(WATCH_SECONDS as u64);

/// As many objects are listed at once where the API server cannot stream them: their answer is held in
/// memory whole, annotations of 256 KiB each included.
const PAGE: u32 = 50;

/// The value of an annotation is kept up to this many bytes. A longer one names no owner, and is more
/// than the status echoes.
const LONGEST_ANNOTATION: usize = 1024;

/// Startup waits at most this long for namespaces that cannot be read.
const START_WAIT: Duration = Duration::from_secs(15);

/// Runs until `stopping` turns true, and then until every reconcile has come to its end. `on_ready`
/// is called once the objects of every watched namespace are known.
pub async fn run(
    context: Arc<Context>,
    mut changed: mpsc::UnboundedReceiver<ObjectKey>,
    stopping: watch::Receiver<bool>,
    on_ready: impl FnOnce(),
) {
    let named = &context.settings.namespaces;
    let namespaces: Vec<_> = if named.is_empty() {
        vec![None]
    } else {
        named.iter().cloned().map(Some).collect()
    };
    let (mut watched, mut controllers) = (Vec::new(), Vec::new());
    for namespace in namespaces {
        let (trigger, triggered) = mpsc::unbounded_channel();
        let (store, controller) = controller(
            context.clone(),
            namespace.clone(),
            triggered,
            stopping.clone(),
        );
        watched.push(Watched {
            namespace,
            trigger,
            store,
        });
        controllers.push(controller);
    }
    let organizations = watched.iter().map(|one| one.store.clone()).collect();
    let exports = export::run(context.clone(), organizations, stopping);
    let dispatch = async {
        while let Some(object) = changed.recv().await {
            for one in watched.iter().filter(|one| one.has(&object)) {
                // The controller has ended; so will we.
                let _ = one.trigger.send(object.clone());
            }
        }
    };
    let listed = async {
        if all_listed(&watched, &context).await {
            on_ready();
        }
        pending::<()>().await;
    };
    let organizations = definition::Kind {
        name: WorkMailOrganization::crd_name(),
        schema: &context.schema,
        watched: &watched,
    };
    tokio::select! {
        // A call in flight is finished, and its answer recorded.
        _ = join(join_all(controllers), exports) => {}
        () = dispatch => {}
        () = resync::run(&context) => {}
        () = context.places.run() => {}
        () = definition::run(&context, organizations) => {}
        () = accounts::run(context.clone(), &watched) => {}
        () = listed => {}
        () = namespaces::warn_of_absent(&context) => {}
    }
}

/// What is watched by one controller.
pub(super) struct Watched {
    /// All of them, where none is named.
    namespace: Option<String>,
    trigger: mpsc::UnboundedSender<ObjectKey>,
    store: reflector::Store<WorkMailOrganization>,
}

impl Watched {
    fn has(&self, object: &ObjectKey) -> bool {
        let namespace = self.namespace.as_ref();
        namespace.is_none_or(|one| **one == *object.namespace)
    }

    /// The objects as the cache has them.
    pub(super) fn objects(&self) -> Vec<Arc<WorkMailOrganization>> {
        self.store.state()
    }

    fn is_listed(&self) -> bool {
        self.store.wait_until_ready().now_or_never().is_some()
    }
}

/// Waits until the objects of every watched namespace and their definition are known. Returns false if the
/// controllers end before. Reconciles begin then, or after [`START_WAIT`].
async fn all_listed(watched: &[Watched], context: &Context) -> bool {
    let all = join_all(watched.iter().map(|one| one.store.wait_until_ready()));
    let all = async { join(all, context.schema_is_read()).await.0 };
    let mut all = Box::pin(all);
    let in_time = timeout(START_WAIT, &mut all).await;
    if in_time.is_err() {
        let unread = watched.iter().filter(|one| !one.is_listed());
        let unread: Vec<_> = unread.filter_map(|one| one.namespace.as_deref()).collect();
        tracing::warn!(
            namespaces = unread.join(","),
            "WorkMailOrganizations cannot be read; work begins on those that can. Check that the \
             namespaces exist and that the operator has rights in them"
        );
    }
    context.begin();
    let done = match in_time {
        Ok(done) => done,
        Err(_) => all.await,
    };
    done.iter().all(Result::is_ok)
}

fn controller(
    context: Arc<Context>,
    namespace: Option<String>,
    triggered: mpsc::UnboundedReceiver<ObjectKey>,
    stopping: watch::Receiver<bool>,
) -> (
    reflector::Store<WorkMailOrganization>,
    impl Future<Output = ()>,
) {
    let api: Api<WorkMailOrganization> = match &namespace {
        Some(namespace) => Api::namespaced(context.client.clone(), namespace),
        None => Api::all(context.client.clone()),
    };
    let (store, writer) = reflector::store();
    let reader = store.clone();
    let objects = watched(api).default_backoff().modify(keep_what_is_read);
    let known = context.clone();
    let objects = registered(objects, context.clone(), namespace, store.clone())
        .reflect(writer)
        .applied_objects()
        .try_filter(move |object| ready(known.registry.is_changed_by_others(object)));
    let unlisted = stopped_before_the_first_list(store.clone(), stopping.clone());
    let work = async move {
        let reconciles = Controller::for_stream(objects, reader)
            // The places are given out by `places`, so that those who wait keep nobody else waiting.
            .with_config(Config::default().concurrency(0))
            .reconcile_on(
                UnboundedReceiverStream::new(triggered)
                    .map(|object| ObjectRef::new(&object.name).within(&object.namespace)),
            )
            .graceful_shutdown_on(stopped(stopping))
            .run(
                reconcile,
                |object, error, context| after_error(&object, error, &context),
                context,
            )
            .for_each(|result| async { log(result) });
        tokio::select! {
            () = reconciles => {}
            () = unlisted => {}
        }
    };
    (store, work)
}

/// The objects and their changes. They are streamed one by one at the start, which needs no memory for
/// whole pages, or listed where the API server cannot do that (Kubernetes before 1.34 by default).
fn watched(
    api: Api<WorkMailOrganization>,
) -> impl Stream<Item = watcher::Result<watcher::Event<WorkMailOrganization>>> + Send {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    watcher(api.clone(), config.clone().streaming_lists())
        .take_while(|event| ready(!is_unsupported(event)))
        .chain(watcher(api, config.page_size(PAGE)))
}

/// Drops what others write into the metadata and the operator never reads: it can be as large as the
/// rest of the object, and the cache holds every object.
fn keep_what_is_read(object: &mut WorkMailOrganization) {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    metadata.labels = None;
    metadata.owner_references = None;
    let annotations = object.annotations_mut();
    annotations.retain(|key, _| [RECONCILE_REQUESTED_AT, TAKE_OVER].contains(&key.as_str()));
    for value in annotations.values_mut() {
        value.truncate(value.floor_char_boundary(LONGEST_ANNOTATION));
        value.shrink_to_fit();
    }
}

/// Whether the API server refuses to stream the first list: it finds the request invalid.
fn is_unsupported<T>(event: &watcher::Result<T>) -> bool {
    matches!(
        event,
        Err(watcher::Error::WatchStartFailed(kube::Error::Api(status)) | watcher::Error::WatchError(status))
            if status.code == 422
    )
}

/// Waits until the process is asked to stop.
pub async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the process ends.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Waits for a stop before the first list: a controller ends only after it, and has begun nothing until
/// then that would have to be finished.
async fn stopped_before_the_first_list(
    store: reflector::Store<WorkMailOrganization>,
    stopping: watch::Receiver<bool>,
) {
    stopped(stopping).await;
    if store.wait_until_ready().now_or_never().is_some() {
        pending::<()>().await;
    }
}

/// Keeps the registry up to date, and reports objects that are gone.
fn registered(
    objects: impl Stream<Item = watcher::Result<watcher::Event<WorkMailOrganization>>>,
    context: Arc<Context>,
    namespace: Option<String>,
    store: reflector::Store<WorkMailOrganization>,
) -> impl Stream<Item = watcher::Result<watcher::Event<WorkMailOrganization>>> {
    let listed: Mutex<BTreeSet<String>> = Mutex::default();
    objects.inspect(move |event| {
        let mut listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                listed.insert(object.uid().unwrap_or_default());
                context.enter(object);
            }
            Ok(watcher::Event::InitDone) => {
                // Objects that were deleted while the watch was down. The cache has them until this event
                // reaches it.
                for key in context.registry.missing(namespace.as_deref(), &listed) {
                    match cached(&store, &key) {
                        Some(object) => report_gone(&context, object),
                        None => drop(context.forget(&key)),
                    }
                }
                listed.clear();
            }
            Ok(watcher::Event::Apply(object)) => context.enter(object),
            Ok(watcher::Event::Delete(object)) => report_gone(&context, Arc::new(object.clone())),
            Err(error) => {
                tracing::warn!(%error, "the watch of WorkMailOrganizations failed and is started again");
            }
        }
    })
}

fn report_gone(context: &Arc<Context>, object: Arc<WorkMailOrganization>) {
    let context = context.clone();
    tokio::spawn(async move { gone(&context, &object).await });
}

fn cached(
    store: &reflector::Store<WorkMailOrganization>,
    key: &ObjectKey,
) -> Option<Arc<WorkMailOrganization>> {
    let object = store.get(&ObjectRef::new(&key.name).within(&key.namespace))?;
    // One of the same name that was made later is another one.
    (object.uid().as_deref() == Some(&*key.uid)).then_some(object)
}

fn log(
    result: Result<
        (ObjectRef<WorkMailOrganization>, controller::Action),
        controller::Error<Error, watcher::Error>,
    >,
) {
    match result {
        // Gone and stale are ordinary: the next event shows the object, or nothing is left to do.
        Ok(_)
        | Err(
            controller::Error::ReconcilerFailed(Error::Gone | Error::Stale | Error::Stopping, _)
            | controller::Error::ObjectNotFound(_),
        ) => {}
        Err(controller::Error::ReconcilerFailed(error, object)) => {
            let object = format!("{}/{}", object.namespace.unwrap_or_default(), object.name);
            tracing::error!(object, %error, "a reconcile failed and will be retried");
        }
        Err(error) => tracing::warn!(%error, "the controller reported an error and goes on"),
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::{Client, client::Body};
    use serde_json::json;
    use tower::BoxError;

    use super::*;

    /// An API server that holds one object and streams no first list.
    fn without_streaming() -> Client {
        let service = tower::service_fn(async |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default();
            let (code, answer) = if query.contains("sendInitialEvents=true") {
                let message = "sendInitialEvents: Forbidden: the WatchList feature gate is off";
                let status = json!({
                    "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 422,
                    "reason": "Invalid", "message": message,
                });
                (422, status)
            } else {
                let object = json!({
                    "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailOrganization",
                    "metadata": {"name": "acme", "namespace": "mail"}, "spec": {"alias": "acme"},
                });
                let metadata = json!({"resourceVersion": "1"});
                (200, json!({"metadata": metadata, "items": [object]}))
            };
            let body = Body::from(serde_json::to_vec(&answer)?);
            Ok::<_, BoxError>(Response::builder().status(code).body(body)?)
        });
        Client::new(service, "mail")
    }

    #[test]
    fn only_what_is_read_of_the_metadata_is_kept_and_no_more_of_it_than_can_count() {
        let large = "ä".repeat(100_000);
        let mut object = serde_json::from_value(json!({
            "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailOrganization",
            "metadata": {
                "name": "acme", "namespace": "mail", "uid": "u", "resourceVersion": "7", "generation": 3,
                "creationTimestamp": "2026-11-28T12:00:00Z", "finalizers": ["example.com/theirs"],
                "labels": {"team": large}, "managedFields": [{"manager": "kubectl"}],
                "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "o"}],
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": large,
                    "example.com/note": large,
                    RECONCILE_REQUESTED_AT: format!("x{large}"),
                    TAKE_OVER: "other/mail/acme",
                },
            },
            "spec": {"alias": "acme"},
        }))
        .unwrap();
        keep_what_is_read(&mut object);
        let kept = serde_json::to_value(&object.metadata).unwrap();
        let requested = format!("x{}", "ä".repeat(511));
        assert_eq!(
            kept,
            json!({
                "name": "acme", "namespace": "mail", "uid": "u", "resourceVersion": "7", "generation": 3,
                "creationTimestamp": "2026-11-28T12:00:00Z", "finalizers": ["example.com/theirs"],
                "annotations": {RECONCILE_REQUESTED_AT: requested, TAKE_OVER: "other/mail/acme"},
            })
        );
    }

    #[tokio::test]
    async fn an_api_server_that_streams_no_first_list_is_asked_for_pages() {
        let objects = Api::all(without_streaming());
        let events: Vec<_> = watched(objects).take(3).collect().await;
        assert!(
            matches!(
                events.as_slice(),
                [
                    Ok(watcher::Event::Init),
                    Ok(watcher::Event::InitApply(_)),
                    Ok(watcher::Event::InitDone)
                ]
            ),
            "{events:?}"
        );
    }
}
