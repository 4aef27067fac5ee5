//! The service's model: the operations that are served, their members and bounds.

mod check;
mod operation;

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use regex::Regex;
use serde::Deserialize;

pub(crate) use self::{check::Violation, operation::Operation};

/// The model in this crate. The endpoint does not start if it cannot be read.
static MODEL: LazyLock<Result<Contract, ContractError>> =
    LazyLock::new(|| Contract::read(include_str!("../../contract/workmail.json")));

/// A model that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContractError {
    #[error("the contract is not a model: {0}")]
    Form(#[from] serde_json::Error),
    #[error("the contract has a pattern that cannot be read: {0}")]
    Pattern(#[from] regex::Error),
    #[error("the contract has no structure {0}")]
    Reference(String),
}

/// The model.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contract {
    target_prefix: String,
    operations: HashMap<String, OperationModel>,
    structures: HashMap<String, Structure>,
    #[serde(skip)]
    patterns: HashMap<String, Regex>,
}

/// An operation of the model.
#[derive(Debug, Deserialize)]
pub(crate) struct OperationModel {
    /// What an IAM policy names: `*` or `organization`.
    pub(crate) resource: String,
    pub(crate) input: Structure,
    pub(crate) output: Structure,
}

/// A structure: its members, and which of them are required.
#[derive(Debug, Deserialize)]
pub(crate) struct Structure {
    required: Vec<String>,
    members: BTreeMap<String, Shape>,
}

/// The type and the bounds of a member.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(rename = "type")]
    kind: Kind,
    /// The name of the structure.
    #[serde(rename = "ref")]
    structure: Option<String>,
    member: Option<Box<Shape>>,
    min: Option<i64>,
    max: Option<i64>,
    #[serde(rename = "enum", default)]
    words: Vec<String>,
    pattern: Option<String>,
    /// The pattern without its look-ahead, where it has one.
    matches: Option<String>,
    not_prefix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    String,
    Boolean,
    Integer,
    Double,
    Timestamp,
    List,
    Structure,
}

impl Contract {
    /// Returns the model in this crate.
    pub(crate) fn model() -> Result<&'static Self, &'static ContractError> {
        MODEL.as_ref()
    }

    fn read(text: &str) -> Result<Self, ContractError> {
        let mut contract: Self = serde_json::from_str(text)?;
        let mut patterns = HashMap::new();
        let operations = contract.operations.values();
        let structures = operations
            .flat_map(|operation| [&operation.input, &operation.output])
            .chain(contract.structures.values());
        for shape in structures.flat_map(|structure| structure.members.values()) {
            let mut next = Some(shape);
            while let Some(shape) = next {
                if let Some(pattern) = shape.expression() {
                    patterns.insert(
                        pattern.to_owned(),
                        Regex::new(&format!(r"\A(?:{pattern})\z"))?,
                    );
                }
                if let Some(name) = &shape.structure
                    && !contract.structures.contains_key(name)
                {
                    return Err(ContractError::Reference(name.clone()));
                }
                next = shape.member.as_deref();
            }
        }
        contract.patterns = patterns;
        Ok(contract)
    }

    /// Returns the operation of a target, such as `WorkMailService.CreateOrganization`.
    pub(crate) fn operation_of<'t>(&self, target: &'t str) -> Option<(&'t str, &OperationModel)> {
        let name = target
            .strip_prefix(&self.target_prefix)?
            .strip_prefix('.')?;
        Some((name, self.operations.get(name)?))
    }

    /// Returns an operation by name.
    pub(crate) fn operation(&self, name: &str) -> Option<&OperationModel> {
        self.operations.get(name)
    }
}

impl Shape {
    /// Returns the pattern in the form that can be compiled.
    fn expression(&self) -> Option<&str> {
        self.matches.as_deref().or(self.pattern.as_deref())
    }
}

#[cfg(test)]
mod tests;
