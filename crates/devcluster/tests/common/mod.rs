//! Helpers of the tests.

use std::time::{Duration, Instant};

/// Waits until `done` returns true. Fails after a minute, which is long even on a
/// machine that is busy with builds.
pub(crate) async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done().await {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
