//! S3 over the wire: what it may answer, and what becomes of it.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, SdkConfig};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, Response, StatusCode},
};
use rstest::rstest;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Objects, Place, Reader};
use crate::{
    api::Reason,
    aws::session::tests::identity,
    logic::{AccountId, ErrorKind, Region},
    proof::Object,
};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1";

type Asked = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// S3 that answers every request in the same way, and what it was asked.
async fn s3(
    status: u16,
    headers: &[(&'static str, String)],
    body: &'static str,
) -> (Objects, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, headers) = (Asked::default(), headers.to_vec());
    let seen = asked.clone();
    let answer = move |request: Request| async move {
        let line = format!("{} {}", request.method(), request.uri());
        seen.lock().unwrap().push((line, request.headers().clone()));
        let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(Body::from(body)).unwrap()
    };
    let routes = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    let session = identity(config).session(false).await.unwrap();
    (session.objects(&place()).await.unwrap(), asked)
}

fn place() -> Place {
    Place {
        region: Region::from("us-east-1"),
        bucket: "acme-mail".to_owned(),
        prefix: "workmail/a*e".to_owned(),
        key: KEY.to_owned(),
        owner: AccountId::from("210987654321"),
        read_role: None,
    }
}

fn object() -> Object {
    Object {
        bucket: "acme-mail".to_owned(),
        key: "workmail/a.zip".to_owned(),
        version_id: Some("v1".to_owned()),
        e_tag: Some("\"tag\"".to_owned()),
        bytes: 8,
    }
}

#[tokio::test]
async fn a_head_names_the_expected_owner_and_tells_version_size_and_key() {
    let headers = [
        ("content-length", "7".to_owned()),
        ("etag", "\"tag\"".to_owned()),
        ("x-amz-version-id", "v1".to_owned()),
        ("x-amz-server-side-encryption", "aws:kms".to_owned()),
        (
            "x-amz-server-side-encryption-aws-kms-key-id",
            KEY.to_owned(),
        ),
    ];
    let (objects, asked) = s3(200, &headers, "").await;
    let head = objects.head("workmail/a.zip", None).await.unwrap().unwrap();
    assert_eq!(
        head.object,
        Object {
            bytes: 7,
            ..object()
        }
    );
    assert_eq!(head.encryption.as_deref(), Some("aws:kms"));
    assert_eq!(head.key.as_deref(), Some(KEY));
    let asked = asked.lock().unwrap();
    let [(line, headers)] = asked.as_slice() else {
        panic!("one request, and no retry: {asked:?}");
    };
    assert_eq!(line, "HEAD /acme-mail/workmail/a.zip");
    assert_eq!(headers["x-amz-expected-bucket-owner"], "210987654321");
}

#[rstest]
#[case::missing(404, "", true)]
#[case::no_such_key(404, "<Error><Code>NoSuchKey</Code></Error>", true)]
#[case::forbidden(403, "", false)]
#[case::another_region(301, "", false)]
#[case::slow_down(503, "<Error><Code>SlowDown</Code></Error>", false)]
#[case::fault(500, "", false)]
#[case::bad_request(400, "", false)]
#[tokio::test]
async fn only_404_says_that_an_object_does_not_exist(
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] is_missing: bool,
) {
    let (objects, _) = s3(status, &[], body).await;
    let head = objects.head("a", None).await;
    assert_eq!(head == Ok(None), is_missing, "{head:?}");
    assert_eq!(head.is_err(), !is_missing);
    let read = objects.range(&object(), &(0..4)).await;
    assert_eq!(read == Ok(None), is_missing, "{read:?}");
    assert_eq!(read.is_err(), !is_missing);
}

#[tokio::test]
async fn a_right_that_is_missing_is_told_with_its_action_though_the_answer_has_no_body() {
    let (objects, _) = s3(403, &[], "").await;
    let failure = objects
        .head("a", None)
        .await
        .unwrap_err()
        .failure(None, &[]);
    assert_eq!(failure.reason, Reason::AccessDenied);
    assert!(failure.read_failed);
    assert!(failure.next_step.contains("s3:GetObject"), "{failure:?}");
    let (objects, _) = s3(403, &[], "").await;
    let failure = objects.put("a", "text/csv", Vec::new()).await.unwrap_err();
    let failure = failure.failure(None, &[]);
    assert!(failure.next_step.contains("s3:PutObject"), "{failure:?}");
}

#[rstest]
#[case::whole("abcd", true)]
#[case::short("abc", false)]
#[case::longer("abcdefgh", false)]
#[tokio::test]
async fn a_range_is_of_one_version_and_has_as_many_bytes_as_were_asked_for(
    #[case] body: &'static str,
    #[case] is_whole: bool,
) {
    let (objects, asked) = s3(206, &[], body).await;
    let read = objects.range(&object(), &(4..8)).await;
    if is_whole {
        assert_eq!(read.unwrap().unwrap(), body.as_bytes());
    } else {
        assert_eq!(read.unwrap_err().trouble, ErrorKind::Undecodable);
    }
    let asked = asked.lock().unwrap();
    let (line, headers) = &asked[0];
    assert!(line.contains("versionId=v1"), "{line}");
    assert_eq!(headers["range"], "bytes=4-7");
    assert!(!headers.contains_key("if-match"), "the version says it");
    assert_eq!(headers["x-amz-expected-bucket-owner"], "210987654321");
}

#[tokio::test]
async fn what_was_replaced_in_a_bucket_without_versions_is_not_read_as_the_same() {
    let (objects, asked) = s3(412, &[], "").await;
    let unversioned = Object {
        version_id: None,
        ..object()
    };
    let error = objects.range(&unversioned, &(0..4)).await.unwrap_err();
    assert!(error.is("PreconditionFailed"), "{error:?}");
    assert_eq!(asked.lock().unwrap()[0].1["if-match"], "\"tag\"");
}

#[test]
fn the_role_that_reads_is_confined_to_the_prefix_and_the_key() {
    let reader = Place {
        read_role: Some("arn:aws:iam::123456789012:role/reader".to_owned()),
        ..place()
    };
    let reader: Reader = reader.reader().unwrap();
    let policy: Value = serde_json::from_str(&reader.policy()).unwrap();
    let resources: Vec<_> = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Resource"].as_str().unwrap())
        .collect();
    assert_eq!(
        resources,
        [
            "arn:aws:s3:::acme-mail/workmail/a${*}e/*",
            "arn:aws:s3:::acme-mail",
            KEY
        ]
    );
    assert_eq!(
        policy["Statement"][1]["Condition"]["StringLikeIfExists"]["s3:prefix"],
        "workmail/a${*}e/*"
    );
    assert!(reader.policy().len() < 2048, "STS allows no more");
}
