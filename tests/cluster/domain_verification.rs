//! The verification of domains: how often it is looked at, what is said of it, and how it ends.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use workmail_local::{CallFilter, Config, Delay, Knobs, Lifetime, SeedDomain};
use workmail_operator::api::{ConditionStatus, ConditionType, Reason, WorkMailOrganization};

use crate::world::{World, condition, domain, domains, id, managed, quick, ready, status};

const HOUR: Duration = Duration::from_hours(1);
const NAME: &str = "acme.example";

/// An endpoint that verifies domains an hour after they were registered, by its own clock.
fn verifying() -> Knobs {
    Knobs {
        verification_after: Some(Delay::fixed(HOUR)),
        ..quick()
    }
}

/// A world that reads the list every second, and a settled object whose domain is pending.
async fn pending(knobs: Knobs) -> (World, WorkMailOrganization) {
    let world = World::with_flags(knobs, &["--resync-interval=1s"]).await;
    let spec = json!({"alias": "acme", "domains": domains(&[NAME])});
    world.create("acme", spec).await;
    world.until_settled("acme").await;
    let object = world.until_pending("acme").await;
    (world, object)
}

/// Puts back the time since when the domain is waited for.
async fn set_back(world: &World, hours: i64) {
    let object = world.get("acme").await;
    let mut shown = status(&object).domains;
    let since = Timestamp::from_second(Timestamp::now().as_second() - hours * 3600).unwrap();
    for one in &mut shown {
        one.pending_since = one.pending_since.and(Some(since));
    }
    world.patch_status("acme", json!({"domains": shown})).await;
}

async fn until_failed(world: &World) -> WorkMailOrganization {
    world
        .until_condition(
            "acme",
            ConditionType::DomainsReady,
            ConditionStatus::False,
            Reason::VerificationFailed,
        )
        .await
}

/// Asserts that the failure is told once, with its cure, and that nothing else suffers from it.
async fn assert_told(world: &World, object: &WorkMailOrganization) {
    let told = condition(object, ConditionType::DomainsReady).unwrap();
    for text in [
        NAME,
        "72 hours",
        "status.domains",
        "remove it",
        "add it again",
    ] {
        assert!(
            told.message.contains(text),
            "{text:?} in {:?}",
            told.message
        );
    }
    assert_eq!(ready(object).unwrap().status, ConditionStatus::True);
    assert_eq!(condition(object, ConditionType::Stalled), None);
    assert_eq!(status(object).drift, []);
    world.until_event("acme", "VerificationFailed").await;
    world
        .assert_warned_once("acme", Reason::VerificationFailed)
        .await;
}

#[tokio::test]
async fn what_is_verified_is_seen_by_itself_and_then_nothing_is_called_or_written() {
    let (mut world, object) = pending(verifying()).await;
    assert_eq!(world.domains_in_aws(&id(&object)), [NAME]);
    world.aws.clock().advance(HOUR);
    let before = world.until_verified("acme").await;
    let mark = world.aws.last_call();
    world.until_listed(5).await;
    world.operator.kill_and_start();
    world.until_listed(5).await;
    let counts = world.counts_after(mark);
    let called: Vec<&str> = counts.keys().map(String::as_str).collect();
    assert_eq!(called, ["GetCallerIdentity", "ListOrganizations"]);
    let after = world.get("acme").await;
    assert_eq!(after.resource_version(), before.resource_version());
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn a_young_domain_is_read_every_two_seconds_and_nothing_is_written() {
    let (world, before) = pending(quick()).await;
    let mark = world.aws.last_call();
    let looks = CallFilter::on("GetMailDomain").after(mark);
    let looks = world.until_calls(&looks, 4).await;
    for pair in looks.windows(2) {
        let gap = pair[1].at.duration_since(pair[0].at);
        assert!(gap.as_millis() >= 1900, "{gap:?}");
    }
    let mut counts = world.counts_after(mark);
    counts.retain(|operation, _| operation != "ListOrganizations");
    let called: Vec<&str> = counts.keys().map(String::as_str).collect();
    assert_eq!(called, ["GetMailDomain"], "and nothing else");
    let after = world.get("acme").await;
    assert_eq!(after.resource_version(), before.resource_version());
}

#[tokio::test]
async fn an_older_domain_is_read_less_often() {
    let (world, _) = pending(quick()).await;
    set_back(&world, 1).await;
    // What was planned before is still done; then comes 4 % of an hour.
    let mark = world.aws.last_call();
    let look = CallFilter::on("GetMailDomain").after(mark);
    let first = world.until_calls(&look, 1).await.remove(0);
    world.until_listed(7).await;
    let later = world.domain_calls_after(first.sequence);
    assert!(later.is_empty(), "{later:?}");
    let object = world.get("acme").await;
    let since = domain(&object, NAME).unwrap().pending_since.unwrap();
    let age = Timestamp::now().duration_since(since);
    assert!(age.as_secs() >= 3600, "the time stays as recorded");
}

#[tokio::test]
async fn a_restart_while_a_domain_is_pending_goes_on_at_its_pace() {
    let (mut world, before) = pending(quick()).await;
    set_back(&world, 1).await;
    world.operator.kill_and_start();
    let mark = world.aws.last_call();
    world.until_listed(6).await;
    let called = world.domain_calls_after(mark);
    assert!(called.is_empty(), "not at the start: {called:?}");
    world.verify(&id(&before), NAME);
    world.look_now("acme").await;
    world.until_verified("acme").await;
}

#[tokio::test]
async fn what_aws_calls_failed_is_told_once_with_the_cure_which_helps() {
    let (mut world, object) = pending(quick()).await;
    let id = id(&object);
    world.change_domain(&id, SeedDomain::new(NAME).failed());
    let object = until_failed(&world).await;
    assert_eq!(
        domain(&object, NAME).unwrap().ownership.as_deref(),
        Some("FAILED")
    );
    assert_told(&world, &object).await;

    world.operator.kill_and_start();
    world.look_now("acme").await;
    let mark = world.aws.last_call();
    world.until_listed(4).await;
    assert!(
        world.domain_calls_after(mark).is_empty(),
        "nobody waits for it"
    );
    let object = until_failed(&world).await;
    assert_told(&world, &object).await;

    world.set_domains(&[]).await;
    world.until_settled("acme").await;
    world.set_domains(&[NAME]).await;
    let object = world.until_settled("acme").await;
    assert_eq!(managed(&object), [NAME]);
    world.until_pending("acme").await;
    world.verify(&id, NAME);
    world.until_verified("acme").await;
    assert_eq!(world.effects("RegisterMailDomain").len(), 1);
    world
        .assert_warned_once("acme", Reason::VerificationFailed)
        .await;
}

#[tokio::test]
async fn what_aws_never_calls_failed_is_told_after_72_hours_all_the_same() {
    let knobs = Knobs {
        verification_fails_after: Lifetime::Forever,
        ..quick()
    };
    let (world, object) = pending(knobs).await;
    let id = id(&object);
    set_back(&world, 71).await;
    world
        .until_calls(
            &CallFilter::on("GetMailDomain").after(world.aws.last_call()),
            1,
        )
        .await;
    world.look_now("acme").await;
    assert!(world.warnings("acme").await.is_empty(), "not yet");

    set_back(&world, 73).await;
    world.look_now("acme").await;
    let object = until_failed(&world).await;
    assert_eq!(
        domain(&object, NAME).unwrap().ownership.as_deref(),
        Some("PENDING")
    );
    assert_told(&world, &object).await;
    let mark = world.aws.last_call();
    world.until_listed(4).await;
    assert!(world.domain_calls_after(mark).is_empty());

    // Late is better than never.
    world.verify(&id, NAME);
    world.look_now("acme").await;
    world.until_verified("acme").await;
}

#[tokio::test]
async fn one_failed_domain_among_many_is_the_one_that_is_named() {
    let world = World::with(Config::with_knobs(quick())).await;
    let names = ["a.example", "b.example", "c.example"];
    world
        .create("acme", json!({"alias": "acme", "domains": domains(&names)}))
        .await;
    let object = world.until_settled("acme").await;
    let id = id(&object);
    world.verify(&id, "a.example");
    world.change_domain(&id, SeedDomain::new("b.example").failed());
    let object = until_failed(&world).await;
    let told = condition(&object, ConditionType::DomainsReady)
        .unwrap()
        .message;
    assert!(told.contains("b.example"), "{told}");
    assert!(
        !told.contains("a.example") && !told.contains("c.example"),
        "{told}"
    );
}

#[tokio::test]
async fn while_suspended_everything_about_domains_stays_as_last_seen() {
    let (world, _) = pending(quick()).await;
    world
        .patch("acme", json!({"spec": {"suspend": true}}))
        .await;
    let suspended =
        |object: &WorkMailOrganization| condition(object, ConditionType::Suspended).is_some();
    let before = world.until("acme", "suspended", suspended).await;
    let mark = world.aws.last_call();
    set_back(&world, 73).await;
    let edited = world.set_domains(&[NAME, "late.example"]).await;
    world
        .until("acme", "the edit was seen", |object| {
            condition(object, ConditionType::Suspended)
                .is_some_and(|told| Some(told.observed_generation) == edited.metadata.generation)
        })
        .await;
    let after = world.get("acme").await;
    let kind = ConditionType::DomainsReady;
    assert_eq!(condition(&after, kind), condition(&before, kind));
    assert_eq!(status(&after).domains.len(), status(&before).domains.len());
    assert!(world.domain_calls_after(mark).is_empty());
    assert!(world.warnings("acme").await.is_empty());

    world
        .patch("acme", json!({"spec": {"suspend": false}}))
        .await;
    let object = world.until_settled("acme").await;
    assert_eq!(managed(&object), [NAME, "late.example"]);
    until_failed(&world).await;
}
