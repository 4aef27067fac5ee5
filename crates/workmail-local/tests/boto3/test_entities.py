"""Users, groups, resources, their addresses and mailboxes."""

import datetime
import json
import urllib.error

import pytest

from conftest import output, refused

DOMAIN = "acme.example"


@pytest.fixture
def one(control):
    """An Active organization with a verified default domain."""
    seeded = control.seed("acme", domains=[{"name": DOMAIN}], defaultMailDomain=DOMAIN)
    return {"OrganizationId": seeded["id"]}


@pytest.fixture
def add(control, one):
    """Adds users, groups and resources, and returns their ids."""
    path = f"/organizations/{one['OrganizationId']}"
    return lambda kind, name, **seed: control("POST", f"{path}/{kind}", {"name": name, **seed})["id"]


@pytest.fixture
def change(control, one):
    path = f"/organizations/{one['OrganizationId']}/entities"
    return lambda entity, **change: control("PATCH", f"{path}/{entity}", change)


def now(control):
    """Returns the time of the endpoint as seconds of the epoch."""
    text = control("GET", "/clock")["now"]
    return datetime.datetime.fromisoformat(text).timestamp()


def test_an_enabled_user_has_an_address_and_a_mailbox(client, control, one, add):
    user = add("users", "ada", mailboxSize=12.5, displayName="Ada L.")
    for identifier in (user, "ada", "ADA@acme.example"):
        described = client.describe_user(**one, UserId=identifier)
        assert described["UserId"] == user
    assert abs(described["EnabledDate"].timestamp() - now(control)) < 60
    assert described["MailboxProvisionedDate"] == described["EnabledDate"]
    del described["ResponseMetadata"], described["EnabledDate"], described["MailboxProvisionedDate"]
    assert described == {
        "UserId": user,
        "Name": "ada",
        "DisplayName": "Ada L.",
        "Email": "ada@acme.example",
        "State": "ENABLED",
        "UserRole": "USER",
        "HiddenFromGlobalAddressList": False,
    }
    details = client.get_mailbox_details(**one, UserId="ada")
    assert (details["MailboxQuota"], details["MailboxSize"]) == (51200, 12.5)


def test_a_disabled_user_keeps_its_mailbox_and_the_date(client, control, one, add, change):
    gone = add("users", "ada", state="DISABLED", disabledAge="29d", mailboxSize=3)
    described = client.describe_user(**one, UserId=gone)
    days = (now(control) - described["DisabledDate"].timestamp()) / 86400
    assert (described["State"], round(days)) == ("DISABLED", 29)
    assert "Email" not in described
    assert client.get_mailbox_details(**one, UserId=gone)["MailboxSize"] == 3
    bob = add("users", "bob")
    change(bob, state="DISABLED")
    described = client.describe_user(**one, UserId=bob)
    assert abs(described["DisabledDate"].timestamp() - now(control)) < 60
    assert described["MailboxDeprovisionedDate"] == described["DisabledDate"]


def test_a_user_that_never_was_enabled_has_no_mailbox(client, one, add):
    guest = add("users", "Guest", state="DISABLED", role="SYSTEM_USER")
    described = client.describe_user(**one, UserId=guest)
    assert described["UserRole"] == "SYSTEM_USER"
    assert not {"Email", "EnabledDate", "DisabledDate"} & described.keys()
    code = refused(client.get_mailbox_details, **one, UserId=guest)
    assert code == "EntityNotFoundException"


def test_a_deleted_user_is_shown_until_it_is_removed(client, control, one, add, change):
    user = add("users", "ada")
    change(user, state="DELETED")
    assert client.describe_user(**one, UserId=user)["State"] == "DELETED"
    assert [item["State"] for item in client.list_users(**one)["Users"]] == ["DELETED"]
    assert refused(client.list_aliases, **one, EntityId=user) == "EntityStateException"
    code = refused(client.get_mailbox_details, **one, UserId=user)
    assert code == "EntityNotFoundException"
    control("DELETE", f"/organizations/{one['OrganizationId']}/entities/{user}")
    assert refused(client.describe_user, **one, UserId=user) == "EntityNotFoundException"
    assert client.list_users(**one)["Users"] == []


def test_a_mailbox_grows(client, one, add, change):
    user = add("users", "ada", mailboxSize=1)
    assert change(user, mailboxSize=2.25)["mailboxSize"] == 2.25
    assert client.get_mailbox_details(**one, UserId=user)["MailboxSize"] == 2.25


def test_groups_and_resources_are_described(client, one, add):
    group = add("groups", "All hands", email="all@acme.example")
    room = add("resources", "Blue", type="ROOM")
    described = client.describe_group(**one, GroupId="all@acme.example")
    assert (described["GroupId"], described["Name"]) == (group, "All hands")
    described = client.describe_resource(**one, ResourceId=room)
    assert (described["Email"], described["Type"]) == ("Blue@acme.example", "ROOM")
    assert described["BookingOptions"]["AutoAcceptRequests"] is True
    # A name is one of a kind.
    assert refused(client.describe_user, **one, UserId=room) == "EntityNotFoundException"
    code = refused(client.get_mailbox_details, **one, UserId=room)
    assert code == "EntityNotFoundException"


def test_a_list_has_pages_and_one_kind(client, one, add):
    users = [add("users", f"user-{number}") for number in range(5)]
    add("groups", "staff")
    rooms = [add("resources", "Blue"), add("resources", "Car", type="EQUIPMENT")]
    pages = client.get_paginator("list_users").paginate(**one, PaginationConfig={"PageSize": 2})
    assert [[user["Id"] for user in page["Users"]] for page in pages] == [users[:2], users[2:4], users[4:]]
    assert [room["Id"] for room in client.list_resources(**one)["Resources"]] == rooms
    [group] = client.list_groups(**one)["Groups"]
    assert (group["Name"], group["State"]) == ("staff", "ENABLED")
    assert "Email" not in group
    token = client.list_users(**one, MaxResults=1)["NextToken"]
    code = refused(client.list_resources, **one, NextToken=token)
    assert code == "InvalidParameterException"


def test_filters_are_combined(client, one, add):
    ada = add("users", "ada")
    add("users", "adam", state="DISABLED")
    add("users", "bob")

    def listed(**filters):
        return [user["Name"] for user in client.list_users(**one, Filters=filters)["Users"]]

    assert listed(UsernamePrefix="ad") == ["ada", "adam"]
    assert listed(UsernamePrefix="ad", State="ENABLED") == ["ada"]
    assert listed(PrimaryEmailPrefix="bob@acme.example") == ["bob"]
    assert listed(DisplayNamePrefix="x") == []
    add("resources", "Blue")
    [room] = client.list_resources(**one, Filters={"NamePrefix": "Bl"})["Resources"]
    assert room["Id"] != ada


def test_the_primary_address_is_one_of_the_aliases(client, one, add, change):
    user = add("users", "ada", aliases=["countess@acme.example", "a@acme.example"])
    everything = ["ada@acme.example", "countess@acme.example", "a@acme.example"]
    assert client.list_aliases(**one, EntityId=user)["Aliases"] == everything
    first = client.list_aliases(**one, EntityId=user, MaxResults=2)
    second = client.list_aliases(**one, EntityId=user, NextToken=first["NextToken"])
    assert first["Aliases"] + second["Aliases"] == everything
    change(user, aliases=[], email="")
    assert client.list_aliases(**one, EntityId=user)["Aliases"] == []
    code = refused(client.list_aliases, **one, EntityId="0" * 36)
    assert code == "EntityNotFoundException"


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        ("users", {"name": "ada", "email": "ada@new.example"}),
        ("users", {"name": "ada", "state": "DISABLED", "email": "ada@new.example"}),
        ("users", {"name": "ada", "aliases": ["countess@NEW.example"]}),
        ("groups", {"name": "staff", "email": "staff@new.example"}),
        ("resources", {"name": "Blue", "aliases": ["blue@new.example"]}),
    ],
)
def test_a_domain_with_an_address_is_in_use(client, control, one, add, kind, seed):
    control("PATCH", f"/organizations/{one['OrganizationId']}", {"setDomains": [{"name": "new.example"}]})
    entity = add(kind, seed.pop("name"), **seed)
    code = refused(client.deregister_mail_domain, **one, DomainName="new.example")
    assert code == "MailDomainInUseException"
    path = f"/organizations/{one['OrganizationId']}/entities/{entity}"
    control("PATCH", path, {"state": "DELETED"})
    client.deregister_mail_domain(**one, DomainName="new.example")


CALLS = [
    ("list_users", {}, []),
    ("list_groups", {}, []),
    ("list_resources", {}, []),
    ("list_aliases", {"EntityId": "0" * 36}, [{"EntityId": "short"}]),
    ("describe_user", {"UserId": "ada"}, [{"UserId": "a b"}, {"UserId": "a" * 257}]),
    ("describe_group", {"GroupId": "staff"}, [{"GroupId": "a b"}]),
    ("describe_resource", {"ResourceId": "Blue"}, [{"ResourceId": "a b"}]),
    ("get_mailbox_details", {"UserId": "ada"}, [{"UserId": "a b"}]),
]


@pytest.mark.parametrize(("name", "call", "wrong"), CALLS)
def test_an_organization_has_to_be_there_and_active(unchecked, control, one, name, call, wrong):
    operation = getattr(unchecked, name)
    code = refused(operation, OrganizationId="m-" + "f" * 32, **call)
    assert code == "OrganizationNotFoundException"
    for parameters in wrong:
        assert refused(operation, **one, **parameters) == "InvalidParameterException"
    control("PATCH", f"/organizations/{one['OrganizationId']}", {"state": "Deleted"})
    assert refused(operation, **one, **call) == "OrganizationStateException"


@pytest.mark.parametrize(
    ("kind", "seed", "status"),
    [
        ("users", {"name": ""}, 400),
        ("users", {"name": "a b"}, 400),
        ("users", {"name": "ada", "email": "nobody"}, 400),
        ("users", {"name": "ada", "aliases": ["nobody"]}, 400),
        ("users", {"name": "ada", "mailboxSize": -1}, 400),
        ("users", {"name": "ada", "state": "ODD"}, 400),
        ("users", {"name": "ada", "id": "short"}, 400),
        ("users", {"name": "ada", "id": "user-0000000000"}, 409),
        ("resources", {"name": "r" * 21}, 400),
        ("resources", {"name": "Blue", "id": "r-1"}, 400),
    ],
)
def test_a_seed_that_the_model_does_not_show_is_refused(control, one, add, kind, seed, status):
    add("users", "there", id="user-0000000000")
    path = f"/organizations/{one['OrganizationId']}"
    before = control("GET", f"{path}/entities")
    with pytest.raises(urllib.error.HTTPError) as error:
        control("POST", f"{path}/{kind}", seed)
    assert error.value.code == status
    assert json.loads(error.value.read())["error"]
    with pytest.raises(urllib.error.HTTPError) as error:
        control("PATCH", f"{path}/entities/user-0000000000", {"email": "nobody"})
    assert error.value.code == 400
    assert control("GET", f"{path}/entities") == before


def test_entities_come_with_a_seed(client, control):
    seeded = control.seed(
        "acme",
        users=[{"name": "ada", "id": "user-0000000000", "mailboxSize": 7}],
        groups=[{"name": "staff"}],
        resources=[{"name": "Blue", "type": "EQUIPMENT"}],
    )
    one = {"OrganizationId": seeded["id"]}
    assert client.describe_user(**one, UserId="user-0000000000")["Email"] == "ada@acme.awsapps.com"
    [group] = client.list_groups(**one)["Groups"]
    [room] = client.list_resources(**one)["Resources"]
    assert (group["Name"], room["Type"]) == ("staff", "EQUIPMENT")


def test_the_aws_cli_reads_entities(aws, one, add):
    user, room = add("users", "ada", mailboxSize=2), add("resources", "Blue")
    group = add("groups", "staff")
    organization = ("--organization-id", one["OrganizationId"])

    def run(name, *words):
        return output(aws("workmail", name, *organization, *words))

    assert run("list-users")["Users"][0]["Id"] == user
    assert run("list-resources")["Resources"][0]["Id"] == room
    assert run("list-groups")["Groups"][0]["Id"] == group
    assert run("describe-user", "--user-id", user)["Name"] == "ada"
    assert run("describe-resource", "--resource-id", room)["Name"] == "Blue"
    assert run("describe-group", "--group-id", group)["Name"] == "staff"
    assert run("get-mailbox-details", "--user-id", user)["MailboxSize"] == 2
    assert run("list-aliases", "--entity-id", user)["Aliases"] == ["ada@acme.example"]
