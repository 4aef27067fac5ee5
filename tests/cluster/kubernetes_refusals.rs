//! What an admission policy of the cluster refuses the operator: the finalizer, the status, an event.

use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    events::v1::Event,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use workmail_local::Config;
use workmail_operator::api::{ConditionStatus, FINALIZER, Reason};

use crate::world::{World, assert_not_ready, quick, ready, status};

/// What the policies say.
const SAID: &str = "nobody may do that in this namespace";

/// An admission policy for the namespace of a test.
struct Policy<'a> {
    world: &'a World,
    name: String,
}

impl<'a> Policy<'a> {
    /// Installs a policy that lets through what the expression says. It is not enforced at once.
    async fn install(
        world: &'a World,
        (group, resource): (&str, &str),
        operation: &str,
        expression: &str,
    ) -> Self {
        let name = format!("{}-{}", world.namespace, resource.replace('/', "-"));
        let policy = json!({
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [group],
                    "apiVersions": ["*"],
                    "operations": [operation],
                    "resources": [resource],
                }]},
                "validations": [{"expression": expression, "message": SAID}],
            },
        });
        let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": world.namespace}});
        let binding = json!({
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": selector},
            },
        });
        let policies: Api<ValidatingAdmissionPolicy> = Api::all(world.client.clone());
        let policy = serde_json::from_value(policy).unwrap();
        policies
            .create(&PostParams::default(), &policy)
            .await
            .unwrap();
        let binding = serde_json::from_value(binding).unwrap();
        Self::bindings(world)
            .create(&PostParams::default(), &binding)
            .await
            .unwrap();
        Self { world, name }
    }

    fn bindings(world: &World) -> Api<ValidatingAdmissionPolicyBinding> {
        Api::all(world.client.clone())
    }

    /// Waits until the API server refuses this, or no longer does.
    async fn until_refused(&self, refused: bool, tried: impl AsyncFn() -> kube::Result<()>) {
        let what = format!("the policy {} refuses: {refused}", self.name);
        let as_wanted = async || (tried().await.is_err() == refused).then_some(());
        self.world.poll(&what, as_wanted).await;
    }

    async fn remove(&self, tried: impl AsyncFn() -> kube::Result<()>) {
        let bindings = Self::bindings(self.world);
        let now = DeleteParams::default();
        bindings.delete(&self.name, &now).await.unwrap();
        self.until_refused(false, tried).await;
    }
}

const ORGANIZATIONS: (&str, &str) = ("workmail-operator.dev", "workmailorganizations");
const STATUS: (&str, &str) = ("workmail-operator.dev", "workmailorganizations/status");
const EVENTS: (&str, &str) = ("events.k8s.io", "events");

async fn world() -> World {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.may_be_refused();
    world.operator.start();
    world
}

/// Tries to set the finalizers of an object; nothing is changed.
async fn try_finalizers(world: &World, name: &str, finalizers: &[&str]) -> kube::Result<()> {
    let dry = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    let objects = world.organizations();
    objects.patch(name, &dry, &patch).await.map(drop)
}

/// Tries to write the status of an object; nothing is changed.
async fn try_status(world: &World, name: &str) -> kube::Result<()> {
    let dry = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({"status": {"state": "Tried"}}));
    let objects = world.organizations();
    objects.patch_status(name, &dry, &patch).await.map(drop)
}

/// Tries to create an event; nothing is changed.
async fn try_event(world: &World) -> kube::Result<()> {
    let event = json!({
        "metadata": {"name": "probe", "namespace": world.namespace},
        "type": "Normal",
        "reason": "Probe",
        "action": "Probe",
        "regarding": {"kind": "Namespace", "name": world.namespace, "namespace": world.namespace},
        "reportingController": "test",
        "reportingInstance": "test",
        "eventTime": "2026-11-27T00:00:00.000000Z",
    });
    let event: Event = serde_json::from_value(event).unwrap();
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let events: Api<Event> = Api::namespaced(world.client.clone(), &world.namespace);
    events.create(&dry, &event).await.map(drop)
}

fn armed() -> Value {
    json!({"deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"}})
}

#[tokio::test]
async fn a_refused_finalizer_is_told_and_the_object_does_not_stay_ready_of_an_old_generation() {
    let world = world().await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;
    let expression =
        format!("!object.metadata.?finalizers.orValue([]).exists(f, f == '{FINALIZER}')");
    let policy = Policy::install(&world, ORGANIZATIONS, "UPDATE", &expression).await;
    let tried = async || try_finalizers(&world, "acme", &[FINALIZER]).await;
    policy.until_refused(true, tried).await;

    world.patch("acme", json!({"spec": armed()})).await;
    let object = world.until_refused("acme", Reason::UnexpectedError).await;
    assert_not_ready(
        &object,
        Reason::UnexpectedError,
        &["Allow the operator to set its finalizer", SAID],
    );
    assert!(object.finalizers().is_empty());
    world
        .assert_warned_once("acme", Reason::UnexpectedError)
        .await;
    assert!(world.calls("DeleteOrganization").is_empty());

    policy.remove(tried).await;
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    assert_eq!(object.finalizers(), [FINALIZER]);
}

#[tokio::test]
async fn a_finalizer_that_may_not_be_removed_is_told_once_aws_has_deleted_the_organization() {
    let world = world().await;
    let mut spec = armed();
    spec["alias"] = json!("acme");
    world.create("acme", spec).await;
    let id = crate::world::id(&world.until_settled("acme").await);
    let expression = format!(
        "!oldObject.metadata.?finalizers.orValue([]).exists(f, f == '{FINALIZER}') || \
         object.metadata.?finalizers.orValue([]).exists(f, f == '{FINALIZER}')"
    );
    let policy = Policy::install(&world, ORGANIZATIONS, "UPDATE", &expression).await;
    let tried = async || try_finalizers(&world, "acme", &[]).await;
    policy.until_refused(true, tried).await;

    world.delete("acme").await;
    let object = world.until_refused("acme", Reason::UnexpectedError).await;
    assert_not_ready(
        &object,
        Reason::UnexpectedError,
        &["Allow the operator to remove its finalizer", SAID],
    );
    assert_eq!(status(&object).state.as_deref(), Some("Deleted"));
    assert_eq!(world.aws.organization(&id).unwrap().state, "Deleted");
    world.until_event("acme", "UnexpectedError").await;
    assert!(!world.events("acme").await.contains(&"Deleted".to_owned()));

    policy.remove(tried).await;
    world.ask_to_look("acme", "now").await;
    world.until_gone("acme").await;
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[tokio::test]
async fn a_refused_status_is_told_by_one_event_and_nothing_is_changed_in_aws_meanwhile() {
    let world = world().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_settled("acme").await;
    let policy = Policy::install(&world, STATUS, "UPDATE", "false").await;
    let tried = async || try_status(&world, "acme").await;
    policy.until_refused(true, tried).await;

    let mark = world.mutating_calls();
    let tags = json!({"spec": {"tags": {"team": "a"}}});
    world.patch("acme", tags).await;
    let event = world.until_event("acme", "UnexpectedError").await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    let note = event.note.unwrap();
    assert!(
        note.starts_with("Allow the operator to write the status of this resource"),
        "{note}"
    );
    assert!(note.contains(SAID), "{note}");

    let refused = "a reconcile failed and will be retried";
    for asked in ["one", "two"] {
        let before = world.operator.logged(refused).len();
        world.ask_to_look("acme", asked).await;
        let again = async || (world.operator.logged(refused).len() > before).then_some(());
        world.poll("it is refused again", again).await;
    }
    world
        .assert_warned_once("acme", Reason::UnexpectedError)
        .await;
    assert_eq!(world.mutating_calls(), mark, "no intent, no call");
    assert_eq!(world.get("acme").await.status, before.status);

    policy.remove(tried).await;
    world.look_now("acme").await;
    world.until_settled("acme").await;
}

#[tokio::test]
async fn refused_events_are_told_in_the_ready_condition_and_sent_once_they_are_allowed() {
    let world = world().await;
    let policy = Policy::install(&world, EVENTS, "CREATE", "false").await;
    let tried = async || try_event(&world).await;
    policy.until_refused(true, tried).await;

    world.create("acme", json!({"alias": "acme"})).await;
    let object = world
        .until("acme", "Ready, and what is refused is told", |object| {
            ready(object).is_some_and(|ready| {
                ready.status == ConditionStatus::True
                    && ready
                        .message
                        .contains("Allow the operator to create events")
            })
        })
        .await;
    let told = ready(&object).unwrap();
    assert_eq!(told.reason, Reason::Active.as_str());
    assert!(told.message.contains(SAID), "{told:?}");
    assert_eq!(told.message.matches("create events").count(), 1, "{told:?}");
    assert!(world.events("acme").await.is_empty());
    let object = world.look_now("acme").await;
    assert_eq!(ready(&object).unwrap(), told, "it says so as before");

    policy.remove(tried).await;
    let object = world.look_now("acme").await;
    let told = ready(&object).unwrap();
    assert!(!told.message.contains("events"), "{told:?}");
    world.until_event("acme", "Active").await;
    assert!(world.warnings("acme").await.is_empty());
}
