//! What a real API server says to it.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use devcluster::{Cluster, Options, Program};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    helm::{NAMESPACE, template},
    matrix::cases,
};

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// A control plane with the namespaces of the matrix, which take pods that are `restricted` and no others.
async fn control_plane() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            let cluster = Cluster::start(Options::default()).await.unwrap();
            let namespaces: Api<Namespace> = Api::all(cluster.client().unwrap());
            for name in [NAMESPACE, "team-a", "team-b"] {
                create(&namespaces, json!({
                    "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
                }))
                .await;
            }
            // A pod is not admitted without its service account.
            let accounts = Api::<ServiceAccount>::namespaced(cluster.client().unwrap(), NAMESPACE);
            for case in cases() {
                let account = &case.release.pod()["spec"]["serviceAccountName"];
                create(&accounts, json!({ "metadata": { "name": account } })).await;
            }
            cluster
        })
        .await
}

/// Creates the object if there is none of its name.
async fn create<K>(api: &Api<K>, object: Value)
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let created = api
        .create(
            &PostParams::default(),
            &serde_json::from_value(object).unwrap(),
        )
        .await;
    if let Err(error) = created {
        assert!(
            matches!(&error, kube::Error::Api(status) if status.is_already_exists()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_api_server_takes_every_object_field_by_field_and_warns_of_none() {
    // Many are the same in several releases.
    let mut objects = Vec::new();
    for object in cases().iter().flat_map(|case| &case.release.objects) {
        // The Prometheus Operator's own definitions are not here.
        if object["apiVersion"] != "monitoring.coreos.com/v1" && !objects.contains(&object) {
            objects.push(object);
        }
    }
    let mut kubectl = Command::new(Program::Kubectl.locate().unwrap())
        .args([
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
        ])
        .env("KUBECONFIG", control_plane().await.kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    write!(kubectl.stdin.take().unwrap(), "{list}").unwrap();
    let output = kubectl.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    let taken = String::from_utf8_lossy(&output.stdout).lines().count();
    assert_eq!(taken, objects.len());
}

/// Asks for a pod as the Deployment would make it.
async fn admit(client: &Client, template: &Value) -> Result<Pod, kube::Error> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "operator", "labels": template["metadata"]["labels"] },
        "spec": template["spec"],
    }))
    .unwrap();
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    Api::namespaced(client.clone(), NAMESPACE)
        .create(&dry, &pod)
        .await
}

#[tokio::test]
async fn the_pod_is_admitted_where_only_restricted_ones_are() {
    let client = control_plane().await.client().unwrap();
    for case in cases() {
        let admitted = admit(&client, case.release.pod()).await;
        assert!(admitted.is_ok(), "{}: {}", case.name, admitted.unwrap_err());
    }
}

#[tokio::test]
async fn a_pod_that_lacks_any_part_of_that_is_not_admitted() {
    let client = control_plane().await.client().unwrap();
    let release = template(&json!({}));
    for part in [
        "/spec/securityContext/runAsNonRoot",
        "/spec/securityContext/seccompProfile",
        "/spec/containers/0/securityContext/allowPrivilegeEscalation",
        "/spec/containers/0/securityContext/capabilities",
    ] {
        let mut lacking = release.pod().clone();
        *lacking.pointer_mut(part).unwrap() = Value::Null;
        let refused = admit(&client, &lacking).await.unwrap_err().to_string();
        assert!(
            refused.contains("violates PodSecurity \"restricted"),
            "{part}: {refused}"
        );
    }
    // Not asked by the standard, and there all the same.
    let context = &release.container()["securityContext"];
    assert_eq!(context["readOnlyRootFilesystem"], true);
}
