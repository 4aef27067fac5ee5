use axum::{
    body::Body,
    http::{Method, Request},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::{
    Config,
    knobs::AliasReuse,
    seeds::{SeedOrganization, Seeds},
};

fn endpoint() -> Endpoint {
    let organizations = vec![SeedOrganization::new("there")];
    let seeds = Seeds {
        organizations,
        ..Seeds::default()
    };
    Endpoint::new(Config {
        seeds,
        ..Config::with_knobs(Knobs::immediate())
    })
    .unwrap()
}

async fn ask(endpoint: &Endpoint, method: Method, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("{PREFIX}{path}"));
    let response = router(endpoint.clone())
        .oneshot(request.body(body).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).unwrap()
    };
    (status, body)
}

async fn ok(endpoint: &Endpoint, method: Method, path: &str, body: Value) -> Value {
    let (status, body) = ask(endpoint, method, path, body).await;
    assert!((200..300).contains(&status), "{status} {body}");
    body
}

#[tokio::test]
async fn knobs_are_read_changed_and_replaced() {
    let endpoint = endpoint();
    let knobs = ok(&endpoint, Method::GET, "/knobs", Value::Null).await;
    assert_eq!(knobs["requestedFor"], "0s");
    ok(
        &endpoint,
        Method::PATCH,
        "/knobs",
        json!({"aliasReuse": "after-deletion"}),
    )
    .await;
    assert_eq!(endpoint.knobs().alias_reuse, AliasReuse::AfterDeletion);
    assert_eq!(endpoint.knobs().requested_for, crate::span::Delay::NONE);
    ok(&endpoint, Method::PUT, "/knobs", json!({})).await;
    assert_eq!(endpoint.knobs(), Knobs::default());
}

#[tokio::test]
async fn a_wrong_knob_changes_nothing_and_is_named() {
    let endpoint = endpoint();
    let before = endpoint.knobs();
    let change = json!({"aliasReuse": "after-deletion", "nonsense": 1});
    let (status, body) = ask(&endpoint, Method::PATCH, "/knobs", change).await;
    assert_eq!(status, 400);
    assert!(
        body["error"].as_str().unwrap().contains("nonsense"),
        "{body}"
    );
    assert_eq!(endpoint.knobs(), before);
}

#[tokio::test]
async fn everything_can_be_seeded() {
    let endpoint = endpoint();
    let post = |path: &'static str, body: Value| {
        let endpoint = endpoint.clone();
        async move { ok(&endpoint, Method::POST, path, body).await }
    };
    let directory = json!({"alias": "corp", "kind": "ad-connector", "otherApplications": true});
    let directory = post("/directories", directory).await;
    post("/zones", json!({"id": "Z1", "name": "acme.example"})).await;
    post(
        "/credentials",
        json!({"accessKey": "AKIA", "account": "210987654321"}),
    )
    .await;
    let organization =
        json!({"alias": "corp", "directoryId": directory["id"], "tags": {"a": "b"}, "age": "3d"});
    let organization = post("/organizations", organization).await;
    assert_eq!(organization["directoryId"], directory["id"]);
    let id = organization["id"].as_str().unwrap();
    let user = ok(
        &endpoint,
        Method::POST,
        &format!("/organizations/{id}/users"),
        json!({"name": "ada"}),
    )
    .await;
    assert_eq!(user["email"], "ada@corp.awsapps.com");
    let path = format!("/directories/{}", directory["id"].as_str().unwrap());
    assert_eq!(
        ok(&endpoint, Method::GET, &path, Value::Null).await["organizationId"],
        id
    );
    let all = ok(&endpoint, Method::GET, "/organizations", Value::Null).await;
    let aliases: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["alias"])
        .collect();
    assert_eq!(aliases, ["there", "corp"]);
}

#[tokio::test]
async fn an_organization_is_changed_and_removed_behind_its_clients_backs() {
    let endpoint = endpoint();
    let id = endpoint.organizations()[0].id.clone();
    let path = format!("/organizations/{id}");
    let change = json!({"state": "Frozen", "setTags": {"a": "b"}, "removeTags": ["c"]});
    let changed = ok(&endpoint, Method::PATCH, &path, change).await;
    assert_eq!(
        (&changed["state"], &changed["tags"]),
        (&json!("Frozen"), &json!({"a": "b"}))
    );
    assert_eq!(
        ok(&endpoint, Method::GET, &path, Value::Null).await,
        changed
    );
    ok(&endpoint, Method::DELETE, &path, Value::Null).await;
    assert_eq!(ask(&endpoint, Method::GET, &path, Value::Null).await.0, 404);
    assert_eq!(
        ask(&endpoint, Method::DELETE, &path, Value::Null).await.0,
        404
    );
}

#[tokio::test]
async fn faults_are_added_shown_released_and_removed() {
    let endpoint = endpoint();
    let rule = json!({"operation": "ListUsers", "times": 2, "fault": {"kind": "hang"}});
    let id = ok(&endpoint, Method::POST, "/faults", rule.clone()).await["id"].clone();
    let faults = ok(&endpoint, Method::GET, "/faults", Value::Null).await;
    assert_eq!(
        (&faults[0]["id"], &faults[0]["hits"], &faults[0]["held"]),
        (&id, &json!(0), &json!(0))
    );
    assert_eq!(
        faults[0]["rule"]["fault"],
        json!({"kind": "hang", "work": "not-done"})
    );
    let released = ok(
        &endpoint,
        Method::POST,
        &format!("/faults/{id}/release"),
        Value::Null,
    )
    .await;
    assert_eq!(released, json!({"released": 0}));
    ok(
        &endpoint,
        Method::DELETE,
        &format!("/faults/{id}"),
        Value::Null,
    )
    .await;
    assert_eq!(
        ask(
            &endpoint,
            Method::DELETE,
            &format!("/faults/{id}"),
            Value::Null
        )
        .await
        .0,
        404
    );
    ok(&endpoint, Method::POST, "/faults", rule).await;
    ok(&endpoint, Method::DELETE, "/faults", Value::Null).await;
    assert!(endpoint.faults().is_empty());
}

#[tokio::test]
async fn a_wait_for_calls_that_do_not_come_ends_in_time() {
    let endpoint = endpoint();
    let read = ok(
        &endpoint,
        Method::GET,
        "/journal?operation=ListUsers&count=1&wait=1",
        Value::Null,
    )
    .await;
    assert_eq!(read, json!({"calls": [], "enough": false, "last": 0}));
    let read = ok(&endpoint, Method::GET, "/journal", Value::Null).await;
    assert_eq!(read["enough"], true);
    assert_eq!(
        ask(
            &endpoint,
            Method::GET,
            "/journal?opration=ListUsers",
            Value::Null
        )
        .await
        .0,
        400
    );
}

#[tokio::test]
async fn time_is_moved_and_everything_put_back() {
    let endpoint = endpoint();
    let before = endpoint.clock().now();
    ok(
        &endpoint,
        Method::POST,
        "/clock/advance",
        json!({"by": "1h"}),
    )
    .await;
    assert!(
        endpoint.clock().now() >= crate::clock::after(before, std::time::Duration::from_hours(1))
    );
    endpoint.set_knobs(Knobs::default());
    endpoint
        .seed_organization(SeedOrganization::new("more"))
        .unwrap();
    ok(&endpoint, Method::POST, "/reset", Value::Null).await;
    assert_eq!(endpoint.knobs(), Knobs::immediate());
    assert_eq!(endpoint.organizations().len(), 1);
}

#[tokio::test]
async fn domains_are_seeded_and_changed() {
    let endpoint = endpoint();
    let seed = json!({
        "alias": "acme",
        "domains": [{"name": "acme.example"}, {"name": "new.example", "ownership": "PENDING", "dkim": "PENDING"}],
        "defaultMailDomain": "acme.example",
    });
    ok(
        &endpoint,
        Method::POST,
        "/identities",
        json!({"name": "known.example"}),
    )
    .await;
    let seeded = ok(&endpoint, Method::POST, "/organizations", seed).await;
    assert_eq!(seeded["domains"][1]["isDefault"], true);
    assert_eq!(seeded["domains"][2]["ownership"], "PENDING");
    let path = format!("/organizations/{}", seeded["id"].as_str().unwrap());
    let change = json!({
        "setDomains": [{"name": "new.example", "ownership": "VERIFIED"}, {"name": "known.example"}],
        "removeDomains": ["acme.example"],
    });
    let changed = ok(&endpoint, Method::PATCH, &path, change).await;
    let shown: Vec<_> = changed["domains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|domain| {
            ["domainName", "ownership", "dkim"].map(|name| domain[name].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ["acme.awsapps.com", "VERIFIED", "VERIFIED"],
            ["new.example", "VERIFIED", "PENDING"],
            ["known.example", "VERIFIED", "VERIFIED"],
        ]
    );
    assert_eq!(changed["defaultMailDomain"], "acme.awsapps.com");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let endpoint = endpoint();
    let id = endpoint.organizations()[0].id.clone();
    for (method, path, body, status) in [
        (
            Method::POST,
            "/organizations",
            json!({"alias": "a", "id": id}),
            409,
        ),
        (
            Method::POST,
            "/organizations",
            json!({"alias": "a", "id": "m-1"}),
            400,
        ),
        (Method::POST, "/organizations", json!({}), 400),
        (
            Method::POST,
            "/organizations",
            json!({"alias": "a", "directoryId": "d-1"}),
            404,
        ),
        (
            Method::POST,
            "/organizations",
            json!({"alias": "a", "account": "1"}),
            400,
        ),
        (
            Method::POST,
            "/organizations/m-1/users",
            json!({"name": "a"}),
            404,
        ),
        (Method::POST, "/directories", json!({"id": "d-1"}), 400),
        (Method::POST, "/zones", json!({"id": "Z1"}), 400),
        (
            Method::POST,
            "/identities",
            json!({"name": "a.example", "account": "x"}),
            400,
        ),
        (
            Method::POST,
            "/organizations",
            json!({"alias": "a", "domains": [{}]}),
            400,
        ),
        (
            Method::POST,
            "/credentials",
            json!({"accessKey": "A", "account": "x"}),
            400,
        ),
        (
            Method::POST,
            "/faults",
            json!({"fault": {"kind": "explode"}}),
            400,
        ),
        (Method::POST, "/faults", Value::Null, 400),
        (Method::GET, "/nowhere", Value::Null, 404),
    ] {
        let (found, answer) = ask(&endpoint, method, path, body).await;
        assert_eq!(found, status, "{path}: {answer}");
        assert!(answer["error"].is_string());
    }
    assert_eq!(endpoint.organizations().len(), 1);
}
