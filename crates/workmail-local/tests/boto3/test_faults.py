"""Faults as boto3 sees them, and as the journal shows them."""

import threading
import time

import botocore.exceptions
import pytest

from conftest import code_of, refused


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
def test_an_error_applies_once_and_nothing_is_done(client, control, fault, code, status):
    control.fault(fault, operation="CreateOrganization", times=1)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.create_organization(Alias="acme")
    assert code_of(error) == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert control.organizations() == []
    client.create_organization(Alias="acme")
    assert len(control.organizations()) == 1


def test_botocore_repeats_a_throttled_call(session, control):
    control.fault({"kind": "throttle"}, times=2)
    client = session(control.url, retries={"total_max_attempts": 5, "mode": "standard"})
    client.create_organization(Alias="acme")
    outcomes = [call["outcome"] for call in control.calls("CreateOrganization")]
    assert outcomes == ["ThrottlingException", "ThrottlingException", "OK"]


@pytest.mark.parametrize(("work", "done"), [("not-done", 0), ("done", 1)])
def test_a_lost_reply_comes_before_or_after_the_work(client, control, work, done):
    control.fault({"kind": "lost-reply", "work": work}, operation="CreateOrganization", times=1)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        client.create_organization(Alias="acme", ClientToken="t")
    assert len(control.organizations()) == done
    [call] = control.calls("CreateOrganization")
    assert (call["reply"], call["effect"]) == ("lost", bool(done))
    assert call["outcome"] == ("OK" if done else "not-done")
    assert ("organizationId" in call) == bool(done)
    client.create_organization(Alias="acme", ClientToken="t")
    assert len(control.organizations()) == 1


def test_garbage_cannot_be_decoded(client, control):
    control.fault({"kind": "garbage"}, operation="CreateOrganization", times=1)
    # botocore accepts a body that is not JSON, but not one that is not UTF-8.
    with pytest.raises(UnicodeDecodeError):
        client.create_organization(Alias="acme")
    assert control.organizations() == []


def test_a_held_call_goes_on_when_its_rule_is_removed(client, control):
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


def test_a_delayed_call_is_answered_later(client, control):
    control.fault({"kind": "delay", "for": "300ms"}, operation="CreateOrganization", times=1)
    begun = time.monotonic()
    client.create_organization(Alias="acme")
    assert time.monotonic() - begun >= 0.3
    assert len(control.organizations()) == 1


def test_calls_above_the_rate_of_an_account_in_a_region_are_throttled(client, client_of, control):
    control.knobs(throttle={"perSecond": 0.001, "burst": 2})
    client.list_organizations()
    client.list_organizations()
    assert refused(client.list_organizations) == "ThrottlingException"
    client_of(region="eu-west-1").list_organizations()
    client_of("sts").get_caller_identity()
    control.advance("1h")
    client.list_organizations()


def test_a_caller_that_gives_up_is_in_the_journal(session, control):
    control.fault({"kind": "hang"}, operation="CreateOrganization", times=1)
    impatient = session(control.url, read_timeout=0.2)
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        impatient.create_organization(Alias="acme")
    [call] = control.calls("CreateOrganization", completed="true", count=1, wait=10000)
    assert (call["outcome"], call["reply"], call["effect"]) == ("not-done", "abandoned", False)
    assert control.organizations() == []


def test_the_journal_shows_caller_request_and_result(client, control, organization):
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
