//! What every AWS call goes through.

use std::{error::Error, sync::Arc, time::Duration};

use aws_sdk_workmail::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{CallError, rate_limit::RateLimit};
use crate::{
    lease::LeaseTerm,
    logic::{ErrorKind, Operation},
    metrics::Metrics,
};

/// No AWS call is waited for longer.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);

/// No connection is waited for longer.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// How long a call waits for its turn: what is left of the deadline is enough for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The door to one account.
#[derive(Debug)]
pub(super) struct Gateway {
    pace: RateLimit,
    lease_term: LeaseTerm,
    metrics: Arc<Metrics>,
}

impl Gateway {
    pub(super) fn new(lease_term: LeaseTerm, metrics: Arc<Metrics>) -> Self {
        Self {
            pace: RateLimit::default(),
            lease_term,
            metrics,
        }
    }

    /// Makes one call for a namespace, or for all: in its turn and while it is this process's turn to act,
    /// answered `within` a time or not at all, counted.
    pub(super) async fn call<T, E>(
        &self,
        operation: Operation,
        within: Duration,
        namespace: Option<&Arc<str>>,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, CallError>
    where
        E: ProvideErrorMetadata,
        SdkError<E, HttpResponse>: RequestId + Error,
    {
        let deadline = Instant::now() + within;
        let patience = within.min(PATIENCE);
        let Some(turn) = self.pace.turn(Instant::now(), patience, namespace) else {
            return Err(CallError::unsent(operation));
        };
        sleep_until(turn).await;
        let begun = Instant::now();
        if !self.lease_term.may_begin(begun) {
            return Err(CallError::unsent(operation));
        }
        let answer = match timeout(deadline - begun, request).await {
            Ok(answer) => answer.map_err(|error| CallError::from_sdk(operation, &error)),
            Err(_) => Err(CallError::new(operation, ErrorKind::TimedOut)),
        };
        let label = match &answer {
            Ok(_) => {
                self.pace.recover();
                "OK"
            }
            Err(error) => {
                match error.trouble {
                    ErrorKind::Throttled => self.pace.slow_down(begun, Instant::now()),
                    ErrorKind::Refused { .. } => self.pace.recover(),
                    ErrorKind::TimedOut
                    | ErrorKind::Unreachable
                    | ErrorKind::ServerFault
                    | ErrorKind::Undecodable
                    | ErrorKind::NoCredentials { .. } => {}
                }
                error.trouble.label()
            }
        };
        self.metrics.aws_request(operation, label, begun.elapsed());
        answer
    }

    /// What its calls are counted in.
    #[cfg(test)]
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
