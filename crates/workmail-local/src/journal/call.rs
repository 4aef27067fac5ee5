//! One call, as the journal has it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::faults::RuleId;

/// The service that a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Amazon WorkMail.
    WorkMail,
    /// AWS Security Token Service.
    Sts,
}

impl Service {
    /// Its name in a signature's scope.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WorkMail => "workmail",
            Self::Sts => "sts",
        }
    }
}

/// What came of a call. Written `pending`, `OK`, `not-done` or an error's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Outcome {
    /// Nothing yet.
    Pending,
    /// What was asked.
    Ok,
    /// Nothing: the call went wrong before the work.
    NotDone,
    /// An error, by its code.
    Error(String),
}

impl From<String> for Outcome {
    fn from(word: String) -> Self {
        match word.as_str() {
            "pending" => Self::Pending,
            "OK" => Self::Ok,
            "not-done" => Self::NotDone,
            _ => Self::Error(word),
        }
    }
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pending => "pending".to_owned(),
            Outcome::Ok => "OK".to_owned(),
            Outcome::NotDone => "not-done".to_owned(),
            Outcome::Error(code) => code,
        }
    }
}

/// What the caller got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Nothing yet.
    Pending,
    /// Nothing yet: a fault holds the call.
    Held,
    /// An answer.
    Sent,
    /// None: a fault closed the connection.
    Lost,
    /// A body that nobody can decode.
    Garbage,
    /// None: the caller was gone before there was one, or the endpoint stopped.
    Abandoned,
}

impl Reply {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Held)
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Its place in the order of arrival, from 1.
    pub sequence: u64,
    /// When it arrived, by the machine's clock.
    pub at: Timestamp,
    /// When its reply became final.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub completed_at: Option<Timestamp>,
    /// The service it is for.
    pub service: Service,
    /// The operation, as the caller named it.
    pub operation: String,
    /// The caller's account, once its signature was accepted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// The region of the signature's scope.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<String>,
    /// The access key id of the signature.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_key: Option<String>,
    /// The body as JSON; a form's fields, or what could not be read as a string.
    pub request: Value,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether it changed anything. A create that is repeated with its token does not.
    pub effect: bool,
    /// What the caller got.
    pub reply: Reply,
    /// The HTTP status that the caller got.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// The organization it was about, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization_id: Option<String>,
    /// The faults that had a part in it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub faults: Vec<RuleId>,
    /// `x-amzn-requestid` of the answer.
    pub request_id: String,
    /// The caller's `user-agent`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_agent: Option<String>,
}

impl Call {
    /// How many bytes it takes in memory, about.
    pub(super) fn size(&self) -> usize {
        let texts = [
            self.account.as_ref(),
            self.region.as_ref(),
            self.access_key.as_ref(),
            self.organization_id.as_ref(),
            self.user_agent.as_ref(),
            Some(&self.operation),
            Some(&self.request_id),
        ];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        size_of::<Self>() + texts + size_of_value(&self.request)
    }
}

/// How many bytes a value takes in memory, about.
pub(super) fn size_of_value(value: &Value) -> usize {
    let inner: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size_of_value).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| size_of::<String>() + name.len() + size_of_value(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + inner
}
