//! The S3 server, as tests of other crates use it.

// What clippy.toml allows in tests it does not allow in their helpers.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::{process::Command, time::Instant};

use aws_sdk_s3::{Client, error::ProvideErrorMetadata as _, primitives::ByteStream};
use devcluster::{BucketOptions, S3Server};

async fn put(client: &Client, bucket: &str, body: &'static str) -> Option<String> {
    let put = client.put_object().bucket(bucket).key("mail/a.zip");
    let body = ByteStream::from_static(body.as_bytes());
    put.body(body).send().await.unwrap().version_id
}

#[tokio::test]
async fn a_versioned_bucket_keeps_every_object() {
    let server = S3Server::start().await.unwrap();
    let options = BucketOptions {
        versioned: true,
        ..BucketOptions::default()
    };
    server.create_bucket("archive", options).await.unwrap();
    let client = server.client();
    let first = put(&client, "archive", "first").await.unwrap();
    let second = put(&client, "archive", "second").await.unwrap();
    assert_ne!(first, second);

    let head = client.head_object().bucket("archive").key("mail/a.zip");
    let head = head.version_id(&first).send().await.unwrap();
    assert_eq!(head.content_length, Some(5));
    assert!(head.e_tag.is_some());

    let read = client.get_object().bucket("archive").key("mail/a.zip");
    let read = read.range("bytes=-3").send().await.unwrap();
    assert_eq!(read.content_range.as_deref(), Some("bytes 3-5/6"));
    let bytes = read.body.collect().await.unwrap().to_vec();
    assert_eq!(bytes, b"ond");
}

#[tokio::test]
async fn a_bucket_has_a_location_a_lock_an_owner_and_a_policy_status() {
    let server = S3Server::start_in("eu-west-1").await.unwrap();
    let options = BucketOptions {
        object_lock: true,
        ..BucketOptions::default()
    };
    server.create_bucket("locked", options).await.unwrap();
    let plain = BucketOptions::default();
    server.create_bucket("plain", plain).await.unwrap();
    let client = server.client();
    let location = client.get_bucket_location().bucket("plain").send().await;
    let location = location.unwrap().location_constraint.unwrap();
    assert_eq!(location.as_str(), "eu-west-1");
    let lock = client.get_object_lock_configuration();
    assert!(lock.clone().bucket("locked").send().await.is_ok());
    let error = lock.bucket("plain").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ObjectLockConfigurationNotFoundError"));
    assert_eq!(put(&client, "plain", "body").await, None);

    let head = client.head_bucket().bucket("plain");
    let owned = head.clone().expected_bucket_owner(S3Server::ACCESS_KEY);
    assert!(owned.send().await.is_ok());
    let other = head.expected_bucket_owner("210987654321").send().await;
    assert_eq!(
        other.unwrap_err().raw_response().unwrap().status().as_u16(),
        403
    );

    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",
        "Action":"s3:GetObject","Resource":"arn:aws:s3:::plain/*"}]}"#;
    let set = client.put_bucket_policy().bucket("plain").policy(policy);
    set.send().await.unwrap();
    let status = client.get_bucket_policy_status().bucket("plain");
    let status = status.send().await.unwrap().policy_status.unwrap();
    assert_eq!(status.is_public, Some(true));
}

#[tokio::test]
async fn a_dropped_server_leaves_no_folder_and_no_port() {
    let begun = Instant::now();
    let server = S3Server::start().await.unwrap();
    // With the program built, a start is far quicker than this.
    assert!(begun.elapsed().as_secs() < 300);
    let (folder, url) = (server.folder().to_owned(), server.url());
    assert!(folder.join("buckets").is_dir());
    drop(server);
    assert!(!folder.exists());
    let address = url.strip_prefix("http://").unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn the_command_prints_url_and_keys_and_creates_buckets() {
    use std::{
        io::{BufRead as _, BufReader},
        process::Stdio,
    };

    let mut child = Command::new(env!("CARGO_BIN_EXE_devcluster"))
        .args(["s3", "--until-stdin-ends", "--bucket", "archive"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(words[0].starts_with("http://127.0.0.1:"), "{line}");
    assert_eq!(words[1..], [S3Server::ACCESS_KEY, S3Server::SECRET_KEY]);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
