//! Slow and throttled: what was read is not read again, and every reconcile brings the object further.

use std::time::Duration;

use serde_json::json;
use workmail_local::{CallFilter, Config, Fault, Knobs, Outcome, Rule, SeedOrganization, Throttle};

use crate::world::{World, domains, id, managed, quick, status};

/// A world in whose account others have organizations, three pages of them.
async fn among_many() -> World {
    let knobs = Knobs {
        organization_quota: None,
        ..quick()
    };
    let mut world = World::without_operator(Config::with_knobs(knobs)).await;
    for number in 0..250 {
        let seed = SeedOrganization::new(format!("other-{number}"));
        world.aws.seed_organization(seed).unwrap();
    }
    world.operator.start();
    world
}

#[tokio::test]
async fn a_requested_read_is_done_although_the_listing_takes_longer_than_a_reconcile_begins_steps()
{
    let world = among_many().await;
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;
    // Three pages: 12 s.
    let slow = Fault::delay(Duration::from_secs(4));
    world.aws.fault(Rule::on("ListOrganizations", slow));
    let mark = world.aws.last_call();
    world.look_now("acme").await;
    let counts = world.counts_after(mark);
    assert!(
        counts["ListOrganizations"] <= 6,
        "one listing, and perhaps one under way: {counts:?}"
    );
    assert_eq!(counts["DescribeOrganization"], 1);
    assert_eq!(counts["ListTagsForResource"], 1);
}

#[tokio::test]
async fn an_object_whose_reads_are_slow_comes_to_its_end_and_reads_only_its_owner_twice() {
    let world = World::new().await;
    let names = ["a.example", "b.example"];
    let spec = json!({"alias": "acme", "domains": domains(&names)});
    world.create("acme", spec).await;
    world.until_settled("acme").await;
    let operations = [
        "DescribeOrganization",
        "ListTagsForResource",
        "ListMailDomains",
    ];
    for operation in operations {
        let slow = Fault::delay(Duration::from_secs(11));
        world.aws.fault(Rule::on(operation, slow));
    }
    let mark = world.aws.last_call();
    world.look_now("acme").await;
    let counts = world.counts_after(mark);
    assert_eq!(counts["DescribeOrganization"], 1, "{counts:?}");
    assert_eq!(counts["ListMailDomains"], 1, "{counts:?}");
    assert!(counts["ListTagsForResource"] <= 2, "{counts:?}");
}

#[tokio::test]
async fn under_throttling_domains_are_registered_first_and_read_once() {
    const MANY: usize = 40;
    let knobs = Knobs {
        throttle: Some(Throttle {
            per_second: 5.0,
            burst: 5,
            code: "ThrottlingException".into(),
            status: 400,
        }),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    let names: Vec<_> = (0..MANY)
        .map(|number| format!("d{number:03}.example"))
        .collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    world
        .create("acme", json!({"alias": "acme", "domains": domains(&names)}))
        .await;
    let object = world
        .until("acme", "every domain is read", |object| {
            let all = status(object).domains;
            managed(object).len() == MANY
                && all
                    .iter()
                    .filter(|domain| !domain.records.is_empty())
                    .count()
                    >= MANY
        })
        .await;
    let answered = |operation: &str| {
        let answered = CallFilter::on(operation).outcome(Outcome::Ok);
        world.aws.calls(&answered).len()
    };
    assert_eq!(world.domains_in_aws(&id(&object)).len(), MANY);
    // Five went along with the create.
    assert_eq!(answered("RegisterMailDomain"), MANY - 5);
    let read = answered("GetMailDomain");
    assert!(read < 2 * MANY, "{read} reads of {MANY} domains");
    let told = world.warnings("acme").await;
    assert!(told.is_empty(), "{told:?}");
}
