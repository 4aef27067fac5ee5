//! What can go wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    knobs::{bad_request, throttling},
    span::Delay,
};

/// Whether the work of a call is done although the call goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// The call goes wrong before anything is done.
    #[default]
    NotDone,
    /// The work is done; its answer is what goes wrong.
    Done,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fault {
    /// An error with a code, in the service's form.
    Error {
        /// Its name.
        code: String,
        /// Its text.
        #[serde(default)]
        message: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// `ThrottlingException`, or another code for "slower", before the work.
    Throttle {
        /// Its name.
        #[serde(default = "throttling")]
        code: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
    },
    /// An answer that comes from no service: an HTTP status and a page, without a code.
    Http {
        /// The HTTP status.
        status: u16,
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// No answer until it is released or the connection closes. Released, a call that was held
    /// before its work goes on with it.
    Hang {
        /// Whether the work is done before the call is held.
        #[serde(default)]
        work: Work,
    },
    /// Nothing wrong, but later. Rules after this one apply too.
    Delay {
        /// How much later, in real time.
        #[serde(rename = "for")]
        time: Delay,
    },
    /// The connection closes without an answer.
    LostReply {
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// Status 200 and a body that nobody can decode.
    Garbage {
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// The call goes well, and the organization that it creates ends in Failed. Rules after this
    /// one apply too.
    FailCreation {
        /// The organization's `ErrorMessage`.
        error_message: String,
    },
}

impl Fault {
    /// `ThrottlingException`, status 400.
    #[must_use]
    pub fn throttle() -> Self {
        Self::Throttle {
            code: throttling(),
            status: 400,
        }
    }

    /// `TooManyRequestsException`, status 429.
    #[must_use]
    pub fn too_many_requests() -> Self {
        Self::Throttle {
            code: "TooManyRequestsException".to_owned(),
            status: 429,
        }
    }

    /// An error before the work, status 400.
    #[must_use]
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Error {
            code: code.into(),
            message: message.into(),
            status: 400,
            work: Work::NotDone,
        }
    }

    /// An HTTP status without a code, before the work.
    #[must_use]
    pub fn http(status: u16) -> Self {
        Self::Http {
            status,
            work: Work::NotDone,
        }
    }

    /// No answer, and no work before it is released.
    #[must_use]
    pub fn hang() -> Self {
        Self::Hang {
            work: Work::NotDone,
        }
    }

    /// The work is done, and then no answer before it is released.
    #[must_use]
    pub fn hang_after_work() -> Self {
        Self::Hang { work: Work::Done }
    }

    /// An answer `span` later.
    #[must_use]
    pub fn delay(span: Duration) -> Self {
        Self::Delay {
            time: Delay::fixed(span),
        }
    }

    /// The connection closes before the work.
    #[must_use]
    pub fn lost_reply_before_work() -> Self {
        Self::LostReply {
            work: Work::NotDone,
        }
    }

    /// The work is done, and the connection closes.
    #[must_use]
    pub fn lost_reply_after_work() -> Self {
        Self::LostReply { work: Work::Done }
    }

    /// A body that nobody can decode, and no work.
    #[must_use]
    pub fn garbage() -> Self {
        Self::Garbage {
            work: Work::NotDone,
        }
    }

    /// An organization that ends in Failed.
    #[must_use]
    pub fn fail_creation(error_message: impl Into<String>) -> Self {
        Self::FailCreation {
            error_message: error_message.into(),
        }
    }
}
