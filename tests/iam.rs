//! The IAM policies of `docs/iam` have what the code calls, each operation once and no other, on the
//! resources that AWS has for it; and the page beside them explains what else they have.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use workmail_operator::{
    api::TAG_CLUSTER,
    logic::{Operation, Region},
};

/// The resource of what concerns one organization (Service Authorization Reference).
const ORGANIZATION: &str = "arn:aws:workmail:*:*:organization/*";

/// The roles of other accounts.
const ROLES: &str = "arn:aws:iam::*:role/workmail-operator-*";

/// The objects of the bucket of the example.
const OBJECTS: &str = "arn:aws:s3:::workmail-export/*";

/// The operations that have no type of resource there.
const OF_NO_RESOURCE: [Operation; 3] = [
    Operation::GetCallerIdentity,
    Operation::ListOrganizations,
    Operation::CreateOrganization,
];

#[test]
fn every_operation_that_the_code_calls_is_allowed_once_and_no_other() {
    let mut allowed: Vec<_> = statements().iter().flat_map(actions).collect();
    allowed.retain(|action| is_own(action));
    allowed.sort();
    let mut called: Vec<_> = Operation::ALL.into_iter().map(Operation::action).collect();
    called.sort();
    // HeadObject has the right of GetObject.
    called.dedup();
    assert_eq!(allowed, called);
}

/// The door takes an [`Operation`] and a request: that the one is the name of the other is read from
/// the text of the code.
#[test]
fn the_code_calls_the_operations_that_it_names_and_no_other() {
    let mut called = BTreeSet::new();
    for file in files("src", "rs") {
        let text = text(&file);
        // A person's commands have the person's rights.
        if file.starts_with(root().join("src/commands")) {
            continue;
        }
        if !file.starts_with(root().join("src/aws")) {
            assert!(!text.contains("aws_sdk"), "{} calls AWS", file.display());
            continue;
        }
        // The tests of a layer are no part of the operator.
        if text.contains("#[tokio::test]") {
            continue;
        }
        let words: Vec<_> = text.split_whitespace().collect();
        let joined = words.join(" ").replace(" .", ".");
        called.extend(
            joined
                .split("client.")
                .skip(1)
                .filter_map(|rest| rest.split_once("()"))
                .map(|(method, _)| method.to_owned())
                .filter(|method| {
                    method
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                }),
        );
    }
    let named = Operation::ALL.map(|operation| snake_case(operation.as_str()));
    assert_eq!(called, named.into());
}

#[test]
fn the_policy_to_observe_changes_nothing() {
    let policy = policies().remove("observe.json").unwrap();
    let mutating: Vec<_> = Operation::ALL
        .into_iter()
        .filter(|operation| operation.mutates())
        .map(Operation::action)
        .collect();
    for action in of(&policy).iter().flat_map(actions) {
        assert!(!mutating.contains(&action), "{action}");
        let (_, name) = action.split_once(':').unwrap();
        let reads = ["Get", "List", "Describe"];
        assert!(reads.iter().any(|verb| name.starts_with(verb)), "{action}");
    }
}

#[test]
fn each_statement_allows_named_actions_on_the_resources_that_they_have() {
    for statement in statements() {
        let keys: BTreeSet<_> = statement.as_object().unwrap().keys().collect();
        let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
        assert!(
            keys.iter().all(|key| known.contains(&key.as_str())),
            "{keys:?}"
        );
        assert_eq!(statement["Effect"], "Allow");
        for action in actions(&statement) {
            assert!(!action.contains('*'), "{action}");
            if is_own(&action) {
                let anywhere = OF_NO_RESOURCE.map(Operation::action).contains(&action);
                let resource = if anywhere {
                    "*"
                } else if action == Operation::AssumeRole.action() {
                    ROLES
                } else if action == Operation::ListObjectsV2.action() {
                    "arn:aws:s3:::workmail-export"
                } else if action.starts_with("s3:") {
                    OBJECTS
                } else {
                    ORGANIZATION
                };
                assert_eq!(statement["Resource"], resource, "{action}");
            }
        }
    }
}

/// A mistake in the cluster reaches no further than its own organizations and those without an owner.
#[test]
fn what_changes_an_organization_is_bound_to_the_cluster_of_the_role_and_to_the_regions_with_workmail()
 {
    let regions = json!({"aws:RequestedRegion": ["eu-west-1", "us-east-1", "us-west-2"]});
    let mut sorted = Region::WITH_WORKMAIL;
    sorted.sort_unstable();
    assert_eq!(regions["aws:RequestedRegion"], json!(sorted));
    let own = "${aws:PrincipalTag/workmail-operator.dev/cluster}";
    let of_resource = format!("aws:ResourceTag/{TAG_CLUSTER}");
    let of_request = format!("aws:RequestTag/{TAG_CLUSTER}");
    for operation in Operation::ALL {
        let action = operation.action();
        let mut statements = statements().into_iter();
        let statement = statements
            .find(|one| actions(one).contains(&action))
            .unwrap();
        let mut expected = json!({"StringEquals": regions});
        if operation != Operation::CreateOrganization {
            expected["StringEqualsIfExists"][&of_resource] = json!(own);
        }
        if operation == Operation::TagResource {
            expected["StringEqualsIfExists"][&of_request] = json!(own);
        }
        if !operation.mutates() || action.starts_with("s3:") {
            expected = Value::Null;
        }
        assert_eq!(statement["Condition"], expected, "{action}");
    }
}

/// A key may be used by way of WorkMail only.
#[test]
fn keys_are_used_by_way_of_the_service_in_the_regions_that_have_it() {
    for statement in statements() {
        if actions(&statement)
            .iter()
            .any(|action| action.starts_with("kms:"))
        {
            let regions = ["eu-west-1", "us-east-1", "us-west-2"];
            let by = |service: &str| {
                let services = regions.map(|region| format!("{service}.{region}.amazonaws.com"));
                json!({"StringEquals": {"kms:ViaService": services}})
            };
            let condition = &statement["Condition"];
            assert!(
                [by("workmail"), by("s3")].contains(condition),
                "{condition}"
            );
        }
    }
}

#[test]
fn the_page_has_every_policy_and_every_action_on_another_service() {
    let page = text(&root().join("docs/iam/README.md"));
    for (name, policy) in policies() {
        assert!(page.contains(&format!("[{name}]({name})")), "{name}");
        for action in of(&policy).iter().flat_map(actions) {
            let shown = if is_own(&action) {
                action.split_once(':').unwrap().1
            } else {
                &action
            };
            assert!(page.contains(&format!("`{shown}`")), "{action}");
        }
    }
}

#[test]
fn the_trust_policies_of_the_page_are_of_one_service_account() {
    let page = text(&root().join("docs/iam/README.md"));
    let blocks = page.split("```json\n").skip(1);
    let blocks: Vec<Value> = blocks
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect();
    let trusts: Vec<_> = blocks
        .iter()
        .filter(|block| block["Version"].is_string())
        .collect();
    assert_eq!(trusts.len(), 3);
    for trust in trusts {
        assert_eq!(trust["Version"], "2012-10-17");
        let conditions = trust["Statement"][0]["Condition"]["StringEquals"].to_string();
        assert!(
            conditions.matches("workmail-operator").count() >= 2,
            "{trust}"
        );
    }
}

fn policies() -> BTreeMap<String, Value> {
    let policies: BTreeMap<_, _> = files("docs/iam", "json")
        .into_iter()
        .map(|file| {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&text(&file)).unwrap())
        })
        .collect();
    assert!(policies.len() > 5, "{policies:?}");
    policies
}

fn statements() -> Vec<Value> {
    policies().values().flat_map(of).collect()
}

fn of(policy: &Value) -> Vec<Value> {
    assert_eq!(policy["Version"], "2012-10-17");
    policy["Statement"].as_array().unwrap().clone()
}

fn actions(statement: &Value) -> Vec<String> {
    let action = &statement["Action"];
    match action.as_str() {
        Some(action) => vec![action.to_owned()],
        None => serde_json::from_value(action.clone()).unwrap(),
    }
}

/// Whether the action is that of an operation; a version of an object is read by `GetObject` too.
fn is_own(action: &str) -> bool {
    let services = ["workmail:", "sts:", "s3:"];
    services.iter().any(|service| action.starts_with(service)) && action != "s3:GetObjectVersion"
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
