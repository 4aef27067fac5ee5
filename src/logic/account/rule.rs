//! The rules of an account: which one matches a namespace, and what its lists allow.

use std::sync::Arc;

use super::Labels;
use crate::api::{AccountRule, LabelOperator, LabelRequirement, LabelSelector};

/// Stands for everything in a list of a rule.
const ALL: &str = "*";

/// The labels of the namespace are needed, and were not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LabelsUnread;

/// Returns the first rule that matches the namespace. A rule that cannot be judged is not passed over.
pub(super) fn first<'a>(
    rules: &'a [Arc<AccountRule>],
    namespace: &str,
    labels: Option<&Labels>,
) -> Result<Option<(usize, &'a Arc<AccountRule>)>, LabelsUnread> {
    for (index, rule) in rules.iter().enumerate() {
        let names = &rule.namespaces.names;
        if !names.is_empty() && !names.iter().any(|name| name == namespace) {
            continue;
        }
        let selected = match &rule.namespaces.selector {
            None => true,
            Some(selector) => selects(selector, labels.ok_or(LabelsUnread)?),
        };
        if selected {
            return Ok(Some((index, rule)));
        }
    }
    Ok(None)
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let LabelSelector {
        match_labels,
        match_expressions,
    } = selector;
    let has = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    match_labels.iter().all(has) && match_expressions.iter().all(|one| holds(one, labels))
}

fn holds(requirement: &LabelRequirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    let is_listed = value.is_some_and(|value| requirement.values.contains(value));
    match requirement.operator {
        LabelOperator::In => is_listed,
        LabelOperator::NotIn => !is_listed,
        LabelOperator::Exists => value.is_some(),
        LabelOperator::DoesNotExist => value.is_none(),
    }
}

/// Whether a list of a rule allows an id: it has the id, or `*`.
#[must_use]
pub fn allows(list: &[String], id: &str) -> bool {
    list.iter().any(|one| one == ALL || one == id)
}

/// Whether a text matches a glob: `*` stands for any characters, upper and lower case are the same.
#[must_use]
pub fn matches_glob(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.to_lowercase(), text.to_lowercase());
    let mut pieces = glob.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        // Without an asterisk.
        return rest.is_empty();
    };
    for piece in pieces {
        // The leftmost place leaves the most to what follows.
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}
