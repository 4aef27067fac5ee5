//! What every AWS call goes through.

use std::{error::Error, time::Duration};

use aws_sdk_workmail::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{CallError, pace::Pace};
use crate::{
    core::{Operation, Trouble},
    metrics::Metrics,
};

/// No AWS call is waited for longer.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);

/// How long a call waits for its turn: what is left of the deadline is enough for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes one call: in its turn, answered `within` a time or not at all, counted.
pub(super) async fn call<T, E>(
    operation: Operation,
    within: Duration,
    pace: &Pace,
    metrics: &Metrics,
    request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, CallError>
where
    E: ProvideErrorMetadata,
    SdkError<E, HttpResponse>: RequestId + Error,
{
    let deadline = Instant::now() + within;
    let Some(turn) = pace.turn(Instant::now(), within.min(PATIENCE)) else {
        return Err(CallError::unsent(operation));
    };
    sleep_until(turn).await;
    let begun = Instant::now();
    let answer = match timeout(deadline - begun, request).await {
        Ok(answer) => answer.map_err(|error| CallError::from_sdk(operation, &error)),
        Err(_) => Err(CallError::new(operation, Trouble::TimedOut)),
    };
    let label = match &answer {
        Ok(_) => {
            pace.recover();
            "OK"
        }
        Err(error) => {
            match error.trouble {
                Trouble::Throttled => pace.slow_down(begun, Instant::now()),
                Trouble::Refused { .. } => pace.recover(),
                Trouble::TimedOut
                | Trouble::Unreachable
                | Trouble::ServerFault
                | Trouble::Undecodable
                | Trouble::NoCredentials => {}
            }
            error.trouble.label()
        }
    };
    metrics.aws_request(operation, label, begun.elapsed());
    answer
}
