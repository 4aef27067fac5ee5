//! How many calls a second the endpoint answers, by how many organizations there are: a call that
//! costs more in a fuller account would be seen here.
//!
//! `cargo test --release -p workmail-local --test load -- --ignored --nocapture`

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "numbers are what it is for")]

mod client;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use workmail_local::{
    CallFilter, Config, Delay, Fault, Knobs, Rule, SeedOrganization, Seeds, Server,
};

use crate::client::Client;

const SIZES: [usize; 3] = [100, 1_000, 10_000];
const CALLS: usize = 20_000;
const CONNECTIONS: usize = 8;

async fn server(organizations: usize) -> (Server, Vec<String>) {
    let knobs = Knobs {
        organization_quota: None,
        requested_for: Delay::fixed(Duration::from_secs(2)),
        creating_for: Delay::fixed(Duration::from_secs(5)),
        ..Knobs::default()
    };
    let seeds = Seeds {
        organizations: (0..organizations)
            .map(|n| SeedOrganization::new(format!("seed-{n}")))
            .collect(),
        ..Seeds::default()
    };
    let config = Config {
        seeds,
        ..Config::with_knobs(knobs)
    };
    let server = Server::start(config).await.unwrap();
    let ids = server.organizations().into_iter().map(|one| one.id);
    let ids = ids.collect();
    (server, ids)
}

/// Calls a second over some connections, each of which has one call at a time.
async fn rate(
    server: &Server,
    operation: &'static str,
    input: impl Fn(usize) -> Value + Send + Sync + 'static,
) -> f64 {
    let (input, next) = (Arc::new(input), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..CONNECTIONS {
        let mut client = Client::connect(server.address()).await.unwrap();
        let (input, next) = (Arc::clone(&input), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let call = next.fetch_add(1, Ordering::Relaxed);
                if call >= CALLS {
                    break;
                }
                let answer = client.call(operation, &input(call)).await.unwrap();
                assert_eq!(answer.status, 200, "{:?}", answer.json());
            }
        });
    }
    tasks.join_all().await;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let calls = CALLS as f64;
    calls / begun.elapsed().as_secs_f64()
}

/// The tokens of all pages of the list, the first of which needs none.
async fn pages(server: &Server) -> Vec<Value> {
    let mut client = Client::connect(server.address()).await.unwrap();
    let mut pages = vec![json!({})];
    loop {
        let page = client
            .call("ListOrganizations", pages.last().unwrap())
            .await;
        match page.unwrap().json().get("NextToken") {
            Some(token) => pages.push(json!({"NextToken": token})),
            None => return pages,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes seconds"]
async fn calls_a_second_by_the_number_of_organizations() {
    println!(
        "organizations |  Describe |      List | List while creating |    Create | Describe, waited for"
    );
    for size in SIZES {
        let (server, ids) = server(size).await;
        let ids = Arc::new(ids);
        let describe = {
            let ids = Arc::clone(&ids);
            move |call: usize| json!({"OrganizationId": ids[call % ids.len()]})
        };
        let described = rate(&server, "DescribeOrganization", describe.clone()).await;
        let pages = Arc::new(pages(&server).await);
        let list = move |call: usize| pages[call % pages.len()].clone();
        let listed = rate(&server, "ListOrganizations", list.clone()).await;
        let created = rate(
            &server,
            "CreateOrganization",
            |call| json!({"Alias": format!("new-{call}"), "ClientToken": format!("token-{call}")}),
        )
        .await;
        let while_creating = rate(&server, "ListOrganizations", list).await;

        server.fault(Rule::on("ListUsers", Fault::hang()));
        let mark = server.last_call();
        let mut hanging = Client::connect(server.address()).await.unwrap();
        let input = describe(0);
        let hanging = tokio::spawn(async move { hanging.call("ListUsers", &input).await });
        let wait = CallFilter::any().after(mark);
        let (beside, waited) = tokio::join!(
            rate(&server, "DescribeOrganization", describe),
            server.wait_for_calls(&wait, CALLS + 1, Duration::from_mins(10)),
        );
        waited.unwrap();
        hanging.abort();
        println!(
            "{size:>13} | {described:>7.0}/s | {listed:>7.0}/s | {while_creating:>17.0}/s | {created:>7.0}/s | {beside:>7.0}/s"
        );
    }
}
