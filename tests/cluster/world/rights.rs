//! The rights of the operator: the chart's own and no others.

use std::{path::PathBuf, process::Command};

use devcluster::{Cluster, Program};
use futures::future::join_all;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::{Value, json};
use tokio::{
    sync::OnceCell,
    time::{sleep, timeout},
};

use super::{PATIENCE, POLL};

/// The release, and with it the service account.
const NAME: &str = "workmail-operator";
/// Stands, where a release is rendered, for its namespace.
const HOME: &str = "the-namespace-of-the-release";
/// Stands for each namespace that the operator watches.
const WATCHED: &str = "a-watched-namespace";

/// A service account with its roles and bindings.
#[derive(Clone)]
pub struct Rights {
    home: String,
    /// The roles, each of which has one binding of its name.
    pub roles: Vec<Value>,
    others: Vec<Value>,
}

impl Rights {
    /// Those of a release in the namespace `home` that watches these namespaces; all, where none is
    /// named. Elsewhere its objects have names of their own, so that many releases fit into a cluster.
    pub async fn of_chart(home: &str, watched: &[&str]) -> Self {
        static OF_NAMED: OnceCell<Vec<String>> = OnceCell::const_new();
        static OF_ALL: OnceCell<Vec<String>> = OnceCell::const_new();
        let rendered = if watched.is_empty() {
            OF_ALL.get_or_init(|| render(json!([]))).await
        } else {
            OF_NAMED.get_or_init(|| render(json!([WATCHED]))).await
        };
        let mut texts = Vec::new();
        for text in rendered {
            let text = text.replace(HOME, home);
            if text.contains(WATCHED) {
                texts.extend(watched.iter().map(|watched| text.replace(WATCHED, watched)));
            } else {
                texts.push(text);
            }
        }
        let objects = texts
            .iter()
            .map(|text| own(serde_json::from_str(text).unwrap(), home));
        let (roles, others) = objects.partition(|object| object.get("rules").is_some());
        Self {
            home: home.to_owned(),
            roles,
            others,
        }
    }

    /// Gives them, and waits until they count; the kubeconfig of the one who has them. What is there
    /// already, of another grant, stays.
    pub async fn grant(&self, cluster: &Cluster) -> PathBuf {
        let client = cluster.client().unwrap();
        let all = self.others.iter().chain(&self.roles);
        join_all(all.map(|object| create(&client, object))).await;
        join_all(self.roles.iter().map(|role| self.counts(&client, role))).await;
        let account = cluster.service_account_kubeconfig(&self.home, NAME);
        account.await.unwrap()
    }

    /// Whether the one who has them may do this.
    pub async fn allow(&self, client: &Client, attributes: &Value) -> bool {
        let review = json!({"spec": {
            "user": format!("system:serviceaccount:{}:{NAME}", self.home),
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": attributes,
        }});
        let review: SubjectAccessReview = serde_json::from_value(review).unwrap();
        let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await;
        answer.unwrap().status.is_some_and(|status| status.allowed)
    }

    /// The API server takes up roles and bindings a moment after they are written.
    async fn counts(&self, client: &Client, role: &Value) {
        let Some(first) = role["rules"].get(0) else {
            return;
        };
        let attributes = json!({
            "namespace": role["metadata"]["namespace"],
            "group": first["apiGroups"][0],
            "resource": first["resources"][0],
            "name": first["resourceNames"][0],
            "verb": first["verbs"][0],
        });
        let counts = async {
            while !self.allow(client, &attributes).await {
                sleep(POLL).await;
            }
        };
        timeout(PATIENCE, counts).await.expect("the rights count");
    }
}

/// A release's objects that are about rights, as JSON.
async fn render(watched: Value) -> Vec<String> {
    let values = format!("watchNamespaces={watched}");
    let rendered = tokio::task::spawn_blocking(move || {
        Command::new(Program::Helm.locate().unwrap())
            .args(["template", NAME, "charts/workmail-operator"])
            .args(["--namespace", HOME, "--set-json", &values])
            .args(["--set", "image.repository=workmail-operator"])
            .args(["--show-only", "templates/rbac.yaml"])
            .args(["--show-only", "templates/serviceaccount.yaml"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .env("HOME", "/nonexistent")
            .output()
            .unwrap()
    });
    let rendered = rendered.await.unwrap();
    let said = String::from_utf8_lossy(&rendered.stderr);
    assert!(rendered.status.success(), "{said}");
    let text = String::from_utf8(rendered.stdout).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    assert!(objects.len() > 3, "{text}");
    objects.iter().map(Value::to_string).collect()
}

/// The object with a name of its own where it is not of the release's namespace.
fn own(mut object: Value, home: &str) -> Value {
    if object["metadata"]["namespace"] != home {
        for pointer in ["/metadata/name", "/roleRef/name"] {
            if let Some(name) = object.pointer_mut(pointer) {
                *name = json!(format!("{}-{home}", name.as_str().unwrap()));
            }
        }
    }
    object
}

async fn create(client: &Client, object: &Value) {
    let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    let types = object.types.as_ref().unwrap();
    let kind = ApiResource::from_gvk(&GroupVersionKind::try_from(types).unwrap());
    let api = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    match api.create(&PostParams::default(), &object).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        created => {
            created.unwrap();
        }
    }
}
