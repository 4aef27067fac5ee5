//! One control plane for all tests of this program.

use std::time::Duration;

use devcluster::{Cluster, Options};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, ResourceExt,
    api::PostParams,
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use tokio::{sync::OnceCell, time::timeout};
use workmail_operator::api::crds;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// The control plane, with the CRDs installed. Started by the first test that asks.
pub async fn control_plane() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            let cluster = Cluster::start(Options {
                controller_manager: true,
                ..Options::default()
            })
            .await
            .unwrap();
            install_crd(&cluster).await;
            cluster
        })
        .await
}

/// Installs the CRDs and waits until they are served.
pub async fn install_crd(cluster: &Cluster) {
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client().unwrap());
    for definition in crds() {
        match definitions
            .create(&PostParams::default(), &definition)
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            created => {
                created.unwrap();
            }
        }
    }
    for definition in crds() {
        let name = definition.name_any();
        let established = await_condition(definitions.clone(), &name, is_crd_established());
        timeout(Duration::from_mins(1), established)
            .await
            .unwrap()
            .unwrap();
    }
}
