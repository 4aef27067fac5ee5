//! The endpoint over real connections: what is answered, what is not, and what the journal says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use workmail_local::{
    CallFilter, Clock, Config, Fault, Knobs, OrganizationChange, Outcome, Reply, Rule, SeedDomain,
    SeedOrganization, Server, ServerError, Timestamp,
};

use crate::client::{Answer, Client};

const SOON: Duration = Duration::from_secs(20);

async fn server() -> Server {
    Server::start(Config::with_knobs(Knobs::immediate()))
        .await
        .unwrap()
}

async fn create(server: &Server, alias: &str) -> io::Result<Answer> {
    create_at(server.address(), alias).await
}

async fn create_at(address: SocketAddr, alias: &str) -> io::Result<Answer> {
    let input = json!({"Alias": alias, "ClientToken": "token"});
    Client::connect(address)
        .await?
        .call("CreateOrganization", &input)
        .await
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_connections_are_kept() {
    let server = server().await;
    let mut client = Client::connect(server.address()).await.unwrap();
    let created = client
        .call("CreateOrganization", &json!({"Alias": "acme"}))
        .await
        .unwrap();
    let id = created.json()["OrganizationId"].clone();
    let unknown = json!({"OrganizationId": format!("m-{}", "0".repeat(32))});
    let refused = client.call("DescribeOrganization", &unknown).await.unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.header("x-amzn-errortype"),
        Some("OrganizationNotFoundException")
    );
    assert_eq!(refused.json()["__type"], "OrganizationNotFoundException");
    assert!(refused.json()["Message"].is_string());
    let arn = format!(
        "arn:aws:workmail:us-east-1:123456789012:organization/{}",
        id.as_str().unwrap()
    );
    let tagged = client
        .call("TagResource", &json!({"ResourceARN": arn, "Tags": []}))
        .await
        .unwrap();
    assert_eq!(
        (tagged.status, tagged.body.as_slice()),
        (200, b"".as_slice())
    );
    let ids: Vec<_> = [&created, &refused, &tagged]
        .map(|answer| answer.header("x-amzn-requestid").unwrap().to_owned())
        .into();
    let journal: Vec<_> = server
        .journal()
        .into_iter()
        .map(|call| call.request_id)
        .collect();
    assert_eq!(ids, journal);
}

#[tokio::test]
async fn a_request_for_nothing_that_there_is_needs_no_signature() {
    let server = server().await;
    let mut client = Client::connect(server.address()).await.unwrap();
    for (head, status) in [
        (
            "POST / HTTP/1.1\r\nx-amz-target: WorkMailService.Nonsense\r\ncontent-type: application/x-amz-json-1.1",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nx-amz-target: Nonsense.ListUsers\r\ncontent-type: application/x-amz-json-1.1",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nx-amz-target: WorkMailService.ListUsers\r\ncontent-type: text/plain",
            404,
        ),
        (
            "POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.1",
            404,
        ),
        ("GET / HTTP/1.1", 404),
        (
            "POST /elsewhere HTTP/1.1\r\ncontent-type: application/x-amz-json-1.1",
            404,
        ),
    ] {
        let answer = client.send(head, b"{}").await.unwrap();
        assert_eq!(answer.status, status, "{head}");
        assert_eq!(answer.json()["__type"], "UnknownOperationException");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_told_so_once_the_caller_is_known() {
    let server = server().await;
    let mut client = Client::connect(server.address()).await.unwrap();
    let head = Client::head("ListOrganizations");
    let answer = client.send(&head, b"{").await.unwrap();
    assert_eq!(
        (answer.status, &answer.json()["__type"]),
        (400, &json!("SerializationException"))
    );
    let unsigned = head.replace("authorization", "x-authorization");
    let answer = client.send(&unsigned, b"{").await.unwrap();
    assert_eq!(
        answer.json()["__type"],
        "MissingAuthenticationTokenException"
    );
    let answer = client.send(&head, b"").await.unwrap();
    assert_eq!(answer.json(), json!({"OrganizationSummaries": []}));
    let too_large = vec![b' '; (1 << 20) + 1];
    let answer = client.send(&head, &too_large).await.unwrap();
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_reply_that_is_lost_before_the_work_leaves_nothing() {
    let server = server().await;
    server.fault(Rule::on("CreateOrganization", Fault::lost_reply_before_work()).times(1));
    let error = create(&server, "acme").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(server.organizations().is_empty());
    let call = &server.journal()[0];
    assert_eq!(
        (&call.outcome, call.reply, call.effect),
        (&Outcome::NotDone, Reply::Lost, false)
    );
}

#[tokio::test]
async fn a_reply_that_is_lost_after_the_work_leaves_the_work() {
    let server = server().await;
    server.fault(Rule::on("CreateOrganization", Fault::lost_reply_after_work()).times(1));
    create(&server, "acme").await.unwrap_err();
    let again = create(&server, "acme").await.unwrap();
    let organizations = server.organizations();
    assert_eq!(organizations.len(), 1);
    assert_eq!(again.json()["OrganizationId"], organizations[0].id);
    let effects: Vec<bool> = server.journal().iter().map(|call| call.effect).collect();
    assert_eq!(effects, [true, false]);
    assert_eq!(
        server.journal()[0].organization_id.as_ref(),
        Some(&organizations[0].id)
    );
}

#[tokio::test]
async fn a_call_that_hangs_is_seen_in_flight_and_goes_on_when_released() {
    let server = server().await;
    let rule = server.fault(Rule::on("CreateOrganization", Fault::hang()).times(1));
    let (answer, ()) = tokio::join!(create(&server, "acme"), async {
        let in_flight = CallFilter::on("CreateOrganization").in_flight();
        let calls = server.wait_for_calls(&in_flight, 1, SOON).await.unwrap();
        assert_eq!(calls[0].outcome, Outcome::Pending);
        assert_eq!(calls[0].request["Alias"], "acme");
        assert!(server.organizations().is_empty());
        while server.release(Some(rule)) == 0 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(server.organizations().len(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_from_a_call_that_hangs_leaves_what_was_done() {
    for (fault, done) in [(Fault::hang(), 0), (Fault::hang_after_work(), 1)] {
        let server = server().await;
        server.fault(Rule::any(fault));
        {
            let call = create(&server, "acme");
            let held = async {
                loop {
                    let in_flight = CallFilter::any().in_flight();
                    let calls = server.wait_for_calls(&in_flight, 1, SOON).await.unwrap();
                    if calls[0].reply == Reply::Held {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                answer = call => panic!("the call is answered: {answer:?}"),
                () = held => {}
            }
        }
        let calls = server
            .wait_for_calls(&CallFilter::any().completed(), 1, SOON)
            .await
            .unwrap();
        assert_eq!(
            (calls[0].reply, calls[0].effect),
            (Reply::Abandoned, done == 1)
        );
        assert_eq!(server.organizations().len(), done);
    }
}

#[tokio::test]
async fn work_that_is_done_behind_an_error_is_in_the_journal() {
    let server = server().await;
    let fault = Fault::Http {
        status: 502,
        work: workmail_local::Work::Done,
    };
    server.fault(Rule::on("CreateOrganization", fault).times(1));
    let answer = create(&server, "acme").await.unwrap();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (502, Some("text/html"))
    );
    let call = &server.journal()[0];
    assert_eq!(
        (&call.outcome, call.status, call.effect),
        (&Outcome::Ok, Some(502), true)
    );
    assert_eq!(call.faults.len(), 1);
}

#[tokio::test]
async fn a_stopped_server_refuses_connections_and_comes_back_with_its_state() {
    let server = server().await;
    create(&server, "acme").await.unwrap();
    let mut kept = Client::connect(server.address()).await.unwrap();
    server.stop().await;
    let refused = Client::connect(server.address())
        .await
        .err()
        .map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::ConnectionRefused));
    assert!(kept.call("ListOrganizations", &json!({})).await.is_err());
    server.stop().await;

    server.resume().await.unwrap();
    server.resume().await.unwrap();
    let mut client = Client::connect(server.address()).await.unwrap();
    let list = client
        .call("ListOrganizations", &json!({}))
        .await
        .unwrap()
        .json();
    assert_eq!(
        list["OrganizationSummaries"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn stopping_ends_calls_that_hang() {
    let server = server().await;
    server.fault(Rule::any(Fault::hang()));
    let (answer, ()) = tokio::join!(create(&server, "acme"), async {
        server
            .wait_for_calls(&CallFilter::any(), 1, SOON)
            .await
            .unwrap();
        server.stop().await;
    });
    assert!(answer.is_err());
    assert_eq!(server.journal()[0].reply, Reply::Abandoned);
    assert!(server.organizations().is_empty());
}

#[tokio::test]
async fn a_dropped_server_gives_its_port_back() {
    let server = server().await;
    let address = server.address();
    drop(server);
    let config = Config {
        listen: address,
        ..Config::default()
    };
    let next = tokio::time::timeout(SOON, async {
        loop {
            match Server::start(config.clone()).await {
                Ok(server) => break server,
                Err(ServerError::Listen(..)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert_eq!(next.await.unwrap().address(), address);
}

#[tokio::test]
async fn an_address_that_others_can_reach_has_to_be_asked_for() {
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let refused = Server::start(Config {
        listen,
        ..Config::default()
    })
    .await;
    assert!(matches!(refused, Err(ServerError::Remote(_))));
    let allowed = Config {
        listen,
        allow_remote: true,
        ..Config::default()
    };
    assert!(Server::start(allowed).await.is_ok());
}

#[tokio::test]
async fn a_test_moves_time() {
    let clock = Clock::standing(Timestamp::now());
    let config = Config {
        clock: clock.clone(),
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let state = |server: &Server| server.organizations()[0].state.clone();
    create(&server, "acme").await.unwrap();
    assert_eq!(state(&server), "Requested");
    clock.advance(Duration::from_secs(2));
    assert_eq!(state(&server), "Creating");
    clock.advance(Duration::from_secs(75));
    assert_eq!(state(&server), "Active");
}

#[tokio::test]
async fn a_domain_is_registered_verified_out_of_band_and_deregistered() {
    let server = server().await;
    let id = server
        .seed_organization(SeedOrganization::new("acme"))
        .unwrap()
        .id;
    let mut client = Client::connect(server.address()).await.unwrap();
    let input = json!({"OrganizationId": id, "DomainName": "acme.example"});
    let registered = client.call("RegisterMailDomain", &input).await.unwrap();
    assert_eq!(
        (registered.status, registered.body.as_slice()),
        (200, b"".as_slice())
    );
    let refused = client.call("UpdateDefaultMailDomain", &input).await;
    assert_eq!(
        refused.unwrap().json()["__type"],
        "MailDomainStateException"
    );
    // A word that no source knows is passed on as it is.
    let odd = SeedDomain::new("acme.example").ownership("ODD");
    let change = OrganizationChange::default().set_domain(odd);
    server.change_organization(&id, change).unwrap();
    let got = client.call("GetMailDomain", &input).await.unwrap().json();
    assert_eq!(got["OwnershipVerificationStatus"], "ODD");
    assert_eq!(got["DkimVerificationStatus"], "PENDING");
    let verified = SeedDomain::new("acme.example").verified();
    let change = OrganizationChange::default().set_domain(verified);
    let changed = server.change_organization(&id, change).unwrap();
    assert_eq!(changed.domain("ACME.example").unwrap().dkim, "VERIFIED");
    let test = json!({"OrganizationId": id, "DomainName": "acme.awsapps.com"});
    for (operation, input) in [
        ("UpdateDefaultMailDomain", &input),
        ("UpdateDefaultMailDomain", &test),
        ("DeregisterMailDomain", &input),
    ] {
        let answer = client.call(operation, input).await.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, b"".as_slice())
        );
    }
    let list = client.call("ListMailDomains", &test).await.unwrap().json();
    assert_eq!(
        list,
        json!({"MailDomains": [{"DomainName": "acme.awsapps.com", "DefaultDomain": true}]})
    );
    let effects = server.calls(&CallFilter::any().organization(&id).with_effect());
    assert_eq!(effects.len(), 4);
}

#[tokio::test]
async fn the_control_api_is_on_the_same_port_and_not_in_the_journal() {
    let server = server().await;
    let mut client = Client::connect(server.address()).await.unwrap();
    let health = client
        .send("GET /_control/health HTTP/1.1", b"")
        .await
        .unwrap();
    assert_eq!(health.json(), json!({"status": "ok"}));
    let rule = json!({"fault": {"kind": "throttle"}}).to_string();
    client
        .send("POST /_control/faults HTTP/1.1", rule.as_bytes())
        .await
        .unwrap();
    let throttled = client.call("ListOrganizations", &json!({})).await.unwrap();
    assert_eq!(
        throttled.json(),
        json!({"__type": "ThrottlingException", "message": "Rate exceeded"})
    );
    let journal = client
        .send("GET /_control/journal HTTP/1.1", b"")
        .await
        .unwrap()
        .json();
    assert_eq!(journal["calls"].as_array().map(Vec::len), Some(1));
    assert_eq!(journal["calls"][0]["outcome"], "ThrottlingException");
    assert_eq!(
        journal["calls"][0]["request"],
        Value::Object(serde_json::Map::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_make_exactly_one_organization_with_one_token() {
    let server = server().await;
    let address = server.address();
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        callers.spawn(create_at(address, "acme"));
    }
    let mut answers: Vec<Value> = callers
        .join_all()
        .await
        .into_iter()
        .map(|answer| answer.unwrap().json()["OrganizationId"].clone())
        .collect();
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let effects = server.calls(&CallFilter::on("CreateOrganization").with_effect());
    assert_eq!((effects.len(), server.organizations().len()), (1, 1));
}
