use super::*;
use crate::{
    knobs::{AliasReuse, AliasScope, CodedError, MissingRights, TokenAfterDeletion, TokenMismatch},
    seeds::{DirectoryKind, SeedDirectory, SeedZone},
    words,
};
use Operation::{CreateOrganization, DeleteOrganization, DescribeOrganization};

const DIRECTORY: &str = "d-0123456789";

fn slow() -> Knobs {
    Knobs {
        requested_for: seconds(2),
        creating_for: seconds(10),
        ..Knobs::default()
    }
}

#[test]
fn an_organization_goes_from_requested_over_creating_to_active() {
    let mut bench = Bench::new(slow());
    let id = bench.create("Acme");
    let fresh = bench.describe(&id);
    assert_eq!(fresh["State"], "Requested");
    for absent in [
        "CompletedDate",
        "DirectoryId",
        "DefaultMailDomain",
        "ErrorMessage",
    ] {
        assert!(fresh.get(absent).is_none(), "{absent}");
    }
    bench.advance(2);
    assert_eq!(bench.state(&id), "Creating");
    bench.advance(9);
    assert_eq!(bench.state(&id), "Creating");
    // Nobody looks when it becomes Active: the date is that of the change, not of the look.
    bench.advance(100);
    let active = bench.describe(&id);
    assert_eq!(active["State"], "Active");
    assert_eq!(active["CompletedDate"], 1_700_000_012.0);
    assert_eq!(active["Alias"], "Acme");
    assert_eq!(active["DefaultMailDomain"], "acme.awsapps.com");
    assert_eq!(active["DirectoryType"], "VpcDirectory");
    assert_eq!(active["InteroperabilityEnabled"], false);
    assert_eq!(
        active["ARN"],
        format!("arn:aws:workmail:us-east-1:123456789012:organization/{id}")
    );
}

#[test]
fn a_creation_that_fails_ends_in_failed_with_a_message() {
    let mut bench = Bench::new(slow());
    bench.fail_creation = Some("The directory has no room.".to_owned());
    let id = bench.create("acme");
    bench.advance(12);
    let failed = bench.describe(&id);
    assert_eq!(failed["State"], "Failed");
    assert_eq!(failed["ErrorMessage"], "The directory has no room.");
    assert!(failed.get("CompletedDate").is_none());
    let second = bench.create("other");
    bench.advance(12);
    assert_eq!(bench.state(&second), "Active");
}

#[test]
fn a_fresh_organization_may_not_show_for_a_moment() {
    let mut bench = Bench::immediate();
    bench.world.knobs.describe_not_found_for = Duration::from_secs(5).into();
    let id = bench.create("acme");
    let input = json!({"OrganizationId": id});
    assert_eq!(
        bench.refused(DescribeOrganization, input),
        "OrganizationNotFoundException"
    );
    bench.advance(5);
    assert_eq!(bench.state(&id), "Active");
}

#[test]
fn the_same_token_is_the_same_call() {
    let mut bench = Bench::immediate();
    let input = json!({"Alias": "acme", "ClientToken": "t", "KmsKeyArn": null});
    let first = bench.run(CreateOrganization, input.clone()).unwrap();
    assert!(first.effect);
    let second = bench
        .run(
            CreateOrganization,
            json!({"Alias": "acme", "ClientToken": "t"}),
        )
        .unwrap();
    assert_eq!((second.output, second.effect), (first.output, false));
    assert_eq!(bench.world.all().len(), 1);

    // Tokens are per account and region, and per operation.
    bench.caller = caller("210987654321", "us-east-1");
    assert_eq!(
        bench.refused(CreateOrganization, input),
        "NameAvailabilityException"
    );
}

#[test]
fn a_token_with_other_parameters_is_refused_or_ignored() {
    let mut bench = Bench::immediate();
    let first = bench.ok(
        CreateOrganization,
        json!({"Alias": "acme", "ClientToken": "t"}),
    );
    let other = json!({"Alias": "other", "ClientToken": "t"});
    assert_eq!(
        bench.refused(CreateOrganization, other.clone()),
        "InvalidParameterException"
    );
    bench.world.knobs.client_token_mismatch = TokenMismatch::Ignore;
    assert_eq!(bench.ok(CreateOrganization, other), first);
    assert_eq!(bench.world.all().len(), 1);
}

#[test]
fn a_token_is_forgotten_after_its_lifetime() {
    let mut bench = Bench::immediate();
    bench.world.knobs.client_token_lifetime = Duration::from_mins(10).into();
    let input = json!({"Alias": "acme", "ClientToken": "t"});
    let first = bench.ok(CreateOrganization, input.clone());
    bench.advance(599);
    assert_eq!(bench.ok(CreateOrganization, input.clone()), first);
    bench.advance(1);
    assert_eq!(
        bench.refused(CreateOrganization, input),
        "NameAvailabilityException"
    );
}

#[test]
fn a_token_whose_organization_was_deleted_is_replayed_or_counts_as_new() {
    let mut bench = Bench::immediate();
    bench.world.knobs.alias_reuse = AliasReuse::AfterDeletion;
    let input = json!({"Alias": "acme", "ClientToken": "t"});
    let first = bench.ok(CreateOrganization, input.clone());
    bench.delete(first["OrganizationId"].as_str().unwrap());
    assert_eq!(bench.ok(CreateOrganization, input.clone()), first);
    bench.world.knobs.client_token_after_deletion = TokenAfterDeletion::CreateAgain;
    assert_ne!(bench.ok(CreateOrganization, input), first);
}

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
        bench.world.all()[0].domains[0].hosted_zone_id.as_deref(),
        Some("Z1")
    );
}

#[test]
fn the_quota_counts_an_accounts_organizations_that_are_not_deleted() {
    let mut bench = Bench::immediate();
    bench.world.knobs.organization_quota = Some(2);
    let id = bench.create("one");
    bench.caller = caller(ACCOUNT, "eu-west-1");
    bench.create("two");
    assert_eq!(
        bench.refused(CreateOrganization, json!({"Alias": "three"})),
        "LimitExceededException"
    );
    bench.caller = caller("210987654321", "us-east-1");
    bench.create("elsewhere");
    bench.caller = caller(ACCOUNT, "us-east-1");
    bench.delete(&id);
    bench.create("three");
    bench.world.knobs.organization_quota = None;
    bench.create("four");
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let mut bench = Bench::immediate();
    bench.world.knobs.organization_quota = Some(0);
    let input = json!({"Alias": "acme", "ClientToken": "t"});
    assert_eq!(
        bench.refused(CreateOrganization, input.clone()),
        "LimitExceededException"
    );
    assert!(bench.world.all().is_empty());
    bench.world.knobs.organization_quota = None;
    assert!(bench.run(CreateOrganization, input).unwrap().effect);
}

#[test]
fn a_right_that_is_missing_elsewhere_refuses_the_call_or_fails_the_organization() {
    let input = json!({
        "Alias": "acme",
        "Domains": [{"DomainName": "acme.example"}],
        "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
    });
    for action in ["ds:CreateAlias", "ses:VerifyDomainDkim", "kms:CreateGrant"] {
        let mut bench = Bench::immediate();
        bench.caller.credential.denied.insert(action.to_owned());
        let error = bench.run(CreateOrganization, input.clone()).unwrap_err();
        assert_eq!(error.code, "AccessDeniedException");
        assert!(error.message.unwrap().contains(action));
        bench.world.knobs.missing_rights = MissingRights::FailLater;
        bench.ok(CreateOrganization, input.clone());
        let organization = bench.world.all()[0].view();
        assert_eq!(organization.state, words::FAILED);
        assert!(organization.error_message.unwrap().contains(action));
    }
    let mut bench = Bench::immediate();
    bench
        .caller
        .credential
        .denied
        .insert("kms:CreateGrant".to_owned());
    bench.create("without-a-key");
}

#[test]
fn a_caller_without_the_right_learns_nothing_about_the_input() {
    let mut bench = Bench::immediate();
    bench
        .caller
        .credential
        .denied
        .insert("CreateOrganization".to_owned());
    let error = bench.run(CreateOrganization, json!({})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "AccessDeniedException: User: arn:aws:iam::123456789012:user/local is not authorized to \
         perform: workmail:CreateOrganization on resource: *"
    );
}

#[test]
fn an_account_that_is_no_customer_creates_nothing() {
    let mut bench = Bench::immediate();
    bench.world.knobs.non_customers = vec![ACCOUNT.to_owned()];
    bench.world.knobs.non_customer_error = CodedError {
        code: "LimitExceededException".to_owned(),
        message: "No new customers.".to_owned(),
        status: 400,
    };
    assert_eq!(
        bench.refused(CreateOrganization, json!({"Alias": "acme"})),
        "LimitExceededException"
    );
    assert!(bench.world.all().is_empty());
}
