//! The mail domains of an organization: those of the spec are registered, those of others are left
//! alone.

use std::time::Duration;

use kube::ResourceExt;
use serde_json::{Value, json};
use workmail_local::{
    Config, Delay, Knobs, OrganizationChange, SeedDomain, SeedOrganization, SeedZone,
};
use workmail_operator::api::{ConditionStatus, ConditionType, Reason};

use crate::world::{World, condition, domain, domains, id, managed, quick, ready, status};

const HOUR: Duration = Duration::from_hours(1);
const OWN: &str = "acme.awsapps.com";

fn spec(names: &[&str]) -> Value {
    json!({"alias": "acme", "domains": domains(names)})
}

/// A world with a settled object and these domains.
async fn settled(names: &[&str]) -> (World, String) {
    let world = World::new().await;
    world.create("acme", spec(names)).await;
    let object = world.until_settled("acme").await;
    (world, id(&object))
}

#[tokio::test]
async fn five_domains_go_along_with_the_create_and_those_with_a_zone_are_among_them() {
    let world = World::with(Config::with_knobs(quick())).await;
    for letter in ["f", "g"] {
        let zone = SeedZone {
            id: format!("Z{letter}"),
            name: format!("{letter}.example"),
            account: "123456789012".into(),
        };
        world.aws.seed_zone(zone).unwrap();
    }
    let mut wanted = spec(&[
        "e.example",
        "d.example",
        "c.example",
        "b.example",
        "a.example",
    ]);
    for (name, zone) in [("f.example", "Zf"), ("g.example", "Zg")] {
        let entry = json!({"domainName": name, "hostedZoneId": zone});
        wanted["domains"].as_array_mut().unwrap().push(entry);
    }
    world.create("acme", wanted).await;
    let object = world.until_settled("acme").await;

    let along = &world.calls("CreateOrganization")[0].request["Domains"];
    let expected = json!([
        {"DomainName": "f.example", "HostedZoneId": "Zf"},
        {"DomainName": "g.example", "HostedZoneId": "Zg"},
        {"DomainName": "e.example"},
        {"DomainName": "d.example"},
        {"DomainName": "c.example"},
    ]);
    assert_eq!(*along, expected);
    assert_eq!(
        world.asked("RegisterMailDomain"),
        ["a.example", "b.example"]
    );
    assert_eq!(world.domains_in_aws(&id(&object)).len(), 7);
    assert_eq!(managed(&object).len(), 7);
    world.assert_created_once(&object);
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn what_did_not_go_along_is_registered_once_the_organization_is_active_and_not_before() {
    let knobs = Knobs {
        creating_for: Delay::fixed(HOUR),
        ..quick()
    };
    let world = World::with(Config::with_knobs(knobs)).await;
    let names = ["a.a", "b.b", "c.c", "d.d", "e.e", "f.f"];
    world.create("acme", spec(&names)).await;
    let object = world.until_refused("acme", Reason::Creating).await;
    assert_eq!(managed(&object), names[..5], "recorded before the create");
    assert_eq!(world.mutating_calls(), ["CreateOrganization"]);

    world.aws.clock().advance(HOUR);
    let object = world.until_settled("acme").await;
    let changes = ["CreateOrganization", "TagResource", "RegisterMailDomain"];
    assert_eq!(world.mutating_calls(), changes, "the tags come first");
    assert_eq!(managed(&object), names);
}

#[tokio::test]
async fn the_status_holds_what_is_known_of_each_domain_and_the_records_to_publish() {
    let (world, id) = settled(&["acme.example"]).await;
    let object = world.until_pending("acme").await;
    let shown = domain(&object, "acme.example").unwrap();
    assert!(shown.managed && !shown.is_default && !shown.is_test_domain);
    assert_eq!(shown.ownership.as_deref(), Some("PENDING"));
    assert_eq!(shown.dkim.as_deref(), Some("PENDING"));
    assert!(shown.pending_since.unwrap() >= object.creation_timestamp().unwrap().0);
    let kinds: Vec<_> = shown.records.iter().map(|record| &*record.r#type).collect();
    let expected = [
        "MX", "TXT", "CNAME", "CNAME", "CNAME", "CNAME", "TXT", "TXT",
    ];
    assert_eq!(kinds, expected, "as AWS gives them");
    let exchange = &shown.records[0];
    assert_eq!(exchange.hostname.trim_end_matches('.'), "acme.example");
    assert!(exchange.value.starts_with("10 inbound-smtp.us-east-1"));

    let own = domain(&object, OWN).unwrap();
    assert!(own.is_default && own.is_test_domain && !own.managed);
    assert_eq!(own.pending_since, None);
    assert_eq!(status(&object).default_domain.as_deref(), Some(OWN));
    assert_eq!(status(&object).drift, [], "waiting for DNS is not drift");
    assert_eq!(ready(&object).unwrap().status, ConditionStatus::True);
    let synced = condition(&object, ConditionType::Synced).unwrap();
    assert_eq!(synced.status, ConditionStatus::True);
    let told = condition(&object, ConditionType::DomainsReady).unwrap();
    for text in ["acme.example", "status.domains", "72 hours"] {
        assert!(
            told.message.contains(text),
            "{text:?} in {:?}",
            told.message
        );
    }

    world.verify(&id, "acme.example");
    let object = world.until_verified("acme").await;
    let shown = domain(&object, "acme.example").unwrap();
    assert_eq!(shown.ownership.as_deref(), Some("VERIFIED"));
    assert_eq!(shown.pending_since, None);
    assert_eq!(shown.records.len(), 8, "they have to stay published");
    assert!(
        world.asked("RegisterMailDomain").is_empty(),
        "it went along"
    );
    let events = world.events("acme").await;
    assert_eq!(events, ["Active"]);
}

#[tokio::test]
async fn domains_are_registered_when_they_are_added_and_deregistered_when_they_leave() {
    let (world, id) = settled(&["a.example"]).await;
    let mark = world.aws.last_call();
    world.set_domains(&["a.example", "b.example"]).await;
    let object = world.until_settled("acme").await;
    assert_eq!(world.domains_in_aws(&id), ["a.example", "b.example"]);
    assert_eq!(managed(&object), ["a.example", "b.example"]);
    assert_eq!(domain(&object, "b.example").unwrap().records.len(), 8);
    assert_eq!(
        world.domain_changes_after(mark),
        ["RegisterMailDomain b.example"]
    );

    let mark = world.aws.last_call();
    world.set_domains(&["b.example"]).await;
    let object = world.until_settled("acme").await;
    assert_eq!(world.domains_in_aws(&id), ["b.example"]);
    assert_eq!(managed(&object), ["b.example"]);
    assert_eq!(domain(&object, "a.example"), None);
    assert_eq!(
        world.domain_changes_after(mark),
        ["DeregisterMailDomain a.example"]
    );

    world.set_domains(&[]).await;
    let object = world.until_settled("acme").await;
    assert!(world.domains_in_aws(&id).is_empty());
    assert_eq!(condition(&object, ConditionType::DomainsReady), None);
    assert_eq!(world.default_in_aws(&id), OWN);
    assert!(
        !world
            .events("acme")
            .await
            .contains(&"DriftMended".to_owned())
    );
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn a_domain_that_existed_before_is_never_deregistered() {
    let world = World::new().await;
    let seed = SeedOrganization::new("acme")
        .with_domain(SeedDomain::new("old.example"))
        .with_default_domain("old.example");
    let organization = world.aws.seed_organization(seed).unwrap();
    let wanted = json!({
        "alias": "acme",
        "adoptionPolicy": "Adopt",
        "domains": domains(&["new.example", "old.example"]),
    });
    world.create("acme", wanted).await;
    let object = world.until_settled("acme").await;
    assert_eq!(managed(&object), ["new.example"]);
    assert!(domain(&object, "old.example").unwrap().is_default);

    world.set_domains(&[]).await;
    let object = world.until_settled("acme").await;
    assert_eq!(world.domains_in_aws(&organization.id), ["old.example"]);
    assert!(domain(&object, "old.example").is_some(), "still shown");
    assert_eq!(
        world.domain_changes_after(0),
        [
            "RegisterMailDomain new.example",
            "DeregisterMailDomain new.example"
        ]
    );
    world.look_now("acme").await;
    assert_eq!(world.default_in_aws(&organization.id), "old.example");
    assert_eq!(world.domains_in_aws(&organization.id), ["old.example"]);
}

#[tokio::test]
async fn domains_of_others_are_shown_and_left_alone_and_are_no_drift() {
    let (world, id) = settled(&["acme.example"]).await;
    world.change_domain(&id, SeedDomain::new("theirs.example").verified());
    let mark = world.aws.last_call();
    let object = world.look_now("acme").await;
    let theirs = domain(&object, "theirs.example").unwrap();
    assert!(!theirs.managed);
    assert_eq!(status(&object).drift, []);
    assert_eq!(ready(&object).unwrap().status, ConditionStatus::True);
    assert!(world.domain_changes_after(mark).is_empty());
    assert!(
        !world
            .asked("GetMailDomain")
            .contains(&"theirs.example".to_owned())
    );

    // Named and left out again, it is still theirs.
    world.set_domains(&["acme.example", "theirs.example"]).await;
    world.until_settled("acme").await;
    world.set_domains(&["acme.example"]).await;
    let object = world.until_settled("acme").await;
    assert_eq!(managed(&object), ["acme.example"]);
    assert_eq!(
        world.domains_in_aws(&id),
        ["acme.example", "theirs.example"]
    );
    assert!(world.domain_changes_after(mark).is_empty());
}

#[tokio::test]
async fn the_organizations_own_domain_may_be_named_and_is_never_deregistered() {
    let (world, id) = settled(&["acme.example"]).await;
    world.set_domains(&["acme.example", OWN]).await;
    let object = world.until_settled("acme").await;
    assert_eq!(managed(&object), ["acme.example"]);
    world.set_domains(&["acme.example"]).await;
    world.until_settled("acme").await;
    world.look_now("acme").await;
    assert_eq!(world.default_in_aws(&id), OWN);
    assert!(world.domain_changes_after(0).is_empty());
}

#[tokio::test]
async fn a_domain_that_somebody_deregistered_is_registered_again_at_the_next_whole_look() {
    let (world, id) = settled(&["acme.example"]).await;
    let before = world.until_pending("acme").await;
    let change = OrganizationChange::default().remove_domain("acme.example");
    world.aws.change_organization(&id, change).unwrap();

    let object = world.look_now("acme").await;
    assert_eq!(world.domains_in_aws(&id), ["acme.example"]);
    assert_eq!(world.asked("RegisterMailDomain"), ["acme.example"]);
    assert_eq!(managed(&object), ["acme.example"]);
    assert_eq!(managed(&before), ["acme.example"]);
    let told = world
        .until_told("acme", "DriftMended", "spec.domains[acme.example]")
        .await;
    assert_eq!(told.type_.as_deref(), Some("Normal"));
    world.look_now("acme").await;
    assert_eq!(world.asked("RegisterMailDomain").len(), 1);
    let mut corrected = world.events("acme").await;
    corrected.retain(|reason| reason == "DriftMended");
    assert_eq!(corrected.len(), 1);
    assert!(world.warnings("acme").await.is_empty());
}
