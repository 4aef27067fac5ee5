//! Exports of mailboxes, from the resource to the archive in a real S3 server.

mod counts;
mod gate;
mod refusals;
mod verification;

use std::{collections::BTreeSet, time::Duration};

use devcluster::{BucketOptions, S3Server};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use workmail_local::{Call, CallFilter, Config, Rule, SeedUser};
use workmail_operator::api::{
    EXPORT_FINALIZER, ExportState, RECONCILE_REQUESTED_AT, WorkMailMailboxExport,
    WorkMailOrganizationExport,
};

use crate::world::{PATIENCE, World};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0b7b1f0e-8f2e-4f5c-9d30-2f6f3c1d2e4f";

/// Users of a seeded organization.
pub fn users(count: usize) -> Vec<SeedUser> {
    let user = |n| serde_json::from_value(json!({"name": format!("user{n:03}")})).unwrap();
    (0..count).map(user).collect()
}

/// An export whose first mailbox fails, whose destination is changed, and which then exports one.
pub async fn replaced_and_done(world: &World) {
    let knobs = json!({"exportFor": "0s"});
    world.aws.merge_knobs(&knobs).unwrap();
    world.aws.fault(failing("role"));
    let site: Api<WorkMailOrganizationExport> =
        Api::namespaced(world.client.clone(), &world.namespace);
    let object = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailOrganizationExport",
        "metadata": {"name": "all"},
        "spec": {
            "organizationRef": {"name": "acme"}, "destination": destination(),
            "verification": "None",
        },
    });
    let object = serde_json::from_value(object).unwrap();
    site.create(&PostParams::default(), &object).await.unwrap();
    until(&site, "all", |object| reason(object) == "CanaryFailed").await;
    let patch = json!({"spec": {"destination": {"prefix": "mail/other"}}});
    site.patch("all", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    until(&site, "all", |object: &WorkMailOrganizationExport| {
        object
            .status
            .as_ref()
            .is_some_and(|status| status.succeeded == Some(1))
    })
    .await;
}

/// Deletes every export, so that none keeps the deletion of its organization waiting.
pub async fn removed(world: &World) {
    let (how, all) = (DeleteParams::default(), ListParams::default());
    let parents: Api<WorkMailOrganizationExport> =
        Api::namespaced(world.client.clone(), &world.namespace);
    parents.delete_collection(&how, &all).await.unwrap();
    let exports: Api<WorkMailMailboxExport> =
        Api::namespaced(world.client.clone(), &world.namespace);
    exports.delete_collection(&how, &all).await.unwrap();
}

/// The next job fails for this cause.
fn failing(cause: &str) -> Rule {
    let rule = json!({
        "operation": "StartMailboxExportJob", "times": 1,
        "fault": {"kind": "fail-export", "cause": cause},
    });
    serde_json::from_value(rule).unwrap()
}

/// Waits until the object is so.
async fn until<K>(api: &Api<K>, name: &str, what: impl Fn(&K) -> bool) -> K
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let found = timeout(PATIENCE, async {
        loop {
            let object = api.get(name).await.unwrap();
            if what(&object) {
                return object;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let Ok(object) = found.await else {
        panic!("{name}: {:#?}", api.get(name).await);
    };
    object
}

/// A world with an organization of that many users, and a bucket.
struct Site {
    world: World,
    s3: S3Server,
}

impl Site {
    async fn with(users: usize, seconds: u64) -> Self {
        let s3 = S3Server::start().await.unwrap();
        s3.create_bucket("archive", BucketOptions::default())
            .await
            .unwrap();
        let config: Config = serde_json::from_value(json!({
            "knobs": {
                "requestedFor": "0s", "creatingFor": "0s", "exportInterval": "1s",
                "exportFor": format!("{seconds}s"),
            },
            "s3": {
                "endpoint": s3.url(), "accessKey": S3Server::ACCESS_KEY,
                "secretKey": S3Server::SECRET_KEY,
            },
        }))
        .unwrap();
        let mut world = World::without_operator(config).await;
        world.operator.argument("--export-retry-after=1s");
        let url = s3.url();
        let keys = [
            ("AWS_ENDPOINT_URL_S3", url.as_str()),
            ("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY),
        ];
        for (name, value) in keys {
            world.operator.set(name, Some(value));
        }
        let users: Vec<_> = (0..users)
            .map(|n| json!({"name": format!("user{n:03}"), "mailboxSize": 0.01 * f64::from(u32::try_from(n).unwrap() + 1)}))
            .collect();
        let seed = json!({"alias": "acme", "users": users});
        let seed = serde_json::from_value(seed).unwrap();
        world.aws.seed_organization(seed).unwrap();
        world.operator.start();
        let spec = json!({"alias": "acme", "adoptionPolicy": "Adopt"});
        world.create("acme", spec).await;
        world.until_active("acme").await;
        Self { world, s3 }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.world.client.clone(), &self.world.namespace)
    }

    async fn create<K>(&self, name: &str, spec: Value) -> kube::Result<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::Serialize
            + DeserializeOwned,
    {
        let object = json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()),
            "metadata": {"name": name}, "spec": spec,
        });
        let object = serde_json::from_value(object).unwrap();
        self.api::<K>()
            .create(&PostParams::default(), &object)
            .await
    }

    /// Waits until the object is so.
    async fn until<K>(&self, name: &str, what: impl Fn(&K) -> bool) -> K
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        until(&self.api::<K>(), name, what).await
    }

    async fn children(&self) -> Vec<WorkMailMailboxExport> {
        let children = self.api::<WorkMailMailboxExport>();
        children.list(&ListParams::default()).await.unwrap().items
    }

    fn starts(&self) -> Vec<Call> {
        self.world
            .aws
            .calls(&CallFilter::on("StartMailboxExportJob"))
    }
}

/// Where the tests export to.
pub fn destination() -> Value {
    json!({
        "bucket": "archive", "prefix": "mail/acme",
        "roleArn": "arn:aws:iam::123456789012:role/export", "kmsKeyArn": KEY,
    })
}

fn state(object: &WorkMailMailboxExport) -> Option<ExportState> {
    object.status.as_ref().and_then(|status| status.state)
}

fn reason(object: &WorkMailOrganizationExport) -> String {
    let status = object.status.clone().unwrap_or_default();
    let mut conditions = status.conditions.into_iter();
    let ready = conditions.find(|condition| condition.r#type == "Ready");
    ready.map(|ready| ready.reason).unwrap_or_default()
}

#[tokio::test]
async fn one_mailbox_is_exported_and_its_archive_is_in_the_bucket() {
    let site = Site::with(2, 1).await;
    let spec = json!({
        "organizationRef": {"name": "acme"}, "mailbox": "user001", "destination": destination(),
    });
    site.create::<WorkMailMailboxExport>("one", spec)
        .await
        .unwrap();
    let done = site
        .until("one", |object| {
            state(object) == Some(ExportState::Completed) && object.finalizers().is_empty()
        })
        .await;
    let status = done.status.clone().unwrap();
    let uid8: String = done.uid().unwrap().chars().take(8).collect();
    let entity = status.entity_id.unwrap();
    let path = status.s3_path.unwrap();
    assert!(
        path.starts_with(&format!("mail/acme/{uid8}/{entity}/1/")),
        "{path}"
    );
    let stored = site
        .s3
        .client()
        .head_object()
        .bucket("archive")
        .key(&path)
        .send()
        .await
        .unwrap();
    assert!(stored.content_length().unwrap_or_default() > 0);
    let starts = site.starts();
    assert_eq!(starts.len(), 1);
    let lines = site.world.operator.logged("called AWS");
    let line = lines
        .iter()
        .find(|line| line["operation"] == "StartMailboxExportJob")
        .unwrap();
    assert_eq!(line["target"], "workmail_operator::audit");
    assert_eq!(line["account"], "123456789012");
    assert_eq!(line["request_id"], *starts[0].request_id);
}

#[tokio::test]
async fn every_mailbox_of_an_organization_is_exported_once_after_the_canary() {
    let site = Site::with(23, 1).await;
    let spec = json!({"organizationRef": {"name": "acme"}, "destination": destination()});
    site.create::<WorkMailOrganizationExport>("all", spec)
        .await
        .unwrap();
    let done = site
        .until("all", |object: &WorkMailOrganizationExport| {
            reason(object) == "Completed"
        })
        .await;
    let status = done.status.unwrap();
    assert_eq!(status.done.as_deref(), Some("23/23"));
    assert_eq!(status.progress, Some(100));
    let starts = site.starts();
    let entities: BTreeSet<_> = starts
        .iter()
        .map(|call| call.request["EntityId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        (starts.len(), entities.len()),
        (23, 23),
        "each is started once"
    );
    let children = site.children().await;
    assert!(
        children
            .iter()
            .all(|child| state(child) == Some(ExportState::Completed))
    );
    assert!(children.iter().all(|child| child.finalizers().is_empty()));
}

#[tokio::test]
async fn a_failed_canary_stops_the_rest_until_a_read_is_asked_for() {
    let site = Site::with(5, 1).await;
    site.world.aws.fault(failing("key"));
    let spec = json!({"organizationRef": {"name": "acme"}, "destination": destination()});
    site.create::<WorkMailOrganizationExport>("all", spec)
        .await
        .unwrap();
    let failed = site
        .until("all", |object: &WorkMailOrganizationExport| {
            reason(object) == "CanaryFailed"
        })
        .await;
    let conditions = failed.status.unwrap().conditions;
    assert!(
        conditions
            .iter()
            .any(|condition| condition.r#type == "Stalled"),
        "{conditions:#?}"
    );
    assert!(
        conditions
            .iter()
            .any(|condition| condition.message.contains("key of the destination"))
    );
    assert_eq!(site.children().await.len(), 1, "nothing else is begun");
    let again = json!({"metadata": {"annotations": {RECONCILE_REQUESTED_AT: "now"}}});
    let api = site.api::<WorkMailOrganizationExport>();
    api.patch("all", &PatchParams::default(), &Patch::Merge(again))
        .await
        .unwrap();
    site.until("all", |object: &WorkMailOrganizationExport| {
        reason(object) == "Completed"
    })
    .await;
}

#[tokio::test]
async fn a_deleted_export_cancels_its_job() {
    let site = Site::with(1, 600).await;
    let spec = json!({
        "organizationRef": {"name": "acme"}, "mailbox": "user000", "destination": destination(),
    });
    site.create::<WorkMailMailboxExport>("one", spec)
        .await
        .unwrap();
    site.until("one", |object: &WorkMailMailboxExport| {
        object
            .status
            .as_ref()
            .is_some_and(|status| status.job_id.is_some())
    })
    .await;
    let api = site.api::<WorkMailMailboxExport>();
    assert_eq!(
        api.get("one").await.unwrap().finalizers(),
        [EXPORT_FINALIZER]
    );
    api.delete("one", &DeleteParams::default()).await.unwrap();
    let gone = timeout(PATIENCE, async {
        while api.get_opt("one").await.unwrap().is_some() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    gone.await.unwrap();
    let cancelled = site
        .world
        .aws
        .calls(&CallFilter::on("CancelMailboxExportJob"));
    assert_eq!(cancelled.len(), 1);
}
