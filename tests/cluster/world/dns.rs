//! The kind `DNSEndpoint`, as far as an external-dns with a CRD source has it.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use serde_json::{Value, json};
use tokio::{sync::OnceCell, time::timeout};

use super::{World, control_plane};

const NAME: &str = "dnsendpoints.externaldns.k8s.io";

static INSTALLED: OnceCell<()> = OnceCell::const_new();

impl World {
    /// The `DNSEndpoint`s of the namespace.
    pub fn dns_endpoints(&self) -> Api<DynamicObject> {
        let kind = ApiResource {
            group: "externaldns.k8s.io".into(),
            version: "v1alpha1".into(),
            api_version: "externaldns.k8s.io/v1alpha1".into(),
            kind: "DNSEndpoint".into(),
            plural: "dnsendpoints".into(),
        };
        Api::namespaced_with(self.client.clone(), &self.namespace, &kind)
    }

    /// The one of this name, if it is there.
    pub async fn dns_endpoint(&self, name: &str) -> Option<DynamicObject> {
        self.dns_endpoints().get_opt(name).await.unwrap()
    }

    /// Waits until its records are of these domains, and gives it.
    pub async fn until_published(&self, name: &str, domains: &[&str]) -> DynamicObject {
        self.poll(&format!("records of {domains:?}"), async || {
            let endpoint = self.dns_endpoint(name).await?;
            let mut exchanges: Vec<_> = entries(&endpoint)
                .into_iter()
                .filter(|entry| entry["recordType"] == "MX")
                .map(|entry| entry["dnsName"].as_str().unwrap().to_owned())
                .collect();
            exchanges.sort();
            (exchanges == domains).then_some(endpoint)
        })
        .await
    }
}

/// Its entries.
pub fn entries(endpoint: &DynamicObject) -> Vec<Value> {
    let entries = &endpoint.data["spec"]["endpoints"];
    entries.as_array().cloned().unwrap_or_default()
}

/// Has the shared control plane know the kind, from the first test that asks on. Objects that do not
/// ask for a `DNSEndpoint` never notice.
pub async fn with_dns_endpoints() {
    let install = async || install_dns_endpoints(control_plane().await.client().unwrap()).await;
    INSTALLED.get_or_init(install).await;
}

/// Installs the kind and waits until it is served.
pub async fn install_dns_endpoints(client: Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    let definition = serde_json::from_value(definition()).unwrap();
    definitions
        .create(&PostParams::default(), &definition)
        .await
        .unwrap();
    let established = await_condition(definitions, NAME, is_crd_established());
    timeout(Duration::from_mins(1), established)
        .await
        .unwrap()
        .unwrap();
}

fn definition() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": text});
    let endpoint = json!({
        "type": "object",
        "properties": {
            "dnsName": text,
            "recordType": text,
            "recordTTL": {"type": "integer", "format": "int64"},
            "targets": {"type": "array", "items": text},
            "setIdentifier": text,
            "labels": texts,
            "providerSpecific": {"type": "array", "items": {
                "type": "object",
                "properties": {"name": text, "value": text},
            }},
        },
    });
    let schema = json!({
        "type": "object",
        "properties": {
            "apiVersion": text,
            "kind": text,
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "properties": {"endpoints": {"type": "array", "items": endpoint}},
            },
            "status": {
                "type": "object",
                "properties": {"observedGeneration": {"type": "integer", "format": "int64"}},
            },
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": NAME,
            // Groups under k8s.io are taken with a word about their approval only.
            "annotations": {"api-approved.kubernetes.io": "unapproved, of a test"},
        },
        "spec": {
            "group": "externaldns.k8s.io",
            "names": {
                "kind": "DNSEndpoint",
                "listKind": "DNSEndpointList",
                "plural": "dnsendpoints",
                "singular": "dnsendpoint",
            },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}
