//! What the operator may not do, and what follows from it.

use k8s_openapi::api::{core::v1::Namespace, rbac::v1::RoleBinding};
use kube::{
    Api,
    api::{DeleteParams, ListParams},
    runtime::wait::await_condition,
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    privileges::Stage,
    world::{PATIENCE, Rights, control_plane, create_namespace, id},
};

#[tokio::test]
async fn nothing_but_its_own_affairs_can_be_read_or_written_anywhere() {
    let cluster = control_plane().await;
    let stage = Stage::on(cluster).await;
    let client = &stage.world.client;
    let rights = Rights::of_chart(&stage.home, &[]).await;
    rights.grant(cluster).await;
    let other = create_namespace(client).await;
    for namespace in [&stage.home, &other] {
        for resource in ["secrets", "configmaps", "pods", "serviceaccounts"] {
            for verb in [
                "get", "list", "watch", "create", "update", "patch", "delete",
            ] {
                let asked = json!({"namespace": namespace, "resource": resource, "verb": verb});
                assert!(!rights.allow(client, &asked).await, "{asked}");
            }
        }
    }
    for (group, resource, verb) in [
        ("workmail-operator.dev", "workmailorganizations", "create"),
        ("workmail-operator.dev", "workmailorganizations", "update"),
        ("workmail-operator.dev", "workmailorganizations", "delete"),
        ("", "namespaces", "delete"),
        (
            "apiextensions.k8s.io",
            "customresourcedefinitions",
            "delete",
        ),
        ("rbac.authorization.k8s.io", "roles", "escalate"),
        ("rbac.authorization.k8s.io", "clusterroles", "bind"),
    ] {
        let asked = json!({"namespace": other, "group": group, "resource": resource, "verb": verb});
        assert!(!rights.allow(client, &asked).await, "{asked}");
    }
    let lease = |namespace: &str, name: &str, verb: &str| {
        json!({
            "namespace": namespace, "group": "coordination.k8s.io", "resource": "leases",
            "name": name, "verb": verb,
        })
    };
    let own = lease(&stage.home, "workmail-operator", "update");
    assert!(rights.allow(client, &own).await);
    for not_own in [
        lease(&stage.home, "another", "update"),
        lease(&other, "workmail-operator", "update"),
        lease(&stage.home, "workmail-operator", "delete"),
    ] {
        assert!(!rights.allow(client, &not_own).await, "{not_own}");
    }
}

#[tokio::test]
async fn a_namespace_that_took_the_rights_along_hangs_and_nothing_is_deleted_in_aws() {
    let mut stage = Stage::on(control_plane().await).await;
    let watched = stage.world.namespace.clone();
    let rights = stage.rights().await;
    stage.set_up(&rights, &watched).await;
    stage.world.operator.may_be_refused();
    stage.world.operator.start();
    let world = &mut stage.world;
    let spec = json!({
        "alias": "acme", "deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"},
    });
    world.create("acme", spec).await;
    let object = world.until_active("acme").await;
    world.kill().await;
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let delete = DeleteParams::default();
    namespaces.delete(&watched, &delete).await.unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(world.client.clone(), &watched);
    world
        .poll("the rights are gone", async || {
            let left = bindings.list(&ListParams::default()).await.unwrap();
            left.items.is_empty().then_some(())
        })
        .await;
    world.operator.start();
    world
        .poll("it is refused", async || {
            (!world.operator.refusals().is_empty()).then_some(())
        })
        .await;
    assert!(
        world
            .get("acme")
            .await
            .metadata
            .deletion_timestamp
            .is_some()
    );

    let let_go = json!({"metadata": {"finalizers": null}});
    world.patch("acme", let_go).await;
    let gone = await_condition(namespaces, &watched, |one: Option<&Namespace>| {
        one.is_none()
    });
    timeout(PATIENCE, gone).await.unwrap().unwrap();
    assert!(world.calls("DeleteOrganization").is_empty());
    let organization = world.aws.organization(&id(&object)).unwrap();
    assert_eq!(organization.state, "Active");
}

/// The page that tells of the rights names each resource with its verbs.
#[tokio::test]
async fn the_page_on_rights_has_every_right() {
    let page = include_str!("../../docs/rights.md");
    let rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for right in Rights::of_chart("home", &["watched"]).await.one_by_one() {
        let (resource, verb) = (
            format!("| `{}`", right.resource),
            format!("`{}`", right.verb),
        );
        let told = |row: &&&str| row.starts_with(&resource) && row.contains(&verb);
        assert!(rows.iter().any(|row| told(&row)), "{right}");
    }
    assert_eq!(rows.len(), 14, "{rows:#?}");
}
