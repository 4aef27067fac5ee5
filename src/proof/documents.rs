//! The documents, written and read again.

use serde_json::json;

use super::*;

fn object(key: &str, version: Option<&str>) -> Object {
    Object {
        bucket: "acme-mail".to_owned(),
        key: key.to_owned(),
        version_id: version.map(str::to_owned),
        e_tag: Some("\"9b2c\"".to_owned()),
        bytes: 12_345_678_901,
    }
}

fn mailbox(key: &str, version: Option<&str>) -> Mailbox {
    Mailbox {
        entity_id: "S-1".to_owned(),
        email: Some("ada@acme.example".to_owned()),
        aliases: vec!["lovelace@acme.example".to_owned()],
        display_name: Some("Ada Lovelace 木".to_owned()),
        mailbox_bytes: Some(10_000_000_000),
        state: "Completed".to_owned(),
        job_id: Some("job-1".to_owned()),
        started_at: Some("2027-01-02T03:04:05Z".parse().unwrap()),
        ended_at: Some("2027-01-02T04:04:05.25Z".parse().unwrap()),
        object: Some(object(key, version)),
        entries: Some(250_000),
        uncompressed_bytes: Some(11_000_000_000),
        log: Log::parse(br#"{"totalMessages":"250000"}"#),
        verification: Some(judge(&Err(Trouble::NotFound), None)),
    }
}

fn manifest(mailboxes: Vec<Mailbox>) -> Manifest {
    Manifest {
        version: FORMAT_VERSION,
        written_at: "2027-01-03T00:00:00Z".parse().unwrap(),
        written_by: "workmail-operator 0.1.0".to_owned(),
        organization: Organization {
            id: "m-1".to_owned(),
            alias: Some("acme".to_owned()),
            account_id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        },
        export: Export {
            namespace: "mail".to_owned(),
            name: "acme".to_owned(),
            uid: "3f2a91c0".to_owned(),
        },
        destination: Destination {
            bucket: "acme-mail".to_owned(),
            prefix: "workmail/acme/3f2a91c0/".to_owned(),
            account_id: "123456789012".to_owned(),
            kms_key_arn: "arn:aws:kms:us-east-1:123456789012:key/1".to_owned(),
        },
        mailboxes,
        waivers: vec![Waiver {
            mailbox: "bob".to_owned(),
            reason: "left in 2019".to_owned(),
        }],
    }
}

fn report() -> VerifiedReport {
    VerifiedReport {
        version: FORMAT_VERSION,
        manifest: object("workmail/manifest.json", Some("v1")),
        manifest_sha256: "00".repeat(32),
        verified_by: "workmail-operator 0.1.0".to_owned(),
        caller: Some("arn:aws:iam::123456789012:user/auditor".to_owned()),
        started_at: "2027-01-04T00:00:00Z".parse().unwrap(),
        completed_at: Some("2027-01-04T01:00:00Z".parse().unwrap()),
        verified: Verified::False,
        mailboxes: vec![VerifiedMailbox {
            entity_id: "S-1".to_owned(),
            email: None,
            object: Some(object("a.zip", None)),
            verified: Verified::False,
            read_at: "2027-01-04T00:30:00Z".parse().unwrap(),
            sha256: Some("11".repeat(32)),
            sha384: Some("22".repeat(48)),
            counts: Counts {
                messages: 2,
                calendars: 1,
                others: 0,
                uncompressed_bytes: 300,
                folders: vec![FolderCount {
                    folder: "Entwürfe".to_owned(),
                    messages: 2,
                    calendars: 1,
                    others: 0,
                }],
            },
            log: None,
            findings: vec![Finding {
                reason: FindingReason::BrokenEntry,
                entry: Some("Inbox/1.eml".to_owned()),
                message: "The entry is damaged.".to_owned(),
            }],
            findings_total: 51,
        }],
    }
}

#[test]
fn documents_are_read_as_they_were_written() {
    let full = manifest(vec![mailbox("a.zip", Some("v1")), mailbox("b.zip", None)]);
    assert_eq!(
        Manifest::parse(full.to_json().unwrap().as_bytes()).unwrap(),
        full
    );
    let report = report();
    assert_eq!(
        VerifiedReport::parse(report.to_json().unwrap().as_bytes()).unwrap(),
        report
    );
    let least = Mailbox {
        email: None,
        aliases: vec![],
        display_name: None,
        mailbox_bytes: None,
        job_id: None,
        started_at: None,
        ended_at: None,
        object: None,
        entries: None,
        uncompressed_bytes: None,
        log: None,
        verification: None,
        ..mailbox("a.zip", None)
    };
    let json = serde_json::to_value(&least).unwrap();
    assert_eq!(
        json,
        json!({"entityId": "S-1", "state": "Completed"}),
        "what is not known is not written"
    );
    assert_eq!(serde_json::from_value::<Mailbox>(json).unwrap(), least);
}

#[test]
fn a_later_version_is_refused_and_an_added_field_is_not() {
    let mut json = serde_json::to_value(manifest(vec![])).unwrap();
    json["added"] = json!({"later": true});
    assert!(Manifest::parse(json.to_string().as_bytes()).is_ok());
    json["version"] = json!(2);
    json["organization"] = json!("of another form");
    let error = Manifest::parse(json.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
    assert!(Manifest::parse(b"[]").is_err());
}

#[test]
fn the_manifest_of_s3_batch_operations_has_one_encoded_line_for_each_object_and_no_header() {
    let none = Mailbox {
        object: None,
        ..mailbox("", None)
    };
    let versions = [
        mailbox("mail/a b,\"ü.zip", Some("v1")),
        none,
        mailbox("b.zip", Some("v2")),
    ];
    let csv = manifest(versions.into()).to_csv();
    assert_eq!(
        csv,
        "acme-mail,mail/a%20b%2C%22%C3%BC.zip,v1\nacme-mail,b.zip,v2\n"
    );
    let mixed = [mailbox("a.zip", Some("v1")), mailbox("b.zip", None)];
    let csv = manifest(mixed.into()).to_csv();
    assert_eq!(
        csv, "acme-mail,a.zip\nacme-mail,b.zip\n",
        "versions stand in every line or in none"
    );
}

#[test]
fn several_results_are_as_good_as_the_worst() {
    use Verified::{False, True, Unknown};
    assert_eq!(VerifiedReport::together([True, True]), True);
    assert_eq!(VerifiedReport::together([True, Unknown]), Unknown);
    assert_eq!(VerifiedReport::together([Unknown, False, True]), False);
}
