//! The faults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::export::ExportCause;
use crate::{
    knobs::{bad_request, throttling},
    span::Span,
};

/// Whether the work of a call is done although the call goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// The call goes wrong before its work.
    #[default]
    NotDone,
    /// The work is done, and then the answer goes wrong.
    Done,
}

/// How a call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fault {
    /// An error in the form of the service.
    Error {
        /// The code.
        code: String,
        /// The text.
        #[serde(default)]
        message: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// An error that asks the client to slow down, before the work.
    Throttle {
        /// The code.
        #[serde(default = "throttling")]
        code: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
    },
    /// An HTTP status and a page without a code, as a proxy gives it.
    Http {
        /// The HTTP status.
        status: u16,
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// No answer until the call is released or the connection closes. A call that is held before
    /// its work does its work when it is released.
    Hang {
        /// Whether the work is done before the call is held.
        #[serde(default)]
        work: Work,
    },
    /// The call waits before its work. Later rules apply to the call too.
    Delay {
        /// How long it waits, in real time.
        #[serde(rename = "for")]
        span: Span,
    },
    /// The connection closes without an answer.
    LostReply {
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// Status 200 and a body that cannot be decoded.
    Garbage {
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// The call succeeds, and the organization that it creates ends in Failed. Later rules apply
    /// to the call too.
    FailCreation {
        /// The `ErrorMessage` of the organization. It is cut to the 256 characters of the model.
        error_message: String,
    },
    /// The call succeeds, and the export job that it starts ends in FAILED when its time is over.
    /// Later rules apply to the call too.
    FailExport {
        /// Why.
        cause: ExportCause,
        /// The `ErrorInfo` of the job. Default: a text for the cause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_info: Option<String>,
    },
    /// The call succeeds, and the export job that it starts stays RUNNING without progress. Later
    /// rules apply to the call too.
    HangExport,
}

impl Fault {
    /// Returns an export job that ends in FAILED for this cause.
    #[must_use]
    pub fn fail_export(cause: ExportCause) -> Self {
        Self::FailExport {
            cause,
            error_info: None,
        }
    }

    /// Returns a `ThrottlingException` with status 400.
    #[must_use]
    pub fn throttle() -> Self {
        Self::Throttle {
            code: throttling(),
            status: 400,
        }
    }

    /// Returns a `TooManyRequestsException` with status 429.
    #[must_use]
    pub fn too_many_requests() -> Self {
        Self::Throttle {
            code: "TooManyRequestsException".to_owned(),
            status: 429,
        }
    }

    /// Returns an error before the work, with status 400.
    #[must_use]
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Error {
            code: code.into(),
            message: message.into(),
            status: 400,
            work: Work::NotDone,
        }
    }

    /// Returns an HTTP status without a code, before the work.
    #[must_use]
    pub fn http(status: u16) -> Self {
        Self::Http {
            status,
            work: Work::NotDone,
        }
    }

    /// Returns a hang before the work.
    #[must_use]
    pub fn hang() -> Self {
        Self::Hang {
            work: Work::NotDone,
        }
    }

    /// Returns a delay before the work.
    #[must_use]
    pub fn delay(span: Duration) -> Self {
        Self::Delay { span: Span(span) }
    }

    /// Returns a lost reply before the work.
    #[must_use]
    pub fn lost_reply_before_work() -> Self {
        Self::LostReply {
            work: Work::NotDone,
        }
    }

    /// Returns a lost reply after the work.
    #[must_use]
    pub fn lost_reply_after_work() -> Self {
        Self::LostReply { work: Work::Done }
    }

    /// Returns a body that cannot be decoded, without the work.
    #[must_use]
    pub fn garbage() -> Self {
        Self::Garbage {
            work: Work::NotDone,
        }
    }

    /// Returns a creation that ends in Failed.
    #[must_use]
    pub fn fail_creation(error_message: impl Into<String>) -> Self {
        Self::FailCreation {
            error_message: error_message.into(),
        }
    }
}
