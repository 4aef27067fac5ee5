//! The endpoint over raw connections: what boto3 cannot see, and what the library adds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use workmail_local::{
    CallFilter, Config, Fault, Knobs, Outcome, Reply, Rule, Server, ServerError, Work,
};

use crate::client::{Answer, Client};

const SOON: Duration = Duration::from_secs(20);

async fn server() -> Server {
    Server::start(Config::with_knobs(Knobs::immediate()))
        .await
        .unwrap()
}

async fn create(address: SocketAddr, alias: &str) -> io::Result<Answer> {
    let input = json!({"Alias": alias, "ClientToken": "token"});
    let mut client = Client::connect(address).await?;
    client.call("CreateOrganization", &input).await
}

/// Waits until a call is held.
async fn until_held(server: &Server) {
    let in_flight = CallFilter::any().in_flight();
    loop {
        let calls = server.wait_for_calls(&in_flight, 1, SOON).await.unwrap();
        if calls.iter().any(|call| call.reply == Reply::Held) {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_answer_on_a_connection_has_the_request_id_of_the_journal() {
    let server = server().await;
    let mut client = Client::connect(server.address()).await.unwrap();
    let unknown = json!({"OrganizationId": format!("m-{}", "0".repeat(32))});
    let mut ids = Vec::new();
    for (operation, input, status) in [
        ("CreateOrganization", json!({"Alias": "acme"}), 200),
        ("DescribeOrganization", unknown, 400),
    ] {
        let answer = client.call(operation, &input).await.unwrap();
        assert_eq!(answer.status, status);
        ids.push(answer.header("x-amzn-requestid").unwrap().to_owned());
    }
    let journal = server.journal().into_iter();
    assert_eq!(ids, journal.map(|call| call.request_id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_for_an_unknown_operation_needs_no_signature() {
    let server = server().await;
    let mut client = Client::connect(server.address()).await.unwrap();
    let json = "content-type: application/x-amz-json-1.1";
    for (line, headers, status) in [
        (
            "POST /",
            format!("x-amz-target: WorkMailService.Nonsense\r\n{json}"),
            400,
        ),
        (
            "POST /",
            format!("x-amz-target: Nonsense.ListOrganizations\r\n{json}"),
            400,
        ),
        (
            "POST /",
            "x-amz-target: WorkMailService.ListOrganizations\r\ncontent-type: text/plain"
                .to_owned(),
            404,
        ),
        ("POST /", json.to_owned(), 404),
        ("GET /", json.to_owned(), 404),
        ("POST /elsewhere", json.to_owned(), 404),
    ] {
        let head = format!("{line} HTTP/1.1\r\n{headers}");
        let answer = client.send(&head, b"{}").await.unwrap();
        assert_eq!(answer.status, status, "{head}");
        assert_eq!(answer.json()["__type"], "UnknownOperationException");
        assert!(answer.json()["message"].is_string(), "{head}");
    }
}

#[tokio::test]
async fn a_body_is_read_after_the_signature() {
    let server = server().await;
    let mut client = Client::connect(server.address()).await.unwrap();
    let head = Client::head("ListOrganizations");
    let answer = client.send(&head, b"{").await.unwrap();
    assert_eq!(answer.json()["__type"], "SerializationException");
    let unsigned = head.replace("authorization", "x-authorization");
    let answer = client.send(&unsigned, b"{").await.unwrap();
    let missing = "MissingAuthenticationTokenException";
    assert_eq!(answer.json()["__type"], missing);
    let answer = client.send(&head, b"").await.unwrap();
    assert_eq!(answer.json(), json!({"OrganizationSummaries": []}));
    let too_large = vec![b' '; (1 << 20) + 1];
    let answer = client.send(&head, &too_large).await.unwrap();
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_held_call_does_its_work_when_it_is_released() {
    let server = server().await;
    let rule = server.fault(Rule::on("CreateOrganization", Fault::hang()).times(1));
    let (answer, ()) = tokio::join!(create(server.address(), "acme"), async {
        until_held(&server).await;
        assert_eq!(server.journal()[0].outcome, Outcome::Pending);
        assert!(server.organizations().is_empty());
        assert_eq!(server.release(Some(rule)), 1);
    });
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(server.organizations().len(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_a_held_call_does_not_change_what_was_done() {
    for (work, organizations) in [(Work::NotDone, 0), (Work::Done, 1)] {
        let server = server().await;
        server.fault(Rule::any(Fault::Hang { work }));
        tokio::select! {
            answer = create(server.address(), "acme") => panic!("the call is answered: {answer:?}"),
            () = until_held(&server) => {}
        }
        let completed = CallFilter::any().completed();
        let calls = server.wait_for_calls(&completed, 1, SOON).await.unwrap();
        assert_eq!(calls[0].reply, Reply::Abandoned);
        assert_eq!(calls[0].effect, work == Work::Done);
        assert_eq!(server.organizations().len(), organizations);
    }
}

#[tokio::test]
async fn work_that_is_done_behind_an_error_is_in_the_journal() {
    let server = server().await;
    let fault = Fault::Http {
        status: 502,
        work: Work::Done,
    };
    server.fault(Rule::on("CreateOrganization", fault).times(1));
    let answer = create(server.address(), "acme").await.unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(answer.header("content-type"), Some("text/html"));
    let call = &server.journal()[0];
    let result = (&call.outcome, call.status, call.effect);
    assert_eq!(result, (&Outcome::Ok, Some(502), true));
    assert_eq!(call.faults.len(), 1);
}

#[tokio::test]
async fn a_stopped_server_refuses_connections_and_resumes_with_its_state() {
    let server = server().await;
    create(server.address(), "acme").await.unwrap();
    let mut kept = Client::connect(server.address()).await.unwrap();
    server.stop().await;
    let refused = Client::connect(server.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(kept.call("ListOrganizations", &json!({})).await.is_err());
    server.stop().await;

    server.resume().await.unwrap();
    server.resume().await.unwrap();
    let mut client = Client::connect(server.address()).await.unwrap();
    let list = client.call("ListOrganizations", &json!({})).await.unwrap();
    let summaries = list.json()["OrganizationSummaries"].clone();
    assert_eq!(summaries.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_server_that_stops_ends_the_calls_that_it_holds() {
    let server = server().await;
    server.fault(Rule::any(Fault::hang()));
    let (answer, ()) = tokio::join!(create(server.address(), "acme"), async {
        until_held(&server).await;
        server.stop().await;
    });
    assert!(answer.is_err());
    assert_eq!(server.journal()[0].reply, Reply::Abandoned);
    assert!(server.organizations().is_empty());
}

#[tokio::test]
async fn a_dropped_server_frees_its_port() {
    let server = server().await;
    let listen = server.address();
    drop(server);
    let next = tokio::time::timeout(SOON, async {
        loop {
            let config = Config {
                listen,
                ..Config::default()
            };
            match Server::start(config).await {
                Ok(server) => break server,
                Err(ServerError::Listen(..)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert_eq!(next.await.unwrap().address(), listen);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_with_one_token_create_exactly_one_organization() {
    let server = server().await;
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        callers.spawn(create(server.address(), "acme"));
    }
    let answers = callers.join_all().await.into_iter();
    let mut ids: Vec<Value> = answers
        .map(|answer| answer.unwrap().json()["OrganizationId"].clone())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let effects = server.calls(&CallFilter::on("CreateOrganization").with_effect());
    assert_eq!((effects.len(), server.organizations().len()), (1, 1));
}
