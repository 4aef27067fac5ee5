//! Exports are verified where they are: in a real S3 server.

use devcluster::{BucketOptions, S3Server};
use serde_json::{Value, json};
use workmail_operator::api::{
    AttemptState, Condition, ConditionStatus, ExportState, ProofReason, WorkMailMailboxExport,
    WorkMailOrganizationExport,
};

use super::{Site, destination, state};

fn spec(changes: &Value) -> Value {
    let mut spec = json!({
        "organizationRef": {"name": "acme"}, "mailbox": "user000", "destination": destination(),
    });
    let changes = changes.as_object().unwrap().clone();
    spec.as_object_mut().unwrap().extend(changes);
    spec
}

fn condition(object: &WorkMailMailboxExport, kind: &str) -> Option<Condition> {
    let status = object.status.as_ref()?;
    status
        .conditions
        .iter()
        .find(|one| one.r#type == kind)
        .cloned()
}

fn is_verified(object: &WorkMailMailboxExport, status: ConditionStatus) -> bool {
    condition(object, "Verified").is_some_and(|one| one.status == status)
}

/// An operator that cannot reach S3.
fn away(site: &mut Site) {
    let nowhere = Some("http://127.0.0.1:1");
    site.world.operator.set("AWS_ENDPOINT_URL_S3", nowhere);
    site.world.operator.kill_and_start();
}

/// An operator that can.
fn back(site: &mut Site) {
    let url = site.s3.url();
    site.world.operator.set("AWS_ENDPOINT_URL_S3", Some(&url));
    site.world.operator.kill_and_start();
}

#[tokio::test]
async fn an_export_is_complete_once_its_zip_is_read_and_its_version_is_kept() {
    let site = Site::with(1, 1).await;
    let versioned = BucketOptions {
        versioned: true,
        ..BucketOptions::default()
    };
    site.s3.create_bucket("kept", versioned).await.unwrap();
    let mut destination = destination();
    destination["bucket"] = json!("kept");
    let spec = spec(&json!({"destination": destination}));
    site.create::<WorkMailMailboxExport>("one", spec)
        .await
        .unwrap();
    let done = site
        .until("one", |object| condition(object, "Complete").is_some())
        .await;
    assert!(is_verified(&done, ConditionStatus::True));
    let status = done.status.unwrap();
    assert!(status.version_id.is_some_and(|version| !version.is_empty()));
    let proof = status.proof.unwrap();
    assert!(
        proof.entries.unwrap() > 0 && proof.uncompressed_bytes.unwrap() > 0,
        "{proof:?}"
    );
    assert!(
        proof.log.unwrap().total_messages.is_some(),
        "the log is found"
    );
    assert_eq!(status.attempts.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_a_wrong_object_is_exported_again() {
    let mut site = Site::with(1, 1).await;
    let client = site.s3.client();
    away(&mut site);
    site.create::<WorkMailMailboxExport>("one", spec(&json!({})))
        .await
        .unwrap();
    let object = site
        .until("one", |object| {
            is_verified(object, ConditionStatus::Unknown)
        })
        .await;
    assert_eq!(state(&object), Some(ExportState::Completed));
    assert!(condition(&object, "Complete").is_none());
    let key = object.status.unwrap().s3_path.unwrap();
    // Somebody breaks it before it is read.
    let whole = client
        .get_object()
        .bucket("archive")
        .key(&key)
        .send()
        .await
        .unwrap();
    let whole = whole.body.collect().await.unwrap().to_vec();
    let half = whole[..whole.len() / 2].to_vec();
    client
        .put_object()
        .bucket("archive")
        .key(&key)
        .body(half.into())
        .send()
        .await
        .unwrap();
    back(&mut site);
    let done = site
        .until("one", |object| condition(object, "Complete").is_some())
        .await;
    assert!(is_verified(&done, ConditionStatus::True));
    let status = done.status.unwrap();
    assert_eq!(status.attempts.len(), 2);
    assert_eq!(status.attempts[0].state, AttemptState::Failed);
    let error = status.attempts[0].error.clone().unwrap();
    assert!(error.contains("zip"), "{error}");
    assert_ne!(
        status.s3_path.as_deref(),
        Some(key.as_str()),
        "it has a key of its own"
    );
    assert_eq!(site.starts().len(), 2);
    // What is wrong stays where it is.
    client
        .head_object()
        .bucket("archive")
        .key(&key)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn only_404_is_missing_and_a_bucket_of_another_owner_is_not_read() {
    let mut site = Site::with(2, 1).await;
    let mut of_another = destination();
    of_another["bucketAccountId"] = json!("999999999999");
    let other = spec(&json!({"destination": of_another, "mailbox": "user001"}));
    site.create::<WorkMailMailboxExport>("other", other)
        .await
        .unwrap();
    let object = site
        .until("other", |object| {
            is_verified(object, ConditionStatus::Unknown)
        })
        .await;
    let ready = condition(&object, "Ready").unwrap();
    assert_eq!(ready.reason, "AccessDenied");
    assert!(ready.message.contains("s3:GetObject"), "{}", ready.message);
    away(&mut site);
    let one = spec(&json!({"backoffLimit": 1}));
    site.create::<WorkMailMailboxExport>("one", one)
        .await
        .unwrap();
    let object = site
        .until("one", |object| {
            is_verified(object, ConditionStatus::Unknown)
        })
        .await;
    let key = object.status.unwrap().s3_path.unwrap();
    let client = site.s3.client();
    client
        .delete_object()
        .bucket("archive")
        .key(&key)
        .send()
        .await
        .unwrap();
    back(&mut site);
    let failed = site
        .until("one", |object| state(object) == Some(ExportState::Failed))
        .await;
    assert!(is_verified(&failed, ConditionStatus::False));
    let proof = failed.status.unwrap().proof.unwrap();
    assert_eq!(proof.reason, ProofReason::Missing);
    let other = site
        .api::<WorkMailMailboxExport>()
        .get("other")
        .await
        .unwrap();
    assert!(
        is_verified(&other, ConditionStatus::Unknown),
        "403 is never False"
    );
    assert_eq!(state(&other), Some(ExportState::Completed));
}

#[tokio::test]
async fn nothing_else_is_begun_before_the_first_mailbox_is_verified() {
    let mut site = Site::with(3, 1).await;
    away(&mut site);
    let all = json!({"organizationRef": {"name": "acme"}, "destination": destination()});
    site.create::<WorkMailOrganizationExport>("all", all)
        .await
        .unwrap();
    site.until("all", |object: &WorkMailOrganizationExport| {
        let status = object.status.clone().unwrap_or_default();
        let mut conditions = status.conditions.iter();
        conditions.any(|one| one.r#type == "Verified" && one.status == ConditionStatus::Unknown)
    })
    .await;
    assert_eq!(site.children().await.len(), 1);
    assert_eq!(site.starts().len(), 1);
    back(&mut site);
    let done = site
        .until("all", |object: &WorkMailOrganizationExport| {
            object
                .status
                .as_ref()
                .is_some_and(|status| status.completed_at.is_some())
        })
        .await;
    let conditions = done.status.unwrap().conditions;
    let verified = conditions
        .iter()
        .find(|one| one.r#type == "Verified")
        .unwrap();
    assert_eq!(verified.status, ConditionStatus::True);
}

#[tokio::test]
async fn the_manifest_beside_the_mailboxes_is_what_the_full_proof_reads() {
    let site = Site::with(3, 1).await;
    let all = json!({"organizationRef": {"name": "acme"}, "destination": destination()});
    let made: WorkMailOrganizationExport = site.create("all", all).await.unwrap();
    let done = site
        .until("all", |object: &WorkMailOrganizationExport| {
            let status = object.status.as_ref();
            status.is_some_and(|status| status.completed_at.is_some() && status.manifest.is_some())
        })
        .await;
    let uid: String = made.metadata.uid.unwrap().chars().take(8).collect();
    let manifest = done.status.unwrap().manifest.unwrap();
    assert_eq!(
        manifest,
        format!("s3://archive/mail/acme/{uid}/manifest.json")
    );
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_workmail-operator"))
        .args(["verify", &manifest, "--output", "json"])
        .env_clear()
        .env("AWS_ENDPOINT_URL_S3", site.s3.url())
        .env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
        .env("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mailboxes = report["mailboxes"].as_array().unwrap();
    assert_eq!(mailboxes.len(), 3);
    assert!(
        mailboxes.iter().all(|one| one["verified"] == "True"),
        "{report}"
    );
    let csv = site.s3.client().get_object().bucket("archive");
    let csv = csv
        .key(format!("mail/acme/{uid}/manifest.csv"))
        .send()
        .await
        .unwrap();
    let csv = csv.body.collect().await.unwrap().to_vec();
    assert_eq!(String::from_utf8(csv).unwrap().lines().count(), 3);
    let lines = site.world.operator.logged("called AWS");
    assert!(lines.iter().any(|line| line["operation"] == "PutObject"));
}
