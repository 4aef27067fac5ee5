"""The contract of the crate equals botocore's model of the service."""

import botocore.session
import pytest

from conftest import CONTRACT

MODEL = botocore.session.get_session().get_service_model("workmail")


def reduced(shape):
    """Returns a shape of botocore in the form of the contract."""
    form = {"type": shape.type_name}
    if shape.type_name == "structure":
        form["ref"] = shape.name
    for bound in ("min", "max", "pattern"):
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


def without_additions(form):
    """Returns a shape of the contract without what it adds for patterns with a look-ahead."""
    form = {key: value for key, value in form.items() if key not in ("matches", "notPrefix")}
    if "member" in form:
        form["member"] = without_additions(form["member"])
    return form


def comparable(form):
    members = {name: without_additions(member) for name, member in form["members"].items()}
    return {"required": sorted(form["required"]), "members": members}


@pytest.mark.parametrize("name", CONTRACT["operations"])
def test_an_operation_equals_botocores(name):
    ours, theirs = CONTRACT["operations"][name], MODEL.operation_model(name)
    assert comparable(ours["input"]) == comparable(structure(theirs.input_shape))
    assert comparable(ours["output"]) == comparable(structure(theirs.output_shape))
    assert sorted(ours["errors"]) == sorted(shape.name for shape in theirs.error_shapes)


@pytest.mark.parametrize("name", CONTRACT["structures"])
def test_a_structure_equals_botocores(name):
    assert comparable(CONTRACT["structures"][name]) == comparable(structure(MODEL.shape_for(name)))


def test_the_protocol_equals_botocores():
    assert MODEL.metadata["targetPrefix"] == CONTRACT["targetPrefix"]
    assert (MODEL.metadata["protocol"], MODEL.metadata["jsonVersion"]) == ("json", "1.1")
