//! The floor of the benchmark: the least that a controller on kube can do for an organization.
//!
//! It watches `WorkMailOrganizations`, makes one `CreateOrganization` for each that has no id, and
//! writes the status once. It is safe against nothing: no finalizer, no intent, no look. What the
//! operator costs beyond it is the price of its promises.
//!
//! `workmail-floor [COUNT]` prints `ready` once the objects are listed, and `reconciled` once it has
//! looked at COUNT of them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its whole log")]

use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_config::{BehaviorVersion, retry::RetryConfig};
use aws_sdk_workmail::operation::create_organization::CreateOrganizationError;
use futures::StreamExt;
use kube::{
    Api, Client, Config, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{
        Controller, PredicateConfig, WatchStreamExt,
        controller::{self, Action},
        predicates, reflector, watcher,
    },
};
use serde_json::json;
use workmail_operator::{api::WorkMailOrganization, lease::LeaseTerm, runtime::client};

/// More at once made it no faster, fewer made it slower.
const CONCURRENCY: u16 = 64;

struct Context {
    kubernetes: Client,
    aws: aws_sdk_workmail::Client,
    /// How many reconciles are left until COUNT is reached.
    left: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("CreateOrganization: {0:?}")]
    Aws(#[from] Box<aws_sdk_workmail::error::SdkError<CreateOrganizationError>>),
    #[error(transparent)]
    Kubernetes(#[from] kube::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let count = env::args().nth(1).map_or(Ok(0), |count| count.parse())?;
    let mut config = Config::infer().await?;
    config.default_retry = false;
    let kubernetes = client(&config, LeaseTerm::unlimited())?;
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .load()
        .await;
    let context = Arc::new(Context {
        kubernetes: kubernetes.clone(),
        aws: aws_sdk_workmail::Client::new(&aws),
        left: AtomicU64::new(count),
    });

    let (reader, writer) = reflector::store();
    let objects = watcher(Api::all(kubernetes), watcher::Config::default())
        .default_backoff()
        .modify(|object: &mut WorkMailOrganization| object.managed_fields_mut().clear())
        .inspect(|event| {
            if let Ok(watcher::Event::InitDone) = event {
                println!("ready");
            }
        })
        .reflect(writer)
        .applied_objects()
        .predicate_filter(predicates::generation, PredicateConfig::default());
    Controller::for_stream(objects, reader)
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .shutdown_on_signal()
        .run(reconcile, after_error, context)
        .for_each(|result| async {
            if let Err(error) = result {
                eprintln!("{error}");
            }
        })
        .await;
    Ok(())
}

async fn reconcile(
    object: Arc<WorkMailOrganization>,
    context: Arc<Context>,
) -> Result<Action, Failed> {
    let status = object.status.as_ref();
    if status.is_none_or(|status| status.organization_id.is_none()) {
        let created = context
            .aws
            .create_organization()
            .alias(&object.spec.alias)
            .client_token(object.uid().unwrap_or_default())
            .send()
            .await
            .map_err(Box::new)?;
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<WorkMailOrganization> =
            Api::namespaced(context.kubernetes.clone(), &namespace);
        let status = json!({"organizationId": created.organization_id, "state": "Active"});
        api.patch_status(
            &object.name_any(),
            &PatchParams::default(),
            &Patch::Merge(json!({"status": status})),
        )
        .await?;
    }
    if context.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        println!("reconciled");
    }
    Ok(Action::await_change())
}

fn after_error(_: Arc<WorkMailOrganization>, _: &Failed, _: Arc<Context>) -> Action {
    Action::requeue(Duration::from_secs(1))
}
