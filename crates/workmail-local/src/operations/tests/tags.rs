use super::*;
use crate::knobs::{AwsTagKeys, TagAccess};
use Operation::{ListTagsForResource, TagResource, UntagResource};

fn arn(id: &str) -> String {
    format!("arn:aws:workmail:us-east-1:123456789012:organization/{id}")
}

fn tags(count: std::ops::Range<u32>) -> Value {
    count
        .map(|n| json!({"Key": format!("k{n:02}"), "Value": "v"}))
        .collect()
}

fn tagging(id: &str, tags: &Value) -> Value {
    json!({"ResourceARN": arn(id), "Tags": tags})
}

#[test]
fn tags_are_set_by_key_read_and_removed() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    let set = |bench: &mut Bench, key: &str, value: &str| {
        let input = tagging(&id, &json!([{"Key": key, "Value": value}]));
        bench.run(TagResource, input).unwrap()
    };
    assert_eq!(set(&mut bench, "team", "mail").output, None);
    assert!(set(&mut bench, "team", "platform").effect);
    assert!(!set(&mut bench, "team", "platform").effect);
    assert!(set(&mut bench, "Team", "").effect);
    let listed = bench.ok(ListTagsForResource, json!({"ResourceARN": arn(&id)}));
    let team = json!({"Key": "team", "Value": "platform"});
    assert_eq!(
        listed,
        json!({"Tags": [{"Key": "Team", "Value": ""}, team]})
    );
    let remove = json!({"ResourceARN": arn(&id), "TagKeys": ["Team", "absent"]});
    assert!(bench.run(UntagResource, remove.clone()).unwrap().effect);
    assert!(!bench.run(UntagResource, remove).unwrap().effect);
    assert_eq!(
        bench.ok(ListTagsForResource, json!({"ResourceARN": arn(&id)})),
        json!({"Tags": [team]})
    );
}

#[test]
fn an_organization_has_at_most_50_tags() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    bench.ok(TagResource, tagging(&id, &tags(0..50)));
    assert_eq!(
        bench.refused(TagResource, tagging(&id, &tags(49..51))),
        "TooManyTagsException"
    );
    bench.ok(TagResource, tagging(&id, &tags(0..50)));
    let listed = bench.ok(ListTagsForResource, json!({"ResourceARN": arn(&id)}));
    assert_eq!(listed["Tags"].as_array().unwrap().len(), 50);
}

#[test]
fn reserved_and_repeated_keys_are_refused() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    for key in ["aws:x", "AWS:x"] {
        let reserved = tagging(&id, &json!([{"Key": key, "Value": ""}]));
        assert_eq!(
            bench.refused(TagResource, reserved),
            "InvalidParameterException"
        );
    }
    let twice = tagging(
        &id,
        &json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]),
    );
    assert_eq!(
        bench.refused(TagResource, twice),
        "InvalidParameterException"
    );
    assert_eq!(
        bench.ok(ListTagsForResource, json!({"ResourceARN": arn(&id)})),
        json!({"Tags": []})
    );
    bench.world.knobs.aws_tag_keys = AwsTagKeys::Accept;
    bench.ok(
        TagResource,
        tagging(&id, &json!([{"Key": "aws:x", "Value": ""}])),
    );
}

#[test]
fn an_arn_of_anything_else_is_not_found() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    for unknown in [
        arn(&format!("m-{}", "0".repeat(32))),
        arn("acme"),
        arn(&id).replace("us-east-1", "eu-west-1"),
        arn(&id).replace("123456789012", "210987654321"),
        arn(&id).replace("organization", "group"),
    ] {
        let input = json!({"ResourceARN": unknown});
        assert_eq!(
            bench.refused(ListTagsForResource, input),
            "ResourceNotFoundException",
            "{unknown}"
        );
    }
    bench.caller = caller("210987654321", "us-east-1");
    assert_eq!(
        bench.refused(TagResource, tagging(&id, &json!([]))),
        "ResourceNotFoundException"
    );
}

#[test]
fn tags_of_an_organization_that_is_not_usable_are_out_of_reach() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    bench.delete(&id);
    let read = json!({"ResourceARN": arn(&id)});
    let remove = json!({"ResourceARN": arn(&id), "TagKeys": []});
    for (access, code) in [
        (
            TagAccess::OrganizationState,
            Some("OrganizationStateException"),
        ),
        (
            TagAccess::ResourceNotFound,
            Some("ResourceNotFoundException"),
        ),
        (TagAccess::Answer, None),
    ] {
        bench.world.knobs.unusable_tag_access = access;
        let mut code_of =
            |operation, input| bench.run(operation, input).err().map(|error| error.code);
        assert_eq!(code_of(ListTagsForResource, read.clone()).as_deref(), code);
        assert_eq!(code_of(UntagResource, remove.clone()).as_deref(), code);
        assert_eq!(
            code_of(TagResource, tagging(&id, &json!([]))).as_deref(),
            Some("OrganizationStateException")
        );
    }
}
