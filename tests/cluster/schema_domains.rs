//! Which mail domains the API server takes, at creation and later, before AWS is asked.

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::Config;

use crate::world::{World, domains};

const MOST: &str = "must have at most 100 items";
const FIVE_ZONES: &str = "at most 5 domains can have a hostedZoneId";
const NO_ZONE_WITH_ADOPT: &str =
    "adoptionPolicy Adopt creates nothing: set it to AdoptOrCreate, or create the resource without";
const NO_ZONE_OF_ITS_OWN: &str = "leave hostedZoneId out of the organization's own domain";
const ZONE_TOO_LATE: &str = "leave it out of a domain that is added later";
const ZONE_IMMUTABLE: &str = "hostedZoneId of a domain is immutable and cannot be added or removed";
const DEFAULT: &str = "defaultDomain must be one of domains, or the alias in lower case followed by \
                       .awsapps.com";
const ADOPT_ONLY: &str = "organizationId needs adoptionPolicy Adopt";
const ID_IMMUTABLE: &str = "organizationId is immutable and cannot be added or removed";
const TWO_WRITERS: &str = "set dns.endpoint to false while a domain has a hostedZoneId";

/// An id of the form that AWS gives.
fn id(digit: &str) -> String {
    format!("m-{}", digit.repeat(32))
}

/// A spec with an alias and these fields.
fn with(mut fields: Value) -> Value {
    if fields.get("alias").is_none() {
        fields["alias"] = json!("acme");
    }
    fields
}

/// Names of 209 characters, the longest that AWS takes.
fn longest(count: usize) -> Vec<String> {
    let label = "a".repeat(60);
    (0..count)
        .map(|number| {
            let name = format!("d{number:03}.{label}.{label}.{label}.example");
            format!("{}{name}", "x".repeat(209 - name.len()))
        })
        .collect()
}

fn many(count: usize) -> Value {
    let names = longest(count);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    json!({"domains": domains(&names), "defaultDomain": names[count - 1]})
}

fn zones(count: usize) -> Value {
    let all: Vec<_> = (0..count)
        .map(|number| json!({"domainName": format!("z{number}.example"), "hostedZoneId": "Z1"}))
        .collect();
    json!({"domains": all})
}

fn zone(name: &str) -> Value {
    json!([{"domainName": name, "hostedZoneId": "Z1"}])
}

async fn world() -> World {
    World::without_operator(Config::default()).await
}

#[rstest]
#[case::a_hundred_and_one_domains(with(many(101)), MOST)]
#[case::six_hosted_zones(with(zones(6)), FIVE_ZONES)]
#[case::a_hosted_zone_of_what_is_adopted(
    with(json!({"adoptionPolicy": "Adopt", "domains": zone("a.example")})),
    NO_ZONE_WITH_ADOPT
)]
#[case::a_default_that_is_none_of_the_domains(
    with(json!({"domains": domains(&["a.example"]), "defaultDomain": "b.example"})),
    DEFAULT
)]
#[case::a_default_without_domains(with(json!({"defaultDomain": "a.example"})), DEFAULT)]
#[case::a_default_of_another_alias(
    with(json!({"defaultDomain": "acme2.awsapps.com"})),
    DEFAULT
)]
#[case::a_default_in_upper_case(
    with(json!({"alias": "Acme", "defaultDomain": "Acme.awsapps.com"})),
    DEFAULT
)]
#[case::an_id_to_create(with(json!({"organizationId": id("0")})), ADOPT_ONLY)]
#[case::an_id_to_adopt_or_create(
    with(json!({"organizationId": id("0"), "adoptionPolicy": "AdoptOrCreate"})),
    ADOPT_ONLY
)]
#[case::an_id_that_is_none(
    with(json!({"organizationId": "m-1", "adoptionPolicy": "Adopt"})),
    "at least 34 chars long"
)]
#[case::a_hosted_zone_of_its_own_domain(
    with(json!({"alias": "Acme", "domains": zone("acme.awsapps.com")})),
    NO_ZONE_OF_ITS_OWN
)]
#[case::two_writers_of_the_same_records(
    with(json!({"domains": zone("a.example"), "dns": {"endpoint": true}})),
    TWO_WRITERS
)]
#[tokio::test]
async fn the_api_server_refuses(#[case] spec: Value, #[case] says: &str) {
    let said = world().await.try_create("acme", spec).await;
    let said = said.expect_err("it is refused");
    assert!(said.contains(says), "{says:?} in {said:?}");
}

#[rstest]
#[case::a_hundred_of_the_longest_domains(with(many(100)))]
#[case::five_hosted_zones(with(zones(5)))]
#[case::a_hosted_zone_of_what_may_be_created(
    with(json!({"adoptionPolicy": "AdoptOrCreate", "domains": zone("a.example")}))
)]
#[case::a_default_among_the_domains(
    with(json!({"domains": domains(&["a.example", "b.example"]), "defaultDomain": "b.example"}))
)]
#[case::the_organizations_own_domain_as_default(
    with(json!({"defaultDomain": "acme.awsapps.com"}))
)]
#[case::its_own_domain_in_lower_case(
    with(json!({"alias": "Acme", "defaultDomain": "acme.awsapps.com"}))
)]
#[case::an_id_to_adopt(with(json!({"organizationId": id("0"), "adoptionPolicy": "Adopt"})))]
#[case::records_for_external_dns(
    with(json!({"domains": domains(&["a.example"]), "dns": {"endpoint": true}}))
)]
#[case::a_hosted_zone_and_no_endpoint(
    with(json!({"domains": zone("a.example"), "dns": {"endpoint": false}}))
)]
#[tokio::test]
async fn the_api_server_takes(#[case] spec: Value) {
    world().await.create("acme", spec).await;
}

/// Two domains, the first with a hosted zone.
fn two() -> Value {
    with(json!({"domains": [
        {"domainName": "a.example", "hostedZoneId": "Z1"},
        {"domainName": "b.example"},
    ]}))
}

fn adopted() -> Value {
    with(json!({"organizationId": id("0"), "adoptionPolicy": "Adopt"}))
}

#[rstest]
#[case::another_zone(
    two(),
    json!({"domains": [{"domainName": "a.example", "hostedZoneId": "Z2"}, {"domainName": "b.example"}]}),
    ZONE_IMMUTABLE
)]
#[case::no_zone_any_more(two(), json!({"domains": domains(&["a.example", "b.example"])}), ZONE_IMMUTABLE)]
#[case::a_zone_for_a_domain_that_had_none(
    two(),
    json!({"domains": [
        {"domainName": "a.example", "hostedZoneId": "Z1"},
        {"domainName": "b.example", "hostedZoneId": "Z1"},
    ]}),
    ZONE_IMMUTABLE
)]
#[case::a_later_domain_with_a_zone(
    two(),
    json!({"domains": [
        {"domainName": "a.example", "hostedZoneId": "Z1"},
        {"domainName": "b.example"},
        {"domainName": "c.example", "hostedZoneId": "Z1"},
    ]}),
    ZONE_TOO_LATE
)]
#[case::the_first_domain_with_a_zone(
    with(json!({})),
    json!({"domains": zone("a.example")}),
    ZONE_TOO_LATE
)]
#[case::no_domain_that_is_the_default(
    with(json!({"domains": domains(&["a.example"]), "defaultDomain": "a.example"})),
    json!({"domains": null}),
    DEFAULT
)]
#[case::an_endpoint_beside_a_zone(two(), json!({"dns": {"endpoint": true}}), TWO_WRITERS)]
#[case::another_id(adopted(), json!({"organizationId": id("1")}), ID_IMMUTABLE)]
#[case::no_id_any_more(adopted(), json!({"organizationId": null}), ID_IMMUTABLE)]
#[case::an_id_where_there_was_none(
    with(json!({"adoptionPolicy": "Adopt"})),
    json!({"organizationId": id("1")}),
    ID_IMMUTABLE
)]
#[tokio::test]
async fn a_change_is_refused(#[case] before: Value, #[case] change: Value, #[case] says: &str) {
    let world = world().await;
    world.create("acme", before).await;
    let said = world.try_patch("acme", json!({"spec": change})).await;
    let said = said.expect_err("it is refused");
    assert!(said.contains(says), "{says:?} in {said:?}");
    assert_eq!(world.get("acme").await.metadata.generation, Some(1));
}

#[rstest]
#[case::one_domain_more(
    two(),
    json!({"domains": [
        {"domainName": "a.example", "hostedZoneId": "Z1"},
        {"domainName": "b.example"},
        {"domainName": "c.example"},
    ]})
)]
#[case::one_domain_less(two(), json!({"domains": zone("a.example")}))]
#[case::no_domains(two(), json!({"domains": null}))]
#[case::the_first_domains(with(json!({})), json!({"domains": domains(&["a.example"])}))]
#[case::all_of_a_hundred(with(many(100)), json!({"domains": null, "defaultDomain": null}))]
#[case::another_default(
    with(json!({"domains": domains(&["a.example"]), "defaultDomain": "a.example"})),
    json!({"defaultDomain": "acme.awsapps.com"})
)]
#[case::no_default(
    with(json!({"domains": domains(&["a.example"]), "defaultDomain": "a.example"})),
    json!({"defaultDomain": null})
)]
#[case::the_default_with_its_domain(
    with(json!({"domains": domains(&["a.example"]), "defaultDomain": "a.example"})),
    json!({"domains": domains(&["b.example"]), "defaultDomain": "b.example"})
)]
#[case::an_endpoint(
    with(json!({"domains": domains(&["a.example"])})),
    json!({"dns": {"endpoint": true}})
)]
#[tokio::test]
async fn a_change_is_taken(#[case] before: Value, #[case] change: Value) {
    let world = world().await;
    world.create("acme", before).await;
    let after = world.patch("acme", json!({"spec": change})).await;
    assert_eq!(after.metadata.generation, Some(2));
}

#[tokio::test]
async fn a_change_of_the_longest_list_is_within_the_budget() {
    let world = world().await;
    world.create("acme", with(many(100))).await;
    let mut names = longest(101);
    names.remove(0);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let change = json!({"domains": domains(&names), "defaultDomain": names[0]});
    let after = world.patch("acme", json!({"spec": change})).await;
    assert_eq!(after.spec.domains.len(), 100);
}

/// What a message tells the user to do is accepted, also by the update that was refused.
#[rstest]
#[case::another_policy(
    json!({"adoptionPolicy": "Adopt"}),
    NO_ZONE_WITH_ADOPT,
    json!({"adoptionPolicy": "AdoptOrCreate"})
)]
#[case::no_dns_endpoint(
    json!({"dns": {"endpoint": true}, "tags": {"team": "a"}}),
    TWO_WRITERS,
    json!({"dns": {"endpoint": false}, "tags": {"team": "a"}})
)]
#[tokio::test]
async fn the_cure_that_a_message_names_is_accepted(
    #[case] change: Value,
    #[case] says: &str,
    #[case] cure: Value,
) {
    let world = world().await;
    let spec = with(json!({"domains": zone("a.example")}));
    world.create("acme", spec).await;
    let refused = world.try_patch("acme", json!({"spec": change})).await;
    let said = refused.expect_err("it is refused");
    assert!(said.contains(says), "{says:?} in {said:?}");
    let cured = world.try_patch("acme", json!({"spec": cure})).await;
    assert!(cured.is_ok(), "{cured:?}");
}
