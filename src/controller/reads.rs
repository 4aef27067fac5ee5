//! What a reconcile that does not come to its end has read, for the next one to go on with.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::Context;
use crate::{
    api::Reason,
    logic::organization::{Desired, Observed, Outcome, View},
};

/// What was read is used by later reconciles for this long.
const READS_LAST: Duration = Duration::from_mins(15);

/// What a reconcile has read and the next one need not read again.
#[derive(Debug)]
pub(super) struct Kept {
    /// What the reads were made for.
    desired: Desired,
    /// When the oldest was made.
    since: Instant,
    reads: Observed,
}

/// Whether the next reconcile can use what this one has read: only a call did not succeed.
pub(super) fn may_go_on(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed(failure)
            if matches!(failure.reason, Reason::Throttled | Reason::ServiceUnavailable)
    )
}

/// What an earlier reconcile has read, until the listing is there that says whether it still holds; and
/// since when reads have been made.
pub(super) struct Reads {
    earlier: Option<Observed>,
    since: Instant,
}

impl Reads {
    /// What was kept for this view. It is kept no longer.
    pub(super) fn of(context: &Context, view: &View) -> Self {
        let process = &context.process;
        let kept = process.with(&view.desired.object, |known| known.kept.take());
        let holds =
            |kept: &Kept| kept.desired == view.desired && kept.since.elapsed() <= READS_LAST;
        match kept.map(|kept| *kept).filter(holds) {
            Some(kept) => Self {
                earlier: Some(kept.reads),
                since: kept.since,
            },
            None => Self {
                earlier: None,
                since: Instant::now(),
            },
        }
    }

    /// Goes on with the earlier reads once the listing is there.
    pub(super) fn resume(&mut self, view: &mut View, now: Timestamp) {
        if view.observed.listing.is_some()
            && let Some(earlier) = self.earlier.take()
        {
            view.resume(earlier, now);
        }
    }

    /// Keeps what was read for the next reconcile.
    pub(super) fn keep(self, context: &Context, view: &View) {
        let Self { earlier, since } = self;
        // The earlier reads are not used yet where no listing came.
        if let Some(reads) = earlier.or_else(|| view.reads()) {
            let kept = Kept {
                desired: view.desired.clone(),
                since,
                reads,
            };
            let object = &view.desired.object;
            context
                .process
                .change(object, |known| known.kept = Some(Box::new(kept)));
        }
    }
}
