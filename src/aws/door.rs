//! What every AWS call goes through.

use std::{error::Error, sync::Arc, time::Duration};

use aws_sdk_workmail::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{CallError, pace::Pace};
use crate::{
    core::{Operation, Trouble},
    lease::Tenure,
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
pub(super) struct Door {
    pace: Pace,
    tenure: Tenure,
    metrics: Arc<Metrics>,
}

impl Door {
    pub(super) fn new(tenure: Tenure, metrics: Arc<Metrics>) -> Self {
        Self {
            pace: Pace::default(),
            tenure,
            metrics,
        }
    }

    /// Makes one call: in its turn and while it is this process's turn to act, answered `within` a
    /// time or not at all, counted.
    pub(super) async fn call<T, E>(
        &self,
        operation: Operation,
        within: Duration,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, CallError>
    where
        E: ProvideErrorMetadata,
        SdkError<E, HttpResponse>: RequestId + Error,
    {
        let deadline = Instant::now() + within;
        let Some(turn) = self.pace.turn(Instant::now(), within.min(PATIENCE)) else {
            return Err(CallError::unsent(operation));
        };
        sleep_until(turn).await;
        let begun = Instant::now();
        if !self.tenure.may_begin(begun) {
            return Err(CallError::unsent(operation));
        }
        let answer = match timeout(deadline - begun, request).await {
            Ok(answer) => answer.map_err(|error| CallError::from_sdk(operation, &error)),
            Err(_) => Err(CallError::new(operation, Trouble::TimedOut)),
        };
        let label = match &answer {
            Ok(_) => {
                self.pace.recover();
                "OK"
            }
            Err(error) => {
                match error.trouble {
                    Trouble::Throttled => self.pace.slow_down(begun, Instant::now()),
                    Trouble::Refused { .. } => self.pace.recover(),
                    Trouble::TimedOut
                    | Trouble::Unreachable
                    | Trouble::ServerFault
                    | Trouble::Undecodable
                    | Trouble::NoCredentials => {}
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
