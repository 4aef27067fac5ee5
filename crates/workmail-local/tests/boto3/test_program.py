"""The program: its flags, its output, and how it ends."""

import json
import pathlib
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

import botocore.exceptions
import pytest

from conftest import Control, program


@pytest.fixture
def start():
    """Starts programs with flags; each is a process and its control API."""
    running = []

    def begin(*flags):
        process = subprocess.Popen(
            [program(), *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        line = process.stdout.readline()
        assert line.startswith("listening on "), process.stderr.read()
        return process, Control(line.removeprefix("listening on ").strip())

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_even_with_a_call_in_flight(start, session, ending):
    process, control = start("--listen", "0")
    control.fault({"kind": "hang"})
    client = session(control.url)
    errors = []

    def call():
        try:
            client.list_organizations()
        except botocore.exceptions.BotoCoreError as error:
            errors.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    control.calls("ListOrganizations", count=1, wait=10000)
    process.send_signal(ending)
    output, complaint = process.communicate(timeout=10)
    caller.join(timeout=10)
    assert (process.returncode, output, complaint) == (0, "", "")
    assert len(errors) == 1


def test_flags_win_over_the_knobs_seeds_and_faults_of_a_file(start, tmp_path, session):
    file = tmp_path / "config.json"
    file.write_text(
        json.dumps(
            {
                "knobs": {"requestedFor": "1h", "creatingFor": "2h", "aliasScope": "account"},
                "seeds": {
                    "credentials": [{"accessKey": "AKIAOTHER", "account": "210987654321"}],
                    "directories": [{"id": "d-0000000001", "alias": "corp"}],
                    "zones": [{"id": "Z1", "name": "acme.example"}],
                    "organizations": [
                        {"alias": "corp", "directoryId": "d-0000000001", "users": [{"name": "ada"}]}
                    ],
                },
                "faults": [{"operation": "DescribeOrganization", "fault": {"kind": "throttle"}}],
            }
        )
    )
    flags = ["--creating-for", "15s..75s", "--knob", "organizationQuota=null"]
    _, control = start("--config", str(file), *flags)
    knobs = control("GET", "/knobs")
    assert knobs["requestedFor"] == "1h"
    assert knobs["creatingFor"] == "15s..75s"
    assert knobs["aliasScope"] == "account"
    assert knobs["organizationQuota"] is None
    [summary] = session(control.url).list_organizations()["OrganizationSummaries"]
    assert summary["Alias"] == "corp"
    assert len(control("GET", "/faults")) == 1


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--listen", "0.0.0.0:0"], "can be reached from other machines"),
        (["--listen", "nowhere"], "invalid socket address"),
        (["--creating-for", "soon"], "'soon' is not a length of time"),
        (["--knob", "aliasScop=global"], "aliasScop"),
        (["--knob", "aliasScope"], "NAME=VALUE"),
        (["--config", "/nowhere.json"], "/nowhere.json"),
    ],
)
def test_an_error_ends_it_with_a_message(flags, complaint):
    run = subprocess.run(
        [program(), *flags], capture_output=True, check=False, text=True, timeout=10
    )
    assert run.returncode != 0
    assert complaint in run.stderr
    assert run.stdout == ""


def test_large_calls_without_a_signature_do_not_fill_the_memory(start):
    process, control = start()

    def resident():
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) // 1024

    before = resident()
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "WorkMailService.ListOrganizations",
    }
    text = b'{"NextToken": "' + b"x" * 2**19 + b'"}'
    # Parsed, this takes 16 times its size.
    numbers = b"[" + b"1," * (2**19 - 2) + b"1]"
    for number in range(150):
        body = numbers if number % 10 == 0 else text if number % 2 else b" " * 2**20
        request = urllib.request.Request(control.url, body, headers, method="POST")
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        assert "MissingAuthenticationTokenException" in error.value.read().decode()
    assert len(control.calls("ListOrganizations")) == 150
    assert resident() - before < 64


def test_it_may_listen_on_every_address(start):
    _, control = start("--listen", "0.0.0.0:0", "--allow-remote")
    assert control("GET", "/health") == {"status": "ok"}


def test_a_port_that_is_taken_is_named(start):
    _, control = start()
    address = control.url.removeprefix("http://")
    run = subprocess.run(
        [program(), "--listen", address], capture_output=True, check=False, text=True, timeout=10
    )
    assert run.returncode != 0
    assert address in run.stderr
