//! The controllers of the export kinds. They begin once both definitions are there and have every field
//! that this operator knows.
//!
//! `mailbox` and `organization` take one step after another as the logic decides; `pool` has what the
//! exports of one organization share; `store` writes to Kubernetes; `watching` feeds the controllers.

mod exports;
mod mailbox;
mod organization;
mod pool;
mod store;
mod watching;

use std::{sync::Arc, time::Duration};

use futures::future::{join_all, pending};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, ResourceExt, runtime::reflector::Store};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

pub(super) use self::{exports::Exports, mailbox::place};
use super::{Context, kubernetes::bounded, run::stopped};
use crate::{
    api::{WorkMailOrganization, mailbox_export_crd, missing_fields, organization_export_crd},
    logic::schedule::{DEFINITION_MISSING, DEFINITION_UNREAD},
};

/// Startup waits at most this long for namespaces that cannot be read.
const START_WAIT: Duration = Duration::from_secs(15);

/// Runs the controllers until `stopping` turns true. `organizations` are the caches of the organizations'
/// resources.
pub(super) async fn run(
    context: Arc<Context>,
    organizations: Vec<Store<WorkMailOrganization>>,
    stopping: watch::Receiver<bool>,
) {
    tokio::select! {
        () = definitions(&context) => {}
        () = stopped(stopping.clone()) => return,
    }
    let named = &context.settings.namespaces;
    let namespaces: Vec<_> = if named.is_empty() {
        vec![None]
    } else {
        named.iter().cloned().map(Some).collect()
    };
    let (exports, feeds) = Exports::new(context.clone(), organizations, &namespaces);
    let exports = Arc::new(exports);
    context.see_exports(&exports);
    let controllers: Vec<_> = feeds
        .into_iter()
        .flat_map(|feed| feed.controllers(&exports, &stopping))
        .collect();
    let begin = async {
        // What holds a slot is known before any is given.
        let listed = join_all(exports.mailboxes.iter().map(Store::wait_until_ready));
        if timeout(START_WAIT, listed).await.is_err() {
            tracing::warn!(
                "some WorkMailMailboxExports cannot be read; work begins on those that can"
            );
        }
        exports.begin();
        pending::<()>().await;
    };
    let unlisted = async {
        stopped(stopping.clone()).await;
        // A controller ends only after its first list, and has begun nothing before.
        if exports.are_listed() {
            pending::<()>().await;
        }
    };
    tokio::select! {
        _ = join_all(controllers) => {}
        () = begin => {}
        () = unlisted => {}
    }
}

/// Waits until both definitions are there and lack nothing.
async fn definitions(context: &Context) {
    let definitions: Api<CustomResourceDefinition> = Api::all(context.client.clone());
    let mut is_told = false;
    for own in [mailbox_export_crd(), organization_export_crd()] {
        let name = own.name_any();
        loop {
            let read = bounded(
                "read the CustomResourceDefinitions of exports",
                definitions.get_opt(&name),
            );
            let wait = match read.await {
                Ok(Some(served)) => {
                    let missing = missing_fields(&served);
                    if missing.is_empty() {
                        break;
                    }
                    let missing: Vec<_> = missing.iter().map(String::as_str).collect();
                    tracing::error!(
                        definition = name,
                        missing = missing.join(", "),
                        "the CustomResourceDefinition is older than this operator: apply the operator's \
                         CRDs. Until then nothing is exported"
                    );
                    DEFINITION_MISSING
                }
                Ok(None) => {
                    if !is_told {
                        is_told = true;
                        tracing::warn!(
                            definition = name,
                            "the CustomResourceDefinition is not there: apply the operator's CRDs to export \
                             mailboxes; it is looked for again every minute"
                        );
                    }
                    DEFINITION_MISSING
                }
                Err(error) => {
                    tracing::warn!(%error, "a CustomResourceDefinition of exports cannot be read; it is tried again");
                    DEFINITION_UNREAD
                }
            };
            sleep(wait).await;
        }
    }
}
