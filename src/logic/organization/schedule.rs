//! When an object is reconciled again after an outcome.

use super::Outcome;
use crate::logic::{Retry, schedule::backoff};

impl Outcome {
    /// Returns when the object is reconciled again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Active | Self::Observed(_) | Self::Unchanged | Self::Progress { .. } => {
                Retry::OnChange
            }
            Self::Claiming => Retry::In(Retry::PROOF),
            // Nothing in the listing announces it: the age of the pending create does.
            Self::Searching => backoff(5, 30),
            Self::Unconfirmed => backoff(30, 30),
            Self::Failed(failure) => Retry::after_failure(failure),
            Self::Suspended | Self::Ended | Self::Released(_) | Self::Gone => Retry::Never,
        }
    }
}
