//! Exports that cannot be made: refused at admission where a rule can, else a condition with the next
//! step, and nothing is started.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use workmail_local::{CallFilter, SeedOrganization};
use workmail_operator::api::{WorkMailMailboxExport, WorkMailOrganizationExport};

use super::{KEY, Site, destination, failing, reason};

fn spec(changes: &Value) -> Value {
    let mut spec = json!({"organizationRef": {"name": "acme"}, "destination": destination()});
    let fields = changes.as_object().unwrap().clone();
    spec.as_object_mut().unwrap().extend(fields);
    spec
}

fn with_destination(field: &str, value: &str) -> Value {
    let mut destination = destination();
    destination[field] = json!(value);
    spec(&json!({"destination": destination}))
}

#[tokio::test]
async fn what_a_rule_can_refuse_is_refused_at_admission_with_a_sentence() {
    let site = Site::with(1, 1).await;
    let alias = "arn:aws:kms:us-east-1:123456789012:alias/mail";
    let with = with_destination;
    let cases = [
        (with("prefix", "ada@acme.example"), "accepts no @"),
        (with("prefix", "mail//acme"), "between single slashes"),
        (with("prefix", "/mail"), "between single slashes"),
        (with("kmsKeyArn", alias), "no alias"),
        (
            with("kmsKeyArn", "arn:aws:kms:us-east-1:1:key/a"),
            "kmsKeyArn is the ARN of a KMS key",
        ),
        (with("roleArn", "arn:aws:iam::1:user/some"), "roleArn is"),
        (with("bucket", "Archive"), "only lower case letters"),
        (
            with("readRoleArn", "arn:aws:iam::123456789012:user/some"),
            "readRoleArn is the ARN of an IAM role",
        ),
        (
            with("bucketAccountId", "12345678901x"),
            "bucketAccountId is the id of an AWS account",
        ),
        (spec(&json!({"parallelism": 0})), "parallelism"),
        (spec(&json!({"parallelism": 11})), "parallelism"),
        (spec(&json!({"backoffLimit": 0})), "backoffLimit"),
        (spec(&json!({"progressDeadline": "1s"})), "from 1h to 720h"),
        (spec(&json!({"deadline": "tomorrow"})), "deadline"),
    ];
    for (spec, sentence) in cases {
        let refused = site
            .create::<WorkMailOrganizationExport>("bad", spec)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(sentence), "{refused}");
    }
    assert!(site.starts().is_empty());
}

#[tokio::test]
async fn what_cannot_be_exported_is_told_with_the_next_step_and_nothing_is_started() {
    let site = Site::with(2, 1).await;
    observed_and_others(&site).await;
    let of = |name: &str| spec(&json!({"organizationRef": {"name": name}}));
    let other_region = KEY.replace("us-east-1", "eu-west-1");
    let cases = [
        (
            of("nobody"),
            "NotFound",
            "Create WorkMailOrganization nobody",
        ),
        (of("observed"), "OwnershipConflict", "managementPolicy"),
        (of("theirs"), "NotFound", "WorkMailOrganization theirs"),
        (
            spec(&json!({"mailboxes": {"include": ["bob@acme.example"]}})),
            "NotFound",
            "bob@acme.example",
        ),
        (
            spec(&json!({"mailboxes": {"exclude": ["user000", "user001"]}})),
            "NotFound",
            "Correct mailboxes",
        ),
        (
            spec(&json!({"canary": "bob"})),
            "NotFound",
            "Correct canary",
        ),
        (
            with_destination("kmsKeyArn", &other_region),
            "DestinationRefused",
            "a key of region us-east-1",
        ),
    ];
    for (number, (spec, expected, sentence)) in cases.into_iter().enumerate() {
        let name = format!("bad-{number}");
        site.create::<WorkMailOrganizationExport>(&name, spec)
            .await
            .unwrap();
        let told = site
            .until(&name, |object: &WorkMailOrganizationExport| {
                reason(object) == expected
            })
            .await;
        let conditions = told.status.unwrap().conditions;
        assert!(
            conditions.iter().any(|one| one.message.contains(sentence)),
            "{conditions:#?}"
        );
    }
    let unknown = spec(&json!({"mailbox": "bob@acme.example"}));
    site.create::<WorkMailMailboxExport>("bad", unknown)
        .await
        .unwrap();
    site.until("bad", |object: &WorkMailMailboxExport| {
        let conditions = object.status.as_ref().map(|status| &status.conditions);
        conditions
            .into_iter()
            .flatten()
            .any(|one| one.reason == "NotFound" && one.message.contains("bob@acme.example"))
    })
    .await;
    assert!(site.starts().is_empty());
    assert_eq!(site.children().await.len(), 1, "only the one of this test");
}

/// An organization that is only observed, and one that another cluster owns.
async fn observed_and_others(site: &Site) {
    let seed = |alias: &str, tags: Value| -> SeedOrganization {
        serde_json::from_value(json!({"alias": alias, "users": [{"name": "ada"}], "tags": tags}))
            .unwrap()
    };
    let aws = &site.world.aws;
    aws.seed_organization(seed("observed", json!({}))).unwrap();
    let tags = json!({
        "workmail-operator.dev/cluster": "other", "workmail-operator.dev/namespace": "mail",
        "workmail-operator.dev/name": "theirs",
    });
    aws.seed_organization(seed("theirs", tags)).unwrap();
    let observed = json!({
        "alias": "observed", "adoptionPolicy": "Adopt", "managementPolicy": "Observe",
    });
    site.world.create("observed", observed).await;
    site.world.until_active("observed").await;
    let theirs = json!({"alias": "theirs", "adoptionPolicy": "Adopt"});
    site.world.create("theirs", theirs).await;
    site.world
        .until_refused("theirs", workmail_operator::api::Reason::OwnershipConflict)
        .await;
}

#[tokio::test]
async fn a_bucket_of_another_region_fails_the_canary_and_nothing_else_is_started() {
    let site = Site::with(5, 1).await;
    site.world.aws.fault(failing("region"));
    site.create::<WorkMailOrganizationExport>("all", spec(&json!({})))
        .await
        .unwrap();
    let told = site
        .until("all", |object: &WorkMailOrganizationExport| {
            reason(object) == "CanaryFailed"
        })
        .await;
    let conditions = told.status.unwrap().conditions;
    let sentence = "Correct the region of bucket and key";
    assert!(
        conditions.iter().any(|one| one.message.contains(sentence)),
        "{conditions:#?}"
    );
    assert_eq!(site.starts().len(), 1);
}

#[tokio::test]
async fn another_organization_behind_the_same_name_is_not_exported() {
    let site = Site::with(3, 3600).await;
    site.create::<WorkMailOrganizationExport>("all", spec(&json!({})))
        .await
        .unwrap();
    site.world.until_called("StartMailboxExportJob", 1).await;
    let other = json!({"alias": "beta", "users": [{"name": "ada"}, {"name": "bob"}]});
    let other = serde_json::from_value(other).unwrap();
    let other = site.world.aws.seed_organization(other).unwrap().id;
    site.world.delete("acme").await;
    site.world.until_gone("acme").await;
    let spec = json!({"alias": "beta", "adoptionPolicy": "Adopt"});
    site.world.create("acme", spec).await;
    site.world.until_active("acme").await;
    // The canary that ran goes on, and is the last.
    site.world
        .aws
        .clock()
        .advance(std::time::Duration::from_hours(2));
    let again =
        json!({"metadata": {"annotations": {"workmail-operator.dev/reconcile-requested-at": "1"}}});
    site.api::<WorkMailOrganizationExport>()
        .patch("all", &PatchParams::default(), &Patch::Merge(again))
        .await
        .unwrap();
    site.until("all", |object: &WorkMailOrganizationExport| {
        reason(object) == "OrganizationChanged"
    })
    .await;
    site.until(
        &site.children().await[0].metadata.name.clone().unwrap(),
        |child| super::state(child) == Some(workmail_operator::api::ExportState::Completed),
    )
    .await;
    let mut of_other = CallFilter::on("StartMailboxExportJob");
    of_other.organization_id = Some(other);
    assert!(site.world.aws.calls(&of_other).is_empty());
    assert_eq!(site.starts().len(), 1);
}
