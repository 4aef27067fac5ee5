//! The default domain: it waits for verification, is kept as the spec says, and moves away before its
//! domain goes.

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{
    CallFilter, Config, OrganizationChange, SeedDomain, SeedGroup, SeedOrganization, SeedResource,
    SeedUser,
};
use workmail_operator::api::{ConditionStatus, ConditionType, Reason};

use crate::world::{
    World, assert_not_ready, assert_told_once, condition, domain, domains, id, managed, quick,
    ready, status,
};

const OWN: &str = "acme.awsapps.com";

fn spec(names: &[&str], default: &str) -> Value {
    json!({"alias": "acme", "domains": domains(names), "defaultDomain": default})
}

/// A world that reads the list every second, with a settled object whose domains are all verified and
/// the first of which is the default.
async fn settled(names: &[&str]) -> (World, String) {
    let world = World::with_flags(quick(), &["--resync-interval=1s"]).await;
    world.create("acme", spec(names, names[0])).await;
    let id = id(&world.until_settled("acme").await);
    for name in names {
        world.verify(&id, name);
    }
    until_default(&world, names[0]).await;
    world.until_verified("acme").await;
    (world, id)
}

/// Waits until the status shows this default.
async fn until_default(world: &World, name: &str) {
    world
        .until("acme", &format!("{name} is the default"), |object| {
            status(object).default_domain.as_deref() == Some(name)
                && domain(object, name).is_some_and(|domain| domain.is_default)
                && status(object).observed_generation == object.metadata.generation
        })
        .await;
}

fn change_default(world: &World, id: &str, name: &str) {
    let change = OrganizationChange::default().default_domain(name);
    world.aws.change_organization(id, change).unwrap();
}

async fn corrected(world: &World) -> usize {
    let events = world.events("acme").await;
    events
        .iter()
        .filter(|reason| *reason == "DriftMended")
        .count()
}

#[tokio::test]
async fn the_default_waits_for_verification_and_is_then_set_once() {
    let world = World::with(Config::with_knobs(quick())).await;
    world
        .create("acme", spec(&["acme.example"], "acme.example"))
        .await;
    world.until_settled("acme").await;
    let object = world.until_pending("acme").await;
    let id = id(&object);
    assert_eq!(ready(&object).unwrap().status, ConditionStatus::True);
    let synced = condition(&object, ConditionType::Synced).unwrap();
    assert_eq!(synced.status, ConditionStatus::True);
    let says = "except for the default domain, which is set once acme.example is verified";
    assert!(synced.message.contains(says), "{}", synced.message);
    assert_told_once(&object);
    assert_eq!(status(&object).drift, [], "waiting for DNS is not drift");
    world.look_now("acme").await;
    assert!(world.asked("UpdateDefaultMailDomain").is_empty());

    world.verify(&id, "acme.example");
    until_default(&world, "acme.example").await;
    world.until_verified("acme").await;
    let object = world.look_now("acme").await;
    assert!(!domain(&object, OWN).unwrap().is_default);
    assert_eq!(world.asked("UpdateDefaultMailDomain"), ["acme.example"]);
    assert_eq!(world.default_in_aws(&id), "acme.example");
    let events = world.events("acme").await;
    assert_eq!(events, ["Active", "DefaultDomainChanged"]);
}

#[tokio::test]
async fn half_a_verification_is_none() {
    let world = World::new().await;
    world
        .create("acme", spec(&["acme.example"], "acme.example"))
        .await;
    let id = id(&world.until_settled("acme").await);
    let half = SeedDomain::new("acme.example").ownership("VERIFIED");
    world.change_domain(&id, half.dkim("PENDING"));
    let object = world.look_now("acme").await;
    let shown = domain(&object, "acme.example").unwrap();
    assert_eq!(shown.ownership.as_deref(), Some("VERIFIED"));
    assert!(shown.pending_since.is_some());
    assert!(world.asked("UpdateDefaultMailDomain").is_empty());
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn without_a_word_in_the_spec_the_default_is_shown_and_nobodys_business() {
    let world = World::with_flags(quick(), &["--resync-interval=1s"]).await;
    world
        .create(
            "acme",
            json!({"alias": "acme", "domains": domains(&["acme.example"])}),
        )
        .await;
    let id = id(&world.until_settled("acme").await);
    world.verify(&id, "acme.example");
    world.until_verified("acme").await;
    for name in ["acme.example", OWN] {
        change_default(&world, &id, name);
        world
            .until("acme", "the list's word is shown", |object| {
                status(object).default_domain.as_deref() == Some(name)
            })
            .await;
        let object = world.look_now("acme").await;
        assert!(domain(&object, name).unwrap().is_default);
        assert_eq!(status(&object).drift, []);
        assert_eq!(world.default_in_aws(&id), name);
    }
    assert!(world.domain_changes_after(0).is_empty());
    assert_eq!(corrected(&world).await, 0);
}

#[tokio::test]
async fn a_default_that_somebody_changed_is_seen_in_the_list_and_put_back() {
    let (world, id) = settled(&["acme.example"]).await;
    let mark = world.aws.last_call();
    change_default(&world, &id, OWN);
    world
        .until_told(
            "acme",
            "DriftMended",
            "spec.defaultDomain was \"acme.awsapps.com\"",
        )
        .await;
    until_default(&world, "acme.example").await;
    assert_eq!(world.default_in_aws(&id), "acme.example");
    world.until_listed(4).await;
    assert_eq!(
        world.domain_changes_after(mark),
        ["UpdateDefaultMailDomain acme.example"]
    );
    assert_eq!(corrected(&world).await, 1);
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn a_default_that_was_just_set_is_not_taken_for_changed_from_a_list_that_is_older() {
    // The list is read every five minutes.
    let world = World::new().await;
    let names = ["a.example", "b.example"];
    world.create("acme", spec(&names, "a.example")).await;
    let id = id(&world.until_settled("acme").await);
    world.verify(&id, "a.example");
    until_default(&world, "a.example").await;
    let mut history = world.history().await;
    let mark = world.aws.last_call();
    // Domains that are pending are read meanwhile, and the spec is changed.
    world
        .until_calls(&CallFilter::on("GetMailDomain").after(mark), 3)
        .await;
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    let last = world.until_settled("acme").await;
    for version in history.up_to(&last).await {
        let shown = status(&version).default_domain;
        assert_eq!(shown.as_deref(), Some("a.example"));
    }
    assert_eq!(world.asked("UpdateDefaultMailDomain"), ["a.example"]);
    assert_eq!(corrected(&world).await, 0);
    let lists = world.counts_after(mark).remove("ListOrganizations");
    assert!(lists.unwrap_or_default() <= 1, "{lists:?}");
}

#[tokio::test]
async fn a_default_that_somebody_changes_before_the_next_list_is_put_back_as_well() {
    let world = World::with_flags(quick(), &["--resync-interval=15s"]).await;
    let names = ["a.example", "b.example"];
    world.create("acme", spec(&names, "a.example")).await;
    let id = id(&world.until_settled("acme").await);
    world.verify(&id, "a.example");
    until_default(&world, "a.example").await;
    // Another look at the domains, and still the same list.
    world.verify(&id, "b.example");
    world.until_verified("acme").await;
    change_default(&world, &id, OWN);
    world
        .until_told("acme", "DriftMended", "spec.defaultDomain")
        .await;
    assert_eq!(world.default_in_aws(&id), "a.example");
    assert_eq!(world.asked("UpdateDefaultMailDomain").len(), 2);
}

#[tokio::test]
async fn a_default_that_leaves_gives_way_to_the_new_one_first() {
    let (world, id) = settled(&["a.example", "b.example"]).await;
    let mark = world.aws.last_call();
    let change = json!({"domains": domains(&["b.example"]), "defaultDomain": "b.example"});
    world.patch("acme", json!({"spec": change})).await;
    let object = world.until_settled("acme").await;
    assert_eq!(
        world.domain_changes_after(mark),
        [
            "UpdateDefaultMailDomain b.example",
            "DeregisterMailDomain a.example"
        ]
    );
    assert_eq!(world.domains_in_aws(&id), ["b.example"]);
    assert_eq!(managed(&object), ["b.example"]);
    until_default(&world, "b.example").await;
    assert_eq!(corrected(&world).await, 0, "the user wanted it so");
}

#[tokio::test]
async fn a_default_that_leaves_without_a_successor_gives_way_to_the_organizations_own() {
    let (world, id) = settled(&["acme.example"]).await;
    let mark = world.aws.last_call();
    let change = json!({"domains": null, "defaultDomain": null});
    world.patch("acme", json!({"spec": change})).await;
    world.until_settled("acme").await;
    assert_eq!(
        world.domain_changes_after(mark),
        [
            "UpdateDefaultMailDomain acme.awsapps.com",
            "DeregisterMailDomain acme.example"
        ]
    );
    assert!(world.domains_in_aws(&id).is_empty());
    until_default(&world, OWN).await;
    world.until_listed(3).await;
    assert_eq!(world.domain_changes_after(mark).len(), 2, "and it stays so");
}

/// Whoever has the primary address.
#[derive(Clone, Copy)]
enum Holder {
    User,
    Group,
    Resource,
}

impl Holder {
    /// Gives one the primary address; its id.
    fn seed(self, world: &World, organization: &str, address: &str) -> String {
        let email = Some(address.to_owned());
        let seeded = match self {
            Self::User => {
                let seed = SeedUser::new("jo");
                world
                    .aws
                    .seed_user(organization, SeedUser { email, ..seed })
            }
            Self::Group => {
                let name = "jo".to_owned();
                let seed = SeedGroup::default();
                world.aws.seed_group(
                    organization,
                    SeedGroup {
                        name,
                        email,
                        ..seed
                    },
                )
            }
            Self::Resource => {
                let name = "jo".to_owned();
                let seed = SeedResource::default();
                world.aws.seed_resource(
                    organization,
                    SeedResource {
                        name,
                        email,
                        ..seed
                    },
                )
            }
        };
        seeded.unwrap().id
    }
}

#[rstest]
#[case::user(Holder::User, "user jo")]
#[case::group(Holder::Group, "group jo")]
#[case::resource(Holder::Resource, "resource jo")]
#[tokio::test]
async fn a_default_that_leaves_stays_while_somebody_has_the_primary_address_in_it(
    #[case] holder: Holder,
    #[case] named: &str,
) {
    let (world, id) = settled(&["acme.example"]).await;
    let mark = world.aws.last_call();
    let holder = holder.seed(&world, &id, "jo@acme.example");
    let change = json!({"domains": null, "defaultDomain": null});
    world.patch("acme", json!({"spec": change})).await;
    let object = world.until_refused("acme", Reason::DomainInUse).await;
    assert_not_ready(&object, Reason::DomainInUse, &[named, "acme.example"]);
    assert!(
        world.domain_changes_after(mark).is_empty(),
        "the default stays"
    );
    assert_eq!(world.default_in_aws(&id), "acme.example");

    world.aws.remove_entity(&id, &holder).unwrap();
    world.look_now("acme").await;
    until_default(&world, OWN).await;
    assert!(world.domains_in_aws(&id).is_empty());
    let says = "The default domain is acme.awsapps.com now; it was acme.example.";
    world.until_told("acme", "DefaultDomainChanged", says).await;
    world
        .until_told("acme", "DomainDeregistered", "acme.example")
        .await;
}

#[tokio::test]
async fn a_successor_that_is_not_verified_waits_behind_the_organizations_own() {
    let (world, id) = settled(&["a.example"]).await;
    let mark = world.aws.last_call();
    let change = json!({"domains": domains(&["b.example"]), "defaultDomain": "b.example"});
    world.patch("acme", json!({"spec": change})).await;
    world.until_settled("acme").await;
    until_default(&world, OWN).await;
    let mut expected = vec![
        "RegisterMailDomain b.example",
        "UpdateDefaultMailDomain acme.awsapps.com",
        "DeregisterMailDomain a.example",
    ];
    assert_eq!(world.domain_changes_after(mark), expected);
    world.until_listed(3).await;
    assert_eq!(world.domain_changes_after(mark), expected, "no second try");

    world.verify(&id, "b.example");
    until_default(&world, "b.example").await;
    expected.push("UpdateDefaultMailDomain b.example");
    assert_eq!(world.domain_changes_after(mark), expected);
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn the_organizations_own_domain_can_be_the_default_of_the_spec() {
    let (world, id) = settled(&["acme.example"]).await;
    let mark = world.aws.last_call();
    world
        .patch("acme", json!({"spec": {"defaultDomain": OWN}}))
        .await;
    until_default(&world, OWN).await;
    world
        .patch("acme", json!({"spec": {"defaultDomain": null}}))
        .await;
    world.until_settled("acme").await;
    assert_eq!(
        world.domain_changes_after(mark),
        ["UpdateDefaultMailDomain acme.awsapps.com"]
    );
    assert_eq!(world.domains_in_aws(&id), ["acme.example"]);
}

#[tokio::test]
async fn an_adopted_default_is_changed_and_its_domain_stays() {
    let world = World::new().await;
    let seed = SeedOrganization::new("acme")
        .with_domain(SeedDomain::new("new.example").verified())
        .with_default_domain("old.example");
    let organization = world.aws.seed_organization(seed).unwrap();
    let mut wanted = spec(&["new.example"], "new.example");
    wanted["adoptionPolicy"] = json!("Adopt");
    world.create("acme", wanted).await;
    world.until_settled("acme").await;
    until_default(&world, "new.example").await;
    assert_eq!(
        world.domain_changes_after(0),
        ["UpdateDefaultMailDomain new.example"]
    );
    assert_eq!(world.domains_in_aws(&organization.id).len(), 2);
    assert_eq!(corrected(&world).await, 0, "it never was as the spec says");
}
