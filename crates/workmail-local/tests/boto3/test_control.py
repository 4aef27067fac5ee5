"""The control API: seeds, changes without a call, knobs, faults, the clock and the journal."""

import datetime
import json
import urllib.error

import pytest

from conftest import refused

TEST = "acme.awsapps.com"


def test_an_organization_is_seeded_with_any_age_and_state(client, control):
    for number, state in enumerate(("Active", "Impaired", "Deleted", "Failed", "Requested", "Frozen")):
        seeded = control.seed(f"acme-{number}", state=state, age="3650d", errorMessage="By hand.")
        control.advance("365d")
        described = client.describe_organization(OrganizationId=seeded["id"])
        assert (described["State"], described["ErrorMessage"]) == (state, "By hand.")
        assert ("CompletedDate" in described) == (state not in ("Failed", "Requested"))
        if "CompletedDate" in described:
            now = datetime.datetime.fromisoformat(control("GET", "/clock")["now"][:19] + "+00:00")
            age = (now - described["CompletedDate"]).total_seconds() / 86400
            assert abs(age - 3650 - 365) < 0.01


def test_an_organization_is_seeded_with_tags_users_and_domains(client, control):
    seeded = control.seed(
        "acme",
        tags={"team": "mail"},
        users=[{"name": "ada"}],
        domains=[{"name": "Old.example"}, {"name": "new.example", "ownership": "PENDING"}],
        defaultMailDomain="default.example",
    )
    control.advance("30d")
    one = {"OrganizationId": seeded["id"]}
    tags = client.list_tags_for_resource(ResourceARN=seeded["arn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "mail"}]
    assert domains(control) == [
        (TEST, "VERIFIED", "VERIFIED", False),
        ("old.example", "VERIFIED", "VERIFIED", False),
        ("new.example", "PENDING", "VERIFIED", False),
        ("default.example", "VERIFIED", "VERIFIED", True),
    ]
    client.update_default_mail_domain(DomainName="old.example", **one)
    # The user has an address in the domain that was the default.
    code = refused(client.deregister_mail_domain, DomainName="default.example", **one)
    assert code == "MailDomainInUseException"


def domains(control):
    return [
        (domain["domainName"], domain["ownership"], domain["dkim"], domain["isDefault"])
        for domain in control.organizations()[-1]["domains"]
    ]


def test_domains_are_changed_without_a_call(control, organization):
    def change(**change):
        control("PATCH", f"/organizations/{organization[0]}", change)
        return domains(control)[1:]

    assert change(setDomains=[{"name": "A.example"}]) == [("a.example", "PENDING", "PENDING", False)]
    changed = change(setDomains=[{"name": "a.example", "dkim": "FAILED"}])
    assert changed == [("a.example", "PENDING", "FAILED", False)]
    control.advance("30d")
    changed = change(setDomains=[{"name": "a.example", "ownership": "Odd"}])
    assert changed == [("a.example", "Odd", "FAILED", False)]
    assert change(defaultMailDomain="A.Example") == [("a.example", "Odd", "FAILED", True)]
    assert change(removeDomains=["a.Example"]) == []
    assert domains(control) == [(TEST, "VERIFIED", "VERIFIED", True)]


def test_a_status_that_the_model_lacks_is_passed_on(session, control, organization):
    change = {"setDomains": [{"name": "acme.example", "ownership": "ODD"}]}
    control("PATCH", f"/organizations/{organization[0]}", change)
    client = session(control.url, check=False)
    got = client.get_mail_domain(OrganizationId=organization[0], DomainName="acme.example")
    assert got["OwnershipVerificationStatus"] == "ODD"


def test_domains_of_a_seed_are_not_verified_when_it_becomes_active(client, control):
    new = {"name": "new.example", "ownership": "PENDING", "dkim": "PENDING"}
    seeded = control.seed("acme", state="Requested", domains=[new])
    control("PATCH", f"/organizations/{seeded['id']}", {"state": "Active"})
    control.advance("30d")
    assert domains(control)[1] == ("new.example", "PENDING", "PENDING", False)


def test_a_state_that_is_set_does_not_change_with_time(client, control):
    control.knobs(creatingFor="10m")
    one = {"OrganizationId": client.create_organization(Alias="acme")["OrganizationId"]}
    path = f"/organizations/{one['OrganizationId']}"
    control("PATCH", path, {"state": "Frozen", "errorMessage": "By hand.", "setTags": {"by": "hand"}})
    control.advance("1h")
    described = client.describe_organization(**one)
    assert (described["State"], described["ErrorMessage"]) == ("Frozen", "By hand.")
    control("PATCH", path, {"state": "Active", "removeTags": ["absent"]})
    assert "ErrorMessage" not in client.describe_organization(**one)
    tags = client.list_tags_for_resource(ResourceARN=described["ARN"])["Tags"]
    assert tags == [{"Key": "by", "Value": "hand"}]
    assert control("GET", path) == control.organizations()[0]
    control("DELETE", path)
    code = refused(client.describe_organization, **one)
    assert code == "OrganizationNotFoundException"
    assert [refusal(control, method, path) for method in ("GET", "DELETE")] == [404, 404]
    client.create_organization(Alias="acme")


def test_knobs_are_changed_together_or_not_at_all(control):
    before = control("GET", "/knobs")
    assert control.knobs(aliasScope="account") == {**before, "aliasScope": "account"}
    assert refusal(control, "PATCH", "/knobs", {"aliasScope": "global", "nonsense": 1}) == 400
    assert control("GET", "/knobs")["aliasScope"] == "account"


def test_faults_are_added_shown_released_and_removed(control):
    rule = {"operation": "ListOrganizations", "times": 2, "fault": {"kind": "hang"}}
    added = control("POST", "/faults", rule)["id"]
    [shown] = control("GET", "/faults")
    assert (shown["id"], shown["hits"], shown["held"]) == (added, 0, 0)
    assert shown["rule"]["fault"] == {"kind": "hang", "work": "not-done"}
    assert control("POST", f"/faults/{added}/release") == {"released": 0}
    control("DELETE", f"/faults/{added}")
    assert refusal(control, "DELETE", f"/faults/{added}") == 404
    control("POST", "/faults", rule)
    control("DELETE", "/faults")
    assert control("GET", "/faults") == []


def test_the_journal_is_read_waited_for_and_cleared(client, control):
    empty = {"calls": [], "enough": False, "last": 0}
    read = control("GET", "/journal?operation=ListOrganizations&count=1&wait=1")
    assert {**read, "last": 0} == empty
    assert refusal(control, "GET", "/journal?opration=ListOrganizations") == 400
    client.list_organizations()
    read = control("GET", "/journal")
    # Requests of the control API are not in it.
    assert [call["operation"] for call in read["calls"]] == ["ListOrganizations"]
    assert (read["enough"], read["last"]) == (True, read["calls"][0]["sequence"])
    control("DELETE", "/journal")
    assert control("GET", "/journal") == {"calls": [], "enough": True, "last": read["last"]}


def test_a_reset_restores_the_start(control):
    control.knobs(aliasScope="account")
    control.seed("acme")
    control.fault({"kind": "throttle"})
    control("POST", "/reset")
    assert control("GET", "/knobs")["aliasScope"] == "global"
    assert (control.organizations(), control("GET", "/faults")) == ([], [])


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/organizations", {"alias": "a", "id": "m-" + "0" * 32}, 409),
        ("/organizations", {"alias": "a", "id": "m-1"}, 400),
        ("/organizations", {}, 400),
        ("/organizations", {"alias": "a", "directoryId": "d-1"}, 404),
        ("/organizations", {"alias": "a", "account": "1"}, 400),
        ("/organizations/m-1/users", {"name": "a"}, 404),
        ("/organizations/m-" + "0" * 32 + "/users", {}, 400),
        ("/directories", {"id": "d-1"}, 400),
        ("/zones", {"id": "Z1"}, 400),
        ("/credentials", {"accessKey": "A", "account": "x"}, 400),
        ("/faults", {"fault": {"kind": "explode"}}, 400),
        ("/faults", None, 400),
        ("/nowhere", {}, 404),
    ],
)
def test_what_is_not_valid_is_refused(control, path, body, status):
    before = [control.seed("there", id="m-" + "0" * 32)]
    assert refusal(control, "POST", path, body) == status
    assert control.organizations() == before


def refusal(control, method, path, body=None):
    """Makes a request that is refused with a text, and returns the status."""
    with pytest.raises(urllib.error.HTTPError) as error:
        control(method, path, body)
    assert json.loads(error.value.read())["error"]
    return error.value.code


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


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: "-".join(seed))
def test_a_seed_that_breaks_the_model_is_refused(control, seed):
    assert refusal(control, "POST", "/organizations", {"alias": "acme", **seed}) == 400
    assert control.organizations() == []


CHANGES = [
    {"state": "s" * 257},
    {"state": "Failed", "errorMessage": "e" * 400},
    {"errorMessage": "e" * 400},
    {"setDomains": [{"name": "a_b.example"}]},
    {"setDomains": [{}], "setTags": {"a": "b"}},
    {"setDomains": [{"name": "d" * 256}]},
    {"defaultMailDomain": "d" * 300},
    {"setTags": {"key": "v" * 257}},
    {"setTags": {f"key{number}": "" for number in range(51)}},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "-".join(change))
def test_a_change_that_breaks_the_model_is_refused(client, control, organization, change):
    before = control.organizations()
    assert refusal(control, "PATCH", f"/organizations/{organization[0]}", change) == 400
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
