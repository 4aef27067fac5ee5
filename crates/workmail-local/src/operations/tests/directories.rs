use super::*;
use crate::{
    knobs::{AliasReuse, AliasScope},
    seeds::{DirectoryKind, SeedDirectory, SeedZone},
};
use Operation::{CreateOrganization, DeleteOrganization};

const DIRECTORY: &str = "d-0123456789";

#[test]
fn an_alias_is_unique_within_its_scope_and_without_regard_to_case() {
    for (scope, same_account, other_account) in [
        (AliasScope::Global, false, false),
        (AliasScope::Account, false, true),
        (AliasScope::Region, true, true),
    ] {
        let mut bench = Bench::immediate();
        bench.world.knobs.alias_scope = scope;
        bench.create("acme");
        assert_eq!(
            bench.refused(CreateOrganization, json!({"Alias": "ACME"})),
            "NameAvailabilityException"
        );
        bench.caller = caller(ACCOUNT, "eu-west-1");
        assert_eq!(
            bench
                .run(CreateOrganization, json!({"Alias": "acme"}))
                .is_ok(),
            same_account
        );
        bench.caller = caller("210987654321", "us-west-2");
        assert_eq!(
            bench
                .run(CreateOrganization, json!({"Alias": "acme"}))
                .is_ok(),
            other_account
        );
    }
}

#[test]
fn an_alias_comes_back_after_deletion_as_the_knob_says() {
    for (reuse, kept, deleted) in [
        (AliasReuse::Never, false, false),
        (AliasReuse::AfterDirectoryDeletion, false, true),
        (AliasReuse::AfterDeletion, true, true),
    ] {
        for (with_directory, comes_back) in [(false, kept), (true, deleted)] {
            let mut bench = Bench::immediate();
            bench.world.knobs.alias_reuse = reuse;
            let id = bench.create("acme");
            assert!(
                bench
                    .run(CreateOrganization, json!({"Alias": "acme"}))
                    .is_err()
            );
            let input = json!({"OrganizationId": id, "DeleteDirectory": with_directory});
            bench.ok(DeleteOrganization, input);
            let again = bench.run(CreateOrganization, json!({"Alias": "acme"}));
            assert_eq!(again.is_ok(), comes_back, "{reuse:?} {with_directory}");
        }
    }
}

#[test]
fn a_directory_that_was_left_takes_a_new_organization_of_its_alias() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    let directory = bench.describe(&id)["DirectoryId"].clone();
    let on_it = json!({"Alias": "acme", "DirectoryId": directory});
    assert_eq!(
        bench.refused(CreateOrganization, on_it.clone()),
        "DirectoryInUseException"
    );
    bench.delete(&id);
    let second = bench.ok(CreateOrganization, on_it)["OrganizationId"].clone();
    assert_eq!(
        bench.describe(second.as_str().unwrap())["DirectoryId"],
        directory
    );
}

#[test]
fn a_directory_must_be_there_and_free_and_of_the_same_alias() {
    let mut bench = Bench::immediate();
    let mut add = |id: &str, change: fn(&mut SeedDirectory)| {
        let mut seed = SeedDirectory {
            id: Some(id.to_owned()),
            ..SeedDirectory::default()
        };
        change(&mut seed);
        bench.world.seed_directory(seed).unwrap();
    };
    add("d-0000000001", |seed| seed.unavailable = true);
    add("d-0000000002", |seed| seed.region = "eu-west-1".to_owned());
    add("d-0000000003", |seed| {
        seed.account = "210987654321".to_owned();
    });
    add("d-0000000004", |seed| seed.in_use = true);
    add("d-0000000005", |seed| seed.alias = Some("corp".to_owned()));
    add("d-0000000006", |seed| {
        seed.kind = DirectoryKind::AdConnector;
    });
    let mut create = |directory: &str, alias: &str| {
        let input = json!({"Alias": alias, "DirectoryId": directory});
        bench
            .run(CreateOrganization, input)
            .map_err(|error| error.code)
    };
    for unavailable in [
        "d-0000000001",
        "d-0000000002",
        "d-0000000003",
        "d-00000000ff",
    ] {
        assert_eq!(
            create(unavailable, "acme").unwrap_err(),
            "DirectoryUnavailableException"
        );
    }
    assert_eq!(
        create("d-0000000004", "acme").unwrap_err(),
        "DirectoryInUseException"
    );
    assert_eq!(
        create("d-0000000005", "acme").unwrap_err(),
        "InvalidParameterException"
    );
    assert_eq!(
        create("d-0000000006", "corp").unwrap_err(),
        "NameAvailabilityException"
    );
    assert!(create("d-0000000005", "Corp").is_ok());
    assert!(create("d-0000000006", "acme").is_ok());
    assert_eq!(
        bench.refused(CreateOrganization, json!({"Alias": "acme"})),
        "NameAvailabilityException"
    );
}

#[test]
fn interoperability_needs_an_ad_connector() {
    let mut bench = Bench::immediate();
    let alone = json!({"Alias": "acme", "EnableInteroperability": true});
    assert_eq!(
        bench.refused(CreateOrganization, alone),
        "InvalidParameterException"
    );
    for (kind, fits) in [
        (DirectoryKind::SimpleAd, false),
        (DirectoryKind::ManagedAd, false),
        (DirectoryKind::AdConnector, true),
    ] {
        let mut bench = Bench::immediate();
        let id = Some(DIRECTORY.to_owned());
        bench
            .world
            .seed_directory(SeedDirectory {
                id,
                kind,
                ..SeedDirectory::default()
            })
            .unwrap();
        let input =
            json!({"Alias": "acme", "DirectoryId": DIRECTORY, "EnableInteroperability": true});
        let done = bench.run(CreateOrganization, input);
        assert_eq!(done.is_ok(), fits, "{kind:?}");
        if fits {
            let id = bench.world.all()[0].id.to_string();
            assert_eq!(bench.describe(&id)["InteroperabilityEnabled"], true);
        }
    }
}

#[test]
fn a_hosted_zone_must_be_the_accounts_and_hold_the_domain() {
    let mut bench = Bench::immediate();
    let zone = |id: &str, account: &str| SeedZone {
        id: id.to_owned(),
        name: "acme.example.".to_owned(),
        account: account.to_owned(),
    };
    bench.world.seed_zone(zone("Z1", ACCOUNT)).unwrap();
    bench.world.seed_zone(zone("Z2", "210987654321")).unwrap();
    let create = |domain: &str, zone: &str| {
        let domain = json!({"DomainName": domain, "HostedZoneId": zone});
        json!({"Alias": "acme", "Domains": [domain]})
    };
    for (domain, zone) in [
        ("acme.example", "Z2"),
        ("acme.example", "Z3"),
        ("other.example", "Z1"),
        ("notacme.example", "Z1"),
    ] {
        assert_eq!(
            bench.refused(CreateOrganization, create(domain, zone)),
            "InvalidParameterException"
        );
    }
    let twice = json!({"Alias": "acme", "Domains": [{"DomainName": "a.example"}, {"DomainName": "A.example"}]});
    assert_eq!(
        bench.refused(CreateOrganization, twice),
        "InvalidParameterException"
    );
    bench.ok(CreateOrganization, create("mail.acme.example", "Z1"));
    assert_eq!(
        bench.world.all()[0].view().domains[1]
            .hosted_zone_id
            .as_deref(),
        Some("Z1")
    );
}
