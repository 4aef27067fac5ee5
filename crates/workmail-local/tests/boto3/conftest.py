"""Runs the endpoint's own program, and gives tests clients of it and its control API."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import botocore.config
import pytest

HERE = pathlib.Path(__file__).resolve().parent
CRATE = HERE.parent.parent
REPOSITORY = CRATE.parent.parent


def program():
    """The program under test: WORKMAIL_LOCAL_BIN, or the debug build of this repository."""
    path = pathlib.Path(
        os.environ.get("WORKMAIL_LOCAL_BIN", REPOSITORY / "target" / "debug" / "workmail-local")
    )
    if not path.exists():
        pytest.exit(f"{path} is not there: cargo build -p workmail-local", returncode=2)
    return str(path)


class Control:
    """The control API of a running endpoint."""

    def __init__(self, url):
        self.url = url

    def __call__(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_control{path}", data, method=method)
        with urllib.request.urlopen(request) as response:
            text = response.read()
        return json.loads(text) if text else None

    def knobs(self, **knobs):
        return self("PATCH", "/knobs", knobs)

    def fault(self, fault, **rule):
        return self("POST", "/faults", {"fault": fault, **rule})["id"]

    def organizations(self):
        return self("GET", "/organizations")

    def seed(self, alias, **seed):
        return self("POST", "/organizations", {"alias": alias, **seed})

    def calls(self, operation, **query):
        query = "&".join(f"{name}={value}" for name, value in query.items())
        return self("GET", f"/journal?operation={operation}&{query}")["calls"]

    def advance(self, by):
        return self("POST", "/clock/advance", {"by": by})


@pytest.fixture(scope="session")
def running():
    """An endpoint in which no state takes any time."""
    delays = ["--requested-for=0s", "--creating-for=0s", "--deleting-for=0s"]
    process = subprocess.Popen([program(), *delays], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline().strip()
    assert line.startswith("listening on http://127.0.0.1:"), line
    yield Control(line.removeprefix("listening on "))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


@pytest.fixture
def control(running):
    """The control API of an endpoint that is as it was at its start."""
    running("POST", "/reset")
    return running


@pytest.fixture
def session():
    """Makes clients; each keeps to the keys and region that it is given, and never repeats."""

    def make(
        url, service="workmail", key="AKIAIOSFODNN7EXAMPLE", region="us-east-1", token=None, **config
    ):
        return boto3.session.Session().client(
            service,
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            aws_session_token=token,
            config=botocore.config.Config(
                **{"retries": {"total_max_attempts": 1}, "read_timeout": 20, **config}
            ),
            endpoint_url=url,
            region_name=region,
        )

    return make


@pytest.fixture
def client_of(control, session):
    """A client of the endpoint, by service, key and region."""
    return lambda *arguments, **options: session(control.url, *arguments, **options)


@pytest.fixture
def client(client_of):
    """A WorkMail client of the default account in us-east-1."""
    return client_of()


@pytest.fixture
def organization(client):
    """An Active organization: its id and its ARN."""
    created = client.create_organization(Alias="acme")["OrganizationId"]
    return created, client.describe_organization(OrganizationId=created)["ARN"]


@pytest.fixture
def unchecked(client_of):
    """A client that sends what botocore itself would refuse."""
    return client_of(parameter_validation=False)


@pytest.fixture
def aws(control, tmp_path):
    """Runs the aws CLI against the endpoint."""
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
    """What a run of the CLI that went well printed, as JSON."""
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def code_of(error):
    """The code of a ClientError."""
    return error.value.response["Error"]["Code"]
