"""Inputs that botocore sends and the service refuses."""

import json
import re

import botocore.exceptions
import pytest

from conftest import code_of

ID = "m-" + "0" * 32
ARN = f"arn:aws:workmail:us-east-1:123456789012:organization/{ID}"

OUT_OF_BOUNDS = [
    ("create_organization", {}, "alias"),
    ("create_organization", {"Alias": ""}, "alias"),
    ("create_organization", {"Alias": "d-acme"}, "alias"),
    ("create_organization", {"Alias": "-acme"}, "alias"),
    ("create_organization", {"Alias": "ac--me"}, "alias"),
    ("create_organization", {"Alias": "acme."}, "alias"),
    ("create_organization", {"Alias": "a" * 63}, "alias"),
    ("create_organization", {"Alias": "acme", "DirectoryId": "d-123"}, "directoryId"),
    ("create_organization", {"Alias": "acme", "ClientToken": "a token"}, "clientToken"),
    ("create_organization", {"Alias": "acme", "ClientToken": "t" * 129}, "clientToken"),
    ("create_organization", {"Alias": "acme", "KmsKeyArn": "arn:aws:kms:x"}, "kmsKeyArn"),
    (
        "create_organization",
        {"Alias": "acme", "Domains": [{"DomainName": f"{n}.example"} for n in range(6)]},
        "domains",
    ),
    (
        "create_organization",
        {"Alias": "acme", "Domains": [{"DomainName": "acme.example"}, {"DomainName": "a_b.c"}]},
        "domains.2.member.domainName",
    ),
    ("delete_organization", {"OrganizationId": ID}, "deleteDirectory"),
    ("describe_organization", {"OrganizationId": "acme"}, "organizationId"),
    ("describe_organization", {"OrganizationId": ID.upper()}, "organizationId"),
    ("list_organizations", {"MaxResults": 0}, "maxResults"),
    ("list_organizations", {"MaxResults": 101}, "maxResults"),
    ("list_organizations", {"NextToken": ""}, "nextToken"),
    ("tag_resource", {"ResourceARN": ARN}, "tags"),
    ("tag_resource", {"ResourceARN": ARN, "Tags": [{"Key": "", "Value": ""}]}, "tags.1.member.key"),
    (
        "tag_resource",
        {"ResourceARN": ARN, "Tags": [{"Key": "k", "Value": "v" * 257}]},
        "tags.1.member.value",
    ),
    ("tag_resource", {"ResourceARN": ARN, "Tags": [{"Key": "k", "Value": ""}] * 51}, "tags"),
    ("untag_resource", {"ResourceARN": ARN, "TagKeys": ["k" * 129]}, "tagKeys.1.member"),
    ("list_tags_for_resource", {"ResourceARN": "arn:aws-cn:workmail:a:b:c"}, "resourceARN"),
]


@pytest.mark.parametrize(("operation", "parameters", "member"), OUT_OF_BOUNDS)
def test_a_member_out_of_its_bounds_is_refused(unchecked, control, operation, parameters, member):
    # UntagResource and ListTagsForResource do not declare this exception.
    with pytest.raises(botocore.exceptions.ClientError) as error:
        getattr(unchecked, operation)(**parameters)
    assert code_of(error) == "InvalidParameterException"
    message = error.value.response["Error"]["Message"]
    assert re.match(r"\d validation errors? detected: Value ", message)
    assert f"'{member}'" in message
    assert control.organizations() == []


WRONG_TYPES = [
    ("create_organization", {"Alias": 1}),
    ("create_organization", {"Alias": "acme", "Domains": "acme.example"}),
    ("create_organization", {"Alias": "acme", "EnableInteroperability": "yes"}),
    ("create_organization", {"Alias": "acme", "Domains": ["acme.example"]}),
    ("list_organizations", {"MaxResults": "10"}),
    ("list_organizations", {"MaxResults": 1.5}),
    ("list_organizations", []),
    ("tag_resource", {"ResourceARN": ARN, "Tags": [["k", "v"]]}),
]


@pytest.mark.parametrize(("operation", "parameters"), WRONG_TYPES)
def test_a_member_of_the_wrong_type_is_refused(control, session, operation, parameters):
    # botocore converts integers and structures, so that the body is replaced.
    client = session(control.url)

    def rewrite(request, **_):
        request.data = json.dumps(parameters).encode()

    client.meta.events.register("before-sign.workmail", rewrite)
    valid = {
        "create_organization": {"Alias": "acme"},
        "list_organizations": {},
        "tag_resource": {"ResourceARN": ARN, "Tags": []},
    }
    with pytest.raises(botocore.exceptions.ClientError) as error:
        getattr(client, operation)(**valid[operation])
    assert code_of(error) == "SerializationException"
    assert "can not be converted" in error.value.response["Error"]["Message"]


def test_values_at_their_bounds_are_accepted(client, control):
    control.knobs(organizationQuota=None)
    for alias in ("a", "A1-b2-C3", "0", "da-b", "D-x", "x" * 62):
        client.create_organization(Alias=alias)
    assert len(control.organizations()) == 6
