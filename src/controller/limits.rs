//! What one reconcile may take of time.

use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use crate::{
    api::Reason,
    logic::organization::{Action, Answer, Read},
};

/// No step is begun after this time, so that no reconcile takes a minute: a step takes 15 s, and the
/// status and an event after it 10 s each.
const LAST_STEP: Duration = Duration::from_secs(25);
/// A listing takes up to 30 s. No throttled call waits for another turn after this time either: others
/// need the place.
const LAST_LISTING: Duration = Duration::from_secs(10);
/// A throttled call is made again after as much as this, and in its turn.
pub(super) const TURN: Duration = Duration::from_secs(1);

/// Whether to stop here: answers are always saved, but nothing new is begun at the end of the time
/// of a reconcile, or of the process.
pub(super) fn must_pause(context: &Context, action: &Action, begun: Instant) -> bool {
    if let Action::Save(_) = action {
        return false;
    }
    let last = if let Action::Read(Read::Listing { .. }) = action {
        LAST_LISTING
    } else {
        LAST_STEP
    };
    *context.stopping.borrow() || begun.elapsed() > last
}

/// Whether AWS has throttled a call about one organization that can be made again in this reconcile.
pub(super) fn has_to_wait(action: &Action, answer: &Answer, begun: Instant) -> bool {
    let is_throttled = matches!(
        answer,
        Answer::Failed { failure, did_nothing: true } if failure.reason == Reason::Throttled
    );
    let is_about_one = matches!(
        action,
        Action::Call(_)
            | Action::Read(
                Read::Organization(_)
                    | Read::Tags(_)
                    | Read::Domains { .. }
                    | Read::Addresses { .. }
            )
    );
    is_throttled && is_about_one && begun.elapsed() + TURN < LAST_LISTING
}
