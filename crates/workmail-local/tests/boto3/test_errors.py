"""The form of errors, and the errors that every service has."""

import botocore
import botocore.exceptions
import pytest

from conftest import code_of

NOBODY = "m-" + "0" * 32


def test_an_error_has_every_part(client):
    with pytest.raises(client.exceptions.OrganizationNotFoundException) as error:
        client.describe_organization(OrganizationId=NOBODY)
    response = error.value.response
    assert response["Error"]["Code"] == "OrganizationNotFoundException"
    assert NOBODY in response["Error"]["Message"]
    # botocore reads this from the member of the shape, whose name begins with a capital letter.
    assert response["Message"] == response["Error"]["Message"]
    metadata = response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 400
    assert metadata["HTTPHeaders"]["x-amzn-errortype"] == "OrganizationNotFoundException"
    assert metadata["HTTPHeaders"]["x-amzn-requestid"] == metadata["RequestId"]
    assert metadata["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1"


def test_the_text_of_a_state_error_is_the_text_of_the_service(client, organization):
    identifier, arn = organization
    client.delete_organization(OrganizationId=identifier, DeleteDirectory=False)
    for call in (
        lambda: client.delete_organization(OrganizationId=identifier, DeleteDirectory=False),
        lambda: client.list_mail_domains(OrganizationId=identifier),
        lambda: client.tag_resource(ResourceARN=arn, Tags=[]),
        lambda: client.untag_resource(ResourceARN=arn, TagKeys=[]),
        lambda: client.list_tags_for_resource(ResourceARN=arn),
    ):
        with pytest.raises(client.exceptions.OrganizationStateException) as error:
            call()
        text = error.value.response["Error"]["Message"]
        assert text == f"Organization {identifier} is not Active, state: Deleted"


def test_an_operation_that_is_not_served_is_named(client, organization):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_access_control_rules(OrganizationId=organization[0])
    assert code_of(error) == "UnknownOperationException"
    assert "ListAccessControlRules" in error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        ("unrecognized", "UnrecognizedClientException"),
        ("expired", "ExpiredTokenException"),
        ("bad-signature", "InvalidSignatureException"),
    ],
)
def test_a_refused_key_has_its_code(control, client_of, refusal, code):
    key = {"accessKey": "AKIABAD", "account": "123456789012", "refusal": refusal}
    control("POST", "/credentials", key)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client_of(key="AKIABAD").list_organizations()
    assert code_of(error) == code
    assert error.value.response["Error"]["Message"]
    assert client_of().list_organizations()["OrganizationSummaries"] == []


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


def test_a_region_without_the_service_is_refused(control, client_of):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client_of(region="eu-central-1").list_organizations()
    assert code_of(error) == "InvalidSignatureException"
    assert "'eu-central-1'" in error.value.response["Error"]["Message"]


def test_a_signature_for_another_service_is_refused(control, client):
    def other_service(request, **_):
        request.context["signing"] = {"signing_name": "ses", "region": "us-east-1"}

    client.meta.events.register("before-sign.workmail", other_service)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_organizations()
    assert code_of(error) == "InvalidSignatureException"
    assert "correct service: 'workmail'" in error.value.response["Error"]["Message"]


def test_a_call_without_a_signature_is_refused(control, client_of):
    client = client_of(signature_version=botocore.UNSIGNED)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_organizations()
    assert code_of(error) == "MissingAuthenticationTokenException"
