"""The checked-in contract is what botocore's model of the service says."""

import json

import botocore.session
import pytest

from conftest import CRATE

CONTRACT = json.loads((CRATE / "contract" / "workmail.json").read_text())
MODEL = botocore.session.get_session().get_service_model("workmail")


def reduced(shape):
    """A shape of botocore in the form of the contract."""
    form = {"type": shape.type_name}
    if shape.type_name == "structure":
        form["ref"] = shape.name
    for bound in ("min", "max", "pattern", "sensitive"):
        if bound in shape.metadata:
            form[bound] = shape.metadata[bound]
    if "enum" in shape.metadata:
        form["enum"] = list(shape.metadata["enum"])
    if shape.type_name == "list":
        form["member"] = reduced(shape.member)
    return form


def structure(shape):
    if shape is None:
        return {"required": [], "members": {}}
    members = {name: reduced(member) for name, member in shape.members.items()}
    return {"required": list(shape.required_members), "members": members}


def without_our_own(form):
    """The contract's form, but for what it adds where a pattern has a look-ahead."""
    form = {key: value for key, value in form.items() if key not in ("matches", "notPrefix")}
    if "member" in form:
        form["member"] = without_our_own(form["member"])
    return form


def comparable(form):
    members = {name: without_our_own(member) for name, member in form["members"].items()}
    return {"required": sorted(form["required"]), "members": members}


@pytest.mark.parametrize("name", CONTRACT["operations"])
def test_an_operation_is_botocores(name):
    ours, theirs = CONTRACT["operations"][name], MODEL.operation_model(name)
    assert comparable(ours["input"]) == comparable(structure(theirs.input_shape))
    assert comparable(ours["output"]) == comparable(structure(theirs.output_shape))
    assert sorted(ours["errors"]) == sorted(shape.name for shape in theirs.error_shapes)


@pytest.mark.parametrize("name", CONTRACT["structures"])
def test_a_structure_is_botocores(name):
    assert comparable(CONTRACT["structures"][name]) == comparable(structure(MODEL.shape_for(name)))


def test_the_protocol_is_botocores():
    assert MODEL.metadata["targetPrefix"] == CONTRACT["targetPrefix"]
    assert (MODEL.metadata["protocol"], MODEL.metadata["jsonVersion"]) == ("json", "1.1")
