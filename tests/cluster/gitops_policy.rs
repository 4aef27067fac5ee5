//! The commands of `docs/gitops.md`, and the admission policies that they install: who may arm a
//! deletion, and who may take organizations that exist.

use std::fs;

use devcluster::{Cluster, Options, Program};
use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace},
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use rstest::rstest;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use workmail_local::Config;
use workmail_operator::api::{FINALIZER, TAKE_OVER, WorkMailOrganization};

use crate::world::{Desk, World, install_crd, quick};

const PAGE: &str = include_str!("../../docs/gitops.md");
const SAMPLE: &str = include_str!("../../examples/gitops/protected/organization.yaml");
const HEALTH_CHECK: &str = include_str!("../../examples/gitops/argocd/health.lua");

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// A control plane with what the page installs. Its administrator is no member of the group.
async fn cluster() -> &'static Cluster {
    let start = async || {
        let cluster = Cluster::start(Options::default()).await.unwrap();
        install_crd(&cluster).await;
        let client = cluster.client().unwrap();
        let name = |name: &str| json!({"metadata": {"name": name}});
        create::<Namespace>(Api::all(client.clone()), name("argocd")).await;
        let config = json!({"metadata": {"name": "argocd-cm"}, "data": {"other": "stays"}});
        create::<ConfigMap>(Api::namespaced(client.clone(), "argocd"), config).await;
        let rules = json!({"metadata": {"name": "mail"}, "rules": [{
            "apiGroups": ["workmail-operator.dev"],
            "resources": ["workmailorganizations"],
            "verbs": ["get", "create", "update", "patch", "delete"],
        }]});
        create::<ClusterRole>(Api::all(client.clone()), rules).await;
        let user = |name| json!({"kind": "User", "name": name, "apiGroup": RBAC});
        let binding = json!({
            "metadata": {"name": "mail"},
            "roleRef": {"kind": "ClusterRole", "name": "mail", "apiGroup": RBAC},
            "subjects": [user("member"), user("adopter"), user("other")],
        });
        create::<ClusterRoleBinding>(Api::all(client.clone()), binding).await;
        let kubeconfig = fs::read_to_string(cluster.kubeconfig()).unwrap();
        let desk = Desk::new(&[Program::Kubectl], &kubeconfig);
        desk.follow(PAGE).await;
        cluster
    };
    CLUSTER.get_or_init(start).await
}

const RBAC: &str = "rbac.authorization.k8s.io";

async fn create<T>(api: Api<T>, object: Value)
where
    T: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// Three users with the same rights, and a namespace. Only one of them is in each group.
struct Users {
    world: World,
    adopter: Api<WorkMailOrganization>,
    member: Api<WorkMailOrganization>,
    other: Api<WorkMailOrganization>,
}

impl Users {
    async fn new() -> Self {
        let cluster = cluster().await;
        let world = World::on(cluster, Config::with_knobs(quick())).await;
        let user = |name: &str, groups: &[&str]| -> Api<WorkMailOrganization> {
            let mut config = cluster.config();
            config.auth_info.impersonate = Some(name.to_owned());
            config.auth_info.impersonate_groups =
                Some(groups.iter().map(|group| (*group).to_owned()).collect());
            Api::namespaced(Client::try_from(config).unwrap(), &world.namespace)
        };
        let users = Self {
            member: user("member", &["staff", "workmail-deleters"]),
            adopter: user("adopter", &["staff", "workmail-adopters"]),
            other: user("other", &["staff", "workmail-deleters-of-another-kind"]),
            world,
        };
        users.until_enforced().await;
        users
    }

    /// The API server learns of a policy a little later.
    async fn until_enforced(&self) {
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let enforced = async || {
            let [armed, adopting] = [armed(), adopting()].map(|spec| object("probe", &spec));
            let armed = self.other.create(&dry, &armed).await;
            let adopting = self.other.create(&dry, &adopting).await;
            (armed.is_err() && adopting.is_err()).then_some(())
        };
        self.world.poll("the policies are enforced", enforced).await;
    }
}

fn object(name: &str, spec: &Value) -> WorkMailOrganization {
    let object = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1",
        "kind": "WorkMailOrganization",
        "metadata": {"name": name},
        "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

fn retained() -> Value {
    json!({"alias": "acme", "deletion": {"confirmAlias": "acme"}})
}

fn armed() -> Value {
    with(retained(), &json!({"deletionPolicy": "Delete"}))
}

fn forced() -> Value {
    let deletion = json!({
        "confirmAlias": "acme",
        "confirmOrganizationId": "m-00000000000000000000000000000001",
        "forceDelete": true,
    });
    with(retained(), &json!({"deletion": deletion}))
}

fn adopting() -> Value {
    with(retained(), &json!({"adoptionPolicy": "Adopt"}))
}

fn with(mut spec: Value, more: &Value) -> Value {
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}

async fn made(by: &Api<WorkMailOrganization>, spec: &Value) -> Result<(), String> {
    let made = by
        .create(&PostParams::default(), &object("acme", spec))
        .await;
    made.map(drop).map_err(|error| error.to_string())
}

async fn changed(by: &Api<WorkMailOrganization>, spec: &Value) -> Result<(), String> {
    patched(by, json!({"spec": spec})).await
}

async fn taking_over(by: &Api<WorkMailOrganization>, from: Value) -> Result<(), String> {
    patched(by, json!({"metadata": {"annotations": {TAKE_OVER: from}}})).await
}

async fn patched(by: &Api<WorkMailOrganization>, patch: Value) -> Result<(), String> {
    let patch = Patch::Merge(patch);
    let changed = by.patch("acme", &PatchParams::default(), &patch).await;
    changed.map(drop).map_err(|error| error.to_string())
}

/// Asserts that it was refused by the policy on deletions, in its words.
fn assert_refused(tried: Result<(), String>, field: &str) {
    assert_refused_but_to("workmail-deleters", tried, field);
}

fn assert_refused_but_to(group: &str, tried: Result<(), String>, field: &str) {
    let refusal = tried.expect_err("it is refused");
    let members = format!("only members of the group {group} may set");
    for text in [&*members, field] {
        assert!(refusal.contains(text), "{text:?} in {refusal}");
    }
}

#[tokio::test]
async fn argo_cd_gets_the_health_check_and_keeps_what_it_has() {
    let maps: Api<ConfigMap> = Api::namespaced(cluster().await.client().unwrap(), "argocd");
    let data = maps.get("argocd-cm").await.unwrap().data.unwrap();
    let key = "resource.customizations.health.workmail-operator.dev_WorkMailOrganization";
    assert_eq!(data[key], HEALTH_CHECK);
    assert_eq!(data["other"], "stays");
    assert_eq!(data.len(), 2);
}

#[rstest]
#[case::with_policy_delete(armed(), "deletionPolicy")]
#[case::with_force_delete(forced(), "forceDelete")]
#[tokio::test]
async fn only_a_member_arms_an_organization(#[case] spec: Value, #[case] field: &str) {
    let users = Users::new().await;
    assert_refused(made(&users.other, &spec).await, field);
    made(&users.other, &retained()).await.unwrap();
    assert_refused(changed(&users.other, &spec).await, field);
    changed(&users.member, &spec).await.unwrap();

    // Anybody goes on working with it, and disarms it; and does not arm it again.
    changed(&users.other, &json!({"tags": {"team": "a"}}))
        .await
        .unwrap();
    changed(&users.other, &spec).await.unwrap();
    let disarm = json!({"deletionPolicy": "Retain", "deletion": {"forceDelete": false}});
    changed(&users.other, &disarm).await.unwrap();
    assert_refused(changed(&users.other, &spec).await, field);
    changed(&users.other, &json!({"tags": {"team": "b"}}))
        .await
        .unwrap();
}

#[tokio::test]
async fn who_may_change_what_is_armed_in_one_way_does_not_arm_it_in_the_other() {
    let users = Users::new().await;
    made(&users.member, &armed()).await.unwrap();
    assert_refused(changed(&users.other, &forced()).await, "forceDelete");
    changed(&users.other, &json!({"deletionPolicy": "Retain"}))
        .await
        .unwrap();
    changed(&users.member, &forced()).await.unwrap();
    assert_refused(changed(&users.other, &armed()).await, "deletionPolicy");
}

#[rstest]
#[case::adopt("Adopt")]
#[case::adopt_or_create("AdoptOrCreate")]
#[tokio::test]
async fn only_an_adopter_lets_an_object_take_what_exists(#[case] policy: &str) {
    let users = Users::new().await;
    let spec = with(retained(), &json!({"adoptionPolicy": policy}));
    for user in [&users.other, &users.member] {
        assert_refused_but_to(
            "workmail-adopters",
            made(user, &spec).await,
            "adoptionPolicy",
        );
    }
    made(&users.other, &retained()).await.unwrap();
    let refused = changed(&users.other, &spec).await;
    assert_refused_but_to("workmail-adopters", refused, "adoptionPolicy");
    changed(&users.adopter, &spec).await.unwrap();

    // Anybody goes on working with it, and takes it back; and does not set it again.
    let tags = json!({"tags": {"team": "a"}});
    changed(&users.other, &tags).await.unwrap();
    let back = json!({"adoptionPolicy": "Create"});
    changed(&users.other, &back).await.unwrap();
    let refused = changed(&users.other, &spec).await;
    assert_refused_but_to("workmail-adopters", refused, "adoptionPolicy");
}

#[tokio::test]
async fn only_an_adopter_takes_over_from_another_owner() {
    let users = Users::new().await;
    made(&users.other, &retained()).await.unwrap();
    let (one, another) = (json!("prod/mail/acme"), json!("prod/mail/other"));
    for user in [&users.other, &users.member] {
        let refused = taking_over(user, one.clone()).await;
        assert_refused_but_to("workmail-adopters", refused, TAKE_OVER);
    }
    taking_over(&users.adopter, one.clone()).await.unwrap();
    let tags = json!({"tags": {"team": "a"}});
    changed(&users.other, &tags).await.unwrap();
    let refused = taking_over(&users.other, another).await;
    assert_refused_but_to("workmail-adopters", refused, TAKE_OVER);
    taking_over(&users.other, Value::Null).await.unwrap();
    let refused = taking_over(&users.other, one).await;
    assert_refused_but_to("workmail-adopters", refused, TAKE_OVER);
}

#[tokio::test]
async fn the_sample_is_armed_by_a_member_and_the_operator_works_on_it() {
    let mut users = Users::new().await;
    users.world.operator.start();
    let sample: WorkMailOrganization = serde_saphyr::from_str(SAMPLE).unwrap();
    let annotations = sample.metadata.annotations.clone().unwrap();
    assert_eq!(
        annotations["argocd.argoproj.io/sync-options"],
        "Prune=false,Delete=false"
    );
    assert_eq!(annotations["kustomize.toolkit.fluxcd.io/prune"], "disabled");
    assert_eq!(annotations["helm.sh/resource-policy"], "keep");
    let plain = PostParams::default();
    let refused = users.other.create(&plain, &sample).await.map(drop);
    assert_refused(refused.map_err(|error| error.to_string()), "deletionPolicy");
    users.member.create(&plain, &sample).await.unwrap();

    // The operator is no member, and adds its finalizer to what is armed.
    let object = users.world.until_settled("acme-production").await;
    assert_eq!(object.metadata.finalizers.unwrap(), [FINALIZER]);
    assert_eq!(object.metadata.annotations.unwrap(), annotations);
}
