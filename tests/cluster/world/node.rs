//! In the place of a node: the operator's process runs for as long as its Deployment is there.

use std::collections::{BTreeMap, btree_map::Entry};

use devcluster::Cluster;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;
use tokio::time::sleep;

use super::{Operator, POLL};

/// Runs the operators that Deployments ask for, a new process for each change of theirs, and says so
/// in their status. Those that are left end with it.
pub async fn run_deployments(cluster: &Cluster, endpoint: &str) {
    let deployments: Api<Deployment> = Api::all(cluster.client().unwrap());
    let mut running = BTreeMap::new();
    loop {
        let there = deployments.list(&ListParams::default()).await.unwrap();
        let wanted: BTreeMap<_, _> = there.iter().map(|one| (version(one), one)).collect();
        running.retain(|version, _| wanted.contains_key(version));
        for (version, deployment) in wanted {
            if let Entry::Vacant(new) = running.entry(version) {
                new.insert(started(deployment, cluster, endpoint).await);
                report(&deployments, deployment).await;
            }
        }
        sleep(POLL).await;
    }
}

fn version(deployment: &Deployment) -> (Option<String>, Option<i64>) {
    (deployment.uid(), deployment.metadata.generation)
}

async fn started(deployment: &Deployment, cluster: &Cluster, endpoint: &str) -> Operator {
    let pod = deployment.spec.template.spec.as_ref().unwrap();
    let arguments = pod.containers[0].args.clone().unwrap();
    let value = |flag: &str| arguments.iter().find_map(|one| one.strip_prefix(flag));
    let namespaces = value("--watch-namespaces=").expect("it watches some");
    let account = pod.service_account_name.as_ref().unwrap();
    let home = deployment.namespace().unwrap();
    let kubeconfig = cluster.service_account_kubeconfig(&home, account);
    let mut operator = Operator::new(&kubeconfig.await.unwrap(), endpoint, namespaces);
    // Its rights come and go with its release, a moment before or after itself.
    operator.may_be_refused();
    if let Some(region) = value("--region=") {
        operator.argument(&format!("--region={region}"));
    }
    operator.start();
    operator
}

async fn report(deployments: &Api<Deployment>, deployment: &Deployment) {
    let namespace = deployment.namespace().unwrap();
    let api: Api<Deployment> = Api::namespaced(deployments.clone().into_client(), &namespace);
    let replicas = deployment.spec.replicas;
    let status = json!({"status": {
        "observedGeneration": deployment.metadata.generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
    }});
    let done = api
        .patch_status(
            &deployment.name_any(),
            &PatchParams::default(),
            &Patch::Merge(status),
        )
        .await;
    if let Err(error) = done {
        assert!(
            matches!(&error, kube::Error::Api(said) if said.code == 404),
            "{error}"
        );
    }
}
