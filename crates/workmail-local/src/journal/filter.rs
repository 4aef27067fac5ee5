//! Filters of calls.

use super::{Call, Outcome};

/// A filter that matches the calls with every value that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Calls of this operation.
    pub operation: Option<String>,
    /// Calls after this sequence number.
    pub after: u64,
    /// Calls of this account.
    pub account: Option<String>,
    /// Calls in this region.
    pub region: Option<String>,
    /// Calls that name or created this organization.
    pub organization_id: Option<String>,
    /// Calls with this outcome.
    pub outcome: Option<Outcome>,
    /// Calls that changed something, or nothing.
    pub effect: Option<bool>,
    /// Calls whose reply is final, or is not.
    pub completed: Option<bool>,
}

impl CallFilter {
    /// Returns a filter that matches every call.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Returns a filter that matches the calls of one operation.
    #[must_use]
    pub fn on(operation: impl Into<String>) -> Self {
        Self {
            operation: Some(operation.into()),
            ..Self::default()
        }
    }

    /// Returns the same filter for calls after this sequence number.
    #[must_use]
    pub fn after(mut self, sequence: u64) -> Self {
        self.after = sequence;
        self
    }

    /// Returns the same filter for this account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Returns the same filter for this region.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Returns the same filter for this organization.
    #[must_use]
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization_id = Some(id.into());
        self
    }

    /// Returns the same filter for this outcome.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Returns the same filter for calls that changed something.
    #[must_use]
    pub fn with_effect(mut self) -> Self {
        self.effect = Some(true);
        self
    }

    /// Returns the same filter for calls whose reply is final.
    #[must_use]
    pub fn completed(mut self) -> Self {
        self.completed = Some(true);
        self
    }

    /// Returns the same filter for calls in flight.
    #[must_use]
    pub fn in_flight(mut self) -> Self {
        self.completed = Some(false);
        self
    }

    pub(super) fn matches(&self, call: &Call) -> bool {
        fn fits<T: PartialEq>(wanted: Option<&T>, value: Option<&T>) -> bool {
            wanted.is_none() || wanted == value
        }
        call.sequence > self.after
            && fits(self.operation.as_ref(), Some(&call.operation))
            && fits(self.account.as_ref(), call.account.as_ref())
            && fits(self.region.as_ref(), call.region.as_ref())
            && fits(self.organization_id.as_ref(), call.organization_id.as_ref())
            && fits(self.outcome.as_ref(), Some(&call.outcome))
            && fits(self.effect.as_ref(), Some(&call.effect))
            && fits(self.completed.as_ref(), Some(&call.reply.is_final()))
    }
}
