"""The aws CLI finds the service that it knows."""

import json
import os
import pathlib
import subprocess
import sys

import pytest


@pytest.fixture
def aws(control, tmp_path):
    program = pathlib.Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("the aws CLI is not installed beside this Python")
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL_STS": control.url,
        "AWS_ENDPOINT_URL_WORKMAIL": control.url,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
    }

    def run(*words):
        return subprocess.run(
            [sys.executable, str(program), *words, "--output", "json"],
            capture_output=True,
            check=False,
            env=environment,
            text=True,
        )

    return run


def output(run):
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_life_of_an_organization(aws):
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


def test_an_error(aws):
    refused = aws("workmail", "describe-organization", "--organization-id", "m-" + "0" * 32)
    assert refused.returncode != 0
    assert "(OrganizationNotFoundException)" in refused.stderr
    assert "DescribeOrganization operation" in refused.stderr
