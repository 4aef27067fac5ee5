//! The load: objects that are applied and deleted, and one watch that sees what becomes of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use kube::{
    Api, Client, Resource,
    api::{ListParams, PostParams, WatchEvent, WatchParams},
    core::Request,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use workmail_local::Timestamp;
use workmail_operator::api::WorkMailOrganization;

/// Where all objects are.
pub const NAMESPACE: &str = "default";
/// So many objects are applied at a time.
const APPLIES_AT_ONCE: usize = 32;

/// Names of so many objects, which are their aliases too.
pub fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n:05}")).collect()
}

/// Applies an object, and gives when that began.
pub async fn apply(client: &Client, name: &str) -> Timestamp {
    apply_spec(client, name, json!({"alias": name})).await
}

/// Applies an object with this spec, and gives when that began.
async fn apply_spec(client: &Client, name: &str, spec: Value) -> Timestamp {
    let api: Api<WorkMailOrganization> = Api::namespaced(client.clone(), NAMESPACE);
    let object = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": spec,
    }))
    .unwrap();
    let begun = Timestamp::now();
    api.create(&PostParams::default(), &object).await.unwrap();
    begun
}

/// Applies objects as fast as the API server takes them; gives when each was begun.
pub async fn apply_all(client: &Client, names: &[String]) -> HashMap<String, Timestamp> {
    let of_name = |name: &String| (name.clone(), json!({"alias": name}));
    apply_specs(client, names.iter().map(of_name).collect()).await
}

/// The same for objects of these names and specs.
pub async fn apply_specs(
    client: &Client,
    objects: Vec<(String, Value)>,
) -> HashMap<String, Timestamp> {
    let applied = |(name, spec): (String, Value)| async move {
        let begun = apply_spec(client, &name, spec).await;
        (name, begun)
    };
    stream::iter(objects)
        .map(applied)
        .buffer_unordered(APPLIES_AT_ONCE)
        .collect()
        .await
}

/// When something was first seen of each object, by name.
#[derive(Debug, Default)]
pub struct Seen {
    /// Its id in the status.
    pub id: HashMap<String, Timestamp>,
    /// Ready.
    pub active: HashMap<String, Timestamp>,
    /// Gone.
    pub gone: usize,
}

/// How many objects have come how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reached {
    id: usize,
    active: usize,
    gone: usize,
}

/// How far an object has to come.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// Its id is in the status.
    Id,
    /// It is Ready.
    Active,
    /// It is deleted.
    Gone,
}

/// A watch of every object from now on. Ends with its value.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    reached: watch::Receiver<Reached>,
    task: JoinHandle<()>,
}

impl Watch {
    pub async fn begin(client: &Client) -> Self {
        let api: Api<WorkMailOrganization> = Api::namespaced(client.clone(), NAMESPACE);
        let list = api
            .list_metadata(&ListParams::default().limit(1))
            .await
            .unwrap();
        let from = list.metadata.resource_version.unwrap();
        let seen = Arc::new(Mutex::default());
        let (tell, reached) = watch::channel(Reached::default());
        let task = tokio::spawn(follow(client.clone(), from, Arc::clone(&seen), tell));
        Self {
            seen,
            reached,
            task,
        }
    }

    /// Waits until so many objects have come so far; `false` if that takes longer than `patience`.
    pub async fn reaches(&self, goal: Goal, count: usize, patience: Duration) -> bool {
        let mut reached = self.reached.clone();
        let far = reached.wait_for(|reached| match goal {
            Goal::Id => reached.id >= count,
            Goal::Active => reached.active >= count,
            Goal::Gone => reached.gone >= count,
        });
        let done = timeout(patience, far).await;
        done.is_ok_and(|watching| watching.is_ok())
    }

    /// The same, where there is nothing to measure if it does not come.
    pub async fn until(&self, goal: Goal, count: usize, patience: Duration) {
        let reached = self.reaches(goal, count, patience).await;
        let so_far = *self.reached.borrow();
        assert!(reached, "{goal:?} of {count} in {patience:?}: {so_far:?}");
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The part of an object that is looked at: to read all of it would take CPU time from those who
/// are measured.
#[derive(Clone, Deserialize)]
struct Part {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    resource_version: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    organization_id: Option<String>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

async fn follow(
    client: Client,
    mut from: String,
    seen: Arc<Mutex<Seen>>,
    tell: watch::Sender<Reached>,
) {
    let request = Request::new(WorkMailOrganization::url_path(&(), Some(NAMESPACE)));
    loop {
        let watch = request.watch(&WatchParams::default(), &from).unwrap();
        let events = client.request_events::<Part>(watch).await.unwrap();
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            match event.unwrap() {
                WatchEvent::Added(part) | WatchEvent::Modified(part) => {
                    from.clone_from(&part.metadata.resource_version);
                    note(&mut seen, part);
                }
                WatchEvent::Deleted(part) => {
                    from = part.metadata.resource_version;
                    seen.gone += 1;
                }
                WatchEvent::Bookmark(mark) => from = mark.metadata.resource_version,
                WatchEvent::Error(error) => panic!("the watch of the load: {error:?}"),
            }
            let reached = Reached {
                id: seen.id.len(),
                active: seen.active.len(),
                gone: seen.gone,
            };
            tell.send_if_modified(|before| std::mem::replace(before, reached) != reached);
        }
    }
}

fn note(seen: &mut Seen, part: Part) {
    let now = Timestamp::now();
    let Part { metadata, status } = part;
    let ready = status
        .conditions
        .iter()
        .any(|condition| condition.r#type == "Ready" && condition.status == "True");
    if ready {
        seen.active.entry(metadata.name.clone()).or_insert(now);
    }
    if status.organization_id.is_some() {
        seen.id.entry(metadata.name).or_insert(now);
    }
}
