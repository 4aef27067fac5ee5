use serde_json::{Value, json};

use super::*;

fn contract() -> &'static Contract {
    Contract::model().unwrap()
}

fn violations(operation: &str, input: &Value) -> Vec<String> {
    let model = contract().operation(operation).unwrap();
    contract().check_types(input, &model.input).unwrap();
    let found = contract().violations(input, &model.input);
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn the_model_has_exactly_the_operations_that_are_served() {
    let mut served: Vec<&str> = Operation::ALL.iter().map(|served| served.name()).collect();
    let mut modelled: Vec<&str> = contract().operations.keys().map(String::as_str).collect();
    served.sort_unstable();
    modelled.sort_unstable();
    assert_eq!(served, modelled);
}

#[test]
fn an_alias_satisfies_the_pattern_of_the_model_with_its_look_ahead() {
    let longest = "a".repeat(62);
    for alias in [
        "a", "ACME", "acme-2", "a-b-c", "0", "d", "d1", "da-b", "D-x", &longest,
    ] {
        let found = violations("CreateOrganization", &json!({"Alias": alias}));
        assert!(found.is_empty(), "{found:?}");
    }
    let too_long = "a".repeat(63);
    for alias in [
        "", "d-x", "-a", "a-", "a--b", "a.b", "a b", "ä", "acme\n", "٣", &too_long,
    ] {
        let found = violations("CreateOrganization", &json!({"Alias": alias}));
        assert!(!found.is_empty(), "{alias}");
    }
}

#[test]
fn a_violation_names_value_place_and_bound() {
    let long = json!({"DomainName": "a".repeat(300)});
    for (operation, input, text) in [
        (
            "CreateOrganization",
            json!({"Alias": null}),
            "Value null at 'alias' failed to satisfy constraint: Member must not be null",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "DirectoryId": "d-123"}),
            "Value 'd-123' at 'directoryId' failed to satisfy constraint: Member must have \
             length greater than or equal to 12",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": [null]}),
            "Value null at 'domains.1.member'",
        ),
        (
            "CreateOrganization",
            json!({"Alias": "a", "Domains": [{"DomainName": "a.example"}, long]}),
            "aaa...' at 'domains.2.member.domainName' failed to satisfy constraint: Member must \
             have length less than or equal to 255",
        ),
        (
            "ListOrganizations",
            json!({"MaxResults": 0}),
            "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value \
             greater than or equal to 1",
        ),
        (
            "TagResource",
            json!({"ResourceARN": "arn:aws:ses:us-east-1:123456789012:x", "Tags": []}),
            "'resourceARN' failed to satisfy constraint: Member must satisfy regular expression \
             pattern: arn:aws:workmail:",
        ),
    ] {
        let found = violations(operation, &input);
        assert_eq!(
            found.iter().filter(|found| found.contains(text)).count(),
            1,
            "{found:?}"
        );
    }
}

#[test]
fn a_word_outside_an_enumeration_is_a_violation() {
    let model = contract().operation("GetMailDomain").unwrap();
    let output = json!({"DkimVerificationStatus": "verified"});
    let found = contract().violations(&output, &model.output);
    assert_eq!(
        found[0].to_string(),
        "Value 'verified' at 'dkimVerificationStatus' failed to satisfy constraint: Member must \
         satisfy enum value set: [PENDING, VERIFIED, FAILED]"
    );
}

#[test]
fn values_at_their_bounds_are_accepted() {
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
    assert_eq!(
        violations("CreateOrganization", &input),
        Vec::<String>::new()
    );
    let tags: Vec<_> = (0..50)
        .map(|n| json!({"Key": format!("{n}"), "Value": ""}))
        .collect();
    let input = json!({"ResourceARN": "arn:aws:workmail:us-east-1:123456789012:x", "Tags": tags});
    assert_eq!(violations("TagResource", &input), Vec::<String>::new());
}
