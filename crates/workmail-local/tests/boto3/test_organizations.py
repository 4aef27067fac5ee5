"""CreateOrganization, DescribeOrganization, ListOrganizations and DeleteOrganization."""

import datetime
import re

import pytest

from conftest import refused

UTC = datetime.timezone.utc
OTHER_ACCOUNT = "210987654321"
DIRECTORY = "d-0000000001"


def create(client, alias="acme", **parameters):
    return client.create_organization(Alias=alias, **parameters)["OrganizationId"]


def state(client, identifier):
    return client.describe_organization(OrganizationId=identifier)["State"]


def delete(client, identifier, **parameters):
    parameters = {"DeleteDirectory": False, **parameters}
    return client.delete_organization(OrganizationId=identifier, **parameters)


def aliases(client, **parameters):
    summaries = client.list_organizations(**parameters)["OrganizationSummaries"]
    return [summary["Alias"] for summary in summaries]


@pytest.fixture
def other_account(control, client_of):
    """A client of another account."""
    control("POST", "/credentials", {"accessKey": "AKIAOTHER", "account": OTHER_ACCOUNT})
    return client_of(key="AKIAOTHER")


@pytest.fixture
def denied(control, client_of):
    """Makes clients that are denied actions."""

    def make(*actions):
        key = {"accessKey": "AKIADENIED", "account": "123456789012", "denied": actions}
        control("POST", "/credentials", key)
        return client_of(key="AKIADENIED")

    return make


def test_an_active_organization_is_described(client):
    created = client.create_organization(
        Alias="Acme",
        ClientToken="token",
        Domains=[{"DomainName": "acme.example"}],
        KmsKeyArn="arn:aws:kms:us-east-1:123456789012:key/1",
        EnableInteroperability=False,
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert re.fullmatch("[0-9a-f-]{36}", created["ResponseMetadata"]["RequestId"])
    identifier = created["OrganizationId"]
    described = client.describe_organization(OrganizationId=identifier)
    described.pop("ResponseMetadata")
    assert described.pop("CompletedDate").tzinfo is not None
    assert re.fullmatch("d-[0-9a-f]{10}", described.pop("DirectoryId"))
    assert described == {
        "OrganizationId": identifier,
        "Alias": "Acme",
        "State": "Active",
        "DirectoryType": "VpcDirectory",
        "DefaultMailDomain": "acme.awsapps.com",
        "ARN": f"arn:aws:workmail:us-east-1:123456789012:organization/{identifier}",
        "InteroperabilityEnabled": False,
    }


def test_states_change_with_time(client, control):
    control.knobs(requestedFor="10m", creatingFor="20m", deletingFor="30m")
    created = datetime.datetime.fromisoformat(control("GET", "/clock")["now"][:19])
    identifier = create(client)
    described = client.describe_organization(OrganizationId=identifier)
    absent = {"CompletedDate", "DirectoryId", "DirectoryType", "DefaultMailDomain", "ErrorMessage"}
    assert not absent & described.keys()
    seen = [described["State"]]
    for minutes in (10, 19, 100):
        control.advance(f"{minutes}m")
        seen.append(state(client, identifier))
    assert seen == ["Requested", "Creating", "Creating", "Active"]
    # The date is that of the change, although nobody read the state at that time.
    completed = client.describe_organization(OrganizationId=identifier)["CompletedDate"]
    expected = created.replace(tzinfo=UTC) + datetime.timedelta(minutes=30)
    assert abs(completed - expected) < datetime.timedelta(minutes=1)
    answer = delete(client, identifier, DeleteDirectory=True)
    assert (answer["OrganizationId"], answer["State"]) == (identifier, "Deleting")
    assert state(client, identifier) == "Deleting"
    for time in ("30m", "3650d"):
        control.advance(time)
        assert state(client, identifier) == "Deleted"
    [summary] = client.list_organizations()["OrganizationSummaries"]
    assert summary["State"] == "Deleted"


def test_a_failed_creation_has_an_error_message(client, control):
    control.fault({"kind": "fail-creation", "errorMessage": "No room."}, alias="acme", times=1)
    described = client.describe_organization(OrganizationId=create(client))
    assert (described["State"], described["ErrorMessage"]) == ("Failed", "No room.")
    assert "CompletedDate" not in described
    [summary] = client.list_organizations()["OrganizationSummaries"]
    assert summary["ErrorMessage"] == "No room."
    assert state(client, create(client, "other")) == "Active"


def test_reads_may_lag_behind_a_create(client, control):
    control.knobs(describeNotFoundFor="5m", listMissingFor="10m")
    identifier = create(client)
    absent = refused(client.describe_organization, OrganizationId=identifier)
    assert absent == "OrganizationNotFoundException"
    control.advance("5m")
    assert (state(client, identifier), aliases(client)) == ("Active", [])
    control.advance("5m")
    assert aliases(client) == ["acme"]
    control.seed("seeded")
    assert aliases(client) == ["acme", "seeded"]


def test_reads_may_lag_behind_a_delete(client, control):
    control.knobs(deleteHiddenFor="3m", deletingFor="10m")
    identifier = create(client)
    assert delete(client, identifier)["State"] == "Deleting"
    assert state(client, identifier) == "Active"
    assert refused(delete, client, identifier) == "OrganizationStateException"
    control.advance("3m")
    assert state(client, identifier) == "Deleting"
    control.advance("10m")
    assert state(client, identifier) == "Deleted"


def test_a_deleted_organization_may_vanish(client, control):
    control.knobs(deletedVisibleFor="10m")
    identifier = create(client)
    delete(client, identifier)
    control.advance("9m")
    assert state(client, identifier) == "Deleted"
    control.advance("1m")
    absent = refused(client.describe_organization, OrganizationId=identifier)
    assert (absent, aliases(client)) == ("OrganizationNotFoundException", [])


def test_the_quota_counts_the_organizations_of_an_account(client, client_of, control, other_account):
    control.knobs(organizationQuota=2)
    identifier = create(client)
    create(client_of(region="eu-west-1"), "two")
    parameters = {"Alias": "three", "ClientToken": "t"}
    assert refused(client.create_organization, **parameters) == "LimitExceededException"
    create(other_account, "elsewhere")
    assert len(control.organizations()) == 3
    delete(client, identifier)
    # The call that was refused is not remembered by its token.
    client.create_organization(**parameters)
    assert [call["effect"] for call in control.calls("CreateOrganization")][-1]
    control.knobs(organizationQuota=None)
    create(client, "four")


def test_a_repeated_token_is_the_same_create(client, client_of, control, other_account):
    control.knobs(clientTokenLifetime="10m")
    parameters = {"Alias": "acme", "ClientToken": "t"}
    first = client.create_organization(**parameters)["OrganizationId"]
    assert client.create_organization(**parameters)["OrganizationId"] == first
    assert [call["effect"] for call in control.calls("CreateOrganization")] == [True, False]
    other = {**parameters, "Alias": "other"}
    assert refused(client.create_organization, **other) == "InvalidParameterException"
    for stranger in (client_of(region="eu-west-1"), other_account):
        code = refused(stranger.create_organization, **parameters)
        assert code == "NameAvailabilityException"
    delete(client, first)
    assert client.create_organization(**parameters)["OrganizationId"] == first
    control.advance("10m")
    assert refused(client.create_organization, **parameters) == "NameAvailabilityException"
    assert len(control.organizations()) == 1


def test_the_random_tokens_of_the_sdk_make_two_calls(client, control):
    create(client)
    assert refused(create, client) == "NameAvailabilityException"
    first, second = control.calls("CreateOrganization")
    assert first["request"]["ClientToken"] != second["request"]["ClientToken"]


def test_a_repeated_token_is_the_same_delete(client, control):
    control.knobs(deletingFor="10m")
    identifier = create(client)
    first = delete(client, identifier, ClientToken="t")
    control.advance("10m")
    second = delete(client, identifier, ClientToken="t")
    assert second["State"] == first["State"] == "Deleting"
    assert [call["effect"] for call in control.calls("DeleteOrganization")] == [True, False]
    assert refused(delete, client, identifier) == "OrganizationStateException"


@pytest.mark.parametrize("word", ["Active", "Failed", "Impaired", "Inactive"])
def test_a_delete_is_accepted_in_some_states(client, control, word):
    identifier = control.seed("acme", state=word)["id"]
    control.knobs(deletableStates=[])
    assert refused(delete, client, identifier) == "OrganizationStateException"
    control("POST", "/reset")
    delete(client, control.seed("acme", state=word)["id"])


@pytest.mark.parametrize(
    "word", ["Requested", "Creating", "Validating", "Deleting", "Deleted", "Frozen"]
)
def test_a_delete_is_refused_in_other_states(client, control, word):
    identifier = control.seed("acme", state=word)["id"]
    assert refused(delete, client, identifier) == "OrganizationStateException"
    assert control.organizations()[0]["state"] == word


def test_a_delete_may_be_accepted_while_creating(client, control):
    control.knobs(creatingFor="10m", deletableStates=["Creating"])
    identifier = create(client)
    delete(client, identifier)
    control.advance("1h")
    described = client.describe_organization(OrganizationId=identifier)
    assert described["State"] == "Deleted"
    assert "CompletedDate" not in described


def test_enabled_users_block_a_delete(client, control):
    users = [{"name": "bob", "state": "DISABLED"}]
    without = control.seed("without", users=users)["id"]
    delete(client, without)
    identifier = control.seed("acme", users=[*users, {"name": "ada"}])["id"]
    assert refused(delete, client, identifier) == "OrganizationStateException"
    control.knobs(enabledUsersError="InvalidParameterException")
    assert refused(delete, client, identifier) == "InvalidParameterException"
    assert state(client, identifier) == "Active"
    delete(client, identifier, ForceDelete=True)
    assert state(client, identifier) == "Deleted"


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("ds:CreateAlias", {}),
        ("ds:AuthorizeApplication", {}),
        ("ses:VerifyDomainDkim", {"Domains": [{"DomainName": "acme.example"}]}),
        ("route53:ChangeResourceRecordSets", {"Domains": [{"DomainName": "z.example", "HostedZoneId": "Z1"}]}),
        ("kms:CreateGrant", {"KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1"}),
    ],
)
def test_a_create_needs_rights_on_other_services(control, denied, action, parameters):
    control("POST", "/zones", {"id": "Z1", "name": "z.example"})
    client = denied(action)
    with pytest.raises(client.exceptions.ClientError) as error:
        create(client, **parameters)
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    assert action in error.value.response["Error"]["Message"]
    assert control.organizations() == []
    if parameters:
        create(client)


def test_a_delete_needs_rights_on_other_services(client, control, denied):
    identifier = create(client, Domains=[{"DomainName": "acme.example"}])
    for action in ("ds:UnauthorizeApplication", "ses:DeleteReceiptRule"):
        assert refused(delete, denied(action), identifier) == "AccessDeniedException"
    stranger = denied("ds:DeleteDirectory")
    code = refused(delete, stranger, identifier, DeleteDirectory=True)
    assert code == "AccessDeniedException"
    assert state(client, identifier) == "Active"
    delete(stranger, identifier)


def test_authorization_comes_before_the_bounds_of_the_input(control, client_of):
    key = {"accessKey": "AKIADENIED", "account": "123456789012", "denied": ["CreateOrganization"]}
    control("POST", "/credentials", key)
    client = client_of(key="AKIADENIED", parameter_validation=False)
    assert aliases(client) == []
    with pytest.raises(client.exceptions.ClientError) as error:
        client.create_organization()
    assert error.value.response["Error"]["Message"] == (
        "User: arn:aws:iam::123456789012:user/local is not authorized to perform: "
        "workmail:CreateOrganization on resource: *"
    )


def test_accounts_and_regions_do_not_see_each_other(client, client_of, other_account, organization):
    identifier, arn = organization
    for stranger in (other_account, client_of(region="eu-west-1")):
        assert aliases(stranger) == []
        absent = refused(stranger.describe_organization, OrganizationId=identifier)
        assert absent == "OrganizationNotFoundException"
        assert refused(delete, stranger, identifier) == "OrganizationNotFoundException"
        absent = refused(stranger.list_tags_for_resource, ResourceARN=arn)
        assert absent == "ResourceNotFoundException"
    assert (aliases(client), state(client, identifier)) == (["acme"], "Active")


def test_an_alias_is_unique_in_its_scope(client, client_of, control, other_account):
    create(client)
    for stranger in (client, client_of(region="eu-west-1"), other_account):
        assert refused(create, stranger, "ACME") == "NameAvailabilityException"
    control.knobs(aliasScope="account")
    assert refused(create, client_of(region="eu-west-1")) == "NameAvailabilityException"
    create(other_account)


def test_an_alias_is_never_free_again(client, control):
    delete(client, create(client), DeleteDirectory=True)
    assert refused(create, client) == "NameAvailabilityException"


def test_an_alias_may_be_free_again_after_the_deletion(client, control):
    control.knobs(aliasReuse="after-deletion", deletingFor="1m")
    delete(client, create(client))
    assert refused(create, client) == "NameAvailabilityException"
    control.advance("1m")
    create(client)


def test_a_directory_of_other_applications_is_not_deleted(client, control):
    control("POST", "/directories", {"id": DIRECTORY, "otherApplications": True})
    identifier = create(client, DirectoryId=DIRECTORY)
    code = refused(delete, client, identifier, DeleteDirectory=True)
    assert code == "InvalidParameterException"
    control.knobs(sharedDirectory="fail-later", deletingFor="1m")
    delete(client, identifier, DeleteDirectory=True)
    assert state(client, identifier) == "Deleting"
    control.advance("1m")
    described = client.describe_organization(OrganizationId=identifier)
    assert described["State"] == "Failed"
    assert DIRECTORY in described["ErrorMessage"]
    delete(client, identifier)
    control.advance("1m")
    assert state(client, identifier) == "Deleted"


def test_a_directory_that_was_kept_takes_another_organization(client):
    first = create(client)
    directory = client.describe_organization(OrganizationId=first)["DirectoryId"]
    assert refused(create, client, DirectoryId=directory) == "DirectoryInUseException"
    delete(client, first)
    second = create(client, DirectoryId=directory)
    assert client.describe_organization(OrganizationId=second)["DirectoryId"] == directory
    delete(client, second, DeleteDirectory=True)
    assert refused(create, client, DirectoryId=directory) == "DirectoryUnavailableException"


@pytest.mark.parametrize("seed", [None, {"region": "eu-west-1"}, {"account": OTHER_ACCOUNT}])
def test_a_directory_of_another_location_is_unavailable(client, control, seed):
    if seed:
        control("POST", "/directories", {"id": DIRECTORY, **seed})
    assert refused(create, client, DirectoryId=DIRECTORY) == "DirectoryUnavailableException"


def test_an_organization_has_the_alias_of_its_directory(client, control):
    control("POST", "/directories", {"id": DIRECTORY, "alias": "corp"})
    code = refused(create, client, "acme", DirectoryId=DIRECTORY)
    assert code == "InvalidParameterException"
    assert refused(create, client, "corp") == "NameAvailabilityException"
    create(client, "Corp", DirectoryId=DIRECTORY)
    control("POST", "/directories", {"id": "d-0000000002"})
    code = refused(create, client, "corp", DirectoryId="d-0000000002")
    assert code == "NameAvailabilityException"
    create(client, "acme", DirectoryId="d-0000000002")
    assert refused(create, client, "acme") == "NameAvailabilityException"


@pytest.mark.parametrize("kind", [None, "simple-ad", "ad-connector"])
def test_interoperability_needs_an_ad_connector(client, control, kind):
    parameters = {"EnableInteroperability": True}
    if kind:
        control("POST", "/directories", {"id": DIRECTORY, "kind": kind})
        parameters["DirectoryId"] = DIRECTORY
    if kind == "ad-connector":
        described = client.describe_organization(OrganizationId=create(client, **parameters))
        assert described["InteroperabilityEnabled"]
    else:
        assert refused(create, client, **parameters) == "InvalidParameterException"


def test_pages_contain_every_organization_once(client, client_of, control):
    assert aliases(client) == []
    expected = [f"acme-{number}" for number in range(250)]
    for alias in expected[:100]:
        control.seed(alias)
    assert "NextToken" not in client.list_organizations()
    for alias in expected[100:]:
        control.seed(alias)
    pages = list(client.get_paginator("list_organizations").paginate())
    pages = [page["OrganizationSummaries"] for page in pages]
    assert [len(page) for page in pages] == [100, 100, 50]
    summaries = [summary for page in pages for summary in page]
    assert [summary["Alias"] for summary in summaries] == expected
    assert set(summaries[0]) == {"OrganizationId", "Alias", "DefaultMailDomain", "State"}
    token = client.list_organizations(MaxResults=1)["NextToken"]
    assert aliases(client, MaxResults=1, NextToken=token) == ["acme-1"]
    elsewhere = client_of(region="eu-west-1")
    for call, bad in ((client, "x"), (client, token[::-1]), (elsewhere, token)):
        assert refused(call.list_organizations, NextToken=bad) == "InvalidParameterException"
