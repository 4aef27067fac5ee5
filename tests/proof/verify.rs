//! The full proof of exports in S3.

use std::fmt::Write as _;

use devcluster::S3Server;
use sha2::{Digest as _, Sha256, Sha384};
use workmail_operator::proof::{FindingReason, Mailbox, Verified, VerifiedReport, Waiver};

use crate::world::{
    BUCKET, CALENDAR, MANIFEST, MESSAGE, REPORT, World, mailbox, manifest, stderr, zip,
};

const LOG: &[u8] = br#"{"totalMessages":"2","totalFolders":"2"}"#;

fn export() -> Vec<u8> {
    zip([
        ("Inbox/1.eml", MESSAGE),
        ("Entwürfe/1.eml", MESSAGE),
        ("Calendar/1.ics", CALENDAR),
        ("export-log.json", LOG),
    ])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn reasons(report: &VerifiedReport, index: usize) -> Vec<FindingReason> {
    report.mailboxes[index]
        .findings
        .iter()
        .map(|finding| finding.reason)
        .collect()
}

#[tokio::test]
async fn every_byte_is_read_and_the_report_is_written_beside_the_manifest() {
    let world = World::new().await;
    let object = world.put("mail/S-1/1/job.zip", export()).await;
    assert!(object.version_id.is_some());
    // What is written later at the same key is not what was exported.
    world
        .put("mail/S-1/1/job.zip", b"something else".to_vec())
        .await;
    world
        .put_manifest(&manifest(vec![Mailbox {
            entries: Some(3),
            ..mailbox("S-1", Some(object.clone()))
        }]))
        .await;
    let output = world.verify().await;
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "", "quiet in a pipe");
    let report = world.report().await;
    assert_eq!(VerifiedReport::parse(&output.stdout).unwrap(), report);
    assert_eq!(report.verified, Verified::True);
    assert!(report.completed_at.is_some() && report.caller.is_none());
    assert_eq!(
        report.manifest_sha256,
        hex(&Sha256::digest(world.get(MANIFEST).await))
    );
    let read = &report.mailboxes[0];
    assert_eq!(read.object.as_ref(), Some(&object));
    assert_eq!(read.sha256.clone().unwrap(), hex(&Sha256::digest(export())));
    assert_eq!(read.sha384.clone().unwrap(), hex(&Sha384::digest(export())));
    assert_eq!(
        (
            read.counts.messages,
            read.counts.calendars,
            read.counts.others
        ),
        (2, 1, 0)
    );
    let folders: Vec<_> = read
        .counts
        .folders
        .iter()
        .map(|folder| (folder.folder.as_str(), folder.messages))
        .collect();
    assert_eq!(folders, [("Calendar", 0), ("Entwürfe", 1), ("Inbox", 1)]);
    assert_eq!(read.log.as_ref().unwrap().total_messages, Some(2));
    assert_eq!(read.findings, []);
}

#[tokio::test]
async fn what_is_damaged_missing_changed_or_not_exported_is_told_and_the_others_are_read() {
    let world = World::new().await;
    let long = zip([
        ("a.eml", [MESSAGE, &b"x".repeat(3000)].concat()),
        ("b.eml", MESSAGE.to_vec()),
    ]);
    let mut damaged = long.clone();
    damaged[50] ^= 0x10;
    let mut no_zip = export();
    no_zip.truncate(no_zip.len() - 5);
    let damaged = world.put("mail/damaged.zip", damaged).await;
    let no_zip = world.put("mail/no.zip", no_zip).await;
    let right = world.put("mail/right.zip", export()).await;
    let mut missing = right.clone();
    missing.key = "mail/missing.zip".to_owned();
    missing.version_id = None;
    let mut changed = right.clone();
    changed.bytes += 1;
    let few = Mailbox {
        entries: Some(4),
        ..mailbox("few", Some(right.clone()))
    };
    world
        .put_manifest(&manifest(vec![
            mailbox("damaged", Some(damaged)),
            mailbox("no-zip", Some(no_zip)),
            mailbox("missing", Some(missing)),
            mailbox("changed", Some(changed)),
            few,
            mailbox("none", None),
            mailbox("right", Some(right)),
        ]))
        .await;
    let output = world.verify().await;
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("6 of 7 mailboxes"), "{said}");
    let report = world.report().await;
    assert_eq!(report.verified, Verified::False);
    let found: Vec<_> = (0..7).map(|index| reasons(&report, index)).collect();
    let expected = [
        vec![FindingReason::BrokenEntry],
        vec![FindingReason::Unreadable],
        vec![FindingReason::Missing],
        vec![FindingReason::Changed],
        vec![FindingReason::FewerItems],
        vec![FindingReason::NotExported],
        vec![],
    ];
    assert_eq!(found, expected);
    let damaged = &report.mailboxes[0];
    assert_eq!(damaged.findings[0].entry.as_deref(), Some("a.eml"));
    assert_eq!(damaged.counts.messages, 1, "the other entry of the zip");
    assert!(
        report.mailboxes[1].sha256.is_some(),
        "what is no zip was read all the same"
    );
    assert_eq!(report.mailboxes[6].verified, Verified::True);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_unknown_and_never_missing() {
    let world = World::new().await;
    let object = world.put("mail/a.zip", export()).await;
    let mut foreign = manifest(vec![mailbox("S-1", Some(object))]);
    foreign.destination.account_id = "210987654321".to_owned();
    world.put_manifest(&foreign).await;
    let output = world.verify().await;
    assert_eq!(output.status.code(), Some(1));
    let report = world.report().await;
    assert_eq!(report.verified, Verified::Unknown);
    assert_eq!(reasons(&report, 0), [FindingReason::ReadFailed]);
    assert_eq!(report.mailboxes[0].sha256, None, "not a byte was read");
}

#[tokio::test]
async fn a_mailbox_that_is_waived_or_gone_needs_no_object() {
    let world = World::new().await;
    let object = world.put("mail/a.zip", export()).await;
    let gone = Mailbox {
        state: "Gone".to_owned(),
        ..mailbox("gone", None)
    };
    let mut all = manifest(vec![mailbox("a", Some(object)), gone, mailbox("bob", None)]);
    all.waivers = vec![Waiver {
        mailbox: "bob@acme.example".to_owned(),
        reason: "left in 2019".to_owned(),
    }];
    world.put_manifest(&all).await;
    let output = world.verify().await;
    assert!(output.status.success(), "{}", stderr(&output));
    let report = world.report().await;
    assert_eq!(reasons(&report, 1), [FindingReason::NotRequired]);
    assert!(
        report.mailboxes[2].findings[0]
            .message
            .contains("left in 2019")
    );
}

#[tokio::test]
async fn the_log_beside_the_zip_is_compared_too() {
    let world = World::new().await;
    let whole = zip([("Inbox/1.eml", MESSAGE)]);
    let object = world.put("mail/S-1/1/job.zip", whole).await;
    world
        .put("mail/S-1/1/job.json", br#"{"totalMessages":"2"}"#.to_vec())
        .await;
    world
        .put_manifest(&manifest(vec![mailbox("S-1", Some(object))]))
        .await;
    assert_eq!(world.verify().await.status.code(), Some(1));
    let report = world.report().await;
    assert_eq!(reasons(&report, 0), [FindingReason::FewerItems]);
    assert_eq!(
        report.mailboxes[0].log.as_ref().unwrap().total_messages,
        Some(2)
    );
}

#[tokio::test]
async fn an_interrupted_run_is_resumed_and_a_finished_one_begins_anew() {
    let world = World::new().await;
    let first = world.put("mail/a.zip", export()).await;
    let second = world.put("mail/b.zip", export()).await;
    world
        .put_manifest(&manifest(vec![
            mailbox("a", Some(first)),
            mailbox("b", Some(second)),
        ]))
        .await;
    assert!(world.verify().await.status.success());
    let finished = world.report().await;
    let mut interrupted = finished.clone();
    interrupted.completed_at = None;
    interrupted.mailboxes.truncate(1);
    world
        .put(REPORT, interrupted.to_json().unwrap().into_bytes())
        .await;
    assert!(world.verify().await.status.success());
    let resumed = world.report().await;
    let read_at = |report: &VerifiedReport, index: usize| report.mailboxes[index].read_at;
    assert_eq!(
        read_at(&resumed, 0),
        read_at(&finished, 0),
        "not read again"
    );
    assert!(read_at(&resumed, 1) > read_at(&finished, 1));
    assert_eq!(
        resumed.started_at,
        resumed.mailboxes[0].read_at.min(resumed.started_at)
    );
    assert!(resumed.completed_at.is_some());
    assert!(world.verify().await.status.success());
    assert!(
        read_at(&world.report().await, 0) > read_at(&finished, 0),
        "a finished run"
    );
    // A result about another object, or a bad one, is not taken over.
    interrupted.mailboxes[0].object.as_mut().unwrap().version_id = Some("other".to_owned());
    world
        .put(REPORT, interrupted.to_json().unwrap().into_bytes())
        .await;
    assert!(world.verify().await.status.success());
    assert!(
        read_at(&world.report().await, 0) > read_at(&finished, 0),
        "another version"
    );
}

#[tokio::test]
async fn the_report_can_be_a_file_and_the_result_a_table() {
    let world = World::new().await;
    let object = world.put("mail/a.zip", export()).await;
    world
        .put_manifest(&manifest(vec![mailbox("S-1", Some(object))]))
        .await;
    let name = format!("s3://{BUCKET}/{MANIFEST}");
    let owner = ["--expected-bucket-owner", S3Server::ACCESS_KEY];
    let output = world
        .run(&[&["verify", &name, "--report", "proof.json"][..], &owner].concat())
        .await;
    assert!(output.status.success(), "{}", stderr(&output));
    let table = String::from_utf8(output.stdout).unwrap();
    let words: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        words[..4],
        ["S-1@acme.example", "True", "2", "1"],
        "{table}"
    );
    let report = std::fs::read(world.path().join("proof.json")).unwrap();
    assert_eq!(
        VerifiedReport::parse(&report).unwrap().verified,
        Verified::True
    );
    let beside = world
        .client
        .head_object()
        .bucket(BUCKET)
        .key(REPORT)
        .send()
        .await;
    assert!(beside.is_err(), "nothing was written to the bucket");
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_told_before_anything_is_read() {
    let world = World::new().await;
    let name = format!("s3://{BUCKET}/{MANIFEST}");
    let output = world.run(&["verify", &name]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("does not exist"),
        "{}",
        stderr(&output)
    );
    let object = world.put("mail/a.zip", export()).await;
    world
        .put_manifest(&manifest(vec![mailbox("S-1", Some(object))]))
        .await;
    let output = world
        .run(&["verify", &name, "--report", "no-folder/proof.json"])
        .await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let output = world
        .run(&["verify", &name, "--expected-bucket-owner", "210987654321"])
        .await;
    assert_eq!(output.status.code(), Some(1), "another owner");
    assert!(
        stderr(&output).contains("Check your rights"),
        "{}",
        stderr(&output)
    );
}
