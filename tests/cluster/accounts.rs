//! Accounts: several of AWS in one cluster, with roles that are assumed, and what a rule lets a namespace
//! do. Accounts are of the whole cluster, so each test has a control plane of its own.

use std::time::{Duration, Instant};

use devcluster::{Cluster, Options};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, CustomResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use workmail_local::{CallFilter, Config, Fault, Rule, SeedRole};
use workmail_operator::api::{
    ExportState, Reason, WorkMailAccount, WorkMailAccountStatus, WorkMailMailboxExport,
};

use crate::{
    exports,
    world::{World, install_crd, quick, status},
};

const FIRST: &str = "111111111111";
const SECOND: &str = "222222222222";
/// The account of the operator's own key at the endpoint.
const OWN: &str = "123456789012";

async fn cluster() -> Cluster {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    cluster
}

fn arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/workmail")
}

/// A world whose endpoint has a role in two accounts, which the operator's own account may assume with
/// the external id of each.
async fn world(cluster: &Cluster) -> World {
    let world = World::on(cluster, Config::with_knobs(quick())).await;
    for account in [FIRST, SECOND] {
        let role = SeedRole {
            external_id: Some(format!("id-of-{account}")),
            ..SeedRole::new(arn(account)).trusts(OWN)
        };
        world.aws.seed_role(role).unwrap();
    }
    world
}

fn accounts(world: &World) -> Api<WorkMailAccount> {
    Api::all(world.client.clone())
}

async fn create_account(world: &World, name: &str, spec: Value) {
    let account = serde_json::from_value(json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailAccount",
        "metadata": {"name": name}, "spec": spec,
    }));
    accounts(world)
        .create(&PostParams::default(), &account.unwrap())
        .await
        .unwrap();
}

async fn patch_account(world: &World, name: &str, spec: Value) {
    let patch = Patch::Merge(json!({"spec": spec}));
    accounts(world)
        .patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

/// A role of this account, and everything allowed.
fn of(account: &str) -> Value {
    let external_id = format!("id-of-{account}");
    json!({
        "accountId": account,
        "region": "us-east-1",
        "assumeRole": {"arn": arn(account), "externalId": external_id, "sessionName": "mail"},
        "rules": [{}],
    })
}

async fn until_account(
    world: &World,
    name: &str,
    what: &str,
    is_so: impl Fn(&WorkMailAccountStatus) -> bool,
) -> WorkMailAccountStatus {
    world
        .poll(what, async || {
            let account = accounts(world).get(name).await.unwrap();
            account.status.filter(&is_so)
        })
        .await
}

fn is_ready(status: &WorkMailAccountStatus, is: &str, reason: Reason) -> bool {
    let mut conditions = status.conditions.iter();
    conditions.any(|one| {
        one.r#type == "Ready" && format!("{:?}", one.status) == is && one.reason == reason.as_str()
    })
}

/// The calls of WorkMail that were made in this account.
fn calls_in(world: &World, account: &str) -> Vec<String> {
    let all = world.aws.endpoint().calls(&CallFilter::default());
    let of_account = all
        .into_iter()
        .filter(|call| call.account.as_deref() == Some(account));
    of_account
        .map(|call| call.operation)
        .filter(|operation| {
            !operation.contains("CallerIdentity") && !operation.contains("AssumeRole")
        })
        .collect()
}

#[tokio::test]
async fn each_organization_is_made_in_its_own_account_and_nothing_in_the_operators_own() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    create_account(&world, "first", of(FIRST)).await;
    create_account(&world, "second", of(SECOND)).await;
    world.operator.start();
    for (name, account) in [("first", FIRST), ("second", SECOND)] {
        let spec = json!({"alias": format!("acme-{name}"), "accountRef": {"name": name}});
        world.create(name, spec).await;
        let object = world.until_active(name).await;
        assert_eq!(status(&object).account_id.as_deref(), Some(account));
        assert_eq!(status(&object).account.as_deref(), Some(name));
    }
    for (name, account) in [("first", FIRST), ("second", SECOND)] {
        let known = until_account(&world, name, "it counts its organization", |status| {
            status.organizations == 1
        })
        .await;
        assert_eq!(known.account_id.as_deref(), Some(account));
        assert!(is_ready(&known, "True", Reason::Active), "{known:?}");
    }
    assert_eq!(calls_in(&world, OWN), [""; 0]);
    let text = world.metrics().await;
    assert!(
        text.contains("workmail_operator_accounts{ready=\"True\"} 2"),
        "{text}"
    );
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_told_and_no_other_identity_takes_its_place() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    let mut spec = of(FIRST);
    spec["assumeRole"]["externalId"] = json!("another-id");
    create_account(&world, "default", spec).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::AccessDenied).await;
    until_account(&world, "default", "not Ready", |status| {
        is_ready(status, "False", Reason::AccessDenied)
    })
    .await;
    assert_eq!(calls_in(&world, OWN), [""; 0]);
    assert_eq!(calls_in(&world, FIRST), [""; 0]);
    let id = json!({"assumeRole": {"externalId": format!("id-of-{FIRST}")}});
    patch_account(&world, "default", id).await;
    let object = world.until_active("acme").await;
    assert_eq!(status(&object).account_id.as_deref(), Some(FIRST));
}

/// Creates an export of a mailbox.
async fn export(world: &World, name: &str) -> Api<WorkMailMailboxExport> {
    let api: Api<WorkMailMailboxExport> = Api::namespaced(world.client.clone(), &world.namespace);
    let object = serde_json::from_value(json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailMailboxExport",
        "metadata": {"name": name},
        "spec": {
            "organizationRef": {"name": "acme"}, "mailbox": "user000",
            "destination": exports::destination(), "verification": "None",
        },
    }));
    api.create(&PostParams::default(), &object.unwrap())
        .await
        .unwrap();
    api
}

#[tokio::test]
async fn an_export_goes_only_where_the_rule_lets_it_go() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    let knobs = json!({"exportFor": "0s"});
    world.aws.merge_knobs(&knobs).unwrap();
    create_account(&world, "default", of(FIRST)).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    let id = status(&object).organization_id.unwrap();
    for user in exports::users(1) {
        world.aws.endpoint().seed_user(&id, user).unwrap();
    }
    let exports = export(&world, "user").await;
    let refused = world
        .poll("it is refused", async || {
            let status = exports.get("user").await.unwrap().status?;
            let mut conditions = status.conditions.into_iter();
            conditions.find(|one| one.r#type == "Ready" && one.reason == "AccountNotAllowed")
        })
        .await;
    assert!(
        refused.message.contains("spec.rules[0].exports.buckets"),
        "{}",
        refused.message
    );
    let starts = |world: &World| {
        let mut calls = calls_in(world, FIRST);
        calls.retain(|operation| operation == "StartMailboxExportJob");
        calls.len()
    };
    assert_eq!(starts(&world), 0);
    let everywhere =
        json!({"buckets": ["arch*"], "prefixes": ["mail/*"], "roles": ["*"], "kmsKeys": ["*"]});
    patch_account(
        &world,
        "default",
        json!({"rules": [{"exports": everywhere}]}),
    )
    .await;
    let done = world
        .poll("it is exported", async || {
            let status = exports.get("user").await.unwrap().status?;
            (status.state == Some(ExportState::Completed)).then_some(status)
        })
        .await;
    assert_eq!(done.account.as_deref(), Some("default"));
    assert_eq!(done.account_id.as_deref(), Some(FIRST));
    assert_eq!(starts(&world), 1);
    assert_eq!(calls_in(&world, OWN), [""; 0]);
}

#[tokio::test]
async fn a_rule_that_is_taken_back_stops_the_next_change_and_giving_it_back_goes_on() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    create_account(&world, "default", of(FIRST)).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_active("acme").await;
    patch_account(
        &world,
        "default",
        json!({"rules": [{"aliases": ["other-*"]}]}),
    )
    .await;
    world.until_refused("acme", Reason::AccountNotAllowed).await;
    let before = world.mutating_calls();
    world
        .patch("acme", json!({"spec": {"tags": {"team": "mail"}}}))
        .await;
    world
        .until("acme", "the change is refused", |object| {
            status(object).observed_generation == object.metadata.generation
        })
        .await;
    assert_eq!(world.mutating_calls(), before);
    patch_account(&world, "default", json!({"rules": [{"aliases": ["acme"]}]})).await;
    world.until_settled("acme").await;
    assert!(world.mutating_calls().len() > before.len());
}

#[tokio::test]
async fn a_namespace_gets_its_account_with_its_label_and_loses_it_with_the_label() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    let mut spec = of(FIRST);
    spec["rules"] = json!([{"namespaces": {"selector": {"matchLabels": {"mail": "yes"}}}}]);
    create_account(&world, "default", spec).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::AccountNotAllowed).await;
    assert_eq!(calls_in(&world, FIRST), [""; 0]);
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(world.client.clone());
    let label = async |value: Value| {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"mail": value}}}));
        let plain = PatchParams::default();
        namespaces
            .patch(&world.namespace, &plain, &patch)
            .await
            .unwrap();
    };
    label(json!("yes")).await;
    world.until_active("acme").await;
    label(Value::Null).await;
    world.until_refused("acme", Reason::AccountNotAllowed).await;
}

#[tokio::test]
async fn an_object_whose_account_is_gone_waits_and_the_operators_own_credentials_never_serve_it() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    create_account(&world, "default", of(FIRST)).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_active("acme").await;
    let plain = DeleteParams::default();
    accounts(&world).delete("default", &plain).await.unwrap();
    world.until_refused("acme", Reason::AccountNotFound).await;
    world.operator.kill_and_start();
    // One without an account shows that the operator works.
    world.create("other", json!({"alias": "other"})).await;
    let other = world.until_active("other").await;
    assert_eq!(status(&other).account_id.as_deref(), Some(OWN));
    let acme = world.until_refused("acme", Reason::AccountNotFound).await;
    assert_eq!(status(&acme).account.as_deref(), Some("default"));
    create_account(&world, "default", of(FIRST)).await;
    world.until_active("acme").await;
}

#[tokio::test]
async fn where_an_account_is_required_the_operators_own_credentials_serve_nobody() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    world.operator.argument("--require-account");
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::AccountNotFound).await;
    assert_eq!(calls_in(&world, OWN), [""; 0]);
}

/// Whoever deletes the definition deletes every account with it.
#[tokio::test]
async fn a_definition_that_is_deleted_hands_no_namespace_over_to_the_operators_own_credentials() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    let mut spec = of(FIRST);
    spec["rules"] = json!([{"namespaces": {"names": ["another"]}}]);
    create_account(&world, "default", spec).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_refused("acme", Reason::AccountNotAllowed).await;
    let definitions: Api<CustomResourceDefinition> = Api::all(world.client.clone());
    let name = WorkMailAccount::crd_name();
    // It stays for a while after its objects are gone.
    let kept = Patch::Merge(json!({"metadata": {"finalizers": ["example.org/kept"]}}));
    let plain = PatchParams::default();
    definitions.patch(name, &plain, &kept).await.unwrap();
    definitions
        .delete(name, &DeleteParams::default())
        .await
        .unwrap();
    let object = world.until_refused("acme", Reason::SchemaOutdated).await;
    assert_eq!(status(&object).account_id, None);
    world.operator.kill_and_start();
    world.create("other", json!({"alias": "other"})).await;
    world.until_refused("other", Reason::SchemaOutdated).await;
    assert_eq!(calls_in(&world, OWN), [""; 0]);
}

#[tokio::test]
async fn an_account_that_hangs_keeps_the_objects_of_another_waiting_for_no_place() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    for (name, account) in [("first", FIRST), ("second", SECOND)] {
        create_account(&world, name, of(account)).await;
    }
    world.operator.argument("--concurrency=2");
    world
        .aws
        .fault(Rule::on("ListOrganizations", Fault::hang()).account(FIRST));
    world.operator.start();
    for number in 0..8 {
        let name = format!("hangs-{number}");
        let spec = json!({"alias": name, "accountRef": {"name": "first"}});
        world.create(&name, spec).await;
    }
    world.until_held("ListOrganizations").await;
    let begun = Instant::now();
    for number in 0..8 {
        let name = format!("works-{number}");
        let spec = json!({"alias": name, "accountRef": {"name": "second"}});
        world.create(&name, spec).await;
    }
    for number in 0..8 {
        world.until_active(&format!("works-{number}")).await;
    }
    // A hanging call is waited for 15 s, and the listing 30 s.
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
}

#[tokio::test]
async fn where_an_account_requires_exports_a_resource_can_waive_none() {
    let cluster = cluster().await;
    let mut world = world(&cluster).await;
    let mut account = of(FIRST);
    account["rules"] = json!([{"delete": true, "forceDelete": true, "requireExport": true}]);
    create_account(&world, "default", account).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;
    let id = status(&object).organization_id.unwrap();
    let user = serde_json::from_value(json!({"name": "ada"})).unwrap();
    world.aws.endpoint().seed_user(&id, user).unwrap();
    let waive = json!([{"mailbox": "ada", "reason": "she left"}]);
    let deletion = json!({
        "confirmAlias": "acme", "forceDelete": true, "confirmOrganizationId": id,
        "requireExport": {"verified": false, "waive": waive},
    });
    let spec = json!({"deletionPolicy": "Delete", "deletion": deletion});
    world.patch("acme", json!({"spec": spec})).await;
    world
        .until("acme", "it has the finalizer", |object| {
            object.metadata.finalizers.is_some()
        })
        .await;
    world.delete("acme").await;
    let blocked = world.until_refused("acme", Reason::DeletionBlocked).await;
    let message = crate::world::ready(&blocked).unwrap().message;
    assert!(
        message.contains("ada@acme.awsapps.com (NoExport)"),
        "{message}"
    );
    assert!(
        !message.contains("waive"),
        "it cannot be waived here: {message}"
    );
    assert_eq!(world.calls("DeleteOrganization").len(), 0);
    let without = json!([{"delete": true, "forceDelete": true}]);
    patch_account(&world, "default", json!({"rules": without})).await;
    let gate = json!({"spec": {"deletion": {"requireExport": null}}});
    world.patch("acme", gate).await;
    world.until_gone("acme").await;
    assert_eq!(world.effects("DeleteOrganization").len(), 1);
}
