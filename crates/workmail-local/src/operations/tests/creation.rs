use super::*;
use crate::{
    knobs::{CodedError, MissingRights},
    words,
};
use Operation::{CreateOrganization, DescribeOrganization};

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
