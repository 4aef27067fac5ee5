//! The WorkMail endpoint alone: whether it is fast enough not to be what is measured.

use std::time::Instant;

use aws_sdk_workmail::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use futures::{StreamExt, stream};
use workmail_local::Knobs;

use super::RUNS;
use crate::{
    load::names,
    stage::{Stage, aws},
    table::{Row, Table},
};

const CALLS: usize = 1_000;
const AT_ONCE: usize = 64;

pub async fn run(stage: &Stage, table: &mut Table) {
    let count = stage.size(CALLS);
    let mut creates = Vec::new();
    let mut describes = Vec::new();
    for run in 0..RUNS {
        let aws = aws(Knobs::immediate()).await;
        let client = client(&aws.url());
        let names = names(&format!("endpoint-{run}"), count);
        let begun = Instant::now();
        let ids: Vec<_> = stream::iter(names)
            .map(|name| client.create_organization().alias(name).send())
            .buffer_unordered(AT_ONCE)
            .map(|answer| answer.unwrap().organization_id.unwrap())
            .collect()
            .await;
        creates.push(count as f64 / begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        stream::iter(ids)
            .map(|id| client.describe_organization().organization_id(id).send())
            .buffer_unordered(AT_ONCE)
            .for_each(|answer| async { drop(answer.unwrap()) })
            .await;
        describes.push(count as f64 / begun.elapsed().as_secs_f64());
    }
    for (operation, rates) in [
        ("CreateOrganization", creates),
        ("DescribeOrganization", describes),
    ] {
        table.push(
            Row::new(
                format!("endpoint: {operation} by a client in its own process"),
                "a second",
            )
            .operator(&rates.into_iter().collect()),
        );
    }
}

fn client(url: &str) -> Client {
    Client::from_conf(
        Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(url)
            .retry_config(RetryConfig::disabled())
            .credentials_provider(Credentials::new(
                "AKIDEXAMPLE",
                "secret",
                None,
                None,
                "bench",
            ))
            .build(),
    )
}
