"""What goes wrong on the way, as boto3 sees it, and what the journal says of it."""

import threading

import botocore.exceptions
import pytest

from conftest import code_of


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"kind": "throttle"}, "ThrottlingException", 400),
        (
            {"kind": "throttle", "code": "TooManyRequestsException", "status": 429},
            "TooManyRequestsException",
            429,
        ),
        ({"kind": "error", "code": "InternalFailure", "status": 500}, "InternalFailure", 500),
        ({"kind": "error", "code": "ServiceUnavailable", "status": 503}, "ServiceUnavailable", 503),
        (
            {"kind": "error", "code": "LimitExceededException", "message": "No."},
            "LimitExceededException",
            400,
        ),
        ({"kind": "http", "status": 502}, "502", 502),
    ],
)
def test_an_error_strikes_once_and_nothing_is_done(client, control, fault, code, status):
    control.fault(fault, operation="CreateOrganization", times=1)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.create_organization(Alias="acme")
    assert code_of(error) == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert control.organizations() == []
    client.create_organization(Alias="acme")
    assert len(control.organizations()) == 1


def test_botocore_repeats_what_is_throttled(session, control):
    control.fault({"kind": "throttle"}, times=2)
    client = session(control.url, retries={"total_max_attempts": 5, "mode": "standard"})
    client.create_organization(Alias="acme")
    outcomes = [call["outcome"] for call in control.calls("CreateOrganization")]
    assert outcomes == ["ThrottlingException", "ThrottlingException", "OK"]


@pytest.mark.parametrize(("work", "done"), [("not-done", 0), ("done", 1)])
def test_a_reply_is_lost_before_or_after_the_work(client, control, work, done):
    control.fault({"kind": "lost-reply", "work": work}, operation="CreateOrganization", times=1)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        client.create_organization(Alias="acme", ClientToken="t")
    assert len(control.organizations()) == done
    [call] = control.calls("CreateOrganization")
    assert (call["reply"], call["effect"]) == ("lost", bool(done))
    client.create_organization(Alias="acme", ClientToken="t")
    assert len(control.organizations()) == 1


def test_an_answer_that_nobody_can_decode(client, control):
    control.fault({"kind": "garbage"}, operation="CreateOrganization", times=1)
    # botocore takes a body that is no JSON for a text; one that is no UTF-8 it cannot take.
    with pytest.raises(UnicodeDecodeError):
        client.create_organization(Alias="acme")
    assert control.organizations() == []


def test_a_call_hangs_until_it_is_released(client, control):
    rule = control.fault({"kind": "hang"}, operation="CreateOrganization")
    answers = []
    caller = threading.Thread(
        target=lambda: answers.append(client.create_organization(Alias="acme"))
    )
    caller.start()
    [held] = control.calls("CreateOrganization", completed="false", count=1, wait=10000)
    assert (held["outcome"], held["request"]["Alias"]) == ("pending", "acme")
    assert control.organizations() == []
    control("DELETE", f"/faults/{rule}")
    caller.join(timeout=10)
    [organization] = control.organizations()
    assert answers[0]["OrganizationId"] == organization["id"]
    [call] = control.calls("CreateOrganization")
    assert (call["outcome"], call["reply"], call["effect"]) == ("OK", "sent", True)


def test_a_caller_that_gives_up_is_seen_to_have_gone(session, control):
    control.fault({"kind": "hang"}, operation="CreateOrganization", times=1)
    impatient = session(control.url, read_timeout=0.2)
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        impatient.create_organization(Alias="acme")
    [call] = control.calls("CreateOrganization", completed="true", count=1, wait=10000)
    assert (call["outcome"], call["reply"], call["effect"]) == ("not-done", "abandoned", False)
    assert control.organizations() == []


def test_the_journal_says_who_asked_for_what(client, control, organization):
    client.describe_organization(OrganizationId=organization[0])
    call = control.calls("DescribeOrganization")[-1]
    assert call["account"] == "123456789012"
    assert call["region"] == "us-east-1"
    assert call["accessKey"] == "AKIAIOSFODNN7EXAMPLE"
    assert call["request"] == {"OrganizationId": organization[0]}
    assert call["organizationId"] == organization[0]
    assert (call["outcome"], call["reply"], call["effect"]) == ("OK", "sent", False)
    assert call["userAgent"].startswith("Boto3/")
    assert call["at"] <= call["completedAt"]


def test_a_rate_limit_throttles_an_account_in_a_region(client, client_of, control):
    control.knobs(throttle={"perSecond": 0.001, "burst": 2})
    client.list_organizations()
    client.list_organizations()
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_organizations()
    assert code_of(error) == "ThrottlingException"
    client_of(region="eu-west-1").list_organizations()
    control.advance("1h")
    client.list_organizations()


def test_a_service_that_has_ended_does_not_answer(client, client_of, control):
    client.list_organizations()
    control.knobs(serviceEnds=control("GET", "/clock")["now"])
    client_of("sts").get_caller_identity()
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        client.list_organizations()
    control.knobs(endAnswer={"error": {"code": "AccessDeniedException", "message": "Ended."}})
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.list_organizations()
    assert code_of(error) == "AccessDeniedException"
