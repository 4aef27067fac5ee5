//! The edge to the SDK, over the wire: what AWS may answer, and what becomes of it.

use std::{sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use rstest::rstest;
use tokio::net::TcpListener;

use super::{
    CallError, Organizations,
    gateway::{DEADLINE, Gateway},
};
use crate::{
    api::{CreateInput, Reason},
    lease::LeaseTerm,
    logic::{
        AccountId, ErrorKind, Operation, OrganizationId, Region,
        organization::{Reading, Tags},
    },
    metrics::Metrics,
};

/// One answer to every call.
#[derive(Clone)]
enum Stub {
    Answer(u16, &'static str),
    Silence,
}

async fn organizations_of(stub: Stub) -> Organizations {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move || async move {
        match stub {
            Stub::Answer(status, body) => {
                let mut headers = HeaderMap::new();
                headers.insert("x-amzn-requestid", "11111111-aaaa".parse().unwrap());
                (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
            }
            Stub::Silence => std::future::pending().await,
        }
    };
    let routes = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    client(&format!("http://{address}"), LeaseTerm::unlimited())
}

fn client(endpoint: &str, lease_term: LeaseTerm) -> Organizations {
    let region = Region::from("us-east-1");
    let config = aws_sdk_workmail::Config::builder()
        .behavior_version_latest()
        .region(aws_config::Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .build();
    Organizations::new(
        aws_sdk_workmail::Client::from_conf(config),
        region,
        AccountId::from("123456789012"),
        Arc::new(Gateway::new(lease_term, Arc::new(Metrics::new()))),
    )
}

async fn create(organizations: &Organizations) -> Result<OrganizationId, CallError> {
    organizations
        .create("acme", &CreateInput::default(), "uid")
        .await
        .map(|done| done.answer)
}

async fn refused(stub: Stub) -> CallError {
    create(&organizations_of(stub).await).await.unwrap_err()
}

fn body(code: &str) -> &'static str {
    Box::leak(format!(r#"{{"__type":"{code}","Message":"no"}}"#).into_boxed_str())
}

#[rstest]
#[case("InvalidParameterException", Reason::InvalidParameter)]
#[case("DirectoryInUseException", Reason::DirectoryInUse)]
#[case("DirectoryUnavailableException", Reason::DirectoryUnavailable)]
#[case("LimitExceededException", Reason::LimitExceeded)]
#[case("NameAvailabilityException", Reason::AliasUnavailable)]
#[case("AccessDeniedException", Reason::AccessDenied)]
#[case("SomethingNewException", Reason::UnexpectedError)]
#[tokio::test]
async fn each_exception_of_a_create_declared_or_not_has_its_reason(
    #[case] code: &'static str,
    #[case] reason: Reason,
) {
    let error = refused(Stub::Answer(400, body(code))).await;
    assert!(error.is(code), "{error:?}");
    assert!(error.trouble.did_nothing());
    assert_eq!(error.failure(None, &[]).reason, reason);
    assert_eq!(error.request_id.as_deref(), Some("11111111-aaaa"));
    assert!(
        !error.failure(None, &[]).message().contains("11111111"),
        "request ids are for the log"
    );
}

#[rstest]
#[case(400, body("ThrottlingException"), ErrorKind::Throttled)]
#[case(429, body("TooManyRequestsException"), ErrorKind::Throttled)]
#[case(429, "", ErrorKind::Throttled)]
#[case(500, body("InternalFailure"), ErrorKind::ServerFault)]
#[case(503, "<html>Service Unavailable</html>", ErrorKind::ServerFault)]
#[case(200, "<html>not JSON</html>", ErrorKind::Undecodable)]
#[case(200, "{}", ErrorKind::Undecodable)]
#[case(400, "<html>Bad Request</html>", ErrorKind::Undecodable)]
#[tokio::test]
async fn what_is_no_refusal_is_told_apart(
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] trouble: ErrorKind,
) {
    assert_eq!(refused(Stub::Answer(status, body)).await.trouble, trouble);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = create(&client(
        &format!("http://{address}"),
        LeaseTerm::unlimited(),
    ))
    .await
    .unwrap_err();
    assert_eq!(error.trouble, ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_call_without_an_answer_ends_at_its_deadline() {
    let organizations = organizations_of(Stub::Silence).await;
    // Let the connection be made in real time; then only the deadline is left to pass.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let error = create(&organizations).await.unwrap_err();
    assert_eq!(error.trouble, ErrorKind::TimedOut);
    assert!(begun.elapsed() <= DEADLINE + Duration::from_secs(1));
    assert!(!error.trouble.did_nothing(), "it may have been done");
}

#[tokio::test]
async fn an_organization_that_aws_does_not_know_is_absent_and_no_error() {
    let organizations =
        organizations_of(Stub::Answer(400, body("OrganizationNotFoundException"))).await;
    let seen = organizations.describe(&OrganizationId::from("m-1")).await;
    assert_eq!(seen, Ok(Reading::Absent));
}

#[tokio::test]
async fn a_description_that_could_not_be_had_is_never_absence() {
    for stub in [
        Stub::Answer(400, body("AccessDeniedException")),
        Stub::Answer(400, body("ThrottlingException")),
        Stub::Answer(500, ""),
        Stub::Answer(200, "{}"),
    ] {
        let organizations = organizations_of(stub).await;
        let seen = organizations.describe(&OrganizationId::from("m-1")).await;
        assert!(seen.is_err(), "{seen:?}");
    }
}

#[tokio::test]
async fn tags_of_an_organization_that_is_not_active_are_hidden() {
    let organizations =
        organizations_of(Stub::Answer(400, body("OrganizationStateException"))).await;
    let seen = organizations.tags(&OrganizationId::from("m-1")).await;
    assert_eq!(seen, Ok(Tags::Hidden));
}

#[tokio::test]
async fn every_call_is_counted_by_operation_and_code() {
    let organizations = organizations_of(Stub::Answer(400, body("LimitExceededException"))).await;
    create(&organizations).await.unwrap_err();
    let text = organizations.door().metrics().text();
    let line = format!(
        "workmail_operator_aws_requests_total{{operation=\"{}\",code=\"LimitExceededException\"}} 1",
        Operation::CreateOrganization.as_str()
    );
    assert!(text.contains(&line), "{text}");
}

#[tokio::test]
async fn nothing_is_sent_when_the_lease_may_be_another_s() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let organizations = client(&endpoint, LeaseTerm::ended());
    let error = create(&organizations).await.unwrap_err();
    assert!(!error.sent, "{error:?}");
    let nobody_came = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(nobody_came.is_err());
}
