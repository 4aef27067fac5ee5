//! The library, as tests of other crates use it.

// What clippy.toml allows in tests it does not allow in their helpers.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::{fs, path::Path, time::Duration};

use common::until;
use devcluster::{Cluster, Component, Error, Options};
use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace},
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{DeleteParams, ListParams, PostParams, WatchParams},
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use serde_json::{from_value, json};
use tokio::time::timeout;

async fn start(controller_manager: bool) -> Cluster {
    Cluster::start(Options {
        controller_manager,
        ..Options::default()
    })
    .await
    .unwrap()
}

fn config_maps(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), "default")
}

async fn create_config_map(client: &Client, name: &str) -> ConfigMap {
    let map = from_value(json!({ "metadata": { "name": name } })).unwrap();
    config_maps(client)
        .create(&PostParams::default(), &map)
        .await
        .unwrap()
}

/// Returns the HTTP status with which listing config maps is refused, if it is.
async fn refusal(client: &Client) -> Option<u16> {
    match config_maps(client).list(&ListParams::default()).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => Some(status.code),
        Err(error) => panic!("{error}"),
    }
}

async fn client_of(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap()
        .try_into()
        .unwrap()
}

#[tokio::test]
async fn the_client_and_the_kubeconfig_of_the_administrator_work() {
    let cluster = start(false).await;
    for client in [
        cluster.client().unwrap(),
        client_of(cluster.kubeconfig()).await,
    ] {
        let version = client.apiserver_version().await.unwrap();
        assert!(
            version.git_version.starts_with("v1."),
            "{}",
            version.git_version
        );
        assert_eq!(refusal(&client).await, None);
    }
}

#[tokio::test]
async fn rbac_is_enforced() {
    let cluster = start(true).await;

    let mut anonymous = cluster.config();
    anonymous.auth_info = AuthInfo::default();
    assert_eq!(refusal(&anonymous.try_into().unwrap()).await, Some(403));

    let mut stranger = cluster.config();
    stranger.auth_info.token = Some("not a token of this cluster".to_owned().into());
    assert_eq!(refusal(&stranger.try_into().unwrap()).await, Some(401));

    let mut jane = cluster.config();
    jane.auth_info.impersonate = Some("jane".into());
    assert_eq!(refusal(&jane.try_into().unwrap()).await, Some(403));

    let path = cluster
        .service_account_kubeconfig("default", "default")
        .await
        .unwrap();
    let account = client_of(&path).await;
    assert_eq!(refusal(&account).await, Some(403));

    let admin = cluster.client().unwrap();
    let role: Role = from_value(json!({
        "metadata": { "name": "reader" },
        "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] }],
    }))
    .unwrap();
    let binding: RoleBinding = from_value(json!({
        "metadata": { "name": "reader" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": "default", "name": "default" }],
    }))
    .unwrap();
    let create = PostParams::default();
    Api::namespaced(admin.clone(), "default")
        .create(&create, &role)
        .await
        .unwrap();
    Api::namespaced(admin, "default")
        .create(&create, &binding)
        .await
        .unwrap();
    until("the role is enforced", async || {
        refusal(&account).await.is_none()
    })
    .await;
}

#[tokio::test]
async fn each_server_keeps_data_and_address_when_it_is_killed_or_stopped() {
    let cluster = start(false).await;
    // The client stays usable: the address stays the same, and it reconnects.
    let client = cluster.client().unwrap();
    create_config_map(&client, "kept").await;

    cluster.kill(Component::ApiServer).await.unwrap();
    assert!(config_maps(&client).get("kept").await.is_err());
    cluster.start_again(Component::ApiServer).await.unwrap();
    config_maps(&client).get("kept").await.unwrap();

    cluster.stop(Component::ApiServer).await.unwrap();
    assert!(config_maps(&client).get("kept").await.is_err());
    cluster.stop(Component::Etcd).await.unwrap();
    cluster.start_again(Component::Etcd).await.unwrap();
    cluster.start_again(Component::ApiServer).await.unwrap();
    config_maps(&client).get("kept").await.unwrap();

    cluster.kill(Component::Etcd).await.unwrap();
    cluster.start_again(Component::Etcd).await.unwrap();
    until("the API server finds etcd again", async || {
        config_maps(&client).get("kept").await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn an_open_watch_does_not_delay_the_end_of_the_api_server() {
    let cluster = start(false).await;
    let config_maps = config_maps(&cluster.client().unwrap());
    let _watch = config_maps
        .watch(&WatchParams::default(), "0")
        .await
        .unwrap();
    // It takes one second, and is killed after 20 s.
    let stop = cluster.stop(Component::ApiServer);
    timeout(Duration::from_secs(15), stop)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn the_controller_manager_collects_dependents_and_deletes_namespaces() {
    let cluster = start(true).await;
    let client = cluster.client().unwrap();
    let owner = create_config_map(&client, "owner").await;
    let dependent = from_value(json!({
        "metadata": { "name": "dependent", "ownerReferences": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid().unwrap(),
        }] },
    }))
    .unwrap();
    config_maps(&client)
        .create(&PostParams::default(), &dependent)
        .await
        .unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = from_value(json!({ "metadata": { "name": "passing" } })).unwrap();
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();

    cluster.kill(Component::ControllerManager).await.unwrap();
    config_maps(&client)
        .delete("owner", &DeleteParams::default())
        .await
        .unwrap();
    namespaces
        .delete("passing", &DeleteParams::default())
        .await
        .unwrap();
    config_maps(&client).get("dependent").await.unwrap();
    assert!(
        namespaces
            .get("passing")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    );

    cluster
        .start_again(Component::ControllerManager)
        .await
        .unwrap();
    until("the dependent is collected", async || {
        config_maps(&client)
            .get_opt("dependent")
            .await
            .unwrap()
            .is_none()
    })
    .await;
    until("the namespace is gone", async || {
        namespaces.get_opt("passing").await.unwrap().is_none()
    })
    .await;
}

#[test]
fn one_cluster_serves_several_runtimes() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let cluster = runtime().block_on(start(false));
    runtime().block_on(async { create_config_map(&cluster.client().unwrap(), "one").await });
    runtime().block_on(async {
        cluster.kill(Component::ApiServer).await.unwrap();
        // The server does not belong to the runtime of its start either.
        let again = async { cluster.start_again(Component::ApiServer).await.unwrap() };
        again.await;
    });
    runtime().block_on(async {
        config_maps(&cluster.client().unwrap())
            .get("one")
            .await
            .unwrap();
    });
}

#[tokio::test]
async fn an_impossible_request_is_refused_and_a_repeated_one_is_not() {
    let cluster = start(false).await;
    let error = cluster.start_again(Component::Etcd).await.unwrap_err();
    assert!(matches!(error, Error::Running(Component::Etcd)), "{error}");
    let error = cluster
        .stop(Component::ControllerManager)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("controller_manager: true"),
        "{error}"
    );
    cluster.kill(Component::ApiServer).await.unwrap();
    cluster.kill(Component::ApiServer).await.unwrap();
    cluster.stop(Component::ApiServer).await.unwrap();
}

#[tokio::test]
async fn the_error_of_a_server_that_does_not_start_shows_its_log() {
    let cluster = start(false).await;
    cluster.kill(Component::ApiServer).await.unwrap();
    fs::remove_file(cluster.folder().join("tokens.csv")).unwrap();
    let error = cluster
        .start_again(Component::ApiServer)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("kube-apiserver ended with exit status: 1"),
        "{error}"
    );
    assert!(
        error.contains("kube-apiserver.log") && error.contains("tokens.csv"),
        "{error}"
    );
}

#[tokio::test]
async fn dropping_a_cluster_removes_its_folder() {
    let cluster = start(false).await;
    let folder = cluster.folder().to_owned();
    assert!(folder.join("kube-apiserver.log").exists());
    drop(cluster);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_cluster_can_be_started_from_a_task_of_any_runtime() {
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    drop(sendable(Cluster::start(Options::default())));
}
