"""The aws CLI as a client."""

from conftest import output


def test_an_organization_is_created_tagged_and_deleted(aws):
    assert output(aws("sts", "get-caller-identity"))["Account"] == "123456789012"
    created = output(aws("workmail", "create-organization", "--alias", "acme"))
    one = ("--organization-id", created["OrganizationId"])
    described = output(aws("workmail", "describe-organization", *one))
    assert (described["State"], described["Alias"]) == ("Active", "acme")
    assert isinstance(described["CompletedDate"], (str, float))
    tag = ("--tags", "Key=priority,Value=1")
    tagged = aws("workmail", "tag-resource", "--resource-arn", described["ARN"], *tag)
    assert (tagged.returncode, tagged.stdout, tagged.stderr) == (0, "", "")
    listed = aws("workmail", "list-tags-for-resource", "--resource-arn", described["ARN"])
    assert output(listed) == {"Tags": [{"Key": "priority", "Value": "1"}]}
    deleted = aws("workmail", "delete-organization", *one, "--no-delete-directory")
    assert output(deleted)["State"] == "Deleting"
    [summary] = output(aws("workmail", "list-organizations"))["OrganizationSummaries"]
    assert (summary["State"], summary["OrganizationId"]) == ("Deleted", created["OrganizationId"])


def test_an_error_has_its_code(aws):
    refused = aws("workmail", "describe-organization", "--organization-id", "m-" + "0" * 32)
    assert refused.returncode != 0
    assert "(OrganizationNotFoundException)" in refused.stderr
    assert "DescribeOrganization operation" in refused.stderr
