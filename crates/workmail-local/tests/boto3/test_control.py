"""The control API refuses what would make the service answer with outputs that its model forbids."""

import json
import urllib.error

import pytest

SEEDS = [
    {"alias": "a" * 63},
    {"alias": "-a"},
    {"state": "s" * 257},
    {"errorMessage": "e" * 400},
    {"domains": [{"name": "a_b.example"}]},
    {"domains": [{"name": "a.example", "ownership": ""}]},
    {"defaultMailDomain": "d" * 300},
    {"tags": {"k" * 129: "value"}},
    {"tags": {"key": "v" * 257}},
    {"tags": {f"key{number}": "" for number in range(51)}},
]


def refusal(control, method, path, body):
    with pytest.raises(urllib.error.HTTPError) as error:
        control(method, path, body)
    assert error.value.code == 400
    return json.loads(error.value.read())["error"]


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: "-".join(seed))
def test_a_seed_that_breaks_the_model_is_refused(control, seed):
    assert refusal(control, "POST", "/organizations", {"alias": "acme", **seed})
    assert control.organizations() == []


CHANGES = [
    {"state": "s" * 257},
    {"state": "Failed", "errorMessage": "e" * 400},
    {"errorMessage": "e" * 400},
    {"setDomains": [{"name": "a_b.example"}]},
    {"setDomains": [{"name": "d" * 256}]},
    {"defaultMailDomain": "d" * 300},
    {"setTags": {"key": "v" * 257}},
    {"setTags": {f"key{number}": "" for number in range(51)}},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "-".join(change))
def test_a_change_that_breaks_the_model_is_refused(client, control, organization, change):
    before = control.organizations()
    assert refusal(control, "PATCH", f"/organizations/{organization[0]}", change)
    assert control.organizations() == before


def test_an_error_message_of_the_longest_length_is_shown(client, control, organization):
    change = {"state": "Failed", "errorMessage": "e" * 256}
    control("PATCH", f"/organizations/{organization[0]}", change)
    described = client.describe_organization(OrganizationId=organization[0])
    assert described["ErrorMessage"] == "e" * 256


def test_an_error_message_of_a_fault_is_cut(client, control):
    fault = {"kind": "fail-creation", "errorMessage": "e" * 400}
    control("POST", "/faults", {"fault": fault, "operation": "CreateOrganization"})
    created = client.create_organization(Alias="acme")["OrganizationId"]
    described = client.describe_organization(OrganizationId=created)
    assert (described["State"], described["ErrorMessage"]) == ("Failed", "e" * 256)
    fault = {"kind": "error", "code": "InvalidParameterException", "message": "e" * 400}
    control("POST", "/faults", {"fault": fault, "operation": "DescribeOrganization"})
    with pytest.raises(client.exceptions.InvalidParameterException) as error:
        client.describe_organization(OrganizationId=created)
    assert error.value.response["Message"] == "e" * 256
