"""Every exception that a served operation declares, and those that any service has."""

import botocore.exceptions
import pytest

from conftest import code_of

NOBODY = "m-" + "0" * 32


def test_the_parts_of_an_error(client):
    with pytest.raises(client.exceptions.OrganizationNotFoundException) as error:
        client.describe_organization(OrganizationId=NOBODY)
    response = error.value.response
    assert response["Error"]["Code"] == "OrganizationNotFoundException"
    assert NOBODY in response["Error"]["Message"]
    # botocore fills this in from the shape's own member, whose name begins with a capital letter.
    assert response["Message"] == response["Error"]["Message"]
    metadata = response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 400
    assert metadata["HTTPHeaders"]["x-amzn-errortype"] == "OrganizationNotFoundException"
    assert metadata["HTTPHeaders"]["x-amzn-requestid"] == metadata["RequestId"]
    assert metadata["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1"


def test_invalid_parameter(client):
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.create_organization(
            Alias="acme", Domains=[{"DomainName": "acme.example", "HostedZoneId": "Z0"}]
        )


def test_directory_in_use(client, control):
    control("POST", "/directories", {"id": "d-0000000001", "inUse": True})
    with pytest.raises(client.exceptions.DirectoryInUseException):
        client.create_organization(Alias="acme", DirectoryId="d-0000000001")


def test_directory_unavailable(client):
    with pytest.raises(client.exceptions.DirectoryUnavailableException):
        client.create_organization(Alias="acme", DirectoryId="d-0000000001")


def test_limit_exceeded(client, control):
    control.knobs(organizationQuota=0)
    with pytest.raises(client.exceptions.LimitExceededException):
        client.create_organization(Alias="acme")


def test_name_availability(client, organization):
    with pytest.raises(client.exceptions.NameAvailabilityException):
        client.create_organization(Alias="ACME")


def test_organization_not_found(client):
    with pytest.raises(client.exceptions.OrganizationNotFoundException):
        client.delete_organization(OrganizationId=NOBODY, DeleteDirectory=False)
    with pytest.raises(client.exceptions.OrganizationNotFoundException):
        client.list_users(OrganizationId=NOBODY)


def test_organization_state(client, organization):
    identifier, arn = organization
    client.delete_organization(OrganizationId=identifier, DeleteDirectory=False)
    for call in (
        lambda: client.delete_organization(OrganizationId=identifier, DeleteDirectory=False),
        lambda: client.list_users(OrganizationId=identifier),
        lambda: client.tag_resource(ResourceARN=arn, Tags=[]),
        lambda: client.untag_resource(ResourceARN=arn, TagKeys=[]),
        lambda: client.list_tags_for_resource(ResourceARN=arn),
    ):
        with pytest.raises(client.exceptions.OrganizationStateException) as error:
            call()
        text = error.value.response["Error"]["Message"]
        assert text == f"Organization {identifier} is not Active, state: Deleted"


def test_enabled_users_keep_an_organization(client, control):
    identifier = control.seed("acme", users=[{"name": "ada"}])["id"]
    with pytest.raises(client.exceptions.OrganizationStateException):
        client.delete_organization(OrganizationId=identifier, DeleteDirectory=False)
    control.knobs(enabledUsersError="InvalidParameterException")
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.delete_organization(OrganizationId=identifier, DeleteDirectory=False)
    client.delete_organization(OrganizationId=identifier, DeleteDirectory=False, ForceDelete=True)


def test_resource_not_found(client):
    arn = f"arn:aws:workmail:us-east-1:123456789012:organization/{NOBODY}"
    for call in (
        lambda: client.list_tags_for_resource(ResourceARN=arn),
        lambda: client.tag_resource(ResourceARN=arn, Tags=[]),
        lambda: client.untag_resource(ResourceARN=arn, TagKeys=[]),
    ):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            call()


def test_too_many_tags(client, organization):
    tags = [{"Key": f"key{number}", "Value": ""} for number in range(50)]
    client.tag_resource(ResourceARN=organization[1], Tags=tags)
    with pytest.raises(client.exceptions.TooManyTagsException):
        client.tag_resource(ResourceARN=organization[1], Tags=[{"Key": "one more", "Value": ""}])


def test_a_bad_page_token(client):
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.list_organizations(NextToken="x")


def test_an_operation_that_is_not_served_says_so(client, organization):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_groups(OrganizationId=organization[0])
    assert code_of(error) == "UnknownOperationException"
    assert "ListGroups" in error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        ("unrecognized", "UnrecognizedClientException"),
        ("expired", "ExpiredTokenException"),
        ("bad-signature", "InvalidSignatureException"),
    ],
)
def test_a_refused_key(control, client_of, refusal, code):
    key = {"accessKey": "AKIABAD", "account": "123456789012", "refusal": refusal}
    control("POST", "/credentials", key)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client_of(key="AKIABAD").list_organizations()
    assert code_of(error) == code
    assert error.value.response["Error"]["Message"]
    assert client_of().list_organizations()["OrganizationSummaries"] == []


def test_a_key_without_a_right(control, client_of):
    key = {"accessKey": "AKIAREAD", "account": "123456789012", "denied": ["CreateOrganization"]}
    control("POST", "/credentials", key)
    client = client_of(key="AKIAREAD")
    client.list_organizations()
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.create_organization(Alias="acme")
    assert code_of(error) == "AccessDeniedException"
    assert "workmail:CreateOrganization" in error.value.response["Error"]["Message"]
    assert control.organizations() == []


def test_a_key_that_nobody_named_when_there_is_no_default(control, client):
    control.knobs(defaultAccount=None)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_organizations()
    assert code_of(error) == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("service", "code"), [("workmail", "UnrecognizedClientException"), ("sts", "InvalidClientTokenId")]
)
def test_a_temporary_key_needs_a_session_token(client_of, service, code):
    def call(client):
        return client.list_organizations() if service == "workmail" else client.get_caller_identity()

    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(client_of(service, key="ASIAIOSFODNN7EXAMPLE"))
    assert code_of(error) == code
    call(client_of(service, key="ASIAIOSFODNN7EXAMPLE", token="token"))


def test_a_region_without_the_service(control, client_of):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client_of(region="eu-central-1").list_organizations()
    assert code_of(error) == "InvalidSignatureException"
    assert "'eu-central-1'" in error.value.response["Error"]["Message"]
    control.knobs(regions=[])
    client_of(region="eu-central-1").list_organizations()


def test_a_signature_for_another_service(control, client):
    # The signer is told so when it is about to sign; the endpoint sees the scope it used.
    def other_service(request, **_):
        request.context["signing"] = {"signing_name": "ses", "region": "us-east-1"}

    client.meta.events.register("before-sign.workmail", other_service)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_organizations()
    assert code_of(error) == "InvalidSignatureException"
    assert "correct service: 'workmail'" in error.value.response["Error"]["Message"]


def test_no_signature_at_all(control, client_of):
    import botocore

    client = client_of(signature_version=botocore.UNSIGNED)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_organizations()
    assert code_of(error) == "MissingAuthenticationTokenException"
