//! Rights, one by one.

use std::fmt;

use serde_json::{Value, json};

use super::Rights;

/// The smallest part of a rule: one verb on one resource, of one name if it has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// In which of the roles it stands.
    pub role: usize,
    pub group: String,
    pub resource: String,
    pub name: Option<String>,
    pub verb: String,
}

impl Right {
    /// Whether this line of a log tells that the API server missed it.
    pub fn is_missed_in(&self, line: &str) -> bool {
        let line = line.replace('\\', "");
        let what = format!(
            "cannot {} resource \"{}\" in API group \"{}\"",
            self.verb, self.resource, self.group
        );
        let name = self.name.as_ref();
        line.contains(&what) && name.is_none_or(|name| line.contains(&format!("\"{name}\"")))
    }

    fn rule(&self) -> Value {
        let mut rule = json!({
            "apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb],
        });
        if let Some(name) = &self.name {
            rule["resourceNames"] = json!([name]);
        }
        rule
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or_default();
        write!(f, "{} {}.{} {name}", self.verb, self.resource, self.group)
    }
}

impl Rights {
    /// All there are, one by one.
    pub fn one_by_one(&self) -> Vec<Right> {
        (0..self.roles.len())
            .flat_map(|role| self.of_role(role))
            .collect()
    }

    /// All but this one.
    pub fn without(&self, right: &Right) -> Self {
        let mut rest = self.clone();
        let kept = self
            .of_role(right.role)
            .into_iter()
            .filter(|one| one != right);
        rest.roles[right.role]["rules"] = kept.map(|one| one.rule()).collect();
        rest
    }

    fn of_role(&self, role: usize) -> Vec<Right> {
        let mut rights = Vec::new();
        for rule in self.roles[role]["rules"].as_array().unwrap() {
            let words = |field: &str| -> Vec<String> {
                serde_json::from_value(rule[field].clone()).unwrap_or_default()
            };
            let mut names: Vec<_> = words("resourceNames").into_iter().map(Some).collect();
            if names.is_empty() {
                names.push(None);
            }
            for group in words("apiGroups") {
                for resource in words("resources") {
                    for name in &names {
                        for verb in words("verbs") {
                            rights.push(Right {
                                role,
                                group: group.clone(),
                                resource: resource.clone(),
                                name: name.clone(),
                                verb,
                            });
                        }
                    }
                }
            }
        }
        rights
    }
}
