//! Holding a value against the model.

use serde_json::Value;

use super::{Contract, Kind, Shape, Structure};

/// A value of the wrong type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} can not be converted to {wanted}")]
pub(crate) struct Misread {
    found: &'static str,
    wanted: &'static str,
}

/// A bound that a value breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Where, as `domains.1.member.domainName`.
    pub(crate) path: String,
    /// What with, unless it is sensitive.
    shown: Option<String>,
    bound: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.shown {
            Some(shown) => write!(f, "Value {shown} at '{}'", self.path)?,
            None => write!(f, "Value at '{}'", self.path)?,
        }
        write!(f, " failed to satisfy constraint: {}", self.bound)
    }
}

impl Contract {
    /// Whether every value has the type of its member. Members that the model lacks are ignored,
    /// and a null counts as absent.
    pub(crate) fn read_types(&self, value: &Value, shape: &Structure) -> Result<(), Misread> {
        let members = value.as_object().ok_or(Misread {
            found: type_of(value),
            wanted: "a structure",
        })?;
        shape
            .members
            .iter()
            .filter_map(|(name, member)| Some((members.get(name)?, member)))
            .filter(|(value, _)| !value.is_null())
            .try_for_each(|(value, member)| self.read_type(value, member))
    }

    fn read_type(&self, value: &Value, shape: &Shape) -> Result<(), Misread> {
        let (fits, wanted) = match shape.kind {
            Kind::String => (value.is_string(), "a String"),
            Kind::Boolean => (value.is_boolean(), "a Boolean"),
            Kind::Integer => (value.is_i64(), "an Integer"),
            Kind::Timestamp => (value.is_number(), "a Timestamp"),
            Kind::List => (value.is_array(), "a list"),
            Kind::Structure => (value.is_object(), "a structure"),
        };
        if !fits {
            return Err(Misread {
                found: type_of(value),
                wanted,
            });
        }
        if let (Some(items), Some(member)) = (value.as_array(), &shape.member) {
            for item in items.iter().filter(|item| !item.is_null()) {
                self.read_type(item, member)?;
            }
        }
        match shape
            .structure
            .as_ref()
            .and_then(|name| self.structures.get(name))
        {
            Some(structure) => self.read_types(value, structure),
            None => Ok(()),
        }
    }

    /// Every bound that a value of the right types breaks.
    pub(crate) fn broken(&self, value: &Value, shape: &Structure) -> Vec<Broken> {
        let mut broken = Vec::new();
        self.check_members(value, shape, "", &mut broken);
        broken
    }

    fn check_members(
        &self,
        value: &Value,
        shape: &Structure,
        path: &str,
        broken: &mut Vec<Broken>,
    ) {
        for (name, member) in &shape.members {
            let path = format!("{path}{}", lower_camel(name));
            match value.get(name).filter(|value| !value.is_null()) {
                Some(value) => self.check(value, member, &path, broken),
                None if shape.required.contains(name) => broken.push(absent(path)),
                None => {}
            }
        }
    }

    fn check(&self, value: &Value, shape: &Shape, path: &str, broken: &mut Vec<Broken>) {
        let mut breaks = |bound: String| {
            let shown = (!shape.sensitive).then(|| shown(value));
            broken.push(Broken {
                path: path.to_owned(),
                shown,
                bound,
            });
        };
        match value {
            Value::String(text) => {
                let length = text.chars().count() as u64;
                if shape.min.is_some_and(|min| length < min) {
                    breaks(bound("length greater than or equal to", shape.min));
                }
                if shape.max.is_some_and(|max| length > max) {
                    breaks(bound("length less than or equal to", shape.max));
                }
                if !shape.words.is_empty() && !shape.words.contains(text) {
                    breaks(format!(
                        "Member must satisfy enum value set: [{}]",
                        shape.words.join(", ")
                    ));
                }
                if !self.is_match(text, shape) {
                    let pattern = shape.pattern.as_deref().unwrap_or_default();
                    breaks(format!(
                        "Member must satisfy regular expression pattern: {pattern}"
                    ));
                }
            }
            Value::Number(number) => {
                let number = number.as_i64().unwrap_or_default();
                let less = |bound: u64| i64::try_from(bound).is_ok_and(|bound| number < bound);
                let more = |bound: u64| i64::try_from(bound).is_ok_and(|bound| number > bound);
                if shape.min.is_some_and(less) {
                    breaks(bound("value greater than or equal to", shape.min));
                }
                if shape.max.is_some_and(more) {
                    breaks(bound("value less than or equal to", shape.max));
                }
            }
            Value::Array(items) => {
                let length = items.len() as u64;
                if shape.min.is_some_and(|min| length < min) {
                    breaks(bound("length greater than or equal to", shape.min));
                }
                if shape.max.is_some_and(|max| length > max) {
                    breaks(bound("length less than or equal to", shape.max));
                }
                let Some(member) = &shape.member else { return };
                for (item, place) in items.iter().zip(1..) {
                    let path = format!("{path}.{place}.member");
                    if item.is_null() {
                        broken.push(absent(path));
                    } else {
                        self.check(item, member, &path, broken);
                    }
                }
            }
            Value::Object(_) => {
                if let Some(structure) = shape
                    .structure
                    .as_ref()
                    .and_then(|name| self.structures.get(name))
                {
                    self.check_members(value, structure, &format!("{path}."), broken);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn is_match(&self, text: &str, shape: &Shape) -> bool {
        let pattern = shape
            .expression()
            .and_then(|pattern| self.patterns.get(pattern));
        pattern.is_none_or(|pattern| pattern.is_match(text))
            && shape
                .not_prefix
                .as_ref()
                .is_none_or(|prefix| !text.starts_with(prefix.as_str()))
    }
}

/// A value as a violation shows it. It is cut so that the rest of the text has room.
fn shown(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let mut letters = text.chars();
    let head: String = letters.by_ref().take(LONGEST_SHOWN).collect();
    let ellipsis = if letters.next().is_some() { "..." } else { "" };
    format!("'{head}{ellipsis}'")
}

const LONGEST_SHOWN: usize = 80;

fn absent(path: String) -> Broken {
    Broken {
        path,
        shown: Some("null".to_owned()),
        bound: "Member must not be null".to_owned(),
    }
}

fn bound(what: &str, limit: Option<u64>) -> String {
    format!("Member must have {what} {}", limit.unwrap_or_default())
}

/// `DomainName` as `domainName`, `ResourceARN` as `resourceARN`.
fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}

fn type_of(value: &Value) -> &'static str {
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
