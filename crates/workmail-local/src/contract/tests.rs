use serde_json::{Value, json};

use super::*;

fn model() -> &'static Contract {
    Contract::model().unwrap()
}

fn broken(operation: &str, input: &Value) -> Vec<String> {
    let input_shape = &model().operation(operation).unwrap().input;
    model().read_types(input, input_shape).unwrap();
    model()
        .broken(input, input_shape)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn misread(operation: &str, input: &Value) -> String {
    let input_shape = &model().operation(operation).unwrap().input;
    model()
        .read_types(input, input_shape)
        .unwrap_err()
        .to_string()
}

#[test]
fn the_model_can_be_read_and_has_every_operation_that_is_served() {
    let mut served: Vec<&str> = Operation::ALL
        .iter()
        .map(|operation| operation.name())
        .collect();
    let mut modelled: Vec<&str> = model().operations.keys().map(String::as_str).collect();
    served.sort_unstable();
    modelled.sort_unstable();
    assert_eq!(served, modelled);
}

#[test]
fn a_target_names_an_operation_with_the_services_prefix() {
    assert!(model().operation_of("WorkMailService.ListUsers").is_some());
    for target in [
        "ListUsers",
        "WorkMail.ListUsers",
        "WorkMailService.CreateUser",
        "WorkMailServiceListUsers",
    ] {
        assert!(model().operation_of(target).is_none(), "{target}");
    }
}

#[test]
fn aliases_are_what_the_models_look_ahead_says() {
    for alias in [
        "a",
        "ACME",
        "acme-2",
        "a-b-c",
        "0",
        "d",
        "d1",
        "da-b",
        "D-x",
        &"a".repeat(62),
    ] {
        assert!(
            broken("CreateOrganization", &json!({"Alias": alias})).is_empty(),
            "{alias}"
        );
    }
    for alias in [
        "",
        "d-x",
        "-a",
        "a-",
        "a--b",
        "a.b",
        "a b",
        "ä",
        "acme\n",
        "٣",
        &"a".repeat(63),
    ] {
        assert!(
            !broken("CreateOrganization", &json!({"Alias": alias})).is_empty(),
            "{alias}"
        );
    }
}

#[test]
fn every_violation_is_named_with_its_place_and_bound() {
    for (operation, input, text) in [
        (
            "CreateOrganization",
            json!({}),
            "Value null at 'alias' failed to satisfy constraint: Member must not be null",
        ),
        (
            "CreateOrganization",
            json!({"Alias": null}),
            "Value null at 'alias'",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "DirectoryId": "d-123"}),
            "Value 'd-123' at 'directoryId' failed to satisfy constraint: Member must have length greater than or equal to 12",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "DirectoryId": "d-12345678AB"}),
            "regular expression pattern: ^d-[0-9a-f]{10}$",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "ClientToken": "t t"}),
            "'clientToken'",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "KmsKeyArn": "arn:aws-cn:kms:us-east-1:123456789012:key/1"}),
            "'kmsKeyArn'",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": vec![json!({"DomainName": "a.example"}); 6]}),
            "'domains' failed to satisfy constraint: Member must have length less than or equal to 5",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": [{"DomainName": "ab"}]}),
            "Value 'ab' at 'domains.1.member.domainName'",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": [{}]}),
            "Value null at 'domains.1.member.domainName'",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": [null]}),
            "Value null at 'domains.1.member'",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": [{"DomainName": "a.example", "HostedZoneId": "/hostedzone/Z1"}]}),
            "'domains.1.member.hostedZoneId'",
        ),
    ] {
        assert_violation(operation, &input, text);
    }
}

#[test]
fn every_operation_is_held_to_its_bounds() {
    let id = "m-1cab861fe2af419092df2a8aeb21d2b6";
    for (operation, input, text) in [
        (
            "DeleteOrganization",
            json!({"OrganizationId": id}),
            "Value null at 'deleteDirectory'",
        ),
        (
            "DescribeOrganization",
            json!({"OrganizationId": "acme"}),
            "'organizationId'",
        ),
        (
            "ListOrganizations",
            json!({"MaxResults": 0}),
            "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            "ListOrganizations",
            json!({"MaxResults": 101}),
            "value less than or equal to 100",
        ),
        ("ListOrganizations", json!({"NextToken": ""}), "'nextToken'"),
        (
            "ListUsers",
            json!({"OrganizationId": id, "Filters": {"State": "enabled"}}),
            "Value 'enabled' at 'filters.state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED, DELETED]",
        ),
        (
            "ListUsers",
            json!({"OrganizationId": id, "Filters": {"DisplayNamePrefix": "x".repeat(257)}}),
            "Value at 'filters.displayNamePrefix'",
        ),
        (
            "TagResource",
            json!({"ResourceARN": "arn:aws:workmail:us-east-1:123456789012:x", "Tags": [{"Key": "a"}]}),
            "Value null at 'tags.1.member.value'",
        ),
        (
            "UntagResource",
            json!({"ResourceARN": "arn:aws:ses:us-east-1:123456789012:x", "TagKeys": [""]}),
            "'resourceARN'",
        ),
    ] {
        assert_violation(operation, &input, text);
    }
}

fn assert_violation(operation: &str, input: &Value, text: &str) {
    let found = broken(operation, input);
    assert!(
        found.iter().any(|violation| violation.contains(text)),
        "{input}: {found:?}"
    );
}

#[test]
fn values_at_their_bounds_pass() {
    let key = format!("arn:aws:kms:us-east-1:123456789012:{}", "k".repeat(1024));
    let domain = json!({"DomainName": "a".repeat(255), "HostedZoneId": "Z".repeat(32)});
    let input = json!({
        "Alias": "a",
        "ClientToken": "~".repeat(128),
        "DirectoryId": "d-0123456789",
        "Domains": vec![domain; 5],
        "EnableInteroperability": true,
        "KmsKeyArn": key,
        "Unknown": {"ignored": true},
    });
    assert_eq!(broken("CreateOrganization", &input), Vec::<String>::new());
    let tags: Vec<_> = (0..50)
        .map(|n| json!({"Key": format!("{n}"), "Value": ""}))
        .collect();
    let input = json!({"ResourceARN": "arn:aws:workmail:us-east-1:123456789012:x", "Tags": tags});
    assert_eq!(broken("TagResource", &input), Vec::<String>::new());
}

#[test]
fn values_of_another_type_cannot_be_read() {
    for (operation, input, text) in [
        (
            "CreateOrganization",
            json!({"Alias": 1}),
            "NUMBER_VALUE can not be converted to a String",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": {}}),
            "START_OBJECT can not be converted to a list",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": ["a.example"]}),
            "STRING_VALUE can not be converted to a structure",
        ),
        (
            "DeleteOrganization",
            json!({"DeleteDirectory": "true"}),
            "STRING_VALUE can not be converted to a Boolean",
        ),
        (
            "ListOrganizations",
            json!({"MaxResults": 1.5}),
            "DECIMAL_VALUE can not be converted to an Integer",
        ),
        (
            "ListOrganizations",
            json!([]),
            "START_ARRAY can not be converted to a structure",
        ),
        (
            "TagResource",
            json!({"Tags": [{"Key": true}]}),
            "TRUE_VALUE can not be converted to a String",
        ),
    ] {
        assert_eq!(misread(operation, &input), text);
    }
}
