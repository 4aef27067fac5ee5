//! Deep resyncs: full reads that are due by the clock alone, spread over time and few at once, so that
//! no edit waits behind them.

use std::sync::Arc;

use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use super::Context;
use crate::logic::schedule::{RESYNC_PART, RESYNC_ROUNDS, resync_gap};

/// Asks for the deep resync of every object when it is due. Never returns.
pub(super) async fn run(context: &Context) {
    let interval = context.settings.deep_resync_interval;
    let at_once = usize::from(context.settings.concurrency).div_ceil(RESYNC_PART);
    let places = Arc::new(Semaphore::new(at_once));
    let process = &context.process;
    loop {
        let (due, objects) = process.to_resync(interval, process.moment(Instant::now()));
        for object in due {
            // The semaphore is never closed.
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            process.resync_begins(&object, place);
            context.trigger(object);
            sleep(resync_gap(interval, objects)).await;
        }
        sleep(interval / RESYNC_ROUNDS).await;
    }
}
