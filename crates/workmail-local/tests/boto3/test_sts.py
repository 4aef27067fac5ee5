"""GetCallerIdentity of STS."""

import botocore.exceptions
import pytest

from conftest import code_of


def test_a_caller_reads_its_identity(client_of):
    identity = client_of("sts").get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"] == "arn:aws:iam::123456789012:user/local"
    assert identity["UserId"].startswith("AIDA")
    assert identity["ResponseMetadata"]["RequestId"]


def test_a_key_has_the_account_of_its_credential(control, client_of):
    arn = "arn:aws:sts::210987654321:assumed-role/operator/session"
    key = {"accessKey": "ASIAROLE", "account": "210987654321", "arn": arn}
    control("POST", "/credentials", key)
    identity = client_of("sts", key="ASIAROLE", token="token", region="eu-central-1").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("210987654321", arn)
    assert identity["UserId"].endswith(":session")


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"refusal": "unrecognized"}, "InvalidClientTokenId", 403),
        ({"refusal": "expired"}, "ExpiredToken", 403),
        ({"refusal": "bad-signature"}, "SignatureDoesNotMatch", 403),
        ({"denied": ["GetCallerIdentity"]}, "AccessDenied", 403),
    ],
)
def test_an_error_has_the_form_of_sts(control, client_of, change, code, status):
    control("POST", "/credentials", {"accessKey": "AKIABAD", "account": "123456789012", **change})
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client_of("sts", key="AKIABAD").get_caller_identity()
    assert code_of(error) == code
    response = error.value.response
    assert response["Error"]["Type"] == "Sender"
    assert response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert response["ResponseMetadata"]["RequestId"]


def test_an_action_that_is_not_served_is_named(client_of):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client_of("sts").get_session_token()
    assert code_of(error) == "InvalidAction"


def test_faults_apply_to_sts(control, client_of):
    control.fault({"kind": "throttle", "code": "Throttling"}, operation="GetCallerIdentity", times=1)
    sts = client_of("sts")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        sts.get_caller_identity()
    assert code_of(error) == "Throttling"
    sts.get_caller_identity()
    [throttled, answered] = control.calls("GetCallerIdentity")
    assert (throttled["outcome"], answered["outcome"]) == ("Throttling", "OK")
    assert answered["service"] == "sts"
