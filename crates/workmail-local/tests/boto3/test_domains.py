"""Mail domains, as boto3 and the aws CLI see them."""

import botocore.exceptions
import pytest

from conftest import code_of, output

DOMAIN = "acme.example"
TEST = "acme.awsapps.com"


@pytest.fixture
def one(organization):
    """The organization as a parameter."""
    return {"OrganizationId": organization[0]}


def verify(control, one, name=DOMAIN, **standing):
    standing = standing or {"ownership": "VERIFIED", "dkim": "VERIFIED"}
    change = {"setDomains": [{"name": name, **standing}]}
    control("PATCH", f"/organizations/{one['OrganizationId']}", change)


def standing(client, one, name=DOMAIN):
    got = client.get_mail_domain(DomainName=name, **one)
    return got["OwnershipVerificationStatus"], got["DkimVerificationStatus"]


def names(client, one):
    listed = client.list_mail_domains(**one)["MailDomains"]
    return {domain["DomainName"]: domain["DefaultDomain"] for domain in listed}


def test_the_life_of_a_domain(client, control, one):
    answer = client.register_mail_domain(DomainName=DOMAIN, ClientToken="t", **one)
    assert set(answer) == {"ResponseMetadata"}
    client.register_mail_domain(DomainName=DOMAIN, ClientToken="t", **one)
    assert [call["effect"] for call in control.calls("RegisterMailDomain")] == [True, False]
    assert names(client, one) == {TEST: True, DOMAIN: False}
    got = client.get_mail_domain(DomainName=DOMAIN, **one)
    assert (got["IsTestDomain"], got["IsDefault"]) == (False, False)
    assert [record["Type"] for record in got["Records"]] == [
        *("MX", "TXT", "CNAME", "CNAME", "CNAME", "CNAME", "TXT", "TXT")
    ]
    assert got["Records"][0] == {
        "Type": "MX",
        "Hostname": f"{DOMAIN}.",
        "Value": "10 inbound-smtp.us-east-1.amazonaws.com.",
    }
    assert standing(client, one) == ("PENDING", "PENDING")
    with pytest.raises(client.exceptions.MailDomainStateException):
        client.update_default_mail_domain(DomainName=DOMAIN, **one)
    verify(control, one)
    assert standing(client, one) == ("VERIFIED", "VERIFIED")
    answer = client.update_default_mail_domain(DomainName=DOMAIN, **one)
    assert set(answer) == {"ResponseMetadata"}
    assert client.describe_organization(**one)["DefaultMailDomain"] == DOMAIN
    [summary] = client.list_organizations()["OrganizationSummaries"]
    assert summary["DefaultMailDomain"] == DOMAIN
    with pytest.raises(client.exceptions.MailDomainInUseException):
        client.deregister_mail_domain(DomainName=DOMAIN, **one)
    client.update_default_mail_domain(DomainName=TEST, **one)
    answer = client.deregister_mail_domain(DomainName=DOMAIN, **one)
    assert set(answer) == {"ResponseMetadata"}
    client.deregister_mail_domain(DomainName=DOMAIN, **one)
    assert names(client, one) == {TEST: True}


def test_domains_of_a_create_are_there_once_it_is_active(client, control):
    control.knobs(creatingFor="1m", zoneVerificationAfter="10m", verificationFailsAfter="1h")
    control("POST", "/zones", {"id": "Z1", "name": DOMAIN})
    domains = [{"DomainName": DOMAIN, "HostedZoneId": "Z1"}, {"DomainName": "other.example"}]
    one = {"OrganizationId": client.create_organization(Alias="acme", Domains=domains)["OrganizationId"]}
    with pytest.raises(client.exceptions.OrganizationStateException):
        client.list_mail_domains(**one)
    control.advance("1m")
    assert names(client, one) == {TEST: True, DOMAIN: False, "other.example": False}
    assert standing(client, one) == ("PENDING", "PENDING")
    control.advance("10m")
    assert standing(client, one) == ("VERIFIED", "VERIFIED")
    assert standing(client, one, "other.example") == ("PENDING", "PENDING")
    control.advance("1h")
    assert standing(client, one, "other.example") == ("FAILED", "FAILED")


@pytest.mark.parametrize("name", ["other.awsapps.com", "Other.AwsApps.com", "awsapps.com"])
def test_a_create_with_the_test_domain_of_another_organization_is_refused(client, control, name):
    control.seed("other")
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.create_organization(Alias="acme", Domains=[{"DomainName": name}])
    assert len(control.organizations()) == 1


def test_a_create_may_name_its_own_test_domain(client, control):
    client.create_organization(Alias="acme", Domains=[{"DomainName": TEST}])
    [organization] = control.organizations()
    assert [domain["domainName"] for domain in organization["domains"]] == [TEST]


@pytest.mark.parametrize("name", [DOMAIN, f"mail.{DOMAIN}"])
def test_a_create_with_a_domain_of_a_hosted_zone_needs_the_id_of_the_zone(client, control, name):
    control("POST", "/zones", {"id": "Z1", "name": DOMAIN})
    with pytest.raises(client.exceptions.InvalidParameterException) as error:
        client.create_organization(Alias="acme", Domains=[{"DomainName": name}])
    assert "Z1" in error.value.response["Error"]["Message"]
    assert control.organizations() == []
    client.create_organization(Alias="acme", Domains=[{"DomainName": f"not{DOMAIN}"}])
    client.create_organization(Alias="b", Domains=[{"DomainName": name, "HostedZoneId": "Z1"}])


def test_the_hosted_zones_of_another_account_do_not_count(client, control):
    control("POST", "/zones", {"id": "Z1", "name": DOMAIN, "account": "210987654321"})
    client.create_organization(Alias="acme", Domains=[{"DomainName": DOMAIN}])


def test_pages_of_domains(client, control):
    domains = [{"name": f"d{number}.example"} for number in range(4)]
    one = {"OrganizationId": control.seed("acme", domains=domains)["id"]}
    first = client.list_mail_domains(MaxResults=3, **one)
    second = client.list_mail_domains(MaxResults=3, NextToken=first["NextToken"], **one)
    assert "NextToken" not in second
    seen = [domain["DomainName"] for domain in first["MailDomains"] + second["MailDomains"]]
    assert seen == [TEST, "d0.example", "d1.example", "d2.example", "d3.example"]
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.list_mail_domains(NextToken="x", **one)


def test_mail_domain_in_use(client, control, one):
    control.seed("other", domains=[{"name": DOMAIN}])
    with pytest.raises(client.exceptions.MailDomainInUseException):
        client.register_mail_domain(DomainName=DOMAIN, **one)
    user = {"name": "ada", "email": "ada@used.example"}
    control("POST", f"/organizations/{one['OrganizationId']}/users", user)
    client.register_mail_domain(DomainName="used.example", **one)
    with pytest.raises(client.exceptions.MailDomainInUseException):
        client.deregister_mail_domain(DomainName="used.example", **one)


def test_mail_domain_not_found(client, control, one):
    for call in (client.get_mail_domain, client.update_default_mail_domain):
        with pytest.raises(client.exceptions.MailDomainNotFoundException):
            call(DomainName=DOMAIN, **one)
    control.knobs(unknownDomainRemoval="not-found")
    with pytest.raises(client.exceptions.MailDomainNotFoundException):
        client.deregister_mail_domain(DomainName=DOMAIN, **one)


def test_dkim_that_is_pending_keeps_a_domain_from_being_the_default(client, control, one):
    verify(control, one, ownership="VERIFIED", dkim="PENDING")
    with pytest.raises(client.exceptions.MailDomainStateException):
        client.update_default_mail_domain(DomainName=DOMAIN, **one)
    control.knobs(unsignedDefault="accept")
    client.update_default_mail_domain(DomainName=DOMAIN, **one)


def test_limit_exceeded(client, control, one):
    control.knobs(domainQuota=1)
    with pytest.raises(client.exceptions.LimitExceededException):
        client.register_mail_domain(DomainName=DOMAIN, **one)


def test_invalid_custom_ses_configuration(client, control, one):
    verify(control, one, customSes=True)
    with pytest.raises(client.exceptions.InvalidCustomSesConfigurationException):
        client.deregister_mail_domain(DomainName=DOMAIN, **one)


@pytest.mark.parametrize("exception", ["InvalidParameterException", "OrganizationStateException"])
def test_the_test_domain_stays(client, control, one, exception):
    control.knobs(testDomainRemoval=exception)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client.deregister_mail_domain(DomainName=TEST, **one)
    assert code_of(error) == exception


@pytest.mark.parametrize("name", ["ab", "a" * 210, "a_b.example", "example", "acme.example."])
def test_names_that_are_refused(unchecked, one, name):
    with pytest.raises(unchecked.exceptions.InvalidParameterException):
        unchecked.register_mail_domain(DomainName=name, **one)


def test_domains_of_no_organization_or_one_that_is_not_active(client, control, one):
    nobody = {"OrganizationId": "m-" + "0" * 32}
    calls = (
        client.register_mail_domain,
        client.deregister_mail_domain,
        client.get_mail_domain,
        client.update_default_mail_domain,
    )
    with pytest.raises(client.exceptions.OrganizationNotFoundException):
        client.list_mail_domains(**nobody)
    for call in calls:
        with pytest.raises(client.exceptions.OrganizationNotFoundException):
            call(DomainName=TEST, **nobody)
    control("PATCH", f"/organizations/{one['OrganizationId']}", {"state": "Impaired"})
    for call in calls:
        with pytest.raises(client.exceptions.OrganizationStateException):
            call(DomainName=TEST, **one)
    control.knobs(usableStates=["Active", "Impaired"])
    assert names(client, one) == {TEST: True}


def test_an_organization_that_was_there_with_its_domains(client, control):
    seeded = control.seed(
        "acme",
        age="400d",
        domains=[{"name": DOMAIN}, {"name": "new.example", "ownership": "PENDING"}],
        defaultMailDomain=DOMAIN,
        users=[{"name": "ada"}],
    )
    one = {"OrganizationId": seeded["id"]}
    assert names(client, one) == {TEST: False, DOMAIN: True, "new.example": False}
    assert standing(client, one) == ("VERIFIED", "VERIFIED")
    assert standing(client, one, "new.example") == ("PENDING", "VERIFIED")
    [user] = client.list_users(Filters={"State": "ENABLED"}, **one)["Users"]
    assert user["Email"] == f"ada@{DOMAIN}"


def test_a_domain_that_ses_knows_is_verified_at_once(client, control, one):
    control("POST", "/identities", {"name": DOMAIN})
    client.register_mail_domain(DomainName=DOMAIN, **one)
    assert standing(client, one) == ("VERIFIED", "VERIFIED")


def test_the_cli_manages_domains(aws):
    created = output(aws("workmail", "create-organization", "--alias", "acme"))
    one = ("--organization-id", created["OrganizationId"])
    domain = (*one, "--domain-name", DOMAIN)
    registered = aws("workmail", "register-mail-domain", *domain)
    assert (registered.returncode, registered.stdout, registered.stderr) == (0, "", "")
    got = output(aws("workmail", "get-mail-domain", *domain))
    assert (got["OwnershipVerificationStatus"], len(got["Records"])) == ("PENDING", 8)
    refused = aws("workmail", "update-default-mail-domain", *domain)
    assert "(MailDomainStateException)" in refused.stderr
    listed = output(aws("workmail", "list-mail-domains", *one))["MailDomains"]
    assert listed[0] == {"DomainName": TEST, "DefaultDomain": True}
    assert aws("workmail", "deregister-mail-domain", *domain).returncode == 0
