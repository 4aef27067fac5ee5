//! Every version of every object of a namespace, as a watch shows them.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use kube::{
    Api, ResourceExt,
    runtime::watcher::{self, watcher},
};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use workmail_operator::api::WorkMailOrganization;

use super::{PATIENCE, World};

/// A watch that keeps what it sees, from its start on.
pub struct History {
    seen: Arc<Mutex<Vec<WorkMailOrganization>>>,
    changed: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl World {
    /// Begins a history of the namespace.
    pub async fn history(&self) -> History {
        let seen: Arc<Mutex<Vec<WorkMailOrganization>>> = Arc::default();
        let (tell, changed) = watch::channel(0);
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let (all, objects): (_, Api<WorkMailOrganization>) = (seen.clone(), self.organizations());
        let task = tokio::spawn(async move {
            let mut ready = Some(ready);
            let mut events = Box::pin(watcher(objects, watcher::Config::default()));
            while let Some(event) = events.next().await {
                match event {
                    Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
                        all.lock().unwrap().push(object);
                        tell.send_modify(|count| *count += 1);
                    }
                    Ok(watcher::Event::InitDone) => {
                        if let Some(ready) = ready.take() {
                            ready.send(()).unwrap();
                        }
                    }
                    Ok(watcher::Event::Init | watcher::Event::Delete(_)) | Err(_) => {}
                }
            }
        });
        timeout(PATIENCE, is_ready).await.unwrap().unwrap();
        History {
            seen,
            changed,
            task,
        }
    }
}

impl History {
    /// Waits for a version that is as `wanted` says, and gives it.
    pub async fn until(
        &mut self,
        what: &str,
        wanted: impl Fn(&WorkMailOrganization) -> bool,
    ) -> WorkMailOrganization {
        let seen = self.seen.clone();
        let find = || seen.lock().unwrap().iter().find(|one| wanted(one)).cloned();
        timeout(PATIENCE, async {
            loop {
                if let Some(object) = find() {
                    return object;
                }
                self.changed.changed().await.unwrap();
            }
        })
        .await
        .unwrap_or_else(|_| panic!("no version seen: {what}"))
    }

    /// Every version of an object up to this one, which is waited for.
    pub async fn up_to(&mut self, last: &WorkMailOrganization) -> Vec<WorkMailOrganization> {
        let version = last.resource_version();
        self.until("the last", |one| one.resource_version() == version)
            .await;
        let mut versions = self.seen.lock().unwrap().clone();
        versions.retain(|one| one.uid() == last.uid());
        let end = versions
            .iter()
            .position(|one| one.resource_version() == version)
            .unwrap();
        versions.truncate(end + 1);
        versions
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.task.abort();
    }
}
