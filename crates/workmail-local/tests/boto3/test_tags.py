"""TagResource, UntagResource and ListTagsForResource."""

import pytest

from conftest import refused


def listed(client, arn):
    return client.list_tags_for_resource(ResourceARN=arn)["Tags"]


def tag(client, arn, **tags):
    tags = [{"Key": key, "Value": value} for key, value in tags.items()]
    return client.tag_resource(ResourceARN=arn, Tags=tags)


def test_tags_are_set_by_key_read_and_removed(client, control, organization):
    _, arn = organization
    assert listed(client, arn) == []
    assert set(tag(client, arn, team="mail")) == {"ResponseMetadata"}
    tag(client, arn, team="platform")
    tag(client, arn, team="platform")
    tag(client, arn, **{"Team": "", "Äpfel & Birnen": "1"})
    effects = [call["effect"] for call in control.calls("TagResource")]
    assert effects == [True, True, False, True]
    assert listed(client, arn) == [
        {"Key": "Team", "Value": ""},
        {"Key": "team", "Value": "platform"},
        {"Key": "Äpfel & Birnen", "Value": "1"},
    ]
    for _ in range(2):
        answer = client.untag_resource(ResourceARN=arn, TagKeys=["Team", "Äpfel & Birnen", "absent"])
        assert set(answer) == {"ResponseMetadata"}
    assert [call["effect"] for call in control.calls("UntagResource")] == [True, False]
    assert listed(client, arn) == [{"Key": "team", "Value": "platform"}]


def test_an_organization_has_at_most_50_tags(client, organization):
    _, arn = organization
    tags = {f"key{number}": "" for number in range(50)}
    tag(client, arn, **tags)
    assert refused(tag, client, arn, key49="", more="") == "TooManyTagsException"
    tag(client, arn, **tags)
    assert len(listed(client, arn)) == 50


@pytest.mark.parametrize("keys", [["aws:x"], ["AWS:x"], ["a", "a"]])
def test_reserved_and_repeated_keys_are_refused(client, organization, keys):
    _, arn = organization
    tags = [{"Key": "good", "Value": ""}, *({"Key": key, "Value": ""} for key in keys)]
    code = refused(client.tag_resource, ResourceARN=arn, Tags=tags)
    assert (code, listed(client, arn)) == ("InvalidParameterException", [])


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("us-east-1", "eu-west-1"),
        ("123456789012", "210987654321"),
        ("organization", "group"),
        ("/m-", "/"),
    ],
)
def test_an_arn_of_something_else_is_not_found(client, organization, part, other):
    arn = organization[1].replace(part, other)
    assert refused(listed, client, arn) == "ResourceNotFoundException"
    assert refused(tag, client, arn) == "ResourceNotFoundException"
    code = refused(client.untag_resource, ResourceARN=arn, TagKeys=[])
    assert code == "ResourceNotFoundException"
