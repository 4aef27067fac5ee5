//! From the SDK's large errors to a small one, at the edge.

use std::error::Error;

use aws_sdk_workmail::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

use crate::logic::{ErrorKind, Failure, Operation, Region, Service};

/// One call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// Which call.
    pub operation: Operation,
    /// What it says about AWS.
    pub trouble: ErrorKind,
    /// For the log; never for a condition.
    pub request_id: Option<String>,
    /// What the SDK says of it, cause by cause. For the log; never for a condition.
    pub detail: Option<String>,
    /// Whether the call was made at all.
    pub sent: bool,
}

impl CallError {
    /// A trouble without an answer.
    #[must_use]
    pub const fn new(operation: Operation, trouble: ErrorKind) -> Self {
        Self {
            operation,
            trouble,
            request_id: None,
            detail: None,
            sent: true,
        }
    }

    /// A call that was not made: its turn in the account's budget comes too late, or another process
    /// may hold the lease.
    #[must_use]
    pub fn unsent(operation: Operation) -> Self {
        Self {
            sent: false,
            ..Self::new(operation, ErrorKind::Throttled)
        }
    }

    /// The failure by the table, for an object with these names.
    #[must_use]
    pub fn failure(&self, region: Option<&Region>, named: &[String]) -> Failure {
        Failure::of_call_naming(named, self.operation, &self.trouble, region)
    }

    /// Whether AWS refused with this code.
    #[must_use]
    pub fn is(&self, wanted: &str) -> bool {
        match &self.trouble {
            ErrorKind::Refused { code, .. } => code == wanted,
            ErrorKind::Throttled
            | ErrorKind::TimedOut
            | ErrorKind::Unreachable
            | ErrorKind::ServerFault
            | ErrorKind::Undecodable
            | ErrorKind::NoCredentials { .. } => false,
        }
    }

    /// Reads the SDK's error.
    pub(super) fn from_sdk<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
        SdkError<E, HttpResponse>: RequestId + Error,
    {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the SDK's error is open to new variants"
        )]
        let trouble = match error {
            SdkError::TimeoutError(_) => ErrorKind::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => ErrorKind::TimedOut,
            SdkError::DispatchFailure(_) => ErrorKind::Unreachable,
            SdkError::ResponseError(answer) if answer.raw().status().is_server_error() => {
                ErrorKind::ServerFault
            }
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                let code = answer.err().code();
                let code = code.or_else(|| code_of(operation.service(), status));
                ErrorKind::from_answer(status, code, answer.err().message())
            }
            // ResponseError and variants of the future; ConstructionFailure cannot come of inputs
            // that the schema lets through, and is told apart by nothing else.
            _ => ErrorKind::Undecodable,
        };
        Self {
            operation,
            trouble,
            request_id: error.request_id().map(str::to_owned),
            detail: Some(chain(error)),
            sent: true,
        }
    }
}

/// The code that S3 has for a status (S3 API reference, error responses): its answer to a HEAD has no body.
fn code_of(service: Service, status: u16) -> Option<&'static str> {
    match (service, status) {
        (Service::S3, 301) => Some("PermanentRedirect"),
        (Service::S3, 307) => Some("TemporaryRedirect"),
        (Service::S3, 400) => Some("BadRequest"),
        (Service::S3, 403) => Some("AccessDenied"),
        (Service::S3, 404) => Some("NotFound"),
        (Service::S3, 405) => Some("MethodNotAllowed"),
        (Service::S3, 412) => Some("PreconditionFailed"),
        (Service::S3 | Service::Sts | Service::WorkMail, _) => None,
    }
}

/// An error with what caused it, on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
