//! Checks of values against the model.

use serde_json::Value;

use super::{Contract, Kind, Shape, Structure};

/// A value of the wrong type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} can not be converted to {wanted}")]
pub(crate) struct WrongType {
    found: &'static str,
    wanted: &'static str,
}

/// A value that is out of a bound of the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Value {value} at '{path}' failed to satisfy constraint: {bound}")]
pub(crate) struct Violation {
    /// The place of the value, such as `domains.1.member.domainName`.
    path: String,
    value: String,
    bound: String,
}

impl Contract {
    /// Checks that every value has the type of its member. Members that the model does not have
    /// are ignored, and a null counts as absent.
    pub(crate) fn check_types(&self, value: &Value, shape: &Structure) -> Result<(), WrongType> {
        let members = value.as_object().ok_or(WrongType {
            found: type_name(value),
            wanted: "a structure",
        })?;
        shape
            .members
            .iter()
            .filter_map(|(name, member)| Some((members.get(name)?, member)))
            .filter(|(value, _)| !value.is_null())
            .try_for_each(|(value, member)| self.check_type(value, member))
    }

    fn check_type(&self, value: &Value, shape: &Shape) -> Result<(), WrongType> {
        let (fits, wanted) = match shape.kind {
            Kind::String => (value.is_string(), "a String"),
            Kind::Boolean => (value.is_boolean(), "a Boolean"),
            Kind::Integer => (value.is_i64(), "an Integer"),
            Kind::Double => (value.is_number(), "a Double"),
            Kind::Timestamp => (value.is_number(), "a Timestamp"),
            Kind::List => (value.is_array(), "a list"),
            Kind::Structure => (value.is_object(), "a structure"),
        };
        if !fits {
            return Err(WrongType {
                found: type_name(value),
                wanted,
            });
        }
        if let (Some(items), Some(member)) = (value.as_array(), &shape.member) {
            for item in items.iter().filter(|item| !item.is_null()) {
                self.check_type(item, member)?;
            }
        }
        match self.structure_of(shape) {
            Some(structure) => self.check_types(value, structure),
            None => Ok(()),
        }
    }

    /// Returns the violations of a value whose types were checked.
    pub(crate) fn violations(&self, value: &Value, shape: &Structure) -> Vec<Violation> {
        let mut found = Vec::new();
        self.check_members(value, shape, "", &mut found);
        found
    }

    fn check_members(
        &self,
        value: &Value,
        shape: &Structure,
        path: &str,
        found: &mut Vec<Violation>,
    ) {
        for (name, member) in &shape.members {
            let path = format!("{path}{}", lower_camel(name));
            match value.get(name).filter(|value| !value.is_null()) {
                Some(value) => self.check(value, member, &path, found),
                None if shape.required.contains(name) => found.push(missing(path)),
                None => {}
            }
        }
    }

    fn check(&self, value: &Value, shape: &Shape, path: &str, found: &mut Vec<Violation>) {
        let bounds = match value {
            Value::String(text) => {
                let mut bounds = shape.size_violations(length(text.chars().count()), "length");
                bounds.extend(self.text_violations(text, shape));
                bounds
            }
            Value::Number(number) => {
                shape.size_violations(number.as_i64().unwrap_or_default(), "value")
            }
            Value::Array(items) => shape.size_violations(length(items.len()), "length"),
            Value::Null | Value::Bool(_) | Value::Object(_) => Vec::new(),
        };
        found.extend(bounds.into_iter().map(|bound| Violation {
            path: path.to_owned(),
            value: quoted(value),
            bound,
        }));
        if let (Value::Array(items), Some(member)) = (value, &shape.member) {
            for (item, place) in items.iter().zip(1..) {
                let path = format!("{path}.{place}.member");
                if item.is_null() {
                    found.push(missing(path));
                } else {
                    self.check(item, member, &path, found);
                }
            }
        }
        if let Some(structure) = self.structure_of(shape) {
            self.check_members(value, structure, &format!("{path}."), found);
        }
    }

    fn text_violations(&self, text: &str, shape: &Shape) -> Vec<String> {
        let mut bounds = Vec::new();
        if !shape.words.is_empty() && !shape.words.iter().any(|word| word == text) {
            let words = shape.words.join(", ");
            bounds.push(format!("Member must satisfy enum value set: [{words}]"));
        }
        let compiled = shape
            .expression()
            .and_then(|expression| self.patterns.get(expression));
        let matches = compiled.is_none_or(|pattern| pattern.is_match(text));
        let has_prefix = shape
            .not_prefix
            .as_ref()
            .is_some_and(|prefix| text.starts_with(prefix.as_str()));
        if !matches || has_prefix {
            let pattern = shape.pattern.as_deref().unwrap_or_default();
            bounds.push(format!(
                "Member must satisfy regular expression pattern: {pattern}"
            ));
        }
        bounds
    }

    fn structure_of(&self, shape: &Shape) -> Option<&Structure> {
        self.structures.get(shape.structure.as_ref()?)
    }
}

impl Shape {
    fn size_violations(&self, size: i64, what: &str) -> Vec<String> {
        let limit = |bound: Option<i64>, word: &str| {
            bound.map(|bound| format!("Member must have {what} {word} than or equal to {bound}"))
        };
        let least = self.min.filter(|min| size < *min);
        let most = self.max.filter(|max| size > *max);
        let violations = [limit(least, "greater"), limit(most, "less")];
        violations.into_iter().flatten().collect()
    }
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The most characters of a value that a violation shows. An error's text has at most 256.
const LONGEST_VALUE: usize = 80;

fn quoted(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let mut letters = text.chars();
    let head: String = letters.by_ref().take(LONGEST_VALUE).collect();
    let ellipsis = if letters.next().is_some() { "..." } else { "" };
    format!("'{head}{ellipsis}'")
}

fn missing(path: String) -> Violation {
    Violation {
        path,
        value: "null".to_owned(),
        bound: "Member must not be null".to_owned(),
    }
}

/// Returns `DomainName` as `domainName`, and `ResourceARN` as `resourceARN`.
fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}
