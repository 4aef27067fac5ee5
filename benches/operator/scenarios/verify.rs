//! The full proof of one large export, side by side with `sha256sum` of the same file.
//!
//! The S3 server keeps objects as files: the zip is written into its bucket as one, and sha256sum reads it there.

use std::{
    fs::{self, File},
    io::{BufWriter, Seek as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use aws_sdk_s3::primitives::ByteStream;
use devcluster::{BucketOptions, S3Server};
use flate2::{Compression, Crc, write::DeflateEncoder};
use workmail_operator::proof::{
    Destination, Export, FORMAT_VERSION, Mailbox, Manifest, Object, Organization, Verified,
    VerifiedReport,
};

use super::RUNS;
use crate::{
    stage::{Contender, Stage},
    table::{Row, Sample, Table},
};

const GIB: usize = 1 << 30;
const BUCKET: &str = "bench";
const KEY: &str = "mail/large.zip";
const MIB: f64 = 1024.0 * 1024.0;

pub async fn run(stage: &Stage, table: &mut Table) {
    let server = S3Server::start().await.unwrap();
    server
        .create_bucket(BUCKET, BucketOptions::default())
        .await
        .unwrap();
    let path = server.folder().join("buckets").join(BUCKET).join(KEY);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (bytes, messages) = write_zip(&path, stage.size(20 * GIB) as u64);
    put_manifest(&server, bytes).await;
    let (mut ours, mut theirs, mut peak) = (Vec::new(), Vec::new(), 0.0_f64);
    // A whole run takes minutes: three are enough to see the spread.
    for _ in 0..RUNS.min(3) {
        theirs.push(bytes as f64 / MIB / sha256sum(&path));
        let (seconds, memory) = verify(&stage.program(Contender::Operator), &server, messages);
        ours.push(bytes as f64 / MIB / seconds);
        peak = peak.max(memory);
    }
    let (ours, theirs) = (Sample::from_iter(ours), Sample::from_iter(theirs));
    let what = format!(
        "verify: {:.1} GiB in {messages} messages",
        bytes as f64 / GIB as f64
    );
    table.push(
        Row::new(format!("{what}; beside it sha256sum"), "MiB/s")
            .operator(&ours)
            .floor(&theirs),
    );
    let ratio = ours.median() / theirs.median();
    table.push(
        Row::new("verify: speed over that of sha256sum", "")
            .value(ratio)
            .note("at least")
            .aim(0.8),
    );
    table.push(Row::new("verify: most memory", "MiB").value(peak).aim(64.0));
}

/// Writes a zip of about this size: messages with attachments, which compress as base64 does. The same data stands
/// in every entry, so that writing it takes no longer than the disk.
fn write_zip(path: &Path, size: u64) -> (u64, u64) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut seed = 1_u64;
    let mut content = b"From: ada@example.com\r\nSubject: Attachment\r\n\r\n".to_vec();
    for _ in 0..1300 {
        content.extend((0..76).map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            ALPHABET[(seed >> 20) as usize % 64]
        }));
        content.extend(b"\r\n");
    }
    let mut crc = Crc::new();
    crc.update(&content);
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&content).unwrap();
    let data = encoder.finish().unwrap();
    let lengths = |record: &mut Vec<u8>, name: &str| {
        record.extend(crc.sum().to_le_bytes());
        record.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        record.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        record.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    };
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut directory = Vec::new();
    let (mut offset, mut messages) = (0_u64, 0_u64);
    while offset < size {
        let name = format!("Folder {:02}/{messages:08}.eml", messages % 20);
        let mut local = b"PK\x03\x04\x14\0\0\x08\x08\0\0\0\x21\x58".to_vec();
        lengths(&mut local, &name);
        local.extend([0; 2]);
        local.extend(name.as_bytes());
        file.write_all(&local).unwrap();
        file.write_all(&data).unwrap();
        directory.extend(b"PK\x01\x02\x2d\0\x2d\0\0\x08\x08\0\0\0\x21\x58");
        lengths(&mut directory, &name);
        directory.extend(12_u16.to_le_bytes());
        directory.extend([0; 10]);
        directory.extend(u32::MAX.to_le_bytes());
        directory.extend(name.as_bytes());
        directory.extend(b"\x01\0\x08\0");
        directory.extend(offset.to_le_bytes());
        offset += (local.len() + data.len()) as u64;
        messages += 1;
    }
    file.write_all(&directory).unwrap();
    let end = offset + directory.len() as u64;
    let mut record = b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0".to_vec();
    for number in [messages, messages, directory.len() as u64, offset] {
        record.extend(number.to_le_bytes());
    }
    record.extend(b"PK\x06\x07\0\0\0\0");
    record.extend(end.to_le_bytes());
    record.extend(
        b"\x01\0\0\0PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0",
    );
    file.write_all(&record).unwrap();
    file.flush().unwrap();
    (file.stream_position().unwrap(), messages)
}

async fn put_manifest(server: &S3Server, bytes: u64) {
    let object = Object {
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        version_id: None,
        e_tag: None,
        bytes,
    };
    let mailbox = Mailbox {
        entity_id: "S-1".to_owned(),
        email: None,
        aliases: vec![],
        display_name: None,
        mailbox_bytes: None,
        state: "Completed".to_owned(),
        job_id: None,
        started_at: None,
        ended_at: None,
        object: Some(object),
        entries: None,
        uncompressed_bytes: None,
        log: None,
        verification: None,
    };
    let account = S3Server::ACCESS_KEY.to_owned();
    let manifest = Manifest {
        version: FORMAT_VERSION,
        written_at: "2027-01-01T00:00:00Z".parse().unwrap(),
        written_by: "bench".to_owned(),
        organization: Organization {
            id: "m-1".to_owned(),
            alias: None,
            account_id: account.clone(),
            region: "us-east-1".to_owned(),
        },
        export: Export {
            namespace: "mail".to_owned(),
            name: "acme".to_owned(),
            uid: "1".to_owned(),
        },
        destination: Destination {
            bucket: BUCKET.to_owned(),
            prefix: "mail/".to_owned(),
            account_id: account,
            kms_key_arn: String::new(),
        },
        mailboxes: vec![mailbox],
        waivers: vec![],
    };
    let body = ByteStream::from(manifest.to_json().unwrap().into_bytes());
    let put = server
        .client()
        .put_object()
        .bucket(BUCKET)
        .key("mail/manifest.json")
        .body(body);
    put.send().await.unwrap();
}

fn sha256sum(path: &Path) -> f64 {
    let begun = Instant::now();
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    assert!(output.status.success());
    begun.elapsed().as_secs_f64()
}

/// Verifies, and returns the seconds that it took and the most memory in MiB.
fn verify(program: &Path, server: &S3Server, messages: u64) -> (f64, f64) {
    let report = tempfile::tempdir().unwrap();
    let report = report.path().join("verified.json");
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(["verify", "s3://bench/mail/manifest.json", "--report"])
        .arg(&report)
        .env_clear()
        .env("AWS_ENDPOINT_URL_S3", server.url())
        .env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
        .env("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(kib.unwrap_or_default() / 1024.0);
        sleep(Duration::from_millis(20));
    };
    let seconds = begun.elapsed().as_secs_f64();
    assert!(status.success());
    let report = VerifiedReport::parse(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(
        (report.verified, report.mailboxes[0].counts.messages),
        (Verified::True, messages)
    );
    (seconds, peak)
}
