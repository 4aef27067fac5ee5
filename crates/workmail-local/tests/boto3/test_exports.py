"""Export jobs of mailboxes: their limits, their states, and what they write to S3."""

import email
import io
import json
import time
import urllib.error
import zipfile

import boto3
import botocore.config
import pytest

from conftest import output, refused

ROLE = "arn:aws:iam::123456789012:role/export"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d"
JOB = {"RoleArn": ROLE, "KmsKeyArn": KEY, "S3BucketName": "archive", "S3Prefix": "mail/ada"}


class Organization:
    """An organization, and its export jobs."""

    def __init__(self, control, client):
        self.control, self.client = control, client
        self.one = {"OrganizationId": control.seed("acme")["id"]}
        self.path = f"/organizations/{self.one['OrganizationId']}"

    def add(self, name, kind="users", **seed):
        return self.control("POST", f"{self.path}/{kind}", {"name": name, **seed})["id"]

    def start(self, entity, **job):
        started = self.client.start_mailbox_export_job(**self.one, EntityId=entity, **{**JOB, **job})
        return started["JobId"]

    def describe(self, job):
        return self.client.describe_mailbox_export_job(**self.one, JobId=job)

    def cancel(self, job, **token):
        self.client.cancel_mailbox_export_job(**self.one, JobId=job, **token)

    def list(self, **page):
        return self.client.list_mailbox_export_jobs(**self.one, **page)["Jobs"]

    def ended(self, job):
        """Waits until a job is over."""
        deadline = time.monotonic() + 20
        while (described := self.describe(job))["State"] == "RUNNING":
            assert time.monotonic() < deadline, described
            time.sleep(0.02)
        return described

    def refused(self, entity, **job):
        return refused(self.start, entity, **job)


@pytest.fixture
def acme(control, client):
    """An organization whose jobs take ten minutes and write nothing."""
    control.knobs(exportFor="10m")
    return Organization(control, client)


def test_a_job_makes_progress_and_completes(acme):
    ada = acme.add("ada")
    job = acme.start("ada", Description="one of\nmany")
    described = acme.describe(job)
    assert (described["State"], described["EstimatedProgress"]) == ("RUNNING", 0)
    assert not {"S3Path", "EndTime", "ErrorInfo"} & described.keys()
    acme.control.advance("5m")
    assert 49 <= acme.describe(job)["EstimatedProgress"] <= 52
    acme.control.advance("6m")
    described = acme.describe(job)
    assert (described["State"], described["EstimatedProgress"]) == ("COMPLETED", 100)
    assert described["S3Path"] == f"mail/ada/{job}.zip"
    assert described["EndTime"] > described["StartTime"]
    for name, value in JOB.items():
        assert described[name] == value
    [listed] = acme.list()
    assert (listed["JobId"], listed["EntityId"], listed["Description"]) == (job, ada, "one of\nmany")
    assert listed["S3Path"] == described["S3Path"]
    assert not {"RoleArn", "KmsKeyArn", "S3Prefix"} & listed.keys()


def test_a_larger_mailbox_takes_longer(acme):
    acme.control.knobs(exportFor="1m", exportForMegabyte="1m")
    acme.add("small")
    acme.add("large", mailboxSize=9)
    small, large = acme.start("small"), acme.start("large")
    acme.control.advance("2m")
    assert [job["State"] for job in acme.list()] == ["COMPLETED", "RUNNING"]
    acme.control.advance("9m")
    assert acme.describe(large)["State"] == "COMPLETED"
    assert acme.describe(small)["State"] == "COMPLETED"


def test_a_repeated_token_is_the_same_job(acme):
    acme.add("ada")
    job = acme.start("ada", ClientToken="token")
    assert acme.start("ada", ClientToken="token") == job
    assert len(acme.list()) == 1
    code = acme.refused("ada", ClientToken="token", S3Prefix="else")
    assert code == "InvalidParameterException"
    assert [call["effect"] for call in acme.control.calls("StartMailboxExportJob")] == [True, False, False]


def test_ten_jobs_run_at_once(acme):
    for number in range(12):
        acme.add(f"user-{number}")
    jobs = [acme.start(f"user-{number}") for number in range(10)]
    assert acme.refused("user-10") == "LimitExceededException"
    acme.cancel(jobs[0])
    acme.start("user-10")
    assert acme.refused("user-11") == "LimitExceededException"
    acme.control.knobs(exportQuota=11)
    acme.start("user-11")


def test_a_mailbox_is_exported_once_a_day(acme):
    acme.add("ada")
    acme.start("ada")
    acme.control.advance("23h")
    assert acme.refused("ada") == "LimitExceededException"
    acme.control.advance("1h")
    acme.start("ada")


@pytest.mark.parametrize("counts", [True, False])
def test_whether_a_failed_job_counts_is_a_knob(acme, counts):
    acme.control.knobs(exportFailedCounts=counts)
    acme.control.fault({"kind": "fail-export", "cause": "key"}, times=1)
    acme.add("ada")
    acme.start("ada")
    acme.control.advance("11m")
    if counts:
        assert acme.refused("ada") == "LimitExceededException"
    else:
        acme.start("ada")


CAUSES = {
    "role": "sts:AssumeRole",
    "key": KEY,
    "bucket-key": "aws:s3:arn = arn:aws:s3:::archive",
    "bucket": "NoSuchBucket",
    "region": "must be in the region us-east-1",
    "prefix": "arn:aws:s3:::archive/mail/ada",
    "public-bucket": "allows public access",
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_job_fails_with_a_text_that_only_its_description_has(acme, cause):
    acme.add("ada")
    acme.control.fault({"kind": "fail-export", "cause": cause})
    job = acme.start("ada")
    assert acme.describe(job)["State"] == "RUNNING"
    acme.control.advance("11m")
    described = acme.describe(job)
    assert described["State"] == "FAILED"
    assert CAUSES[cause] in described["ErrorInfo"]
    assert described["EstimatedProgress"] < 100
    assert "S3Path" not in described
    [listed] = acme.list()
    assert (listed["State"], "ErrorInfo" in listed) == ("FAILED", False)


def test_a_rule_fails_the_jobs_with_one_key_or_text(acme):
    acme.add("ada")
    acme.add("bob")
    fault = {"kind": "fail-export", "cause": "key", "errorInfo": "No."}
    acme.control.fault(fault, input={"KmsKeyArn": KEY + "e4"})
    bad, good = acme.start("ada", KmsKeyArn=KEY + "e4"), acme.start("bob")
    acme.control.advance("11m")
    assert acme.describe(bad)["ErrorInfo"] == "No."
    assert acme.describe(good)["State"] == "COMPLETED"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (KEY.replace("us-east-1", "eu-west-1"), "must be in the region us-east-1"),
        (KEY.replace("key/0a1b2c3d", "alias/export"), "kms:GenerateDataKey"),
    ],
)
def test_a_key_of_another_region_or_an_alias_fails(acme, key, text):
    acme.add("ada")
    job = acme.start("ada", KmsKeyArn=key)
    acme.control.advance("11m")
    assert text in acme.describe(job)["ErrorInfo"]


def test_a_job_hangs_until_it_is_cancelled(acme):
    acme.add("ada")
    acme.control.fault({"kind": "hang-export"})
    job = acme.start("ada")
    acme.control.advance("10d")
    described = acme.describe(job)
    assert (described["State"], described["EstimatedProgress"]) == ("RUNNING", 40)
    acme.cancel(job, ClientToken="token")
    acme.cancel(job, ClientToken="token")
    described = acme.describe(job)
    assert (described["State"], "EndTime" in described) == ("CANCELLED", True)
    assert refused(acme.cancel, job, ClientToken="other") == "InvalidParameterException"


def test_the_list_has_pages_and_the_jobs_of_seven_days(acme):
    for number in range(3):
        acme.add(f"user-{number}")
    jobs = [acme.start(f"user-{number}") for number in range(3)]
    first = acme.client.list_mailbox_export_jobs(**acme.one, MaxResults=2)
    second = acme.list(NextToken=first["NextToken"])
    assert [job["JobId"] for job in first["Jobs"] + second] == jobs
    acme.control.advance("167h")
    assert len(acme.list()) == 3
    acme.control.advance("1h")
    assert acme.list() == []
    assert acme.describe(jobs[0])["State"] == "COMPLETED"
    acme.control("DELETE", f"{acme.path}/exports/{jobs[0]}")
    assert refused(acme.describe, jobs[0]) == "EntityNotFoundException"
    assert [job["id"] for job in acme.control("GET", f"{acme.path}/exports")] == jobs[1:]


def test_only_a_mailbox_is_exported(acme):
    acme.add("staff", kind="groups", email="staff@acme.awsapps.com")
    acme.add("guest", state="DISABLED")
    acme.add("gone", state="DELETED", disabledAge="1d")
    disabled = acme.add("bob", state="DISABLED", disabledAge="3d")
    room = acme.add("Blue", kind="resources")
    assert acme.refused("nobody") == "EntityNotFoundException"
    for name in ("staff", "guest", "gone"):
        assert acme.refused(name) == "InvalidParameterException"
    acme.start(room)
    acme.control.knobs(exportDisabled=False)
    assert acme.refused(disabled) == "InvalidParameterException"
    acme.control.knobs(exportDisabled=True)
    acme.start(disabled)


@pytest.mark.parametrize(
    "job",
    [
        {"S3Prefix": "mail/ada@acme.example"},
        {"S3Prefix": ""},
        {"RoleArn": "role/export-role-of-acme"},
        {"KmsKeyArn": "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"},
        {"S3BucketName": "a_b"},
        {"Description": "d" * 1024},
        {"ClientToken": ""},
    ],
)
def test_an_input_out_of_bounds_is_refused(acme, unchecked, job):
    acme.add("ada")
    acme.client = unchecked
    assert acme.refused("ada", **job) == "InvalidParameterException"
    assert acme.list() == []


def test_the_organization_has_to_be_there_and_active(acme):
    acme.add("ada")
    job = acme.start("ada")
    calls = [
        lambda: acme.start("ada"),
        lambda: acme.describe(job),
        lambda: acme.cancel(job),
        lambda: acme.list(),
    ]
    acme.control("PATCH", acme.path, {"state": "Deleted"})
    assert {refused(call) for call in calls} == {"OrganizationStateException"}
    acme.one = {"OrganizationId": "m-" + "f" * 32}
    assert {refused(call) for call in calls} == {"OrganizationNotFoundException"}


def test_the_role_has_to_be_passed(acme):
    acme.add("ada")
    key = {"accessKey": "AKIAIOSFODNN7EXAMPLE", "account": "123456789012", "denied": ["iam:PassRole"]}
    acme.control("POST", "/credentials", key)
    assert acme.refused("ada") == "AccessDeniedException"


def test_the_aws_cli_runs_an_export(acme, aws):
    acme.add("ada")
    one = ("--organization-id", acme.one["OrganizationId"])

    def run(name, *words):
        return output(aws("workmail", name, *one, *words))

    where = ("--role-arn", ROLE, "--kms-key-arn", KEY, "--s3-bucket-name", "archive")
    started = run("start-mailbox-export-job", "--entity-id", "ada", *where, "--s3-prefix", "mail")
    job = ("--job-id", started["JobId"])
    assert run("describe-mailbox-export-job", *job)["State"] == "RUNNING"
    assert run("list-mailbox-export-jobs")["Jobs"][0]["JobId"] == started["JobId"]
    cancelled = aws("workmail", "cancel-mailbox-export-job", *one, *job)
    assert (cancelled.returncode, cancelled.stdout) == (0, "")
    assert run("describe-mailbox-export-job", *job)["State"] == "CANCELLED"


# --- with an S3 server ------------------------------------------------------------------------------


@pytest.fixture
def s3(s3_server):
    url, key, secret = s3_server
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture
def written(running_with_s3, session):
    """An organization whose jobs write to the S3 server at once."""
    running_with_s3("POST", "/reset")
    return Organization(running_with_s3, session(running_with_s3.url))


def archive(s3, key):
    return zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket="archive", Key=key)["Body"].read()))


@pytest.mark.parametrize("log", ["inside", "beside", "none"])
def test_an_archive_has_messages_a_calendar_and_a_log(written, s3, log):
    written.control.knobs(exportLog=log)
    written.add("ada", mailboxSize=0.5)
    described = written.ended(written.start("ada"))
    path = described["S3Path"]
    assert described["State"] == "COMPLETED"
    zip = archive(s3, path)
    assert zip.testzip() is None
    names = zip.namelist()
    assert {name.split("/")[0] for name in names} >= {"Inbox", "Sent Items", "Calendar"}
    size = sum(entry.file_size for entry in zip.infolist())
    assert 0.9 < size / (0.5 * 1048576) < 1.5
    message = email.message_from_bytes(zip.read("Inbox/0001.eml"))
    assert message["Subject"] == "Message 1"
    assert "ada@acme.awsapps.com" in message["To"]
    assert b"BEGIN:VEVENT" in zip.read("Calendar/0001.ics")
    assert ("export-log.json" in names) == (log == "inside")
    beside = f"{path.removesuffix('.zip')}.json"
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="archive", Prefix=path[:-4])["Contents"]]
    assert (beside in keys) == (log == "beside")
    if log != "none":
        text = zip.read("export-log.json") if log == "inside" else s3.get_object(Bucket="archive", Key=beside)["Body"].read()
        totals = json.loads(text)
        assert totals["totalMessages"] == str(len(names) - (log == "inside"))
        assert totals["totalBytes"].isdigit() and len(totals["sha384Hash"]) == 96


def test_a_large_mailbox_is_written_up_to_a_bound(written, s3):
    written.control.knobs(exportLargest=1)
    written.add("ada", mailboxSize=40000)
    zip = archive(s3, written.ended(written.start("ada"))["S3Path"])
    assert sum(entry.file_size for entry in zip.infolist()) < 1.6 * 1048576


def test_a_bucket_that_is_not_there_fails_the_job(written):
    written.add("ada")
    described = written.ended(written.start("ada", S3BucketName="nowhere"))
    assert described["State"] == "FAILED"
    assert "NoSuchBucket" in described["ErrorInfo"]


def test_nothing_is_written_before_the_end_or_after_a_cancellation(written, s3):
    written.control.knobs(exportFor="10m")
    written.add("ada", mailboxSize=0.1)
    written.add("bob", mailboxSize=0.1)
    cancelled, completed = written.start("ada"), written.start("bob")
    written.cancel(cancelled)
    written.control.advance("9m")
    assert written.describe(completed)["State"] == "RUNNING"
    written.control.advance("2m")
    written.ended(completed)
    found = s3.list_objects_v2(Bucket="archive", Prefix="mail/ada/")["Contents"]
    keys = {item["Key"] for item in found}
    assert f"mail/ada/{completed}.zip" in keys
    assert f"mail/ada/{cancelled}.zip" not in keys


def test_a_lost_reply_still_writes_the_mailbox(written, s3):
    written.add("ada", mailboxSize=0.1)
    written.control.fault({"kind": "lost-reply", "work": "done"}, times=1)
    with pytest.raises(Exception):
        written.start("ada", ClientToken="token")
    job = written.start("ada", ClientToken="token")
    assert written.ended(job)["State"] == "COMPLETED"
    assert archive(s3, f"mail/ada/{job}.zip").namelist()
    with pytest.raises(urllib.error.HTTPError):
        written.control("DELETE", f"{written.path}/exports/none")
