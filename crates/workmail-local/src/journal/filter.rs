//! Which calls are meant, and counting them as they come.

use serde::{Deserialize, Serialize};

use super::{Call, Outcome};

/// Which calls are meant: those that fit every member that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct CallFilter {
    /// Calls of this operation.
    pub operation: Option<String>,
    /// Calls after this sequence number.
    pub after: u64,
    /// Calls of this account.
    pub account: Option<String>,
    /// Calls in this region.
    pub region: Option<String>,
    /// Calls about this organization.
    pub organization_id: Option<String>,
    /// Calls with this outcome.
    pub outcome: Option<Outcome>,
    /// Calls that did, or did not, change anything.
    pub effect: Option<bool>,
    /// Calls whose reply is, or is not yet, final.
    pub completed: Option<bool>,
}

impl CallFilter {
    /// Every call.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Calls of one operation.
    #[must_use]
    pub fn on(operation: impl Into<String>) -> Self {
        Self {
            operation: Some(operation.into()),
            ..Self::default()
        }
    }

    /// Only after this sequence number.
    #[must_use]
    pub fn after(mut self, sequence: u64) -> Self {
        self.after = sequence;
        self
    }

    /// Only of this account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Only in this region.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Only about this organization.
    #[must_use]
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization_id = Some(id.into());
        self
    }

    /// Only with this outcome.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Only those that changed something.
    #[must_use]
    pub fn with_effect(mut self) -> Self {
        self.effect = Some(true);
        self
    }

    /// Only those whose reply is final.
    #[must_use]
    pub fn completed(mut self) -> Self {
        self.completed = Some(true);
        self
    }

    /// Only those in flight.
    #[must_use]
    pub fn in_flight(mut self) -> Self {
        self.completed = Some(false);
        self
    }

    /// Whether a call is meant.
    #[must_use]
    pub fn takes(&self, call: &Call) -> bool {
        fn fits<T: PartialEq>(wanted: Option<T>, is: impl FnOnce() -> Option<T>) -> bool {
            wanted.is_none_or(|wanted| is() == Some(wanted))
        }
        call.sequence > self.after
            && fits(self.operation.as_deref(), || Some(&call.operation))
            && fits(self.account.as_deref(), || call.account.as_deref())
            && fits(self.region.as_deref(), || call.region.as_deref())
            && fits(self.organization_id.as_deref(), || {
                call.organization_id.as_deref()
            })
            && fits(self.outcome.as_ref(), || Some(&call.outcome))
            && fits(self.effect, || Some(call.effect))
            && fits(self.completed, || Some(call.reply.is_final()))
    }
}

/// A count of the calls that pass a filter, which looks at a call again only until its reply is
/// final.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    filter: &'a CallFilter,
    settled: usize,
    passing: usize,
    /// Every call up to here was looked at.
    seen: u64,
    /// The calls up to there whose reply was not final.
    open: Vec<u64>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(filter: &'a CallFilter) -> Self {
        Self {
            filter,
            settled: 0,
            passing: 0,
            seen: filter.after,
            open: Vec::new(),
        }
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    pub(super) fn found(&self) -> usize {
        self.settled + self.passing
    }

    /// Looks again at the calls that were open, and at those after [`Tally::seen`], in order.
    pub(super) fn count<'c>(
        &mut self,
        find: impl Fn(u64) -> Option<&'c Call>,
        later: impl Iterator<Item = &'c Call>,
    ) {
        self.passing = 0;
        let open = std::mem::take(&mut self.open);
        for call in open.into_iter().filter_map(find).chain(later) {
            self.seen = self.seen.max(call.sequence);
            let passes = usize::from(self.filter.takes(call));
            if call.reply.is_final() {
                self.settled += passes;
            } else {
                self.passing += passes;
                self.open.push(call.sequence);
            }
        }
    }
}
