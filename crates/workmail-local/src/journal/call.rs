//! One call in the journal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::faults::RuleId;

/// The service of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Amazon WorkMail.
    WorkMail,
    /// AWS Security Token Service.
    Sts,
}

impl Service {
    /// Returns the name of the service in the scope of a signature.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WorkMail => "workmail",
            Self::Sts => "sts",
        }
    }
}

/// The result of the work of a call. Written `pending`, `OK`, `not-done` or as the code of an
/// error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Outcome {
    /// The work is not finished.
    Pending,
    /// The work succeeded.
    Ok,
    /// The call went wrong before its work.
    NotDone,
    /// The code of an error.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Nothing yet.
    Pending,
    /// Nothing yet: a fault holds the call.
    Held,
    /// An answer.
    Sent,
    /// Nothing: a fault closed the connection.
    Lost,
    /// A body that cannot be decoded.
    Garbage,
    /// Nothing: the caller left before the answer, or the endpoint stopped.
    Abandoned,
}

impl Reply {
    /// Whether the reply does not change any more.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Held)
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The number in the order of arrival, from 1.
    pub sequence: u64,
    /// When it arrived, by the machine's clock.
    pub at: Timestamp,
    /// When its reply became final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// The service.
    pub service: Service,
    /// The operation as the caller named it.
    pub operation: String,
    /// The account of the caller, if the signature was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region of the signature's scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The access key id of the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    /// The body as JSON: the fields of a form, or a string if it cannot be parsed. A body that
    /// takes more than 256 KiB is not kept.
    pub request: Value,
    /// The result of the work.
    pub outcome: Outcome,
    /// Whether it changed anything. A create that is repeated with its token does not.
    pub effect: bool,
    /// What the caller got.
    pub reply: Reply,
    /// The HTTP status that the caller got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The organization that it named or created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The fault rules that applied to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<RuleId>,
    /// The `x-amzn-requestid` of the answer.
    pub request_id: String,
    /// The `user-agent` of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl Call {
    /// Returns about how many bytes of memory it takes.
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

/// Returns about how many bytes of memory a value takes.
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
