use super::*;
use crate::{
    ids::OrganizationId,
    knobs::{KnownIdentities, ListOrder, TokenAfterDeletion},
    seeds::{OrganizationChange, SeedDomain, SeedIdentity},
};
use Operation::{
    CreateOrganization, DeregisterMailDomain, GetMailDomain, ListMailDomains, ListOrganizations,
    RegisterMailDomain, UpdateDefaultMailDomain,
};

pub(super) const DOMAIN: &str = "acme.example";
pub(super) const TEST: &str = "acme.awsapps.com";

pub(super) fn of(id: &str, domain: &str) -> Value {
    json!({"OrganizationId": id, "DomainName": domain})
}

impl Bench {
    pub(super) fn register(&mut self, id: &str, domain: &str) -> bool {
        self.run(RegisterMailDomain, of(id, domain)).unwrap().effect
    }

    /// Ownership and DKIM.
    fn standing(&mut self, id: &str, domain: &str) -> (String, String) {
        let got = self.ok(GetMailDomain, of(id, domain));
        let word = |name: &str| got[name].as_str().unwrap().to_owned();
        (
            word("OwnershipVerificationStatus"),
            word("DkimVerificationStatus"),
        )
    }

    pub(super) fn both(&mut self, id: &str, domain: &str) -> String {
        let (ownership, dkim) = self.standing(id, domain);
        assert_eq!(ownership, dkim);
        ownership
    }

    pub(super) fn change(&mut self, id: &str, change: OrganizationChange) {
        let id = OrganizationId::parse(id).unwrap();
        self.world.change(id, change, self.clock.now()).unwrap();
    }

    pub(super) fn names(&mut self, id: &str) -> Vec<String> {
        let page = self.ok(ListMailDomains, json!({"OrganizationId": id}));
        let domains = page["MailDomains"].as_array().unwrap();
        let defaults = domains
            .iter()
            .filter(|domain| domain["DefaultDomain"] == true);
        assert_eq!(defaults.count(), 1, "{page}");
        domains
            .iter()
            .map(|domain| domain["DomainName"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn a_fresh_organization_has_its_test_domain_as_the_default() {
    let mut bench = Bench::immediate();
    let id = bench.create("Acme");
    assert_eq!(bench.names(&id), [TEST]);
    assert_eq!(
        bench.ok(GetMailDomain, of(&id, TEST)),
        json!({
            "Records": [],
            "IsTestDomain": true,
            "IsDefault": true,
            "OwnershipVerificationStatus": "VERIFIED",
            "DkimVerificationStatus": "VERIFIED",
        })
    );
}

#[test]
fn a_registered_domain_is_pending_until_somebody_says_otherwise() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    assert!(bench.register(&id, "ACME.example"));
    assert!(!bench.register(&id, DOMAIN));
    assert_eq!(bench.names(&id), [TEST, DOMAIN]);
    let got = bench.ok(GetMailDomain, of(&id, "Acme.Example"));
    assert_eq!(
        (&got["IsTestDomain"], &got["IsDefault"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(bench.both(&id, DOMAIN), "PENDING");
    bench.change(
        &id,
        OrganizationChange::default().set_domain(SeedDomain::new(DOMAIN).ownership("VERIFIED")),
    );
    bench.advance(3 * 86_400);
    let standing = bench.standing(&id, DOMAIN);
    assert_eq!(standing, ("VERIFIED".to_owned(), "PENDING".to_owned()));
}

#[test]
fn a_domain_is_verified_after_a_delay_or_fails_after_three_days() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    bench.register(&id, "slow.example");
    bench.world.knobs.verification_after = Some(seconds(600));
    bench.register(&id, DOMAIN);
    bench.advance(599);
    assert_eq!(bench.both(&id, DOMAIN), "PENDING");
    bench.advance(1);
    assert_eq!(bench.both(&id, DOMAIN), "VERIFIED");
    bench.advance(3 * 86_400 - 601);
    assert_eq!(bench.both(&id, "slow.example"), "PENDING");
    bench.advance(1);
    assert_eq!(bench.both(&id, "slow.example"), "FAILED");
    assert_eq!(bench.both(&id, DOMAIN), "VERIFIED");
    // Registered again, it starts again.
    assert!(bench.register(&id, "slow.example"));
    assert_eq!(bench.both(&id, "slow.example"), "PENDING");
    bench.advance(600);
    assert_eq!(bench.both(&id, "slow.example"), "VERIFIED");
    // SES remembers what was verified.
    bench.ok(DeregisterMailDomain, of(&id, "slow.example"));
    bench.register(&id, "slow.example");
    assert_eq!(bench.both(&id, "slow.example"), "VERIFIED");
}

#[test]
fn domains_of_a_create_wait_for_active_and_verify_by_their_hosted_zone() {
    let mut bench = Bench::new(Knobs {
        creating_for: seconds(10),
        zone_verification_after: seconds(60),
        ..Knobs::immediate()
    });
    let zone = json!({"id": "Z1", "name": DOMAIN});
    let zone = serde_json::from_value(zone).unwrap();
    bench.world.seed_zone(zone).unwrap();
    let domains = json!([
        {"DomainName": DOMAIN, "HostedZoneId": "Z1"},
        {"DomainName": "other.example"},
    ]);
    let created = bench.ok(
        CreateOrganization,
        json!({"Alias": "acme", "Domains": domains}),
    );
    let id = created["OrganizationId"].as_str().unwrap().to_owned();
    assert_eq!(
        bench.refused(ListMailDomains, json!({"OrganizationId": id})),
        "OrganizationStateException"
    );
    bench.advance(10);
    assert_eq!(bench.names(&id), [TEST, DOMAIN, "other.example"]);
    bench.advance(59);
    assert_eq!(bench.both(&id, DOMAIN), "PENDING");
    bench.advance(1);
    assert_eq!(bench.both(&id, DOMAIN), "VERIFIED");
    assert_eq!(bench.both(&id, "other.example"), "PENDING");
    // It is verified and yet not the default.
    assert_eq!(bench.describe(&id)["DefaultMailDomain"], TEST);
}

#[test]
fn a_verified_domain_becomes_the_default_and_shows_everywhere() {
    let mut bench = Bench::immediate();
    let id = bench.seed(SeedOrganization::new("acme").with_domain(SeedDomain::new(DOMAIN)));
    let done = bench.run(UpdateDefaultMailDomain, of(&id, "ACME.example"));
    assert!(done.unwrap().effect);
    let again = bench.run(UpdateDefaultMailDomain, of(&id, DOMAIN)).unwrap();
    assert_eq!((again.effect, again.output), (false, None));
    assert_eq!(bench.ok(GetMailDomain, of(&id, DOMAIN))["IsDefault"], true);
    assert_eq!(bench.ok(GetMailDomain, of(&id, TEST))["IsDefault"], false);
    assert_eq!(bench.describe(&id)["DefaultMailDomain"], DOMAIN);
    let list = bench.ok(ListOrganizations, json!({}));
    assert_eq!(
        list["OrganizationSummaries"][0]["DefaultMailDomain"],
        DOMAIN
    );
}

#[test]
fn an_identity_that_ses_knows_is_verified_at_once() {
    let mut bench = Bench::immediate();
    let identity = SeedIdentity::new("Known.example");
    bench.world.seed_identity(identity).unwrap();
    let seed = SeedOrganization::new("acme").with_domain(SeedDomain::new(DOMAIN));
    let id = bench.seed(seed);
    bench.register(&id, "known.example");
    assert_eq!(bench.both(&id, "known.example"), "VERIFIED");
    // What was verified once stays so in SES.
    bench.ok(DeregisterMailDomain, of(&id, DOMAIN));
    bench.register(&id, DOMAIN);
    assert_eq!(bench.both(&id, DOMAIN), "VERIFIED");
    bench.ok(DeregisterMailDomain, of(&id, DOMAIN));
    bench.world.knobs.known_identities = KnownIdentities::Pending;
    bench.register(&id, DOMAIN);
    assert_eq!(bench.both(&id, DOMAIN), "PENDING");
    bench.ok(DeregisterMailDomain, of(&id, "known.example"));
    bench.caller = caller(ACCOUNT, "eu-west-1");
    bench.world.knobs.known_identities = KnownIdentities::Verified;
    let elsewhere = bench.create("elsewhere");
    bench.register(&elsewhere, "known.example");
    assert_eq!(bench.both(&elsewhere, "known.example"), "PENDING");
}

#[test]
fn a_registration_repeated_with_its_token_is_the_same_call() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    let mut input = of(&id, DOMAIN);
    input["ClientToken"] = json!("t");
    let first = bench.run(RegisterMailDomain, input.clone()).unwrap();
    assert!(first.effect);
    let mut other = of(&id, "other.example");
    other["ClientToken"] = json!("t");
    assert_eq!(
        bench.refused(RegisterMailDomain, other),
        "InvalidParameterException"
    );
    bench.ok(DeregisterMailDomain, of(&id, DOMAIN));
    assert!(!bench.run(RegisterMailDomain, input.clone()).unwrap().effect);
    assert_eq!(bench.names(&id), [TEST]);
    bench.world.knobs.client_token_after_deletion = TokenAfterDeletion::CreateAgain;
    assert!(bench.run(RegisterMailDomain, input).unwrap().effect);
    // Tokens are per operation.
    bench.ok(
        CreateOrganization,
        json!({"Alias": "second", "ClientToken": "t"}),
    );
}

#[test]
fn domains_come_in_pages_in_every_order() {
    for order in [ListOrder::Creation, ListOrder::Name, ListOrder::Id] {
        let mut bench = Bench::immediate();
        bench.world.knobs.list_order = order;
        let id = bench.create("acme");
        for name in ["c.example", "a.example", "b.example"] {
            bench.register(&id, name);
        }
        let mut input = json!({"OrganizationId": id, "MaxResults": 3});
        let first = bench.ok(ListMailDomains, input.clone());
        input["NextToken"] = first["NextToken"].clone();
        let second = bench.ok(ListMailDomains, input);
        assert!(second.get("NextToken").is_none());
        let seen: Vec<&str> = [&first, &second]
            .into_iter()
            .flat_map(|page| page["MailDomains"].as_array().unwrap())
            .map(|domain| domain["DomainName"].as_str().unwrap())
            .collect();
        match order {
            ListOrder::Creation => {
                assert_eq!(seen, [TEST, "c.example", "a.example", "b.example"]);
            }
            ListOrder::Name | ListOrder::Id => {
                assert_eq!(seen, ["a.example", TEST, "b.example", "c.example"]);
            }
        }
        let token =
            json!({"OrganizationId": bench.create("other"), "NextToken": first["NextToken"]});
        assert_eq!(
            bench.refused(ListMailDomains, token),
            "InvalidParameterException"
        );
    }
}
