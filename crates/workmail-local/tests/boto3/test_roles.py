"""AssumeRole, AssumeRoleWithWebIdentity, sessions, and the credentials that a machine offers."""

import datetime
import json
import os
import time
import urllib.error

import boto3
import botocore
import botocore.exceptions
import pytest

from conftest import code_of, output, refused

OTHER = "210987654321"
ROLE = f"arn:aws:iam::{OTHER}:role/team/workmail"
SESSION_ARN = f"arn:aws:sts::{OTHER}:assumed-role/workmail/operator"
USER = "arn:aws:iam::123456789012:user/local"


@pytest.fixture
def assume(control, client_of):
    """Seeds the role, and assumes it."""

    def make(role=None, **call):
        control("POST", "/roles", {"arn": ROLE, "principals": [USER], **(role or {})})
        call = {"RoleArn": ROLE, "RoleSessionName": "operator", **call}
        return client_of("sts", parameter_validation=False).assume_role(**call)

    return make


def lasts(control, answer):
    """Returns for how many seconds a session lasts, by the clock of the endpoint."""
    now = datetime.datetime.fromisoformat(control("GET", "/clock")["now"])
    return (answer["Credentials"]["Expiration"] - now).total_seconds()


def keys(answer):
    credentials = answer["Credentials"]
    return {"key": credentials["AccessKeyId"], "token": credentials["SessionToken"]}


def test_a_session_acts_in_the_account_of_its_role(control, client_of, assume):
    answer = assume()
    assert answer["AssumedRoleUser"]["Arn"] == SESSION_ARN
    assert 3590 < lasts(control, answer) <= 3600
    identity = client_of("sts", **keys(answer)).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (OTHER, SESSION_ARN)
    assert identity["UserId"].endswith(":operator")
    client_of(**keys(answer)).create_organization(Alias="acme")
    [organization] = control.organizations()
    assert organization["account"] == OTHER
    assert client_of().list_organizations()["OrganizationSummaries"] == []


@pytest.mark.parametrize(
    ("role", "call"),
    [
        ({"principals": []}, {}),
        ({"principals": ["arn:aws:iam::123456789012:user/other", OTHER]}, {}),
        ({"externalId": "acme"}, {}),
        ({"externalId": "acme"}, {"ExternalId": "other"}),
        ({"sessionName": "operator"}, {"RoleSessionName": "else"}),
        ({}, {"RoleArn": f"arn:aws:iam::{OTHER}:role/unknown"}),
    ],
)
def test_a_role_that_does_not_trust_the_call_is_not_assumed(control, assume, role, call):
    assert refused(assume, role, **call) == "AccessDenied"
    assert control("GET", "/sessions") == []


@pytest.mark.parametrize("principal", [USER, "123456789012", "arn:aws:iam::123456789012:root", "*"])
def test_a_principal_is_named_in_several_ways(assume, principal):
    role = {"principals": [principal], "externalId": "acme", "sessionName": "operator"}
    assume(role, ExternalId="acme")


def test_a_session_assumes_another_role_by_its_own_role(control, client_of, assume):
    second = f"arn:aws:iam::{OTHER}:role/second"
    control("POST", "/roles", {"arn": second, "principals": [ROLE]})
    sts = client_of("sts", **keys(assume()))
    chained = sts.assume_role(RoleArn=second, RoleSessionName="chained")
    assert chained["AssumedRoleUser"]["Arn"].endswith(":assumed-role/second/chained")
    code = refused(client_of("sts").assume_role, RoleArn=second, RoleSessionName="chained")
    assert code == "AccessDenied"


@pytest.mark.parametrize(
    "call",
    [
        {"DurationSeconds": 899},
        {"DurationSeconds": 43201},
        {"DurationSeconds": 3601},
        {"RoleSessionName": "a b"},
        {"RoleSessionName": "a" * 65},
    ],
)
def test_a_call_out_of_bounds_is_not_valid(assume, call):
    assert refused(assume, **call) == "ValidationError"


def test_a_longer_session_is_allowed_by_the_role(control, assume):
    answer = assume({"longestSession": "12h"}, DurationSeconds=43200)
    assert 43190 < lasts(control, answer) <= 43200


def test_the_policy_of_a_session_is_recorded(control, assume):
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    assert refused(assume, Policy="{") == "MalformedPolicyDocument"
    assume(Policy=policy)
    [session] = control("GET", "/sessions")
    assert (session["policy"], session["roleArn"]) == (policy, ROLE)
    assert [call["request"]["Policy"] for call in control.calls("AssumeRole")] == ["{", policy]


def test_a_session_is_refused_once_it_is_over(control, client_of, assume):
    session = keys(assume(DurationSeconds=900))
    control.advance("14m")
    client_of(**session).list_organizations()
    control.advance("1m")
    assert refused(client_of(**session).list_organizations) == "ExpiredTokenException"
    assert refused(client_of("sts", **session).get_caller_identity) == "ExpiredToken"


def test_all_sessions_are_ended_at_once_or_by_a_knob(control, client_of, assume):
    control.knobs(sessionFor="1h")
    session = keys(assume(DurationSeconds=900))
    control.advance("59m")
    client_of(**session).list_organizations()
    control("POST", "/sessions/expire")
    assert refused(client_of(**session).list_organizations) == "ExpiredTokenException"
    client_of(**keys(assume())).list_organizations()


def test_a_session_needs_its_own_token(control, client_of, assume):
    session, other = keys(assume()), keys(assume())
    mixed = {"key": session["key"], "token": other["token"]}
    assert refused(client_of(**mixed).list_organizations) == "UnrecognizedClientException"
    control("POST", "/reset")
    # A session of the past is not a key of the default account.
    assert refused(client_of(**session).list_organizations) == "UnrecognizedClientException"


def test_a_session_is_denied_what_its_role_is_denied(client_of, assume):
    session = keys(assume({"denied": ["CreateOrganization"]}))
    client = client_of(**session)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.create_organization(Alias="acme")
    assert code_of(error) == "AccessDeniedException"
    assert SESSION_ARN in error.value.response["Error"]["Message"]


@pytest.fixture
def by_token(control, client_of):
    """Assumes the role with a token of web identity, without a signature."""

    def make(token, **role):
        control("POST", "/roles", {"arn": ROLE, **role})
        sts = client_of("sts", signature_version=botocore.UNSIGNED, parameter_validation=False)
        call = {"RoleArn": ROLE, "RoleSessionName": "operator", "WebIdentityToken": token}
        return sts.assume_role_with_web_identity(**call)

    return make


def test_a_web_identity_gets_a_session(control, client_of, by_token):
    answer = by_token("a.b.c", webIdentityToken="a.b.c")
    assert answer["SubjectFromWebIdentityToken"] and answer["Provider"]
    identity = client_of("sts", **keys(answer)).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (OTHER, SESSION_ARN)
    [call] = control.calls("AssumeRoleWithWebIdentity")
    assert (call["account"], call["outcome"]) == (OTHER, "OK")


@pytest.mark.parametrize(
    ("token", "role", "code"),
    [
        ("", {"webIdentityToken": "a.b.c"}, "ValidationError"),
        ("x.y.z", {"webIdentityToken": "a.b.c"}, "InvalidIdentityToken"),
        ("a.b.c", {"principals": ["*"]}, "AccessDenied"),
    ],
)
def test_another_token_gets_no_session(control, by_token, token, role, code):
    assert refused(by_token, token, **role) == code
    assert control("GET", "/sessions") == []


def test_a_client_that_is_not_signed_gets_no_other_answer(client_of):
    sts = client_of("sts", signature_version=botocore.UNSIGNED)
    assert refused(sts.get_caller_identity) == "MissingAuthenticationToken"
    code = refused(sts.assume_role, RoleArn=ROLE, RoleSessionName="operator")
    assert code == "MissingAuthenticationToken"


def test_a_rule_applies_to_the_account_of_the_role(control, client_of, assume):
    control.fault({"kind": "throttle"}, account=OTHER)
    assert refused(assume) == "ThrottlingException"
    client_of("sts").get_caller_identity()
    control("DELETE", "/faults")
    session = keys(assume())
    control.fault({"kind": "throttle"}, account=OTHER)
    assert refused(client_of(**session).list_organizations) == "ThrottlingException"
    client_of().list_organizations()


def test_an_account_has_limits_of_its_own(control, client_of, assume):
    throttle = {"perSecond": 0.001, "burst": 2}
    control.knobs(accountLimits={OTHER: {"organizationQuota": 1, "throttle": throttle}})
    other = client_of(**keys(assume()))
    other.create_organization(Alias="a")
    assert refused(other.create_organization, Alias="b") == "LimitExceededException"
    assert refused(other.list_organizations) == "ThrottlingException"
    for alias in ("c", "d", "e"):
        client_of().create_organization(Alias=alias)


def test_sts_is_as_slow_as_a_knob_says(control, client_of):
    control.knobs(stsDelay="300ms")
    begun = time.monotonic()
    client_of().list_organizations()
    assert time.monotonic() - begun < 0.3
    client_of("sts").get_caller_identity()
    assert time.monotonic() - begun >= 0.3


@pytest.fixture
def environment(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return monkeypatch


@pytest.mark.parametrize("source", ["instance", "container"])
def test_a_machine_offers_the_credentials_of_its_role(control, environment, source):
    if source == "instance":
        environment.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", control.url)
    else:
        url = f"{control.url}/container-credentials"
        environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    session = boto3.session.Session(region_name="us-east-1")
    if source == "instance":
        assert session.get_credentials() is None
    control("PUT", "/metadata", {f"{source}Role": "arn:aws:iam::999999999999:role/node"})
    session = boto3.session.Session(region_name="us-east-1")
    identity = session.client("sts", endpoint_url=control.url).get_caller_identity()
    assert identity["Account"] == "999999999999"
    assert ":assumed-role/node/" in identity["Arn"]


def test_the_instance_asks_for_a_token(control):
    path = "/latest/meta-data/iam/security-credentials/"
    control("PUT", "/metadata", {"instanceRole": "arn:aws:iam::999999999999:role/node"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(control.url + path)
    assert error.value.code == 401


def test_a_role_that_is_none_is_refused(control):
    for path, body in [
        ("/roles", {"arn": "arn:aws:iam::1:role/a"}),
        ("/roles", {"arn": f"arn:aws:iam::{OTHER}:user/a"}),
    ]:
        with pytest.raises(urllib.error.HTTPError) as error:
            control("POST", path, body)
        assert error.value.code == 400
    with pytest.raises(urllib.error.HTTPError) as error:
        control("PUT", "/metadata", {"instanceRole": "node"})
    assert error.value.code == 400


def test_the_aws_cli_assumes_a_role(control, aws):
    control("POST", "/roles", {"arn": ROLE, "principals": [USER], "webIdentityToken": "a.b.c"})
    role = ("--role-arn", ROLE, "--role-session-name", "operator")
    assumed = output(aws("sts", "assume-role", *role))
    assert assumed["AssumedRoleUser"]["Arn"] == SESSION_ARN
    token = ("--web-identity-token", "a.b.c")
    assumed = output(aws("sts", "assume-role-with-web-identity", *role, *token))
    assert assumed["AssumedRoleUser"]["Arn"] == SESSION_ARN
