//! The page `docs/adoption.md`, command by command, on two control planes.

use devcluster::{Cluster, Options, Program};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use workmail_local::{Config, SeedOrganization, Server};

use crate::world::{Desk, Operator, Rights, install_crd, quick};

const PAGE: &str = include_str!("../../docs/adoption.md");

/// A namespace of this name, as a page asks for one.
pub async fn make_namespace(client: &Client, name: &str) {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    };
    let namespace = Namespace {
        metadata,
        ..Namespace::default()
    };
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
}

/// A control plane with an operator of that cluster name, for the namespaces of the page.
async fn cluster(name: &str, aws: &Server) -> (Cluster, Operator) {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    let client: Client = cluster.client().unwrap();
    for namespace in ["workmail-operator", "mail", "post"] {
        make_namespace(&client, namespace).await;
    }
    let rights = Rights::of_chart("workmail-operator", &["mail", "post"]).await;
    let kubeconfig = rights.grant(&cluster).await;
    let mut operator = Operator::new(&kubeconfig, &aws.url(), "mail,post");
    operator.argument(&format!("--cluster-name={name}"));
    operator.start();
    (cluster, operator)
}

/// One kubeconfig with the contexts `old`, the current one, and `new`.
fn contexts(old: &Cluster, new: &Cluster) -> String {
    let read = |cluster: &Cluster| -> serde_json::Value {
        let config = kube::config::Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
        serde_json::to_value(config).unwrap()
    };
    let mut merged = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "old",
        "clusters": [], "users": [], "contexts": [],
    });
    for (name, cluster) in [("old", old), ("new", new)] {
        let mut config = read(cluster);
        for (list, entry) in [("clusters", "cluster"), ("users", "user")] {
            let part = config[list][0][entry].take();
            let named = serde_json::json!({"name": name, entry: part});
            merged[list].as_array_mut().unwrap().push(named);
        }
        let context = serde_json::json!({"name": name, "context": {"cluster": name, "user": name}});
        merged["contexts"].as_array_mut().unwrap().push(context);
    }
    merged.to_string()
}

#[tokio::test]
async fn every_command_of_the_page_on_adoption_does_what_it_says() {
    let aws = Server::start(Config::with_knobs(quick())).await.unwrap();
    let there = SeedOrganization {
        age: std::time::Duration::from_hours(24).into(),
        ..SeedOrganization::new("acme")
    };
    let before = aws.seed_organization(there).unwrap();
    let (old, _keeps) = cluster("old", &aws).await;
    let (new, _keeps_too) = cluster("new", &aws).await;
    let desk = Desk::new(&[Program::Kubectl], &contexts(&old, &new));
    let printed = desk.follow(PAGE).await;
    for text in [
        "TagResource team",
        "belongs to WorkMailOrganization post/acme of cluster old",
        "spec.tags[team]",
    ] {
        assert!(printed.contains(text), "{text:?} in {printed}");
    }

    // The same organization all the way, never changed but in its tags.
    let after = aws.organization(&before.id).unwrap();
    assert_eq!(after.tags["workmail-operator.dev/cluster"], "new");
    assert_eq!(after.tags["workmail-operator.dev/namespace"], "mail");
    assert_eq!(after.tags["team"], "platform");
    assert_eq!(after.domains, before.domains);
    let journal = aws.endpoint().journal();
    let reads = ["List", "Describe", "Get"];
    let changes = journal.iter().map(|call| call.operation.as_str());
    let changes = changes.filter(|operation| !reads.iter().any(|read| operation.starts_with(read)));
    for operation in changes {
        assert_eq!(operation, "TagResource", "and nothing else was changed");
    }
}
