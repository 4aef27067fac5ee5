//! What keeps a domain from being registered, deregistered or the default.

use super::{
    domains::{DOMAIN, TEST, of},
    *,
};
use crate::{
    ids::OrganizationId,
    knobs::{
        AliasScope, DomainRemovalError, DomainScope, MissingRights, TakenDomain,
        UnknownDomainRemoval, UnsignedDefault,
    },
    seeds::{OrganizationChange, SeedDomain, SeedUser, UserState},
};
use Operation::{
    CreateOrganization, DeregisterMailDomain, GetMailDomain, ListMailDomains, RegisterMailDomain,
    UpdateDefaultMailDomain,
};

#[test]
fn the_default_has_to_be_there_and_verified() {
    let mut bench = Bench::immediate();
    let domain = SeedDomain::new(DOMAIN)
        .ownership("VERIFIED")
        .dkim("PENDING");
    let id = bench.seed(
        SeedOrganization::new("acme")
            .with_domain(domain)
            .with_domain(SeedDomain::new("new.example").pending()),
    );
    assert_eq!(
        bench.refused(UpdateDefaultMailDomain, of(&id, "no.example")),
        "MailDomainNotFoundException"
    );
    for pending in [DOMAIN, "new.example"] {
        assert_eq!(
            bench.refused(UpdateDefaultMailDomain, of(&id, pending)),
            "MailDomainStateException"
        );
    }
    bench.world.knobs.unsigned_default = UnsignedDefault::Accept;
    bench.ok(UpdateDefaultMailDomain, of(&id, DOMAIN));
    assert_eq!(
        bench.refused(UpdateDefaultMailDomain, of(&id, "new.example")),
        "MailDomainStateException"
    );
}

#[test]
fn a_domain_has_one_organization_within_its_scope() {
    for (scope, other_region, other_account) in [
        (DomainScope::Account, false, true),
        (DomainScope::Region, true, true),
        (DomainScope::Global, false, false),
    ] {
        let mut bench = Bench::immediate();
        bench.world.knobs.domain_scope = scope;
        let id = bench.create("acme");
        bench.register(&id, DOMAIN);
        let second = bench.create("second");
        assert_eq!(
            bench.refused(RegisterMailDomain, of(&second, "ACME.example")),
            "MailDomainInUseException"
        );
        for (place, taken) in [
            (caller(ACCOUNT, "eu-west-1"), !other_region),
            (caller("210987654321", "us-east-1"), !other_account),
        ] {
            bench.caller = place;
            let elsewhere = bench.create(&format!("elsewhere-{}", u8::from(taken)));
            let done = bench.run(RegisterMailDomain, of(&elsewhere, DOMAIN));
            assert_eq!(done.is_err(), taken, "{scope:?}");
            bench
                .run(DeregisterMailDomain, of(&elsewhere, DOMAIN))
                .unwrap();
            bench.world.knobs.alias_scope = AliasScope::Region;
        }
    }
}

#[test]
fn a_domain_is_free_once_its_organization_leaves_it() {
    let mut bench = Bench::immediate();
    let [first, second] = ["first", "second"].map(|alias| bench.create(alias));
    bench.register(&first, DOMAIN);
    bench.ok(DeregisterMailDomain, of(&first, DOMAIN));
    assert_eq!(bench.names(&first), ["first.awsapps.com"]);
    bench.register(&second, DOMAIN);
    bench.delete(&second);
    bench.register(&first, DOMAIN);
    bench.world.remove(OrganizationId::parse(&first).unwrap());
    // Another of the same id has nothing of it.
    bench.seed(SeedOrganization {
        id: Some(first),
        ..SeedOrganization::new("again")
    });
    let third = bench.create("third");
    assert!(bench.register(&third, DOMAIN));
}

#[test]
fn an_organization_created_with_anothers_domain_fails_or_is_refused() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    bench.register(&id, DOMAIN);
    let input = json!({"Alias": "second", "Domains": [{"DomainName": DOMAIN}]});
    let created = bench.ok(CreateOrganization, input);
    let failed = bench.describe(created["OrganizationId"].as_str().unwrap());
    assert_eq!(failed["State"], "Failed");
    assert!(failed["ErrorMessage"].as_str().unwrap().contains(DOMAIN));
    // What failed keeps nothing from others.
    bench.ok(DeregisterMailDomain, of(&id, DOMAIN));
    assert!(bench.register(&id, DOMAIN));
    bench.world.knobs.taken_domain = TakenDomain::InvalidParameter;
    let input = json!({"Alias": "third", "Domains": [{"DomainName": DOMAIN}]});
    assert_eq!(
        bench.refused(CreateOrganization, input),
        "InvalidParameterException"
    );
}

#[test]
fn the_default_and_the_test_domain_have_to_stay() {
    let mut bench = Bench::immediate();
    let seed = SeedOrganization::new("acme").with_default_domain(DOMAIN);
    let id = bench.seed(seed);
    for (error, code) in [
        (
            DomainRemovalError::MailDomainInUseException,
            "MailDomainInUseException",
        ),
        (
            DomainRemovalError::InvalidParameterException,
            "InvalidParameterException",
        ),
        (
            DomainRemovalError::OrganizationStateException,
            "OrganizationStateException",
        ),
    ] {
        bench.world.knobs.default_domain_removal = error;
        assert_eq!(bench.refused(DeregisterMailDomain, of(&id, DOMAIN)), code);
        bench.world.knobs.test_domain_removal = error;
        assert_eq!(bench.refused(DeregisterMailDomain, of(&id, TEST)), code);
    }
    bench.ok(UpdateDefaultMailDomain, of(&id, TEST));
    let done = bench.run(DeregisterMailDomain, of(&id, DOMAIN)).unwrap();
    assert_eq!((done.effect, done.output), (true, None));
    assert_eq!(bench.names(&id), [TEST]);
}

#[test]
fn a_domain_that_is_not_there_is_deregistered_in_silence_or_not_found() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    let done = bench.run(DeregisterMailDomain, of(&id, DOMAIN)).unwrap();
    assert!(!done.effect);
    bench.world.knobs.unknown_domain_removal = UnknownDomainRemoval::NotFound;
    assert_eq!(
        bench.refused(DeregisterMailDomain, of(&id, DOMAIN)),
        "MailDomainNotFoundException"
    );
    assert_eq!(
        bench.refused(GetMailDomain, of(&id, DOMAIN)),
        "MailDomainNotFoundException"
    );
}

#[test]
fn a_domain_with_addresses_or_settings_of_its_own_has_to_stay() {
    let mut bench = Bench::immediate();
    let address = |name: &str, state| SeedUser {
        email: Some(format!("{name}@Acme.Example")),
        state,
        ..SeedUser::new(name)
    };
    let id = bench.seed(SeedOrganization {
        users: vec![
            address("gone", UserState::Deleted),
            SeedUser::new("elsewhere"),
        ],
        ..SeedOrganization::new("acme").with_domain(SeedDomain::new(DOMAIN).with_custom_ses())
    });
    let error = bench
        .run(DeregisterMailDomain, of(&id, DOMAIN))
        .unwrap_err();
    assert_eq!(error.code, "InvalidCustomSesConfigurationException");
    let organization = OrganizationId::parse(&id).unwrap();
    bench
        .world
        .seed_user(
            organization,
            address("bob", UserState::Disabled),
            bench.clock.now(),
        )
        .unwrap();
    assert_eq!(
        bench.refused(DeregisterMailDomain, of(&id, DOMAIN)),
        "MailDomainInUseException"
    );
}

#[test]
fn the_quota_counts_every_domain() {
    let mut bench = Bench::immediate();
    bench.world.knobs.domain_quota = Some(2);
    let id = bench.create("acme");
    bench.register(&id, DOMAIN);
    assert_eq!(
        bench.refused(RegisterMailDomain, of(&id, "one.more.example")),
        "LimitExceededException"
    );
    // What is there already needs no room.
    assert!(!bench.register(&id, DOMAIN));
    bench.world.knobs.domain_quota = None;
    bench.register(&id, "one.more.example");
}

#[test]
fn names_that_are_no_domains_are_refused() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    let long = format!("{}.example", "a".repeat(64));
    for name in [
        "example",
        "acme..example",
        ".example",
        "acme.example.",
        "-a.example",
        "a-.example",
        &long,
        "other.awsapps.com",
        "awsapps.com",
        "ab",
        "acme example",
        &"a.".repeat(105),
    ] {
        assert_eq!(
            bench.refused(RegisterMailDomain, of(&id, name)),
            "InvalidParameterException",
            "{name}"
        );
    }
    assert!(!bench.register(&id, TEST));
    assert_eq!(bench.names(&id), [TEST]);
}

#[test]
fn domains_need_a_usable_organization_of_the_callers() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    let list = json!({"OrganizationId": id});
    let operations = [
        (RegisterMailDomain, of(&id, DOMAIN)),
        (DeregisterMailDomain, of(&id, DOMAIN)),
        (GetMailDomain, of(&id, TEST)),
        (ListMailDomains, list),
        (UpdateDefaultMailDomain, of(&id, TEST)),
    ];
    bench.change(&id, OrganizationChange::state("Impaired"));
    for (operation, input) in operations.clone() {
        assert_eq!(
            bench.refused(operation, input),
            "OrganizationStateException"
        );
    }
    bench.world.knobs.usable_states.push("Impaired".to_owned());
    for (operation, input) in operations.clone() {
        bench.ok(operation, input);
    }
    bench.caller = caller(ACCOUNT, "eu-west-1");
    for (operation, input) in operations.clone() {
        assert_eq!(
            bench.refused(operation, input),
            "OrganizationNotFoundException"
        );
    }
    bench.caller.credential.denied.insert("*".to_owned());
    for (operation, input) in operations {
        assert_eq!(bench.refused(operation, input), "AccessDeniedException");
    }
}

#[test]
fn a_right_of_ses_that_is_missing_refuses_the_call_or_fails_the_domain() {
    let mut bench = Bench::immediate();
    let id = bench.seed(SeedOrganization::new("acme").with_domain(SeedDomain::new(DOMAIN)));
    for (action, operation, domain) in [
        ("ses:VerifyDomainDkim", RegisterMailDomain, "new.example"),
        ("ses:UpdateReceiptRule", DeregisterMailDomain, DOMAIN),
        ("ses:GetIdentityDkimAttributes", GetMailDomain, DOMAIN),
    ] {
        bench.caller = caller(ACCOUNT, "us-east-1");
        bench.caller.credential.denied.insert(action.to_owned());
        let error = bench.run(operation, of(&id, domain)).unwrap_err();
        assert_eq!(error.code, "AccessDeniedException");
        assert!(error.message.unwrap().contains(action));
    }
    bench.caller = caller(ACCOUNT, "us-east-1");
    let action = "ses:VerifyDomainDkim".to_owned();
    bench.caller.credential.denied.insert(action);
    bench.world.knobs.missing_rights = MissingRights::FailLater;
    bench.register(&id, "new.example");
    assert_eq!(bench.both(&id, "new.example"), "FAILED");
}
