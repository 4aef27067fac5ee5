"""Every operation that is served, as boto3 sees it."""

import datetime
import re

import pytest

UTC = datetime.timezone.utc


def test_an_organization_is_created_and_becomes_active(client, control):
    created = client.create_organization(
        Alias="acme",
        ClientToken="token",
        Domains=[{"DomainName": "acme.example"}],
        KmsKeyArn="arn:aws:kms:us-east-1:123456789012:key/1",
        EnableInteroperability=False,
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert re.fullmatch("[0-9a-f-]{36}", created["ResponseMetadata"]["RequestId"])
    identifier = created["OrganizationId"]
    assert re.fullmatch("m-[0-9a-f]{32}", identifier)

    described = client.describe_organization(OrganizationId=identifier)
    described.pop("ResponseMetadata")
    completed = described.pop("CompletedDate")
    now = datetime.datetime.fromisoformat(control("GET", "/clock")["now"][:19]).replace(tzinfo=UTC)
    assert abs(completed - now) < datetime.timedelta(minutes=1)
    assert re.fullmatch("d-[0-9a-f]{10}", described.pop("DirectoryId"))
    assert described == {
        "OrganizationId": identifier,
        "Alias": "acme",
        "State": "Active",
        "DirectoryType": "VpcDirectory",
        "DefaultMailDomain": "acme.awsapps.com",
        "ARN": f"arn:aws:workmail:us-east-1:123456789012:organization/{identifier}",
        "InteroperabilityEnabled": False,
    }


def test_the_states_on_the_way_can_be_seen(client, control):
    control.knobs(requestedFor="10m", creatingFor="20m", deletingFor="30m")
    identifier = client.create_organization(Alias="acme")["OrganizationId"]

    def state():
        described = client.describe_organization(OrganizationId=identifier)
        assert ("CompletedDate" in described) == (described["State"] not in ("Requested", "Creating"))
        return described["State"]

    seen = [state()]
    for minutes in (10, 19, 1):
        control.advance(f"{minutes}m")
        seen.append(state())
    assert seen == ["Requested", "Creating", "Creating", "Active"]
    answer = client.delete_organization(OrganizationId=identifier, DeleteDirectory=True)
    assert (answer["OrganizationId"], answer["State"]) == (identifier, "Deleting")
    assert state() == "Deleting"
    control.advance("30m")
    assert state() == "Deleted"


def test_a_failed_creation_says_why(client, control):
    control.fault({"kind": "fail-creation", "errorMessage": "No room."}, alias="acme")
    identifier = client.create_organization(Alias="acme")["OrganizationId"]
    described = client.describe_organization(OrganizationId=identifier)
    assert (described["State"], described["ErrorMessage"]) == ("Failed", "No room.")
    [summary] = client.list_organizations()["OrganizationSummaries"]
    assert summary["ErrorMessage"] == "No room."


def test_the_sdks_own_token_makes_each_call_its_own(client, control):
    client.create_organization(Alias="acme")
    with pytest.raises(client.exceptions.NameAvailabilityException):
        client.create_organization(Alias="acme")
    first, second = control.calls("CreateOrganization")
    assert first["request"]["ClientToken"] != second["request"]["ClientToken"]


def test_the_same_token_is_the_same_organization(client, control):
    first = client.create_organization(Alias="acme", ClientToken="t")["OrganizationId"]
    assert client.create_organization(Alias="acme", ClientToken="t")["OrganizationId"] == first
    assert len(control.organizations()) == 1
    assert [call["effect"] for call in control.calls("CreateOrganization")] == [True, False]


def test_an_account_without_organizations_gets_an_empty_list(client):
    assert client.list_organizations()["OrganizationSummaries"] == []


def test_the_paginator_sees_every_organization_once(client, control):
    control.knobs(organizationQuota=None)
    aliases = [f"acme-{number}" for number in range(7)]
    for alias in aliases:
        client.create_organization(Alias=alias)
    pages = client.get_paginator("list_organizations").paginate(PaginationConfig={"PageSize": 3})
    pages = [page["OrganizationSummaries"] for page in pages]
    assert [len(page) for page in pages] == [3, 3, 1]
    summaries = [summary for page in pages for summary in page]
    assert [summary["Alias"] for summary in summaries] == aliases
    assert set(summaries[0]) == {"OrganizationId", "Alias", "DefaultMailDomain", "State"}


def test_tags_are_set_read_and_removed(client, organization):
    _, arn = organization
    tags = [{"Key": "Äpfel & Birnen", "Value": ""}, {"Key": "team", "Value": "platform"}]
    answer = client.tag_resource(ResourceARN=arn, Tags=tags)
    assert set(answer) == {"ResponseMetadata"}
    listed = client.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert sorted(listed, key=lambda tag: tag["Key"]) == sorted(tags, key=lambda tag: tag["Key"])
    answer = client.untag_resource(ResourceARN=arn, TagKeys=["team", "absent"])
    assert set(answer) == {"ResponseMetadata"}
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags[:1]


def test_an_untagged_organization_has_an_empty_list_of_tags(client, organization):
    assert client.list_tags_for_resource(ResourceARN=organization[1])["Tags"] == []


def test_users_are_listed_with_times_and_in_pages(client, control):
    seeded = control.seed("acme", users=[{"name": f"user{number}"} for number in range(3)])
    control("POST", f"/organizations/{seeded['id']}/users", {"name": "gone", "state": "DISABLED"})
    pages = client.get_paginator("list_users").paginate(
        OrganizationId=seeded["id"], PaginationConfig={"PageSize": 2}
    )
    users = [user for page in pages for user in page["Users"]]
    assert [user["Name"] for user in users] == ["Guest", "user0", "user1", "user2", "gone"]
    assert (users[0]["UserRole"], users[0]["State"]) == ("SYSTEM_USER", "DISABLED")
    assert users[1]["Email"] == "user0@acme.awsapps.com"
    assert users[1]["EnabledDate"].tzinfo is not None
    assert "EnabledDate" not in users[4]
    enabled = client.list_users(OrganizationId=seeded["id"], Filters={"State": "ENABLED"})
    assert len(enabled["Users"]) == 3


def test_accounts_and_regions_do_not_see_each_other(client, client_of, control, organization):
    control("POST", "/credentials", {"accessKey": "AKIAOTHER", "account": "210987654321"})
    for stranger in (client_of(key="AKIAOTHER"), client_of(region="eu-west-1")):
        assert stranger.list_organizations()["OrganizationSummaries"] == []
        with pytest.raises(stranger.exceptions.OrganizationNotFoundException):
            stranger.describe_organization(OrganizationId=organization[0])
        with pytest.raises(stranger.exceptions.ResourceNotFoundException):
            stranger.list_tags_for_resource(ResourceARN=organization[1])


def test_what_happens_behind_the_clients_back_shows(client, control, organization):
    identifier, arn = organization
    control("PATCH", f"/organizations/{identifier}", {"setTags": {"by": "hand"}})
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "by", "Value": "hand"}]
    control("PATCH", f"/organizations/{identifier}", {"state": "Frozen", "errorMessage": "By hand."})
    described = client.describe_organization(OrganizationId=identifier)
    assert (described["State"], described["ErrorMessage"]) == ("Frozen", "By hand.")
    control("DELETE", f"/organizations/{identifier}")
    with pytest.raises(client.exceptions.OrganizationNotFoundException):
        client.describe_organization(OrganizationId=identifier)
