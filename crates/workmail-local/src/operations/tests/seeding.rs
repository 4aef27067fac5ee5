use super::*;
use crate::{
    ids::OrganizationId,
    seeds::{OrganizationChange, SeedDomain, SeedUser},
    span::Span,
};
use Operation::{GetMailDomain, ListMailDomains, ListOrganizations, ListTagsForResource};

#[test]
fn an_organization_can_be_seeded_of_any_age_and_state_with_tags_and_domains() {
    for state in [
        "Active",
        "Impaired",
        "Deleted",
        "Failed",
        "Requested",
        "Frozen",
    ] {
        let mut bench = Bench::immediate();
        bench.world.knobs.usable_states = vec![state.to_owned()];
        let id = bench.seed(SeedOrganization {
            state: state.to_owned(),
            age: Span(Duration::from_hours(24 * 3650)),
            tags: [("team".to_owned(), "mail".to_owned())].into(),
            error_message: Some("By hand.".to_owned()),
            ..SeedOrganization::new("acme")
                .with_domain(SeedDomain::new("Old.example"))
                .with_domain(SeedDomain::new("new.example").pending())
                .with_default_domain("old.example")
        });
        // Nothing moves by itself, neither state nor domains.
        bench.advance(365 * 86_400);
        let described = bench.describe(&id);
        assert_eq!(described["State"], state);
        assert_eq!(described["ErrorMessage"], "By hand.");
        let completed = described
            .get("CompletedDate")
            .map(|date| date.as_f64().unwrap());
        let usable_once = !["Failed", "Requested"].contains(&state);
        assert_eq!(
            completed,
            usable_once.then_some(1_700_000_000.0 - 3650.0 * 86_400.0)
        );
        let arn = described["ARN"].clone();
        assert_eq!(
            bench.ok(ListTagsForResource, json!({"ResourceARN": arn}))["Tags"],
            json!([{"Key": "team", "Value": "mail"}])
        );
        let domains = bench.ok(ListMailDomains, json!({"OrganizationId": id}));
        assert_eq!(
            domains["MailDomains"],
            json!([
                {"DomainName": "acme.awsapps.com", "DefaultDomain": false},
                {"DomainName": "old.example", "DefaultDomain": true},
                {"DomainName": "new.example", "DefaultDomain": false},
            ])
        );
        for (name, status) in [("old.example", "VERIFIED"), ("new.example", "PENDING")] {
            let input = json!({"OrganizationId": id, "DomainName": name});
            let got = bench.ok(GetMailDomain, input);
            assert_eq!(got["OwnershipVerificationStatus"], status);
            assert_eq!(got["DkimVerificationStatus"], status);
        }
    }
}

#[test]
fn domains_of_a_seed_stay_as_they_are_when_it_is_made_active() {
    let mut bench = Bench::immediate();
    let id = bench.seed(SeedOrganization {
        state: "Requested".to_owned(),
        ..SeedOrganization::new("acme").with_domain(SeedDomain::new("new.example").pending())
    });
    let change = OrganizationChange::state("Active");
    let organization = OrganizationId::parse(&id).unwrap();
    let now = bench.clock.now();
    bench.world.change(organization, change, now).unwrap();
    bench.advance(4 * 86_400);
    let input = json!({"OrganizationId": id, "DomainName": "new.example"});
    assert_eq!(
        bench.ok(GetMailDomain, input)["OwnershipVerificationStatus"],
        "PENDING"
    );
}

#[test]
fn a_default_that_is_none_of_the_domains_is_added_to_them() {
    let mut bench = Bench::immediate();
    let id = bench.seed(SeedOrganization {
        users: vec![SeedUser::new("ada")],
        ..SeedOrganization::new("acme").with_default_domain("acme.example")
    });
    let view = |bench: &Bench| {
        let id = OrganizationId::parse(&id).unwrap();
        bench.world.find(id).unwrap().view()
    };
    assert_eq!(
        view(&bench).users[0].email.as_deref(),
        Some("ada@acme.example")
    );
    let domain = &view(&bench).domains[1];
    assert_eq!(
        (
            domain.domain_name.as_str(),
            domain.ownership.as_str(),
            domain.is_default
        ),
        ("acme.example", "VERIFIED", true)
    );
}

#[test]
fn domains_change_behind_everybodys_back() {
    let mut bench = Bench::immediate();
    let id = OrganizationId::parse(&bench.create("acme")).unwrap();
    let mut change = |change: OrganizationChange| {
        let now = bench.clock.now();
        let view = bench.world.change(id, change, now).unwrap().view();
        view.domains
            .into_iter()
            .map(|domain| {
                (
                    domain.domain_name,
                    domain.ownership,
                    domain.dkim,
                    domain.is_default,
                )
            })
            .skip(1)
            .collect::<Vec<_>>()
    };
    let shown = |ownership: &str, dkim: &str, default| {
        let [name, ownership, dkim] = ["a.example", ownership, dkim].map(str::to_owned);
        vec![(name, ownership, dkim, default)]
    };
    let set = |domain| OrganizationChange::default().set_domain(domain);
    let a = || SeedDomain::new("A.example");
    assert_eq!(change(set(a())), shown("PENDING", "PENDING", false));
    assert_eq!(
        change(set(a().dkim("FAILED"))),
        shown("PENDING", "FAILED", false)
    );
    assert_eq!(
        change(set(a().ownership("Odd"))),
        shown("Odd", "FAILED", false)
    );
    assert_eq!(
        change(OrganizationChange::default().default_domain("A.Example")),
        shown("Odd", "FAILED", true)
    );
    assert_eq!(
        change(OrganizationChange::default().remove_domain("a.Example")),
        []
    );
    let described = bench.describe(&id.to_string());
    assert_eq!(described["DefaultMailDomain"], "acme.awsapps.com");
    let nameless = set(SeedDomain::default()).set_tag("a", "b");
    assert!(bench.world.change(id, nameless, bench.clock.now()).is_err());
    assert!(bench.world.find(id).unwrap().tags.is_empty());
}

#[test]
fn two_hundred_and_fifty_seeded_organizations_come_in_three_pages() {
    let mut bench = Bench::immediate();
    let mut aliases: Vec<String> = (0..250).map(|n| format!("acme-{n}")).collect();
    for alias in &aliases {
        bench.seed(SeedOrganization::new(alias));
    }
    let mut input = json!({});
    let mut pages = Vec::new();
    loop {
        let page = bench.ok(ListOrganizations, input);
        let summaries = page["OrganizationSummaries"].as_array().unwrap().clone();
        pages.push(summaries);
        match page.get("NextToken") {
            Some(token) => input = json!({"NextToken": token}),
            None => break,
        }
    }
    assert_eq!(
        pages.iter().map(Vec::len).collect::<Vec<_>>(),
        [100, 100, 50]
    );
    let mut seen: Vec<String> = pages
        .concat()
        .iter()
        .map(|summary| summary["Alias"].as_str().unwrap().to_owned())
        .collect();
    seen.sort();
    aliases.sort();
    assert_eq!(seen, aliases);
}
