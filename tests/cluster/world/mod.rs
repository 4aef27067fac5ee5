//! What a test stands on: a namespace, an endpoint, an operator, and ways to wait for what is true.

mod checks;
mod control_plane;
mod desk;
mod dns;
mod domains;
mod expect;
mod history;
mod link;
mod node;
mod operator;
mod right;
mod rights;

use std::{fmt::Debug, sync::Arc, time::Duration};

use k8s_openapi::{
    api::{core::v1::Namespace, events::v1::Event},
    jiff::Timestamp,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::wait::await_condition,
};
use serde_json::{Value, json};
use tokio::time::timeout;
use workmail_local::{Call, CallFilter, Config, Delay, Knobs, Server};
use workmail_operator::api::{
    Condition, ConditionStatus, ConditionType, RECONCILE_REQUESTED_AT, Reason,
    WorkMailOrganization, WorkMailOrganizationStatus,
};

pub use control_plane::{control_plane, install_crd};
pub use desk::Desk;
pub use dns::{entries, install_dns_endpoints, with_dns_endpoints};
pub use domains::{domain, domains, managed};
pub use expect::{assert_not_ready, assert_told_once, page};
pub use link::Link;
pub use node::run_deployments;
pub use operator::Operator;
pub use right::Right;
pub use rights::Rights;

/// How long a test waits for something that should become true. Generous: machines are slow and busy.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How often something is looked at that cannot be waited for otherwise.
const POLL: Duration = Duration::from_millis(20);

/// A namespace, a WorkMail endpoint, and an operator that knows of nothing else.
pub struct World {
    /// The administrator of the control plane.
    pub client: Client,
    /// The namespace of this test.
    pub namespace: String,
    /// The WorkMail endpoint, which other worlds may share.
    pub aws: Arc<Server>,
    /// The operator.
    pub operator: Operator,
}

/// An endpoint whose organizations become Active (and Deleted) at once after a short while.
pub fn quick() -> Knobs {
    let soon = |millis| Delay::from(Duration::from_millis(millis));
    Knobs {
        requested_for: soon(300),
        creating_for: soon(700),
        deleting_for: soon(700),
        ..Knobs::default()
    }
}

impl World {
    /// A world with a running operator and a quick endpoint.
    pub async fn new() -> Self {
        Self::with(Config::with_knobs(quick())).await
    }

    /// A world with a running operator.
    pub async fn with(config: Config) -> Self {
        let mut world = Self::without_operator(config).await;
        world.operator.start();
        world
    }

    /// A world whose operator is not started yet.
    pub async fn without_operator(config: Config) -> Self {
        Self::on(control_plane().await, config).await
    }

    /// Another world on the same control plane and the same endpoint, whose operator is not started
    /// yet.
    pub async fn beside(&self) -> Self {
        Self::sharing(control_plane().await, self.aws.clone()).await
    }

    /// The objects of the namespace.
    pub fn organizations(&self) -> Api<WorkMailOrganization> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates an object, as `kubectl create` would.
    pub async fn create(&self, name: &str, spec: Value) -> WorkMailOrganization {
        self.try_create(name, spec).await.unwrap()
    }

    /// Creates an object, or gives what the API server says against it.
    pub async fn try_create(
        &self,
        name: &str,
        spec: Value,
    ) -> Result<WorkMailOrganization, String> {
        let object = serde_json::from_value(json!({
            "apiVersion": "workmail-operator.dev/v1alpha1",
            "kind": "WorkMailOrganization",
            "metadata": {"name": name},
            "spec": spec,
        }))
        .map_err(|error| error.to_string())?;
        self.organizations()
            .create(&PostParams::default(), &object)
            .await
            .map_err(|error| error.to_string())
    }

    /// Changes an object by a merge patch.
    pub async fn patch(&self, name: &str, patch: Value) -> WorkMailOrganization {
        self.try_patch(name, patch).await.unwrap()
    }

    /// Changes an object by a merge patch, or gives what the API server says against it.
    pub async fn try_patch(
        &self,
        name: &str,
        patch: Value,
    ) -> Result<WorkMailOrganization, String> {
        self.organizations()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map_err(|error| error.to_string())
    }

    /// Changes an object's status by a merge patch, as somebody with too many rights would.
    pub async fn patch_status(&self, name: &str, status: Value) -> WorkMailOrganization {
        self.organizations()
            .patch_status(
                name,
                &PatchParams::default(),
                &Patch::Merge(json!({"status": status})),
            )
            .await
            .unwrap()
    }

    /// Asks for the deletion of an object.
    pub async fn delete(&self, name: &str) {
        self.organizations()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// The object as it is now.
    pub async fn get(&self, name: &str) -> WorkMailOrganization {
        self.organizations().get(name).await.unwrap()
    }

    /// Waits until the object is as `condition` says; else ends the test with all there is to see.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        condition: impl Fn(&WorkMailOrganization) -> bool,
    ) -> WorkMailOrganization {
        let wanted = |object: Option<&WorkMailOrganization>| object.is_some_and(&condition);
        match timeout(
            PATIENCE,
            await_condition(self.organizations(), name, wanted),
        )
        .await
        {
            Ok(Ok(Some(object))) => object,
            Ok(other) => self.give_up(name, what, &other).await,
            Err(late) => self.give_up(name, what, &late).await,
        }
    }

    /// Waits until Ready has this status and reason.
    pub async fn until_ready_is(
        &self,
        name: &str,
        status: ConditionStatus,
        reason: Reason,
    ) -> WorkMailOrganization {
        self.until(name, &format!("Ready {status:?} {reason}"), |object| {
            ready(object)
                .is_some_and(|ready| ready.status == status && ready.reason == reason.as_str())
        })
        .await
    }

    /// Waits until the object is Ready.
    pub async fn until_active(&self, name: &str) -> WorkMailOrganization {
        self.until_ready_is(name, ConditionStatus::True, Reason::Active)
            .await
    }

    /// Waits until Ready is False with this reason.
    pub async fn until_refused(&self, name: &str, reason: Reason) -> WorkMailOrganization {
        self.until_ready_is(name, ConditionStatus::False, reason)
            .await
    }

    /// Waits until the object is gone.
    pub async fn until_gone(&self, name: &str) {
        let gone = |object: Option<&WorkMailOrganization>| object.is_none();
        match timeout(PATIENCE, await_condition(self.organizations(), name, gone)).await {
            Ok(Ok(_)) => {}
            other => self.give_up(name, "gone", &other.is_err()).await,
        }
    }

    /// Waits for an event about the object.
    pub async fn until_event(&self, name: &str, reason: &str) -> Event {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let found = timeout(PATIENCE, async {
            loop {
                let found = events
                    .list(&ListParams::default())
                    .await
                    .unwrap()
                    .into_iter()
                    .find(|event| is_about(event, name) && event.reason.as_deref() == Some(reason));
                if let Some(event) = found {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        match found {
            Ok(event) => event,
            Err(late) => self.give_up(name, &format!("event {reason}"), &late).await,
        }
    }

    /// The reasons of all events about the object so far, in order.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut events = events.list(&ListParams::default()).await.unwrap().items;
        events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        events
            .into_iter()
            .filter(|event| is_about(event, name))
            .filter_map(|event| event.reason)
            .collect()
    }

    /// Waits until the endpoint has got this many calls of an operation.
    pub async fn until_called(&self, operation: &str, count: usize) -> Vec<Call> {
        self.until_calls(&CallFilter::on(operation), count).await
    }

    /// Waits until the endpoint has got this many such calls.
    pub async fn until_calls(&self, filter: &CallFilter, count: usize) -> Vec<Call> {
        match self
            .aws
            .endpoint()
            .wait_for_calls(filter, count, PATIENCE)
            .await
        {
            Ok(calls) => calls,
            Err(late) => panic!("{late}\noperator:\n{}", self.operator.log_tail()),
        }
    }

    /// Every call of an operation so far.
    pub fn calls(&self, operation: &str) -> Vec<Call> {
        self.aws.endpoint().calls(&CallFilter::on(operation))
    }

    /// Every call so far that may change something in AWS, by operation.
    pub fn mutating_calls(&self) -> Vec<String> {
        self.aws
            .endpoint()
            .journal()
            .into_iter()
            .map(|call| call.operation)
            .filter(|operation| {
                [
                    "Create",
                    "Delete",
                    "Tag",
                    "Untag",
                    "Register",
                    "Deregister",
                    "Update",
                ]
                .iter()
                .any(|verb| operation.starts_with(verb))
            })
            .collect()
    }

    /// Asks for a whole look now, and waits until it is done.
    pub async fn look_now(&self, name: &str) -> WorkMailOrganization {
        let asked = Timestamp::now().to_string();
        self.ask_to_look(name, &asked).await;
        self.until(name, "the requested look is done", |object| {
            status(object).last_handled_reconcile_at.as_deref() == Some(&asked)
        })
        .await
    }

    /// Asks for a whole look, with this value of the annotation.
    pub async fn ask_to_look(&self, name: &str, asked: &str) {
        let asked = json!({RECONCILE_REQUESTED_AT: asked});
        self.patch(name, json!({"metadata": {"annotations": asked}}))
            .await;
    }

    async fn give_up(&self, name: &str, what: &str, why: &impl Debug) -> ! {
        let object = self.organizations().get_opt(name).await;
        let object = match &object {
            Ok(Some(object)) => serde_json::to_string_pretty(object).unwrap(),
            other => format!("{other:?}"),
        };
        panic!(
            "{name} did not come to be: {what} ({why:?})\nobject: {object}\nevents: {:?}\ncalls: {:#?}\noperator:\n{}",
            self.events(name).await,
            self.aws
                .endpoint()
                .journal()
                .iter()
                .map(|call| format!("{} {:?} {}", call.operation, call.outcome, call.effect))
                .collect::<Vec<_>>(),
            self.operator.log_tail()
        )
    }
}

/// A new namespace.
pub async fn create_namespace(client: &Client) -> String {
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"generateName": "test-"}})).unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap()
        .name_any()
}

fn is_about(event: &Event, name: &str) -> bool {
    event
        .regarding
        .as_ref()
        .is_some_and(|object| object.name.as_deref() == Some(name))
}

/// The object's status; an empty one if it has none.
pub fn status(object: &WorkMailOrganization) -> WorkMailOrganizationStatus {
    object.status.clone().unwrap_or_default()
}

/// The object's condition of that type.
pub fn condition(object: &WorkMailOrganization, kind: ConditionType) -> Option<Condition> {
    status(object).condition(kind).cloned()
}

/// The object's Ready condition.
pub fn ready(object: &WorkMailOrganization) -> Option<Condition> {
    condition(object, ConditionType::Ready)
}

/// The object's organization id.
pub fn id(object: &WorkMailOrganization) -> String {
    status(object).organization_id.expect("an organization id")
}
