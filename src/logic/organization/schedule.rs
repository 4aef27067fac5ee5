//! When an object is reconciled again after an outcome.

use super::Outcome;
use crate::api::Class;
use crate::logic::{
    Retry,
    schedule::{SWEEP_GOES_ON, backoff},
};

impl Outcome {
    /// Whether what was found of exports is used by the next reconcile: the sweep goes on. Else it is asked
    /// for again, for what was wrong may be right by then; what was right is remembered in status.
    #[must_use]
    pub fn keeps_checks(&self) -> bool {
        match self {
            Self::Checking => true,
            Self::Failed(failure) => failure.reason.class() == Class::Transient,
            Self::Active
            | Self::Observed(_)
            | Self::Unchanged
            | Self::Claiming
            | Self::Progress { .. }
            | Self::Searching
            | Self::Unconfirmed
            | Self::Suspended
            | Self::Ended
            | Self::Released(_)
            | Self::Gone => false,
        }
    }

    /// Returns when the object is reconciled again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Active | Self::Observed(_) | Self::Unchanged | Self::Progress { .. } => {
                Retry::OnChange
            }
            Self::Claiming => Retry::In(Retry::PROOF),
            Self::Checking => Retry::In(SWEEP_GOES_ON),
            // Nothing in the listing announces it: the age of the pending create does.
            Self::Searching => backoff(5, 30),
            Self::Unconfirmed => backoff(30, 30),
            Self::Failed(failure) => Retry::after_failure(failure),
            Self::Suspended | Self::Ended | Self::Released(_) | Self::Gone => Retry::Never,
        }
    }
}
