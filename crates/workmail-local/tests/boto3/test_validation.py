"""What botocore lets through and the service does not."""

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
    ("list_users", {"OrganizationId": ID, "Filters": {"State": "GONE"}}, "filters.state"),
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
def test_a_member_out_of_its_bounds(unchecked, control, operation, parameters, member):
    # DescribeOrganization and others declare this one; UntagResource and ListTagsForResource
    # declare no exception for it, so it arrives by its code.
    for code in ("InvalidParameterException", "ValidationException"):
        control.knobs(constraintError=code)
        with pytest.raises(botocore.exceptions.ClientError) as error:
            getattr(unchecked, operation)(**parameters)
        assert code_of(error) == code
        assert f"'{member}'" in error.value.response["Error"]["Message"]
    assert control.organizations() == []


MISREAD = [
    ("create_organization", {"Alias": 1}),
    ("create_organization", {"Alias": "acme", "Domains": "acme.example"}),
    ("create_organization", {"Alias": "acme", "EnableInteroperability": "yes"}),
    ("list_organizations", {"MaxResults": "10"}),
    ("tag_resource", {"ResourceARN": ARN, "Tags": [["k", "v"]]}),
]


@pytest.mark.parametrize(("operation", "parameters"), MISREAD)
def test_a_member_of_the_wrong_type(control, session, operation, parameters):
    # botocore writes integers and structures by the model, so the body goes out by hand.
    client = session(control.url)

    def rewrite(request, **_):
        import json

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


def test_values_at_their_bounds_are_taken(client, control):
    control.knobs(organizationQuota=None)
    for alias in ("a", "A1-b2-C3", "0", "da-b", "D-x", "x" * 62):
        client.create_organization(Alias=alias)
    assert len(control.organizations()) == 6
