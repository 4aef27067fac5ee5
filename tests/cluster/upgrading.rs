//! What Helm does to the definition of the kind, and what that does to the resources.

use std::fs;

use devcluster::{Cluster, Options, Program};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, CustomResourceExt, ResourceExt,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;
use workmail_local::Config;
use workmail_operator::api::{FINALIZER, WorkMailOrganization};

use crate::world::{Desk, PATIENCE, World, id, quick};

/// Takes away the finalizer, as the page on upgrades has it.
const LET_GO: &str = r#"kubectl -n "$NAMESPACE" patch wmo doomed --type json -p '[
  {"op": "test", "path": "/metadata/finalizers/0", "value": "workmail-operator.dev/organization"},
  {"op": "remove", "path": "/metadata/finalizers/0"}]'"#;

/// A control plane, and Helm with the chart.
struct Site {
    cluster: Cluster,
    desk: Desk,
}

impl Site {
    async fn new() -> Self {
        let cluster = Cluster::start(Options::default()).await.unwrap();
        let kubeconfig = fs::read_to_string(cluster.kubeconfig()).unwrap();
        let desk = Desk::new(&[Program::Kubectl, Program::Helm], &kubeconfig);
        Self { cluster, desk }
    }

    /// Runs a command of Helm on the release `workmail-operator`, and waits until the kind is served.
    async fn release(&self, command: &str) {
        self.desk.run(&helm(command)).await;
        let established = await_condition(
            self.definitions(),
            WorkMailOrganization::crd_name(),
            is_crd_established(),
        );
        let served = timeout(PATIENCE, established).await;
        served.expect("the kind is served").unwrap();
    }

    /// Asserts that Helm refuses to install this release, for the definition is not its own.
    async fn is_refused(&self, release: &str, namespace: &str) {
        let install = format!(
            "helm install {release} charts/workmail-operator --create-namespace --namespace {namespace} \
             --set image.repository=workmail-operator"
        );
        let said = self.desk.try_run(&install).await;
        let said = said.expect_err("it is refused");
        assert!(said.contains("invalid ownership metadata"), "{said}");
    }

    fn definitions(&self) -> Api<CustomResourceDefinition> {
        Api::all(self.cluster.client().unwrap())
    }

    async fn definition(&self) -> Option<CustomResourceDefinition> {
        let name = WorkMailOrganization::crd_name();
        self.definitions().get_opt(name).await.unwrap()
    }

    async fn until_no_definition(&self) {
        let gone = |definition: Option<&CustomResourceDefinition>| definition.is_none();
        let name = WorkMailOrganization::crd_name();
        let gone = await_condition(self.definitions(), name, gone);
        let gone = timeout(PATIENCE, gone).await;
        gone.expect("the definition goes").unwrap();
    }

    /// Makes `charts/newer`: a later version of the chart, whose definition has one more field in the
    /// spec and one in the status.
    fn write_newer_chart(&self) {
        let chart = self.desk.file("newer");
        let copy = format!("cp -rL charts/workmail-operator {}", chart.display());
        let copied = std::process::Command::new("bash")
            .args(["-c", &copy])
            .current_dir(self.desk.file(""))
            .status();
        assert!(copied.unwrap().success());
        let file = format!("files/crds/{}.yaml", WorkMailOrganization::crd_name());
        let mut text = fs::read_to_string(chart.join(&file)).unwrap();
        for first in ["accountRef", "account"] {
            let before = format!("            properties:\n              {first}:\n");
            let after = format!(
                "            properties:\n              later:\n                type: string\n              {first}:\n"
            );
            assert_eq!(text.matches(&before).count(), 1, "{first}");
            text = text.replace(&before, &after);
        }
        fs::write(chart.join(file), text).unwrap();
    }
}

/// `install …` as `helm install workmail-operator … --namespace operator`.
fn helm(command: &str) -> String {
    let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
    let more = match verb {
        "install" => "--create-namespace --set image.repository=workmail-operator",
        "upgrade" => "--set image.repository=workmail-operator",
        _ => "",
    };
    format!("helm {verb} workmail-operator {rest} --namespace operator {more}")
}

/// A resource with the fields of any version.
fn untyped(world: &World) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<WorkMailOrganization>(&());
    Api::namespaced_with(world.client.clone(), &world.namespace, &kind)
}

fn with_later() -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "workmail-operator.dev/v1alpha1",
        "kind": "WorkMailOrganization",
        "metadata": {"name": "acme"},
        "spec": {"alias": "acme", "later": "of the spec"},
    }))
    .unwrap()
}

/// Waits until the API server knows the later field, or does not.
async fn until_later_is_known(world: &World, known: bool) {
    let mut strict = PatchParams::apply("test").dry_run().validation_strict();
    strict.force = true;
    let object = Patch::Apply(with_later());
    world
        .poll(&format!("the later field is known: {known}"), async || {
            let answer = untyped(world).patch("acme", &strict, &object).await;
            (answer.is_ok() == known).then_some(())
        })
        .await;
}

/// What the resource holds of the later fields, in spec and status.
async fn later(world: &World) -> [Value; 2] {
    let object = untyped(world).get("acme").await.unwrap().data;
    [
        object["spec"]["later"].clone(),
        object["status"]["later"].clone(),
    ]
}

#[tokio::test]
async fn a_rollback_hides_what_the_older_version_does_not_know_and_the_next_write_loses_it() {
    let site = Site::new().await;
    site.write_newer_chart();
    site.release("install charts/workmail-operator").await;
    site.release("upgrade newer").await;
    let world = World::on(&site.cluster, Config::with_knobs(quick())).await;
    until_later_is_known(&world, true).await;
    untyped(&world)
        .create(&PostParams::default(), &with_later())
        .await
        .unwrap();
    world
        .patch_status("acme", json!({"later": "of the status"}))
        .await;
    let both = [json!("of the spec"), json!("of the status")];
    assert_eq!(later(&world).await, both);

    site.release("rollback").await;
    until_later_is_known(&world, false).await;
    assert_eq!(
        later(&world).await,
        [Value::Null, Value::Null],
        "out of sight"
    );
    site.release("upgrade newer").await;
    until_later_is_known(&world, true).await;
    assert_eq!(later(&world).await, both, "nobody wrote meanwhile");

    site.release("rollback").await;
    until_later_is_known(&world, false).await;
    let anything = json!({"metadata": {"annotations": {"example.com/seen": "yes"}}});
    world.patch("acme", anything).await;
    site.release("upgrade newer").await;
    until_later_is_known(&world, true).await;
    assert_eq!(later(&world).await, [Value::Null, Value::Null], "one write");
}

#[tokio::test]
async fn helm_takes_no_definition_of_another_release_or_of_kubectl() {
    let site = Site::new().await;
    let by_hand = "-f charts/workmail-operator/files/crds";
    site.desk.run(&format!("kubectl apply {by_hand}")).await;
    site.is_refused("workmail-operator", "operator").await;
    let delete = format!("kubectl delete {by_hand} --timeout=60s");
    site.desk.run(&delete).await;

    site.release("install charts/workmail-operator").await;
    site.is_refused("other", "operator").await;
    site.release("uninstall").await;
    site.is_refused("other", "operator").await;
    site.is_refused("workmail-operator", "default").await;
    let kept = site.definition().await.unwrap();
    let owner = &kept.annotations()["meta.helm.sh/release-name"];
    assert_eq!(owner, "workmail-operator");
    // The same release again is no other.
    site.release("install charts/workmail-operator").await;
}

#[tokio::test]
async fn a_definition_that_leaves_its_release_stays_unless_keep_was_false() {
    let site = Site::new().await;
    site.release("install charts/workmail-operator").await;
    let world = World::on(&site.cluster, Config::with_knobs(quick())).await;
    world.create("acme", json!({"alias": "acme"})).await;
    let without_keep = "upgrade charts/workmail-operator --set crds.keep=false";
    site.release(without_keep).await;
    world.get("acme").await;
    let leaves = helm(&format!("{without_keep},crds.enabled=false"));
    site.desk.run(&leaves).await;
    site.until_no_definition().await;

    site.release("upgrade charts/workmail-operator --reset-values")
        .await;
    world.create("acme", json!({"alias": "acme"})).await;
    site.release("upgrade charts/workmail-operator --set crds.enabled=false")
        .await;
    let stays = site.definition().await.unwrap();
    assert_eq!(stays.metadata.deletion_timestamp, None);
    assert_eq!(world.get("acme").await.metadata.deletion_timestamp, None);
}

#[rstest]
#[case::their_finalizer_is_taken_away_by_hand(true)]
#[case::an_operator_comes_back(false)]
#[tokio::test]
async fn an_uninstall_with_the_definition_waits_for_those_under_delete_until(
    #[case] by_hand: bool,
) {
    let site = Site::new().await;
    site.release("install charts/workmail-operator --set crds.keep=false")
        .await;
    let mut world = World::on(&site.cluster, Config::with_knobs(quick())).await;
    world.operator.start();
    let doom = json!({"deletionPolicy": "Delete", "deletion": {"confirmAlias": "doomed"}, "alias": "doomed"});
    world.create("doomed", doom).await;
    world.create("acme", json!({"alias": "acme"})).await;
    let doomed = id(&world.until_active("doomed").await);
    let acme = id(&world.until_active("acme").await);
    world.kill().await;

    site.desk.run(&helm("uninstall")).await;
    world.until_gone("acme").await;
    let held = world
        .until("doomed", "it is being deleted", |object| {
            object.metadata.deletion_timestamp.is_some()
        })
        .await;
    assert_eq!(held.finalizers(), [FINALIZER]);
    let definition = site.definition().await.expect("it waits too");
    assert!(definition.metadata.deletion_timestamp.is_some());

    if by_hand {
        let namespace = format!("NAMESPACE={}\n", world.namespace);
        site.desk.run(&(namespace + LET_GO)).await;
    } else {
        world.operator.start();
    }
    site.until_no_definition().await;
    if !by_hand {
        world.until_told("doomed", "Retained", &doomed).await;
    }
    for organization in [&doomed, &acme] {
        assert_eq!(
            world.aws.organization(organization).unwrap().state,
            "Active"
        );
    }
    assert!(world.calls("DeleteOrganization").is_empty());
}
