//! What the API server refuses before AWS is asked, and the words in which it does.

use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use rstest::rstest;
use serde_json::{Value, json};
use workmail_operator::api::WorkMailOrganization;

use crate::world::control_plane;

/// What the API server says to a new object with this spec; nothing is kept.
async fn created(spec: &Value) -> Result<(), String> {
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": WorkMailOrganization::api_version(&()),
        "kind": WorkMailOrganization::kind(&()),
        "metadata": {"name": "acme"},
        "spec": spec,
    }))
    .unwrap();
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let client = control_plane().await.client().unwrap();
    match untyped(client).create(&dry, &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(said)) => Err(said.message.clone()),
        Err(other) => panic!("{other}"),
    }
}

fn untyped(client: Client) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<WorkMailOrganization>(&());
    Api::namespaced_with(client, "default", &kind)
}

/// A spec with an alias and these fields.
fn with(mut fields: Value) -> Value {
    fields["alias"] = json!("acme");
    fields
}

fn tags(count: usize) -> Value {
    let tags: serde_json::Map<_, _> = (0..count)
        .map(|number| (format!("key-{number}"), json!("value")))
        .collect();
    json!({"tags": tags})
}

fn domains(names: &[&str]) -> Value {
    let all: Vec<_> = names
        .iter()
        .map(|name| json!({"domainName": name}))
        .collect();
    json!({"domains": all})
}

fn zone(id: &str) -> Value {
    json!({"domains": [{"domainName": "acme.example", "hostedZoneId": id}]})
}

/// A key's ARN whose part after the account has this many characters.
fn key(resource: usize) -> Value {
    let resource = "k".repeat(resource);
    json!({"kmsKeyArn": format!("arn:aws:kms:us-east-1:123456789012:{resource}")})
}

fn delete(deletion: Value) -> Value {
    let mut spec = json!({"deletionPolicy": "Delete"});
    spec["deletion"] = deletion;
    spec
}

/// A deletion that waits for exports.
fn gate(gate: &Value) -> Value {
    delete(json!({"confirmAlias": "acme", "requireExport": gate}))
}

fn waivers(count: usize) -> Value {
    let waiver = |number| json!({"mailbox": format!("user{number}"), "reason": "r".repeat(256)});
    json!({"waive": (0..count).map(waiver).collect::<Vec<_>>()})
}

const MAX_AGE: &str = "maxAge is a duration from 1h to 8760h, such as 720h";
const MAX_GROWTH: &str = "maxGrowth is a number of at most 4 digits and Ki, Mi, Gi or nothing";
const ORDINARY_KEY: &str =
    "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ALIAS_FORM: &str =
    "alias is only the part before .awsapps.com: letters, digits and single hyphens";
const KMS_FORM: &str = "kmsKeyArn is the whole ARN of a key, such as arn:aws:kms:us-east-1:";
const DOMAIN_FORM: &str = "domainName is a domain in lower case without a trailing dot";
const ZONE_FORM: &str = "hostedZoneId is only the id of the hosted zone";
const CONFIRM: &str = "deletionPolicy Delete destroys all mailboxes: confirm it by setting \
                       deletion.confirmAlias to the value of alias";
const CONFIRM_ID: &str = "deletion.forceDelete destroys the mail of enabled users: confirm it by \
                          setting deletion.confirmOrganizationId to status.organizationId";
const RESERVED: &str = "tag keys beginning with aws: or workmail-operator.dev/ are reserved";
const RESERVED_IN_ANY_CASE: &str =
    "tag keys beginning with aws: are reserved, in upper and lower case";
const REGIONS: &str = "region must be us-east-1, us-west-2 or eu-west-1: Amazon WorkMail exists \
                       nowhere else";
const INTEROPERABILITY: &str = "enableInteroperability needs directoryId: name the AD Connector \
                                directory of the Exchange domain";

#[rstest]
#[case::no_alias(json!({}), "spec.alias: Required value")]
#[case::an_empty_alias(json!({"alias": ""}), "should be at least 1 chars long")]
#[case::an_alias_of_63_characters(json!({"alias": "a".repeat(63)}), "spec.alias: Too long")]
#[case::an_alias_with_a_dot(json!({"alias": "acme.example"}), ALIAS_FORM)]
#[case::an_alias_with_an_underscore(json!({"alias": "acme_1"}), ALIAS_FORM)]
#[case::an_alias_with_two_hyphens_in_a_row(json!({"alias": "acme--one"}), ALIAS_FORM)]
#[case::an_alias_with_a_hyphen_in_front(json!({"alias": "-acme"}), ALIAS_FORM)]
#[case::an_alias_with_a_hyphen_at_the_end(json!({"alias": "acme-"}), ALIAS_FORM)]
#[case::an_alias_with_a_line_end(json!({"alias": "acme\n"}), ALIAS_FORM)]
#[case::an_alias_like_a_directory_id(
    json!({"alias": "d-acme"}),
    "alias must not start with d-: AWS keeps that form for directory ids"
)]
#[case::a_region_that_is_none(
    with(json!({"region": "Virginia"})),
    REGIONS
)]
#[case::a_region_without_the_service(with(json!({"region": "eu-central-1"})), REGIONS)]
#[case::a_region_in_capitals(with(json!({"region": "US-EAST-1"})), REGIONS)]
#[case::an_empty_region(with(json!({"region": ""})), REGIONS)]
#[case::a_directory_id_that_is_none(
    with(json!({"directoryId": "d-123456789X"})),
    "directoryId is d- followed by 10 digits or letters from a to f"
)]
#[case::a_short_directory_id(with(json!({"directoryId": "d-12345"})), "at least 12 chars long")]
#[case::a_key_id_instead_of_an_arn(
    with(json!({"kmsKeyArn": "1234abcd-12ab-34cd-56ef-1234567890ab"})),
    KMS_FORM
)]
#[case::a_key_of_another_partition(
    with(json!({"kmsKeyArn": "arn:aws-cn:kms:cn-north-1:123456789012:key/1"})),
    KMS_FORM
)]
#[case::an_arn_of_another_service(
    with(json!({"kmsKeyArn": "arn:aws:s3:::a-bucket-of-mine"})),
    KMS_FORM
)]
#[case::a_key_whose_resource_is_too_long(with(key(1025)), KMS_FORM)]
#[case::a_key_arn_that_is_too_long(
    with(json!({"kmsKeyArn": format!("arn:aws:kms:us-east-1:{}:key", "1".repeat(2048))})),
    "spec.kmsKeyArn: Too long"
)]
#[case::interoperability_without_a_directory(
    with(json!({"enableInteroperability": true})),
    INTEROPERABILITY
)]
#[case::a_domain_twice(with(domains(&["acme.example", "acme.example"])), "Duplicate value")]
#[case::a_domain_in_upper_case(with(domains(&["Acme.example"])), DOMAIN_FORM)]
#[case::a_domain_with_a_dot_at_its_end(
    with(domains(&["acme.example."])),
    DOMAIN_FORM
)]
#[case::a_domain_of_210_characters(with(domains(&[&"a".repeat(210)])), "spec.domains[0].domainName: Too long")]
#[case::a_domain_of_2_characters(with(domains(&["ab"])), "at least 3 chars long")]
#[case::a_domain_without_a_name(
    with(json!({"domains": [{"hostedZoneId": "Z1"}]})),
    "domainName: Required value"
)]
#[case::a_zone_with_its_path(with(zone("/hostedzone/Z1")), ZONE_FORM)]
#[case::a_zone_of_33_characters(with(zone(&"Z".repeat(33))), "spec.domains[0].hostedZoneId: Too long")]
#[case::an_empty_zone(with(zone("")), "at least 1 chars long")]
#[case::forty_eight_tags(with(tags(48)), "must have at most 47 items")]
#[case::a_tag_of_aws(with(json!({"tags": {"aws:team": "a"}})), RESERVED)]
#[case::a_tag_of_aws_in_capitals(with(json!({"tags": {"AWS:team": "a"}})), RESERVED_IN_ANY_CASE)]
#[case::a_tag_of_aws_in_any_case(with(json!({"tags": {"aWs:": "a"}})), RESERVED_IN_ANY_CASE)]
#[case::a_tag_of_this_operator(
    with(json!({"tags": {"workmail-operator.dev/name": "a"}})),
    RESERVED
)]
#[case::a_tag_without_a_key(with(json!({"tags": {"": "a"}})), "a tag key has 1 to 128 characters")]
#[case::a_tag_key_of_129_characters(
    with(json!({"tags": {"k".repeat(129): "a"}})),
    "a tag key has 1 to 128 characters"
)]
#[case::a_tag_value_of_257_characters(
    with(json!({"tags": {"team": "v".repeat(257)}})),
    "spec.tags.team: Too long"
)]
#[case::deletion_without_how(with(json!({"deletionPolicy": "Delete"})), CONFIRM)]
#[case::deletion_without_the_alias(with(delete(json!({}))), CONFIRM)]
#[case::deletion_with_another_alias(with(delete(json!({"confirmAlias": "acme2"}))), CONFIRM)]
#[case::deletion_with_the_alias_in_another_case(
    with(delete(json!({"confirmAlias": "Acme"}))),
    CONFIRM
)]
#[case::forced_deletion_without_the_id(
    with(delete(json!({"confirmAlias": "acme", "forceDelete": true}))),
    CONFIRM_ID
)]
#[case::a_confirmed_id_that_is_none(
    with(delete(json!({"confirmAlias": "acme", "confirmOrganizationId": "m-1"}))),
    "at least 34 chars long"
)]
#[case::a_confirmed_id_of_another_form(
    with(delete(json!({"confirmAlias": "acme", "confirmOrganizationId": "M".repeat(34)}))),
    "confirmOrganizationId is m- followed by 32 digits or letters from a to f"
)]
#[case::an_age_in_days(with(gate(&json!({"maxAge": "30d"}))), MAX_AGE)]
#[case::an_age_of_no_time(with(gate(&json!({"maxAge": "59m"}))), MAX_AGE)]
#[case::an_age_of_more_than_a_year(with(gate(&json!({"maxAge": "8761h"}))), MAX_AGE)]
#[case::growth_in_megabytes(with(gate(&json!({"maxGrowth": "1MB"}))), MAX_GROWTH)]
#[case::growth_without_a_bound(with(gate(&json!({"maxGrowth": "99999Gi"}))), MAX_GROWTH)]
#[case::a_cut_over_that_is_no_time(with(gate(&json!({"notBefore": "2027-03-10"}))), "notBefore")]
#[case::a_waiver_without_a_reason(
    with(gate(&json!({"waive": [{"mailbox": "ada", "reason": ""}]}))),
    "should be at least 1 chars long"
)]
#[case::two_waivers_of_one_mailbox(
    with(gate(&json!({"waive": [{"mailbox": "a", "reason": "b"}, {"mailbox": "a", "reason": "c"}]}))),
    "Duplicate value"
)]
#[case::a_hundred_and_one_waivers(with(gate(&waivers(101))), "must have at most 100 items")]
#[case::an_unknown_deletion_policy(
    with(json!({"deletionPolicy": "Orphan"})),
    "supported values: \"Retain\", \"Delete\""
)]
#[tokio::test]
async fn the_api_server_refuses(#[case] spec: Value, #[case] says: &str) {
    let said = created(&spec).await.expect_err("it is refused");
    assert!(said.contains(says), "{says:?} in {said:?}");
    assert!(said.contains("spec"), "the field is named: {said:?}");
    assert!(
        !said.contains("should match '^"),
        "a pattern is shown: {said:?}"
    );
}

#[rstest]
#[case::an_alias_alone(with(json!({})))]
#[case::an_alias_of_62_characters(json!({"alias": "a".repeat(62)}))]
#[case::an_alias_with_single_hyphens_and_upper_case(json!({"alias": "A-1-b-2"}))]
#[case::an_alias_that_only_begins_with_d(json!({"alias": "dacme"}))]
#[case::the_longest_key(with(key(1024)))]
#[case::an_ordinary_key(with(json!({"kmsKeyArn": ORDINARY_KEY})))]
#[case::interoperability_with_a_directory(
    with(json!({"enableInteroperability": true, "directoryId": "d-0123456789"}))
)]
#[case::five_domains_one_with_a_zone(with(json!({"domains": [
    {"domainName": "a.example", "hostedZoneId": "Z".repeat(32)},
    {"domainName": "b.example"}, {"domainName": "c.example"}, {"domainName": "d.example"},
    {"domainName": "xn--bcher-kva.example"},
]})))]
#[case::a_domain_of_209_characters(with(domains(&[&format!("{}.example", "a".repeat(201))])))]
#[case::forty_seven_tags(with(tags(47)))]
#[case::the_longest_tag(with(json!({"tags": {"k".repeat(128): "v".repeat(256)}})))]
#[case::an_empty_tag_value(with(json!({"tags": {"team": ""}})))]
#[case::a_confirmed_deletion(with(delete(json!({"confirmAlias": "acme"}))))]
#[case::a_confirmed_forced_deletion(with(delete(json!({
    "confirmAlias": "acme", "forceDelete": true, "confirmOrganizationId": format!("m-{}", "0".repeat(32)),
}))))]
#[case::a_deletion_that_waits_for_exports(with(gate(&json!({}))))]
#[case::a_deletion_with_a_hundred_waivers(with(gate(&waivers(100))))]
#[case::a_deletion_with_bounds(with(gate(&json!({
    "notBefore": "2027-03-10T00:00:00Z", "maxAge": "8760h", "maxGrowth": "0", "verified": false,
}))))]
#[case::a_deletion_that_is_described_and_not_wanted(
    with(json!({"deletion": {"confirmAlias": "other", "forceDelete": true}}))
)]
#[tokio::test]
async fn the_api_server_takes(#[case] spec: Value) {
    created(&spec).await.unwrap();
}

#[rstest]
#[case::of_the_spec(with(json!({"aliass": "acme"})), "spec.aliass")]
#[case::of_a_later_version(with(json!({"quota": {"users": 5}})), "spec.quota")]
#[case::of_the_account(with(json!({"accountRef": {"name": "prod", "kind": "x"}})), "spec.accountRef.kind")]
#[case::of_a_domain(
    with(json!({"domains": [{"domainName": "acme.example", "default": true}]})),
    r#"spec.domains[domainName="acme.example"].default"#
)]
#[case::of_the_deletion(with(json!({"deletion": {"confirm": "acme"}})), "spec.deletion.confirm")]
#[tokio::test]
async fn strict_validation_refuses_an_unknown_field(#[case] spec: Value, #[case] field: &str) {
    let apply = json!({
        "apiVersion": WorkMailOrganization::api_version(&()),
        "kind": WorkMailOrganization::kind(&()),
        "metadata": {"name": "acme"},
        "spec": spec,
    });
    let strict = PatchParams::apply("test").dry_run().validation_strict();
    let client = control_plane().await.client().unwrap();
    let refused = untyped(client)
        .patch("acme", &strict, &Patch::Apply(apply))
        .await
        .expect_err("it is refused");
    let said = refused.to_string();
    assert!(said.contains(field), "{field:?} in {said:?}");
}
