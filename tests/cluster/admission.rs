//! Every optional map, list and object of the spec, under both kinds of apply: applied, emptied, removed.

use devcluster::Program;
use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::Config;

use crate::world::{Desk, World, control_plane, quick};

/// The fields of the spec that hold several things, each with something in it.
fn filled(field: &str) -> Value {
    match field {
        "tags" => json!({"team": "mail"}),
        "dns" => json!({"endpoint": true}),
        "domains" => json!([{"domainName": "acme.example"}]),
        // All of its fields: none is left to fill in by default.
        "deletion" => json!({
            "confirmAlias": "acme", "deleteDirectory": true, "forceDelete": true,
            "confirmOrganizationId": format!("m-{}", "0".repeat(32)),
            "deleteIdentityCenterApplication": true,
        }),
        other => panic!("no field {other}"),
    }
}

fn emptied(field: &str) -> Value {
    if field == "domains" {
        json!([])
    } else {
        json!({})
    }
}

/// What somebody types who has a manifest with this spec.
struct Site {
    world: World,
    desk: Desk,
}

impl Site {
    async fn new() -> Self {
        let cluster = control_plane().await;
        let world = World::on(cluster, Config::with_knobs(quick())).await;
        let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
        let desk = Desk::new(&[Program::Kubectl], &kubeconfig);
        Self { world, desk }
    }

    async fn apply(&self, how: &str, spec: Value) {
        let manifest = json!({
            "apiVersion": "workmail-operator.dev/v1alpha1",
            "kind": "WorkMailOrganization",
            "metadata": {"name": "acme", "namespace": self.world.namespace},
            "spec": spec,
        });
        std::fs::write(self.desk.file("acme.json"), manifest.to_string()).unwrap();
        let command = format!("kubectl apply {how} -f acme.json");
        self.desk.run(&command).await;
    }

    /// What the API server holds of a field, without what it fills in by itself.
    async fn held(&self, field: &str) -> Value {
        let object = self.world.get("acme").await;
        let spec = serde_json::to_value(&object.spec).unwrap();
        let mut held = spec.get(field).cloned().unwrap_or(Value::Null);
        if let Some(fields) = held.as_object_mut() {
            fields.retain(|_, value| *value != json!(false));
        }
        let is_empty = [json!({}), json!([])].contains(&held);
        if is_empty { Value::Null } else { held }
    }
}

fn with(field: &str, value: Option<Value>) -> Value {
    let mut spec = json!({"alias": "acme"});
    if let Some(value) = value {
        spec[field] = value;
    }
    spec
}

const CLIENT: &str = "";
const SERVER: &str = "--server-side --force-conflicts";

#[rstest]
#[tokio::test]
async fn what_is_optional_is_applied_emptied_and_removed(
    #[values("tags", "dns", "domains", "deletion")] field: &str,
    #[values(CLIENT, SERVER)] how: &str,
) {
    let site = Site::new().await;
    for start in [Some(emptied(field)), None, Some(filled(field))] {
        for then in [Some(filled(field)), Some(emptied(field)), None] {
            site.apply(how, with(field, start.clone())).await;
            site.apply(how, with(field, then.clone())).await;
            let expected = then.filter(|value| *value == filled(field));
            let expected = expected.map_or(Value::Null, |mut value| {
                if let Some(fields) = value.as_object_mut() {
                    fields.retain(|_, value| *value != json!(false));
                }
                value
            });
            assert_eq!(site.held(field).await, expected, "from {start:?}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn what_was_applied_empty_in_one_way_is_changed_in_the_other(
    #[values("tags", "dns", "domains", "deletion")] field: &str,
    #[values((CLIENT, SERVER), (SERVER, CLIENT))] (first, then): (&str, &str),
) {
    let site = Site::new().await;
    site.apply(first, with(field, Some(emptied(field)))).await;
    site.apply(then, with(field, Some(emptied(field)))).await;
    site.apply(then, with(field, Some(filled(field)))).await;
    assert_eq!(site.held(field).await, filled(field));
    site.apply(then, with("enableInteroperability", Some(json!(false))))
        .await;
}
