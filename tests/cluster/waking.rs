//! Who is woken by what: a listing, a domain that becomes free, a status that others change; and nobody
//! by the operator's own writes.

use std::{collections::BTreeMap, time::Duration};

use kube::ResourceExt;
use rstest::rstest;
use serde_json::json;
use workmail_local::{
    CallFilter, Config, Delay, Fault, Knobs, OrganizationChange, Rule, SeedOrganization,
};
use workmail_operator::api::{Origin, Reason};

use crate::world::{World, domain, domains, id, managed, page, quick, status};

const HOUR: Duration = Duration::from_hours(1);

impl World {
    /// How many reconciles have ended, by their results.
    async fn reconciles(&self) -> BTreeMap<String, u64> {
        let (_, metrics) = self.operator.addresses().await;
        let (_, metrics) = page(metrics, "/metrics").await.unwrap();
        let lines = metrics.lines();
        lines
            .filter(|line| line.starts_with("workmail_operator_reconciles_total{"))
            .filter_map(|line| {
                let result = line.split("result=\"").nth(1)?.split('"').next()?;
                Some((result.to_owned(), line.rsplit(' ').next()?.parse().ok()?))
            })
            .collect()
    }
}

#[rstest]
#[case::only_adopt("Adopt")]
#[case::or_create("AdoptOrCreate")]
#[tokio::test]
async fn organizations_that_were_made_since_the_last_listing_are_found_by_one_listing_for_all(
    #[case] policy: &str,
) {
    let world = World::new().await;
    world.create("first", json!({"alias": "first"})).await;
    world.until_active("first").await;
    let names: Vec<_> = (0..12).map(|number| format!("org-{number}")).collect();
    for name in &names {
        let seed = SeedOrganization {
            age: HOUR.into(),
            ..SeedOrganization::new(name)
        };
        world.aws.seed_organization(seed).unwrap();
    }
    let mark = world.aws.last_call();
    for name in &names {
        let spec = json!({"alias": name, "adoptionPolicy": policy});
        world.create(name, spec).await;
    }
    for name in &names {
        let object = world.until_active(name).await;
        assert_eq!(status(&object).origin, Some(Origin::Adopted));
        assert!(world.warnings(name).await.is_empty());
    }
    assert_eq!(world.calls("CreateOrganization").len(), 1, "the first's");
    let listings = CallFilter::on("ListOrganizations").after(mark);
    let listings = world.aws.calls(&listings).len();
    assert!(listings < names.len(), "{listings} listings");
}

#[tokio::test]
async fn an_alias_that_a_listing_shows_no_more_wakes_the_object_that_waits_for_it() {
    let world = World::new().await;
    let seed = SeedOrganization {
        age: HOUR.into(),
        ..SeedOrganization::new("acme")
    };
    let theirs = world.aws.seed_organization(seed).unwrap();
    world.create("acme", json!({"alias": "acme"})).await;
    world.create("other", json!({"alias": "other"})).await;
    world.until_refused("acme", Reason::AlreadyExists).await;
    world.until_active("other").await;
    let deleted = OrganizationChange::state("Deleted");
    world.aws.change_organization(&theirs.id, deleted).unwrap();
    world.look_now("other").await;
    // Only the other's create was asked for before.
    let asked = world.until_called("CreateOrganization", 2).await;
    assert_eq!(asked[1].request["Alias"], "acme");
}

/// What the object that has the domain does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LetsGo {
    RemovesIt,
    IsDeleted,
}

#[rstest]
#[case::removes_it(LetsGo::RemovesIt)]
#[case::is_deleted(LetsGo::IsDeleted)]
#[tokio::test]
async fn a_domain_that_one_object_lets_go_goes_to_the_object_that_waits_for_it(
    #[case] how: LetsGo,
) {
    const NAME: &str = "moves.example";
    let world = World::new().await;
    let mut spec = json!({"alias": "from"});
    if how == LetsGo::IsDeleted {
        spec["deletionPolicy"] = json!("Delete");
        spec["deletion"] = json!({"confirmAlias": "from"});
    }
    world.create("from", spec).await;
    world.create("to", json!({"alias": "to"})).await;
    let from = world.until_settled("from").await;
    world.until_settled("to").await;
    let with = json!({"spec": {"domains": domains(&[NAME])}});
    world.patch("from", with.clone()).await;
    world
        .until("from", "it has the domain", |object| {
            domain(object, NAME).is_some_and(|domain| !domain.records.is_empty())
        })
        .await;
    assert_eq!(world.domains_in_aws(&id(&from)), [NAME]);

    world.patch("to", with).await;
    world.until_refused("to", Reason::DomainInUse).await;
    match how {
        LetsGo::RemovesIt => {
            world.patch("from", json!({"spec": {"domains": []}})).await;
        }
        LetsGo::IsDeleted => world.delete("from").await,
    }
    let to = world
        .until("to", "it has the domain", |object| {
            managed(object) == [NAME]
        })
        .await;
    world.until_settled("to").await;
    assert_eq!(world.domains_in_aws(&id(&to)), [NAME]);
    let asked = CallFilter::on("RegisterMailDomain").organization(id(&to));
    assert_eq!(world.aws.calls(&asked).len(), 2, "refused, then granted");
}

#[tokio::test]
async fn a_create_that_is_refused_is_asked_for_once() {
    let world = World::new().await;
    let refusal = Fault::error("InvalidParameterException", "Not this.");
    world
        .aws
        .fault(Rule::on("CreateOrganization", refusal).alias("acme"));
    let mut history = world.history().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let refused = world.until_refused("acme", Reason::InvalidParameter).await;
    // Another comes and goes its way meanwhile.
    world.create("other", json!({"alias": "other"})).await;
    world.until_settled("other").await;
    let asked = world.calls("CreateOrganization").into_iter();
    let asked = asked.filter(|call| call.request["Alias"] == "acme");
    assert_eq!(asked.count(), 1);
    assert_eq!(world.reconciles().await["InvalidParameter"], 1);
    let now = world.get("acme").await;
    assert_eq!(now.resource_version(), refused.resource_version());
    let versions = history.up_to(&refused).await;
    assert_eq!(versions.len(), 3, "as applied, the intent, the refusal");
}

#[tokio::test]
async fn a_burst_has_one_reconcile_for_each_object_and_cause() {
    let knobs = Knobs {
        requested_for: Delay::fixed(HOUR),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    let names: Vec<_> = (0..10).map(|number| format!("org-{number}")).collect();
    for name in &names {
        world.create(name, json!({"alias": name})).await;
    }
    for name in &names {
        world.until_refused(name, Reason::Requested).await;
    }
    world.until_listed(3).await;
    let expected = BTreeMap::from([("Requested".to_owned(), 10)]);
    assert_eq!(world.reconciles().await, expected, "one for the create");
    // Each is Creating within the same listing, or the next.
    world.aws.clock().advance(HOUR);
    for name in &names {
        world.until_active(name).await;
    }
    world.until_event("org-9", "Active").await;
    let after = world.reconciles().await;
    assert_eq!(after["Requested"], 10);
    assert_eq!(after["Active"], 10, "{after:?}");
    assert_eq!(world.calls("CreateOrganization").len(), 10);
}

#[rstest]
#[case::changed(json!({"state": "Failed"}))]
#[case::emptied(json!({"conditions": []}))]
#[case::of_one_field(json!({"arn": null}))]
#[tokio::test]
async fn a_status_that_others_change_is_set_right_at_once(#[case] change: serde_json::Value) {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_settled("acme").await;
    world.until_event("acme", "Active").await;
    let mark = world.aws.last_call();
    let changed = world.patch_status("acme", change).await;
    assert_ne!(changed.resource_version(), before.resource_version());
    let right = |object: &workmail_operator::api::WorkMailOrganization| {
        let (now, before) = (status(object), status(&before));
        let words = |status: &workmail_operator::api::WorkMailOrganizationStatus| {
            let all = status.conditions.iter();
            all.map(|one| (one.r#type.clone(), one.reason.clone()))
                .collect::<Vec<_>>()
        };
        now.state == before.state && now.arn == before.arn && words(&now) == words(&before)
    };
    world.until("acme", "its status is right", right).await;
    let called = world.counts_after(mark);
    assert!(
        called
            .keys()
            .all(|operation| !operation.starts_with("Create")),
        "{called:?}"
    );
}

#[tokio::test]
async fn the_finalizer_that_the_operator_sets_makes_no_second_reconcile() {
    let world = World::new().await;
    let spec =
        json!({"alias": "acme", "deletionPolicy": "Delete", "deletion": {"confirmAlias": "acme"}});
    let refusal = Fault::error("InvalidParameterException", "Not this.");
    world.aws.fault(Rule::on("CreateOrganization", refusal));
    world.create("acme", spec).await;
    world.until_refused("acme", Reason::InvalidParameter).await;
    world
        .create(
            "other",
            json!({"alias": "other", "adoptionPolicy": "Adopt"}),
        )
        .await;
    world.until_refused("other", Reason::NotFound).await;
    assert_eq!(world.reconciles().await["InvalidParameter"], 1);
    assert_eq!(world.calls("CreateOrganization").len(), 1);
}
