//! What answers about exports make of a deletion that waits for them.

use crate::logic::{
    Failure,
    gate::{Checks, Sweep},
    organization::{Action, Read, View},
};

impl View {
    /// What was found right is remembered, so that a restart does not begin anew.
    pub(super) fn see_checks(&mut self, action: &Action, found: Checks, failure: Option<Failure>) {
        let rule = self.gate();
        self.observed.swept = true;
        self.observed.checks.extend(found);
        if let (Action::Read(Read::Checks { checks, .. }), Some(rule), Some(reading)) =
            (action, rule, &self.observed.gate)
        {
            let (before, found) = (self.memory.sweep.as_ref(), &self.observed.checks);
            self.memory.sweep = Sweep::after(before, checks, found, &rule, reading.at);
        }
        self.observed.failed = failure;
    }

    /// The document is written. What was read right before the call was read before that, and is read anew.
    pub(super) fn see_closing(&mut self) {
        self.observed.closing = true;
        if self.observed.gate.as_ref().is_some_and(|one| one.is_fresh) {
            self.observed.gate = None;
        }
    }
}
