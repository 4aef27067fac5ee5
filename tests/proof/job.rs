//! What an export job of the local endpoint has written, verified and unpacked.

use std::time::Duration;

use aws_sdk_workmail::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::MailboxExportJobState,
};
use devcluster::S3Server;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use workmail_local::{Config, ExportLog, Knobs, S3Target, SeedOrganization, SeedUser, Server};
use workmail_operator::proof::Mailbox;

use crate::world::{BUCKET, MANIFEST, World, mailbox, manifest, stderr};

/// An endpoint whose jobs end at once, with the log of a job in this place, and a client for it.
async fn endpoint(world: &World, log: ExportLog) -> (Server, Client) {
    let mut config = Config::with_knobs(Knobs {
        export_log: log,
        ..Knobs::immediate()
    });
    config.s3 = Some(S3Target {
        endpoint: world.server.url(),
        access_key: S3Server::ACCESS_KEY.to_owned(),
        secret_key: S3Server::SECRET_KEY.to_owned(),
    });
    let server = Server::start(config).await.unwrap();
    let settings = aws_sdk_workmail::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(server.url())
        .credentials_provider(Credentials::new(
            "AKIDEXAMPLE",
            "secret",
            None,
            None,
            "test",
        ))
        .build();
    (server, Client::from_conf(settings))
}

#[rstest::rstest]
#[case::in_the_zip(ExportLog::Inside)]
#[case::beside_the_zip(ExportLog::Beside)]
#[case::nowhere(ExportLog::None)]
#[tokio::test]
async fn an_export_job_is_verified_and_unpacked(#[case] log: ExportLog) {
    let world = World::new().await;
    let (server, client) = endpoint(&world, log).await;
    let organization = SeedOrganization {
        region: "eu-west-1".to_owned(),
        ..SeedOrganization::new("acme")
    };
    let organization = server.seed_organization(organization).unwrap().id;
    let user = SeedUser::new("ada").mailbox_size(2.0);
    let user = server.seed_user(&organization, user).unwrap().id;
    let started = client
        .start_mailbox_export_job()
        .organization_id(&organization)
        .entity_id(&user)
        .role_arn("arn:aws:iam::123456789012:role/export")
        .kms_key_arn("arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d")
        .s3_bucket_name(BUCKET)
        .s3_prefix("mail/ada")
        .send()
        .await
        .unwrap();
    let job = started.job_id().unwrap();
    let path = timeout(Duration::from_secs(30), async {
        loop {
            let described = client
                .describe_mailbox_export_job()
                .organization_id(&organization)
                .job_id(job);
            let described = described.send().await.unwrap();
            match described.state() {
                Some(MailboxExportJobState::Completed) => {
                    return described.s3_path().unwrap().to_owned();
                }
                Some(MailboxExportJobState::Running) => sleep(Duration::from_millis(20)).await,
                other => panic!("{other:?}: {:?}", described.error_info()),
            }
        }
    });
    let path = path.await.unwrap();
    let head = world
        .client
        .head_object()
        .bucket(BUCKET)
        .key(&path)
        .send()
        .await
        .unwrap();
    let object = workmail_operator::proof::Object {
        bucket: BUCKET.to_owned(),
        key: path.clone(),
        version_id: head.version_id().map(str::to_owned),
        e_tag: head.e_tag().map(str::to_owned),
        bytes: u64::try_from(head.content_length().unwrap()).unwrap(),
    };
    let ada = Mailbox {
        job_id: Some(job.to_owned()),
        ..mailbox(&user, Some(object))
    };
    world.put_manifest(&manifest(vec![ada])).await;
    let mut verify = world.command();
    verify.args(["verify", &format!("s3://{BUCKET}/{MANIFEST}")]);
    verify.env("AWS_ENDPOINT_URL_STS", server.url());
    let output = verify.output().await.unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report = world.report().await;
    assert!(report.caller.unwrap().starts_with("arn:aws:"));
    let read = &report.mailboxes[0];
    assert_eq!(
        (
            read.counts.messages,
            read.counts.calendars,
            read.counts.others
        ),
        (40, 1, 0)
    );
    assert_eq!(read.findings, []);
    let total = read.log.as_ref().and_then(|log| log.total_messages);
    assert_eq!(
        total,
        (log != ExportLog::None).then_some(41),
        "calendars are counted as messages there"
    );
    let output = world
        .run(&[
            "unpack",
            &format!("s3://{BUCKET}/{path}"),
            "--to",
            "ada",
            "--output",
            "json",
        ])
        .await;
    assert!(output.status.success(), "{}", stderr(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["messages"], &told["calendars"]),
        (&40.into(), &1.into())
    );
}
