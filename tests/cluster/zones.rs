//! A hosted zone is of use with the creation alone.

use serde_json::json;
use workmail_local::{Config, SeedOrganization};
use workmail_operator::api::Origin;

use crate::world::{World, quick, status};

#[tokio::test]
async fn a_domain_with_a_zone_that_did_not_go_along_is_registered_and_that_is_told() {
    let world = World::with(Config::with_knobs(quick())).await;
    let there = SeedOrganization {
        age: std::time::Duration::from_hours(24).into(),
        ..SeedOrganization::new("acme")
    };
    let before = world.aws.seed_organization(there).unwrap();
    let zoned = json!({"domainName": "acme.example", "hostedZoneId": "Z1"});
    let spec = json!({"alias": "acme", "adoptionPolicy": "AdoptOrCreate", "domains": [zoned]});
    world.create("acme", spec).await;
    let object = world.until_settled("acme").await;
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    let told = world.until_event("acme", "VerificationPending").await;
    assert_eq!(told.type_.as_deref(), Some("Warning"));
    let text = told.note.unwrap();
    for part in ["acme.example", "no records", "status.domains"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let after = world.aws.organization(&before.id).unwrap();
    assert!(after.domain("acme.example").is_some());
    assert!(world.calls("CreateOrganization").is_empty());
}

#[tokio::test]
async fn the_organizations_own_domain_in_the_spec_is_neither_registered_nor_ever_removed() {
    let world = World::with(Config::with_knobs(quick())).await;
    let own = "acme.awsapps.com";
    let spec = json!({
        "alias": "acme", "domains": [{"domainName": own}], "defaultDomain": own,
    });
    world.create("acme", spec).await;
    let object = world.until_settled("acme").await;
    assert!(status(&object).domains.iter().all(|domain| !domain.managed));
    world
        .patch(
            "acme",
            json!({"spec": {"domains": [], "defaultDomain": null}}),
        )
        .await;
    world.until_settled("acme").await;
    assert_eq!(
        world.mutating_calls(),
        ["CreateOrganization", "TagResource"]
    );
    let created = &world.calls("CreateOrganization")[0];
    assert_eq!(created.request.get("Domains"), None);
}
