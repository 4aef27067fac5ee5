//! An S3 server with a bucket, zips, and the program.

use std::{
    io::{Cursor, Write as _},
    path::Path,
    process::Output,
};

use aws_sdk_s3::{Client, primitives::ByteStream};
use devcluster::{BucketOptions, S3Server};
use tokio::process::Command;
use workmail_operator::proof::{
    Destination, Export, FORMAT_VERSION, Mailbox, Manifest, Object, Organization, VerifiedReport,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

pub(crate) const BUCKET: &str = "acme-mail";
pub(crate) const MANIFEST: &str = "workmail/acme/3f2a91c0/manifest.json";
pub(crate) const REPORT: &str = "workmail/acme/3f2a91c0/verified.json";

pub(crate) const MESSAGE: &[u8] = b"From: ada@example.com\r\nSubject: Mail\r\n\r\nText\r\n";
pub(crate) const CALENDAR: &[u8] = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";

/// A zip with these entries, compressed.
pub(crate) fn zip<N: AsRef<str>, C: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = (N, C)>,
) -> Vec<u8> {
    zip_by(CompressionMethod::Deflated, entries)
}

/// A zip with these entries, stored in this way.
pub(crate) fn zip_by<N: AsRef<str>, C: AsRef<[u8]>>(
    method: CompressionMethod,
    entries: impl IntoIterator<Item = (N, C)>,
) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        zip.start_file(name.as_ref(), options).unwrap();
        zip.write_all(content.as_ref()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(crate) struct World {
    pub(crate) server: S3Server,
    pub(crate) client: Client,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// A world whose bucket keeps versions.
    pub(crate) async fn new() -> Self {
        let server = S3Server::start_in("eu-west-1").await.unwrap();
        let options = BucketOptions {
            versioned: true,
            ..BucketOptions::default()
        };
        server.create_bucket(BUCKET, options).await.unwrap();
        let client = server.client();
        Self {
            server,
            client,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Writes an object, and returns what a manifest says of it.
    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) -> Object {
        let length = bytes.len() as u64;
        let put = self.client.put_object().bucket(BUCKET).key(key);
        let put = put.body(ByteStream::from(bytes)).send().await.unwrap();
        Object {
            bucket: BUCKET.to_owned(),
            key: key.to_owned(),
            version_id: put.version_id().map(str::to_owned),
            e_tag: put.e_tag().map(str::to_owned),
            bytes: length,
        }
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let get = self
            .client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        get.body.collect().await.unwrap().to_vec()
    }

    pub(crate) async fn put_manifest(&self, manifest: &Manifest) {
        self.put(MANIFEST, manifest.to_json().unwrap().into_bytes())
            .await;
    }

    pub(crate) async fn report(&self) -> VerifiedReport {
        VerifiedReport::parse(&self.get(REPORT).await).unwrap()
    }

    /// The program, not started yet. Its region is another one than the bucket's where S3 says which one that is.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workmail-operator"));
        command.env_clear().current_dir(self.folder.path()).envs([
            ("AWS_ENDPOINT_URL_S3", self.server.url().as_str()),
            // Nobody listens there: who the caller is stays unknown.
            ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
            ("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().await.unwrap()
    }

    pub(crate) async fn verify(&self) -> Output {
        let manifest = format!("s3://{BUCKET}/{MANIFEST}");
        self.run(&["verify", &manifest, "--output", "json"]).await
    }

    /// Writes a zip to a file, and unpacks it.
    pub(crate) async fn unpack(&self, zip: &[u8], arguments: &[&str]) -> Output {
        std::fs::write(self.folder.path().join("job.zip"), zip).unwrap();
        self.run(&[&["unpack", "job.zip"], arguments].concat())
            .await
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn mailbox(entity: &str, object: Option<Object>) -> Mailbox {
    Mailbox {
        entity_id: entity.to_owned(),
        email: Some(format!("{entity}@acme.example")),
        aliases: vec![],
        display_name: None,
        mailbox_bytes: None,
        state: "Completed".to_owned(),
        job_id: None,
        started_at: None,
        ended_at: None,
        object,
        entries: None,
        uncompressed_bytes: None,
        log: None,
        verification: None,
    }
}

pub(crate) fn manifest(mailboxes: Vec<Mailbox>) -> Manifest {
    Manifest {
        version: FORMAT_VERSION,
        written_at: "2027-01-03T00:00:00Z".parse().unwrap(),
        written_by: "workmail-operator".to_owned(),
        organization: Organization {
            id: "m-1".to_owned(),
            alias: None,
            account_id: S3Server::ACCESS_KEY.to_owned(),
            region: "eu-west-1".to_owned(),
        },
        export: Export {
            namespace: "mail".to_owned(),
            name: "acme".to_owned(),
            uid: "3f2a91c0".to_owned(),
        },
        destination: Destination {
            bucket: BUCKET.to_owned(),
            prefix: "workmail/acme/3f2a91c0/".to_owned(),
            account_id: S3Server::ACCESS_KEY.to_owned(),
            kms_key_arn: "arn:aws:kms:eu-west-1:123456789012:key/1".to_owned(),
        },
        mailboxes,
        waivers: vec![],
    }
}
