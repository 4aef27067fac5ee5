use super::*;
use crate::knobs::{AliasReuse, TokenAfterDeletion, TokenMismatch};
use Operation::CreateOrganization;

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
