//! A deletion that waits for exports.

use kube::ResourceExt;
use serde_json::{Value, json};
use workmail_local::{CallFilter, EntityChange};
use workmail_operator::api::{
    ExportState, Reason, WorkMailMailboxExport, WorkMailOrganizationExport,
};

use super::{Site, destination, reason, state};
use crate::world::{assert_not_ready, id, ready};

/// Its deletion is asked for, of everything, and waits for exports as `gate` says.
async fn delete(site: &Site, gate: Option<Value>) -> String {
    let object = site.world.get("acme").await;
    let id = id(&object);
    let mut deletion = json!({
        "confirmAlias": "acme", "forceDelete": true, "confirmOrganizationId": id,
    });
    if let Some(gate) = gate {
        deletion["requireExport"] = gate;
    }
    let spec = json!({"deletionPolicy": "Delete", "deletion": deletion});
    site.world.patch("acme", json!({"spec": spec})).await;
    site.world
        .until("acme", "the finalizer is there", |object| {
            !object.finalizers().is_empty()
        })
        .await;
    site.world.delete("acme").await;
    id
}

async fn export_all(site: &Site) {
    let spec = json!({"organizationRef": {"name": "acme"}, "destination": destination()});
    site.create::<WorkMailOrganizationExport>("all", spec)
        .await
        .unwrap();
}

async fn export_one(site: &Site, name: &str, mailbox: &str) {
    let spec = json!({
        "organizationRef": {"name": "acme"}, "mailbox": mailbox, "destination": destination(),
    });
    site.create::<WorkMailMailboxExport>(name, spec)
        .await
        .unwrap();
}

async fn until_blocked(site: &Site, says: &[&str]) {
    let is_so = |object: &workmail_operator::api::WorkMailOrganization| {
        ready(object).is_some_and(|ready| {
            ready.reason == "DeletionBlocked"
                && says.iter().all(|word| ready.message.contains(word))
        })
    };
    let blocked = site.world.until("acme", "it is blocked", is_so).await;
    assert_not_ready(&blocked, Reason::DeletionBlocked, says);
    assert_eq!(site.world.calls("DeleteOrganization").len(), 0);
}

#[tokio::test]
async fn a_deletion_waits_until_every_mailbox_is_exported_and_leaves_a_document_of_it() {
    let site = Site::with(7, 1).await;
    let id = delete(&site, Some(json!({}))).await;
    let first = "user000@acme.awsapps.com (NoExport)";
    until_blocked(
        &site,
        &["Of 7 mailboxes 7 are missing", first, "and 2 more"],
    )
    .await;
    site.world
        .assert_warned_once("acme", Reason::DeletionBlocked)
        .await;
    // What is being deleted can still be exported, and each export that ends wakes it.
    export_all(&site).await;
    site.world.until_gone("acme").await;
    let exported = site
        .api::<WorkMailOrganizationExport>()
        .get("all")
        .await
        .unwrap();
    assert_eq!(reason(&exported), "Completed");
    assert_eq!(site.world.effects("DeleteOrganization").len(), 1);
    // Each mailbox is asked for its size for the order, as its job is started, and before the deletion.
    assert_eq!(site.world.calls("GetMailboxDetails").len(), 3 * 7);
    let uid: String = exported.metadata.uid.unwrap().chars().take(8).collect();
    let key = format!("mail/acme/{uid}/closing.json");
    let stored = site.s3.client().get_object().bucket("archive").key(&key);
    let stored = site
        .world
        .poll(
            "closing.json says that the deletion is accepted",
            async || {
                let body = stored
                    .clone()
                    .send()
                    .await
                    .ok()?
                    .body
                    .collect()
                    .await
                    .ok()?;
                let closing: Value = serde_json::from_slice(&body.into_bytes()).ok()?;
                (closing["deletion"]["accepted"] == true).then_some(closing)
            },
        )
        .await;
    assert_eq!(stored["organization"]["id"], *id);
    let mailboxes = stored["mailboxes"].as_array().unwrap();
    assert_eq!(mailboxes.len(), 7);
    assert!(mailboxes.iter().all(|one| one["export"]["key"].is_string()));
    let call = &site.world.effects("DeleteOrganization")[0];
    assert_eq!(stored["deletion"]["requestId"], *call.request_id);
}

#[tokio::test]
async fn a_waived_mailbox_is_not_waited_for_and_stands_in_the_document() {
    let site = Site::with(2, 1).await;
    export_one(&site, "one", "user000").await;
    site.until("one", |object| {
        state(object) == Some(ExportState::Completed)
    })
    .await;
    delete(&site, Some(json!({}))).await;
    until_blocked(&site, &["user001@acme.awsapps.com (NoExport)"]).await;
    let waive = json!([{"mailbox": "user001@acme.awsapps.com", "reason": "a test account"}]);
    let gate = json!({"spec": {"deletion": {"requireExport": {"waive": waive}}}});
    site.world.patch("acme", gate).await;
    site.world.until_gone("acme").await;
    assert_eq!(site.world.effects("DeleteOrganization").len(), 1);
    let objects = site.s3.client().list_objects_v2().bucket("archive");
    let objects = objects.send().await.unwrap();
    let closing = objects
        .contents()
        .iter()
        .filter_map(|one| one.key())
        .find(|key| key.ends_with("closing.json"))
        .unwrap();
    let stored = site.s3.client().get_object().bucket("archive").key(closing);
    let body = stored.send().await.unwrap().body.collect().await.unwrap();
    let closing: Value = serde_json::from_slice(&body.into_bytes()).unwrap();
    let waived: Vec<_> = closing["mailboxes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["waived"].as_str())
        .collect();
    assert_eq!(waived, ["a test account"]);
}

#[tokio::test]
async fn mail_that_came_since_the_export_blocks_until_it_is_exported_again() {
    let site = Site::with(1, 1).await;
    export_one(&site, "first", "user000").await;
    let first = site
        .until("first", |object| {
            state(object) == Some(ExportState::Completed)
        })
        .await;
    let user = first.status.unwrap().entity_id.unwrap();
    let organization = id(&site.world.get("acme").await);
    let endpoint = site.world.aws.endpoint();
    let grown = EntityChange::mailbox_size(3.0);
    endpoint.change_entity(&organization, &user, grown).unwrap();
    delete(&site, Some(json!({}))).await;
    until_blocked(&site, &["user000@acme.awsapps.com (MailSinceExport)"]).await;
    export_one(&site, "second", "user000").await;
    site.world.until_gone("acme").await;
    assert_eq!(site.world.effects("DeleteOrganization").len(), 1);
}

#[tokio::test]
async fn a_deleted_archive_blocks_and_an_organization_without_mailboxes_proves_nothing() {
    let site = Site::with(1, 1).await;
    export_one(&site, "one", "user000").await;
    let one = site
        .until("one", |object| {
            state(object) == Some(ExportState::Completed)
        })
        .await;
    let key = one.status.unwrap().s3_path.unwrap();
    let remove = site.s3.client().delete_object().bucket("archive").key(key);
    remove.send().await.unwrap();
    delete(&site, Some(json!({}))).await;
    until_blocked(&site, &["(ObjectMissing)"]).await;
    let empty = Site::with(0, 1).await;
    delete(&empty, Some(json!({}))).await;
    until_blocked(&empty, &["Remove deletion.requireExport", "proves nothing"]).await;
    let closing = json!({"spec": {"deletion": {"requireExport": null}}});
    empty.world.patch("acme", closing).await;
    empty.world.until_gone("acme").await;
    empty.world.until_event("acme", "ExportGateRemoved").await;
}

#[tokio::test]
async fn an_export_that_runs_blocks_a_deletion_that_asks_for_none() {
    let site = Site::with(1, 600).await;
    export_one(&site, "one", "user000").await;
    site.until("one", |object| state(object) == Some(ExportState::Running))
        .await;
    delete(&site, None).await;
    until_blocked(&site, &["these exports end", "one"]).await;
    let api = site.api::<WorkMailMailboxExport>();
    api.delete("one", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    site.world.until_gone("acme").await;
    let cancelled = CallFilter::on("CancelMailboxExportJob");
    assert_eq!(site.world.aws.calls(&cancelled).len(), 1);
    let heads = site.world.calls("ListUsers").len();
    assert!(
        heads <= 1,
        "the directory is read for the export alone: {heads}"
    );
}
