//! All objects of a kind, kept up to date by a watch.
//!
//! A watch that fails shows nothing: neither that a rule was taken back, nor that nothing has changed. The
//! objects are then listed, and if that fails, too, they are not known any more.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use futures::{Stream, StreamExt};
use kube::{ResourceExt, runtime::watcher};
use tokio::time::{Instant, sleep_until, timeout};

/// After a failure of the watch the objects are listed this much later, and again as often until the
/// list can be had.
const CHECK: Duration = Duration::from_secs(2);
/// A list is waited for as long.
const DEADLINE: Duration = Duration::from_secs(10);

/// Tells of all objects by their names whenever one has changed, and of `None` once they are not known.
/// Never returns.
pub(super) async fn follow<K, L>(
    what: &'static str,
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>>,
    live: impl Fn() -> L,
    mut tell: impl AsyncFnMut(Option<&BTreeMap<String, K>>),
) where
    K: ResourceExt,
    L: Future<Output = kube::Result<Vec<K>>>,
{
    let mut events = pin!(events);
    let mut all: BTreeMap<String, K> = BTreeMap::new();
    let mut first_list = Some(BTreeMap::new());
    let mut check: Option<Instant> = None;
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = until(check) => {
                if let Ok(Ok(listed)) = timeout(DEADLINE, live()).await {
                    all = listed.into_iter().map(named).collect();
                    check = None;
                    tell(Some(&all)).await;
                } else {
                    check = Some(Instant::now() + CHECK);
                    tell(None).await;
                }
                continue;
            }
        };
        match event {
            Some(Ok(watcher::Event::Init)) => first_list = Some(BTreeMap::new()),
            Some(Ok(watcher::Event::InitApply(object))) => {
                let (name, object) = named(object);
                first_list.get_or_insert_default().insert(name, object);
            }
            Some(Ok(watcher::Event::InitDone)) => {
                all = first_list.take().unwrap_or_default();
                check = None;
                tell(Some(&all)).await;
            }
            Some(Ok(watcher::Event::Apply(object))) => {
                let (name, object) = named(object);
                all.insert(name, object);
                tell(Some(&all)).await;
            }
            Some(Ok(watcher::Event::Delete(object))) => {
                all.remove(&object.name_any());
                tell(Some(&all)).await;
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the watch of {what} failed; they are listed");
                check.get_or_insert_with(|| Instant::now() + CHECK);
            }
            // A watcher never ends.
            None => return,
        }
    }
}

fn named<K: ResourceExt>(object: K) -> (String, K) {
    (object.name_any(), object)
}

async fn until(check: Option<Instant>) {
    match check {
        Some(check) => sleep_until(check).await,
        None => std::future::pending().await,
    }
}
