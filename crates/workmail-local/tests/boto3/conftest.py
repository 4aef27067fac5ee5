"""Runs the program, and gives tests clients of it and its control API.

Every output and every error that a client gets is checked against the model.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
import pytest

HERE = pathlib.Path(__file__).resolve().parent
CRATE = HERE.parent.parent
REPOSITORY = CRATE.parent.parent
CONTRACT = json.loads((CRATE / "contract" / "workmail.json").read_text())
SESSION = boto3.session.Session()

# Codes that an operation need not declare.
UNDECLARED = {
    *("AccessDeniedException", "OrganizationStateException", "InvalidParameterException"),
    *("UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"),
    *("MissingAuthenticationTokenException", "SerializationException"),
    *("ThrottlingException", "TooManyRequestsException", "InternalFailure", "ServiceUnavailable"),
    "502",
}

TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "double": (int, float),
    "timestamp": (int, float),
    "list": list,
    "structure": dict,
}


def assert_fits(value, shape, path):
    """Checks a value and everything in it against a shape of the contract."""
    assert isinstance(value, TYPES[shape["type"]]), path
    is_number = shape["type"] in ("integer", "double")
    size = value if is_number else len(value) if hasattr(value, "__len__") else 0
    assert shape.get("min", size) <= size <= shape.get("max", size), f"{path}: {value}"
    assert value in shape.get("enum", [value]), f"{path}: {value}"
    if "pattern" in shape:
        assert re.fullmatch(shape["pattern"], value), f"{path}: {value}"
    for item in value if shape["type"] == "list" else []:
        assert_fits(item, shape["member"], path)
    if "ref" in shape:
        assert_structure(value, CONTRACT["structures"][shape["ref"]], path)


def assert_structure(value, structure, path):
    assert value.keys() >= set(structure["required"]), path
    for name, member in value.items():
        assert_fits(member, structure["members"][name], f"{path}.{name}")


def check_answer(http_response, parsed, model, **_):
    """Checks an answer of WorkMail against the model."""
    operation = CONTRACT["operations"].get(model.name)
    if operation is None:
        return
    if "Error" in parsed:
        assert parsed["Error"]["Code"] in UNDECLARED.union(operation["errors"]), model.name
    elif operation["output"]["members"]:
        assert_structure(json.loads(http_response.content), operation["output"], model.name)
    else:
        assert http_response.content == b""


def program():
    """Returns the path of the program: WORKMAIL_LOCAL_BIN, or the debug build."""
    path = pathlib.Path(
        os.environ.get("WORKMAIL_LOCAL_BIN", REPOSITORY / "target" / "debug" / "workmail-local")
    )
    if not path.exists():
        pytest.exit(f"{path} does not exist: run cargo build -p workmail-local", returncode=2)
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
    """An endpoint without delays."""
    delays = ["--requested-for=0s", "--creating-for=0s", "--deleting-for=0s"]
    process = subprocess.Popen([program(), *delays], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline().strip()
    assert line.startswith("listening on http://127.0.0.1:"), line
    yield Control(line.removeprefix("listening on "))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


@pytest.fixture
def control(running):
    """The control API of an endpoint in its state at the start."""
    running("POST", "/reset")
    return running


@pytest.fixture(scope="session")
def s3_server():
    """An S3 server with the bucket `archive`: its URL, access key and secret key."""
    devcluster = pathlib.Path(program()).with_name("devcluster")
    command = [devcluster, "s3", "--until-stdin-ends", "--bucket", "archive"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, **pipes, text=True)
    yield process.stdout.readline().split()
    process.stdin.close()
    assert process.wait(timeout=20) == 0


@pytest.fixture(scope="session")
def running_with_s3(s3_server):
    """An endpoint without delays, whose exports are written to the S3 server."""
    url, key, secret = s3_server
    environment = {
        **os.environ,
        "WORKMAIL_LOCAL_S3_ACCESS_KEY": key,
        "WORKMAIL_LOCAL_S3_SECRET_KEY": secret,
    }
    command = [program(), "--s3-endpoint", url, "--knob=exportFor=0s"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    yield Control(process.stdout.readline().strip().removeprefix("listening on "))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


@pytest.fixture
def session():
    """Makes clients that do not repeat calls, and whose answers are checked."""

    def make(
        url,
        service="workmail",
        key="AKIAIOSFODNN7EXAMPLE",
        region="us-east-1",
        token=None,
        check=True,
        **config,
    ):
        client = SESSION.client(
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
        if check:
            client.meta.events.register("after-call.workmail", check_answer)
        return client

    return make


@pytest.fixture
def client_of(control, session):
    """Makes clients of the endpoint, by service, key and region."""
    return lambda *arguments, **options: session(control.url, *arguments, **options)


@pytest.fixture
def client(client_of):
    """A WorkMail client of the default account in us-east-1."""
    return client_of()


@pytest.fixture
def organization(client):
    """The id and the ARN of an Active organization."""
    created = client.create_organization(Alias="acme")["OrganizationId"]
    return created, client.describe_organization(OrganizationId=created)["ARN"]


@pytest.fixture
def unchecked(client_of):
    """A client that sends what botocore would refuse."""
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
    """Returns what a successful run of the CLI printed, as JSON."""
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def code_of(error):
    """Returns the code of a ClientError."""
    return error.value.response["Error"]["Code"]


def refused(call, *arguments, **parameters):
    """Makes a call that is refused, and returns the code."""
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(*arguments, **parameters)
    return code_of(error)
