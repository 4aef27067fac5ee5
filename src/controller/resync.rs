//! Whole looks that are due by the clock alone: spread over time and few at once, so that nobody's edit
//! waits behind them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use super::Context;

/// Of all reconciles at once, at most this part are resyncs.
const PART: usize = 8;
/// How often it is asked which are due, as a part of the interval: none comes later by more.
const ROUNDS: u32 = 100;

/// Asks for the deep resync of every object when it is due. Never returns.
pub(super) async fn run(context: &Context) {
    let interval = context.settings.deep_resync_interval;
    let at_once = usize::from(context.settings.concurrency).div_ceil(PART);
    let places = Arc::new(Semaphore::new(at_once));
    loop {
        let (due, objects) = context.process.to_resync(interval, Instant::now());
        for object in due {
            // The semaphore is never closed.
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            context.process.resyncs(&object, place);
            context.trigger(object);
            sleep(gap(interval, objects)).await;
        }
        sleep(interval / ROUNDS).await;
    }
}

/// The time between two resyncs: all objects come round in half an interval, however many are due at
/// once after an outage.
fn gap(interval: Duration, objects: usize) -> Duration {
    interval / u32::try_from(2 * objects).unwrap_or(u32::MAX).max(ROUNDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_objects_come_round_in_half_an_interval() {
        let hour = Duration::from_hours(1);
        assert_eq!(gap(hour, 10_000) * 10_000, hour / 2);
        assert_eq!(gap(hour, 50) * 50, hour / 2);
        for few in [0, 1, 49] {
            assert_eq!(gap(hour, few), hour / ROUNDS, "none waits long for another");
        }
    }
}
