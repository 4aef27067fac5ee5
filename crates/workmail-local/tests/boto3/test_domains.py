"""Mail domains."""

import re

import pytest

from conftest import code_of, output, refused

DOMAIN = "acme.example"
TEST = "acme.awsapps.com"
VERIFIED = ("VERIFIED", "VERIFIED")
PENDING = ("PENDING", "PENDING")
FAILED = ("FAILED", "FAILED")


@pytest.fixture
def one(organization):
    """The organization as a parameter."""
    return {"OrganizationId": organization[0]}


@pytest.fixture
def create(client):
    """Creates an organization, and returns it as a parameter."""

    def make(alias="acme", *domains):
        created = client.create_organization(Alias=alias, Domains=list(domains))
        return {"OrganizationId": created["OrganizationId"]}

    return make


def change(control, one, **change):
    control("PATCH", f"/organizations/{one['OrganizationId']}", change)


def verify(control, one, name=DOMAIN, **statuses):
    statuses = statuses or {"ownership": "VERIFIED", "dkim": "VERIFIED"}
    change(control, one, setDomains=[{"name": name, **statuses}])


def statuses(client, one, name=DOMAIN):
    got = client.get_mail_domain(DomainName=name, **one)
    return got["OwnershipVerificationStatus"], got["DkimVerificationStatus"]


def names(client, one):
    listed = client.list_mail_domains(**one)["MailDomains"]
    return {domain["DomainName"]: domain["DefaultDomain"] for domain in listed}


def register(client, one, name=DOMAIN, **parameters):
    return client.register_mail_domain(DomainName=name, **one, **parameters)


def deregister(client, one, name=DOMAIN):
    return client.deregister_mail_domain(DomainName=name, **one)


def make_default(client, one, name=DOMAIN):
    return client.update_default_mail_domain(DomainName=name, **one)


def effects(control, operation):
    return [call["effect"] for call in control.calls(operation)]


def test_the_test_domain_is_the_first_default(client, one):
    got = client.get_mail_domain(DomainName=TEST, **one)
    got.pop("ResponseMetadata")
    assert got == {
        "Records": [],
        "IsTestDomain": True,
        "IsDefault": True,
        "OwnershipVerificationStatus": "VERIFIED",
        "DkimVerificationStatus": "VERIFIED",
    }
    assert names(client, one) == {TEST: True}
    register(client, one, TEST)
    assert names(client, one) == {TEST: True}


def test_a_domain_is_registered_verified_made_the_default_and_deregistered(client, control, one):
    for name in ("ACME.example", DOMAIN):
        assert set(register(client, one, name)) == {"ResponseMetadata"}
    assert effects(control, "RegisterMailDomain") == [True, False]
    assert names(client, one) == {TEST: True, DOMAIN: False}
    got = client.get_mail_domain(DomainName="Acme.Example", **one)
    assert (got["IsTestDomain"], got["IsDefault"]) == (False, False)
    assert statuses(client, one) == PENDING
    assert refused(make_default, client, one) == "MailDomainStateException"
    verify(control, one)
    assert statuses(client, one) == VERIFIED
    for name in ("ACME.example", DOMAIN):
        assert set(make_default(client, one, name)) == {"ResponseMetadata"}
    assert effects(control, "UpdateDefaultMailDomain") == [False, True, False]
    assert client.describe_organization(**one)["DefaultMailDomain"] == DOMAIN
    [summary] = client.list_organizations()["OrganizationSummaries"]
    assert summary["DefaultMailDomain"] == DOMAIN
    assert client.get_mail_domain(DomainName=DOMAIN, **one)["IsDefault"]
    assert names(client, one) == {TEST: False, DOMAIN: True}
    assert refused(deregister, client, one) == "MailDomainInUseException"
    make_default(client, one, TEST)
    for _ in range(2):
        assert set(deregister(client, one)) == {"ResponseMetadata"}
    assert effects(control, "DeregisterMailDomain") == [False, True, False]
    assert names(client, one) == {TEST: True}


def test_a_domain_has_eight_records_in_the_order_and_form_of_the_service(client, client_of, control, one):
    def records(client, one):
        got = client.get_mail_domain(DomainName=DOMAIN, **one)["Records"]
        return [(record["Type"], record["Hostname"], record["Value"]) for record in got]

    register(client, one)
    first = records(client, one)
    token = first[1][2]
    tokens = [host.split(".")[0] for _, host, _ in first[3:6]]
    assert re.fullmatch("[A-Za-z0-9+/]{43}=", token)
    assert all(re.fullmatch("[0-9a-z]{32}", token) for token in tokens)
    assert first == [
        ("MX", f"{DOMAIN}.", "10 inbound-smtp.us-east-1.amazonaws.com."),
        ("TXT", f"_amazonses.{DOMAIN}.", token),
        ("CNAME", f"autodiscover.{DOMAIN}.", "autodiscover.mail.us-east-1.awsapps.com."),
        *(
            ("CNAME", f"{token}._domainkey.{DOMAIN}.", f"{token}.dkim.amazonses.com.")
            for token in tokens
        ),
        ("TXT", f"{DOMAIN}.", "v=spf1 include:amazonses.com ~all"),
        ("TXT", f"_dmarc.{DOMAIN}.", "v=DMARC1;p=quarantine;pct=100;fo=1"),
    ]
    assert records(client, one) == first
    there = control.seed("there", region="eu-west-1", domains=[{"name": DOMAIN}])
    second = records(client_of(region="eu-west-1"), {"OrganizationId": there["id"]})
    different = [mine != theirs for mine, theirs in zip(first, second, strict=True)]
    assert different == [True] * 6 + [False] * 2
    # The host of a DKIM record has 254 characters then, the most that the model allows.
    long = "a." * 101 + "example"
    register(client, one, long)
    host = client.get_mail_domain(DomainName=long, **one)["Records"][3]["Hostname"]
    assert (len(long), len(host)) == (209, 254)


def test_a_domain_is_verified_or_fails_after_a_time(client, control, one):
    register(client, one, "slow.example")
    control.knobs(verificationAfter="10m")
    register(client, one)
    control.advance("9m")
    assert statuses(client, one) == PENDING
    control.advance("1m")
    assert statuses(client, one) == VERIFIED
    control.advance("71h")
    assert statuses(client, one, "slow.example") == PENDING
    control.advance("1h")
    assert statuses(client, one, "slow.example") == FAILED
    assert statuses(client, one) == VERIFIED
    # SES starts again when a failed domain is registered again.
    register(client, one, "slow.example")
    assert effects(control, "RegisterMailDomain") == [True, True, True]
    assert statuses(client, one, "slow.example") == PENDING
    control.advance("10m")
    assert statuses(client, one, "slow.example") == VERIFIED


def test_ses_remembers_a_verified_identity(client, client_of, control, one):
    verify(control, one)
    deregister(client, one)
    register(client, one)
    assert statuses(client, one) == VERIFIED
    deregister(client, one)
    elsewhere = client_of(region="eu-west-1")
    created = elsewhere.create_organization(Alias="there")["OrganizationId"]
    register(elsewhere, {"OrganizationId": created})
    assert statuses(elsewhere, {"OrganizationId": created}) == PENDING


def test_domains_of_a_create_are_verified_from_active_on(client, control, create):
    control.knobs(creatingFor="1m", zoneVerificationAfter="10m", verificationFailsAfter="1h")
    control("POST", "/zones", {"id": "Z1", "name": f"{DOMAIN}."})
    one = create("acme", {"DomainName": DOMAIN, "HostedZoneId": "Z1"}, {"DomainName": "b.example"})
    assert refused(client.list_mail_domains, **one) == "OrganizationStateException"
    control.advance("1m")
    assert names(client, one) == {TEST: True, DOMAIN: False, "b.example": False}
    control.advance("9m")
    assert statuses(client, one) == PENDING
    control.advance("1m")
    assert statuses(client, one) == VERIFIED
    assert client.describe_organization(**one)["DefaultMailDomain"] == TEST
    assert statuses(client, one, "b.example") == PENDING
    control.advance("1h")
    assert statuses(client, one, "b.example") == FAILED


@pytest.mark.parametrize("name", ["other.awsapps.com", "Other.AwsApps.com", "awsapps.com"])
def test_a_create_with_the_test_domain_of_another_organization_is_refused(control, create, name):
    control.seed("other")
    code = refused(create, "acme", {"DomainName": name})
    assert (code, len(control.organizations())) == ("InvalidParameterException", 1)


def test_a_create_may_name_its_own_test_domain(client, create):
    assert names(client, create("acme", {"DomainName": TEST})) == {TEST: True}


@pytest.mark.parametrize("name", [DOMAIN, f"mail.{DOMAIN}"])
def test_a_create_with_a_domain_of_a_hosted_zone_needs_the_id_of_the_zone(control, create, name):
    control("POST", "/zones", {"id": "Z1", "name": DOMAIN})
    assert refused(create, "acme", {"DomainName": name}) == "InvalidParameterException"
    assert control.organizations() == []
    create("acme", {"DomainName": f"not{DOMAIN}"})
    create("b", {"DomainName": name, "HostedZoneId": "Z1"})
    [_, organization] = control.organizations()
    assert organization["domains"][1]["hostedZoneId"] == "Z1"


def test_the_hosted_zones_of_another_account_do_not_count(control, create):
    control("POST", "/zones", {"id": "Z1", "name": DOMAIN, "account": "210987654321"})
    with_zone = {"DomainName": DOMAIN, "HostedZoneId": "Z1"}
    assert refused(create, "acme", with_zone) == "InvalidParameterException"
    create("acme", {"DomainName": DOMAIN})


@pytest.mark.parametrize("names", [["other.example"], [f"not{DOMAIN}"], [DOMAIN, "ACME.example"]])
def test_a_create_with_the_wrong_zone_or_a_repeated_domain_is_refused(control, create, names):
    control("POST", "/zones", {"id": "Z1", "name": DOMAIN})
    domains = [{"DomainName": name, "HostedZoneId": "Z1"} for name in names]
    assert refused(create, "acme", *domains) == "InvalidParameterException"


def test_a_create_with_the_domain_of_another_organization_fails(client, create):
    first = create("first", {"DomainName": DOMAIN})
    described = client.describe_organization(**create("second", {"DomainName": DOMAIN}))
    assert described["State"] == "Failed"
    assert DOMAIN in described["ErrorMessage"]
    # The failed organization does not hold the domain.
    deregister(client, first)
    register(client, first)


def test_one_organization_of_an_account_has_a_domain(client, client_of, control, one):
    control.seed("elsewhere", region="eu-west-1", domains=[{"name": DOMAIN}])
    assert refused(register, client, one, "ACME.example") == "MailDomainInUseException"
    key = {"accessKey": "AKIAOTHER", "account": "210987654321"}
    control("POST", "/credentials", key)
    stranger = client_of(key="AKIAOTHER")
    created = stranger.create_organization(Alias="stranger")["OrganizationId"]
    register(stranger, {"OrganizationId": created})


def test_a_domain_is_free_once_its_organization_leaves_it(client, control, create):
    first, second = create("first"), create("second")
    register(client, first)
    deregister(client, first)
    register(client, second)
    client.delete_organization(DeleteDirectory=False, **second)
    register(client, first)
    control("DELETE", f"/organizations/{first['OrganizationId']}")
    control.seed("again", id=first["OrganizationId"])
    register(client, create("third"))


def test_an_address_in_a_domain_blocks_its_removal(client, control):
    users = [{"name": "gone", "email": f"gone@{DOMAIN}", "state": "DELETED"}, {"name": "jo"}]
    seeded = control.seed("acme", users=users, domains=[{"name": DOMAIN}, {"name": "b.example"}])
    one = {"OrganizationId": seeded["id"]}
    deregister(client, one)
    user = {"name": "bob", "email": "bob@B.example", "state": "DISABLED"}
    control("POST", f"/organizations/{seeded['id']}/users", user)
    assert refused(deregister, client, one, "b.example") == "MailDomainInUseException"


def test_the_test_domain_and_a_custom_receipt_rule_block_a_removal(client, control, one):
    assert refused(deregister, client, one, TEST) == "InvalidParameterException"
    verify(control, one, customSes=True)
    assert refused(deregister, client, one) == "InvalidCustomSesConfigurationException"
    assert names(client, one) == {TEST: True, DOMAIN: False}


def test_a_domain_that_is_not_registered_is_not_found(client, one):
    for call in (client.get_mail_domain, client.update_default_mail_domain):
        assert refused(call, DomainName=DOMAIN, **one) == "MailDomainNotFoundException"
    deregister(client, one)


def test_the_default_domain_needs_dkim_too(client, control, one):
    verify(control, one, ownership="VERIFIED", dkim="PENDING")
    assert refused(make_default, client, one) == "MailDomainStateException"


def test_an_organization_has_at_most_1000_domains(client, control):
    domains = [{"name": f"d{number}.example"} for number in range(998)]
    one = {"OrganizationId": control.seed("acme", domains=domains)["id"]}
    register(client, one)
    assert refused(register, client, one, "more.example") == "LimitExceededException"
    register(client, one)


def test_a_repeated_token_is_the_same_registration(client, control, one):
    register(client, one, ClientToken="t")
    code = refused(register, client, one, "b.example", ClientToken="t")
    assert code == "InvalidParameterException"
    deregister(client, one)
    register(client, one, ClientToken="t")
    assert names(client, one) == {TEST: True}
    # Tokens are per operation.
    client.create_organization(Alias="second", ClientToken="t")


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "a" * 210, "a_b.example", "acme example", "a." * 105),
        *("example", "acme..example", ".example", "acme.example.", "-a.example", "a-.example"),
        *("a" * 64 + ".example", "other.awsapps.com", "awsapps.com"),
    ],
)
def test_a_name_that_is_not_a_domain_is_refused(unchecked, one, name):
    assert refused(register, unchecked, one, name) == "InvalidParameterException"


def test_domains_need_an_active_organization_of_the_caller(client, client_of, control, one):
    def codes(client, one):
        calls = (register, deregister, make_default)
        reads = (
            refused(client.get_mail_domain, DomainName=TEST, **one),
            refused(client.list_mail_domains, **one),
        )
        return {*(refused(call, client, one, TEST) for call in calls), *reads}

    change(control, one, state="Impaired")
    assert codes(client, one) == {"OrganizationStateException"}
    not_found = {"OrganizationNotFoundException"}
    assert codes(client, {"OrganizationId": "m-" + "0" * 32}) == not_found
    assert codes(client_of(region="eu-west-1"), one) == not_found
    key = {"accessKey": "AKIADENIED", "account": "123456789012", "denied": ["*"]}
    control("POST", "/credentials", key)
    assert codes(client_of(key="AKIADENIED"), one) == {"AccessDeniedException"}


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("ses:VerifyDomainDkim", lambda client, one: register(client, one, "new.example")),
        ("ses:UpdateReceiptRule", deregister),
        ("ses:GetIdentityDkimAttributes", statuses),
    ],
)
def test_domains_need_rights_on_ses(client_of, control, one, action, call):
    verify(control, one)
    key = {"accessKey": "AKIADENIED", "account": "123456789012", "denied": [action]}
    control("POST", "/credentials", key)
    client = client_of(key="AKIADENIED")
    with pytest.raises(client.exceptions.ClientError) as error:
        call(client, one)
    assert code_of(error) == "AccessDeniedException"
    assert action in error.value.response["Error"]["Message"]


def test_pages_of_domains_are_in_the_order_of_registration(client, control):
    domains = [{"name": f"{letter}.example"} for letter in "cab"]
    one = {"OrganizationId": control.seed("acme", domains=domains)["id"]}
    first = client.list_mail_domains(MaxResults=3, **one)
    second = client.list_mail_domains(MaxResults=3, NextToken=first["NextToken"], **one)
    assert "NextToken" not in second
    seen = [domain["DomainName"] for domain in first["MailDomains"] + second["MailDomains"]]
    assert seen == [TEST, "c.example", "a.example", "b.example"]
    other = {"OrganizationId": control.seed("other")["id"]}
    for organization, token in ((one, "x"), (other, first["NextToken"])):
        code = refused(client.list_mail_domains, NextToken=token, **organization)
        assert code == "InvalidParameterException"


def test_the_cli_manages_domains(aws):
    created = output(aws("workmail", "create-organization", "--alias", "acme"))
    one = ("--organization-id", created["OrganizationId"])
    domain = (*one, "--domain-name", DOMAIN)
    registered = aws("workmail", "register-mail-domain", *domain)
    assert (registered.returncode, registered.stdout, registered.stderr) == (0, "", "")
    got = output(aws("workmail", "get-mail-domain", *domain))
    assert (got["OwnershipVerificationStatus"], len(got["Records"])) == ("PENDING", 8)
    failed = aws("workmail", "update-default-mail-domain", *domain)
    assert "(MailDomainStateException)" in failed.stderr
    listed = output(aws("workmail", "list-mail-domains", *one))["MailDomains"]
    assert listed[0] == {"DomainName": TEST, "DefaultDomain": True}
    assert aws("workmail", "deregister-mail-domain", *domain).returncode == 0
