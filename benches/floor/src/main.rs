//! The floor of the benchmark: the least that a controller on kube can do for an organization.
//!
//! It watches `WorkMailOrganizations`, makes one `CreateOrganization` for each that has no id, and
//! writes the status once. It is safe against nothing: no finalizer, no intent, no look. What the
//! operator costs beyond it is the price of its promises.
//!
//! With `--same-writes` it writes what the operator writes, as large and by the same verbs: the intent,
//! the id, Active, and one event. The difference to that is the operator's own share.
//!
//! `workmail-floor [--same-writes] [COUNT]` prints `ready` once the objects are listed, and `reconciled`
//! once it has looked at COUNT of them.
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
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
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
const SAME_WRITES: &str = "--same-writes";

struct Context {
    kubernetes: Client,
    aws: aws_sdk_workmail::Client,
    /// Whether it writes what the operator writes.
    same_writes: bool,
    /// How many reconciles are left until COUNT is reached.
    left: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("CreateOrganization: {0:?}")]
    Aws(#[from] Box<aws_sdk_workmail::error::SdkError<CreateOrganizationError>>),
    #[error(transparent)]
    Kubernetes(#[from] kube::Error),
    #[error(transparent)]
    Status(#[from] serde_json::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (flags, counts): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|one| one == SAME_WRITES);
    let count = counts.first().map_or(Ok(0), |count| count.parse())?;
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
        same_writes: !flags.is_empty(),
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
        if context.same_writes {
            as_the_operator(&object, &context).await?;
        } else {
            at_least(&object, &context).await?;
        }
    }
    if context.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        println!("reconciled");
    }
    Ok(Action::await_change())
}

/// The call, and one write.
async fn at_least(object: &WorkMailOrganization, context: &Context) -> Result<(), Failed> {
    let id = create(object, context).await?;
    let status = json!({"organizationId": id, "state": "Active"});
    let patch = Patch::Merge(json!({"status": status}));
    api(object, context)
        .patch_status(&object.name_any(), &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

/// The call, and the writes of the operator.
async fn as_the_operator(object: &WorkMailOrganization, context: &Context) -> Result<(), Failed> {
    let pending = json!({
        "operation": "CreateOrganization", "target": object.spec.alias, "since": Timestamp::now(),
    });
    let intent = json!({"observedGeneration": -1, "pending": pending});
    let object = replace(object, context, intent).await?;
    let id = create(&object, context).await?;
    let object = replace(&object, context, status(&object, id.as_deref(), false)).await?;
    let object = replace(&object, context, status(&object, id.as_deref(), true)).await?;
    tell(&object, context).await
}

async fn create(
    object: &WorkMailOrganization,
    context: &Context,
) -> Result<Option<String>, Failed> {
    let created = context
        .aws
        .create_organization()
        .alias(&object.spec.alias)
        .client_token(object.uid().unwrap_or_default())
        .send()
        .await
        .map_err(Box::new)?;
    Ok(created.organization_id)
}

fn api(object: &WorkMailOrganization, context: &Context) -> Api<WorkMailOrganization> {
    let namespace = object.namespace().unwrap_or_default();
    Api::namespaced(context.kubernetes.clone(), &namespace)
}

async fn replace(
    object: &WorkMailOrganization,
    context: &Context,
    status: serde_json::Value,
) -> Result<WorkMailOrganization, Failed> {
    let mut whole = WorkMailOrganization {
        status: serde_json::from_value(status)?,
        ..object.clone()
    };
    whole.metadata.managed_fields = None;
    let params = PostParams {
        field_manager: Some("workmail-floor".to_owned()),
        ..PostParams::default()
    };
    let api = api(object, context);
    Ok(api
        .replace_status(&object.name_any(), &params, &whole)
        .await?)
}

/// A status of the operator's size.
fn status(object: &WorkMailOrganization, id: Option<&str>, active: bool) -> serde_json::Value {
    let (state, reason) = if active {
        ("Active", "Active")
    } else {
        ("Requested", "Creating")
    };
    let condition = |kind: &str, status: bool, message: &str| {
        json!({
            "type": kind, "status": if status { "True" } else { "False" }, "reason": reason,
            "message": message, "observedGeneration": object.metadata.generation,
            "lastTransitionTime": Timestamp::now(),
        })
    };
    let id = id.unwrap_or_default();
    json!({
        "observedGeneration": object.metadata.generation, "organizationId": id, "state": state,
        "accountId": "000000000000", "region": "us-east-1", "createdAt": Timestamp::now(),
        "conditions": [
            condition("Ready", active, &format!("Organization {id} is {state}, and is as the spec says.")),
            condition("Reconciling", !active, "AWS makes the organization."),
            condition("Synced", active, "It is as the spec says."),
            condition("EndOfService", false, "Amazon WorkMail ends on 2027-03-31: move the mail in time."),
        ],
    })
}

/// One event, as the operator sends it.
async fn tell(object: &WorkMailOrganization, context: &Context) -> Result<(), Failed> {
    let now = Timestamp::now();
    let namespace = object.namespace().unwrap_or_default();
    let event = Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", object.name_any(), now.as_nanosecond())),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        type_: Some("Normal".to_owned()),
        reason: Some("Active".to_owned()),
        note: Some("The organization is active.".to_owned()),
        action: Some("Reconcile".to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(WorkMailOrganization::api_version(&()).into_owned()),
            kind: Some(WorkMailOrganization::kind(&()).into_owned()),
            namespace: Some(namespace.clone()),
            name: object.metadata.name.clone(),
            uid: object.uid(),
            ..ObjectReference::default()
        }),
        reporting_controller: Some("workmail-floor".to_owned()),
        reporting_instance: Some("floor".to_owned()),
        event_time: Some(MicroTime(now)),
        ..Event::default()
    };
    let events: Api<Event> = Api::namespaced(context.kubernetes.clone(), &namespace);
    events.create(&PostParams::default(), &event).await?;
    Ok(())
}

fn after_error(_: Arc<WorkMailOrganization>, _: &Failed, _: Arc<Context>) -> Action {
    Action::requeue(Duration::from_secs(1))
}
