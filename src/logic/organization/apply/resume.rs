//! What a reconcile that does not come to its end leaves to the next one.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use crate::{
    api::Reason,
    logic::{
        Failure,
        organization::{Listing, Observed, View},
    },
};

impl View {
    /// Returns what a later reconcile of the same spec may use of what this one has read. Tags
    /// are left out: the owner is read in each reconcile. `None` for a deletion, and after a change that
    /// was not answered: then everything is read anew.
    #[must_use]
    pub fn reads(&self) -> Option<Observed> {
        let is_unanswered =
            |failure: &Failure| !failure.read_failed && failure.reason != Reason::Throttled;
        let unanswered = self.observed.failed.as_ref().is_some_and(is_unanswered);
        (!self.desired.deleting && !unanswered).then(|| Observed {
            tags: None,
            refused_tags: BTreeMap::new(),
            owner_lives: None,
            scope: None,
            current: false,
            failed: None,
            ..self.observed.clone()
        })
    }

    /// Goes on with what an earlier reconcile of the same spec has read and done ([`View::reads`]), if the
    /// listing still shows the same organization.
    pub fn resume(&mut self, before: Observed, now: Timestamp) {
        let Observed {
            account: _,
            listing,
            organization,
            tags: _,
            owner_lives: _,
            domains,
            endpoint: _,
            read_domains,
            registered,
            // Somebody may have got an address since.
            unused_domains: _,
            default_domain,
            gate: _,
            checks: _,
            swept: _,
            closing: _,
            scope: _,
            current: _,
            refused,
            refused_tags: _,
            refused_domains,
            corrected,
            failed: _,
            released: _,
        } = before;
        let rows = |listing: Option<Listing>| listing.map(|seen| (seen.by_id, seen.by_alias));
        if rows(listing) != rows(self.observed.listing.clone()) {
            return;
        }
        if let Some(seen) = &domains {
            self.show_domains(seen, now);
        }
        if refused.is_some() && self.facts.attempts_answered {
            self.forget_create();
        }
        // The listing may be newer than the description: where they differ, it is read again.
        let is_listed = organization.seen().map(|seen| &seen.summary) == self.listed();
        let observed = &mut self.observed;
        if is_listed {
            observed.organization = organization;
        }
        observed.domains = domains;
        observed.read_domains = read_domains;
        observed.registered = registered;
        observed.default_domain = default_domain;
        observed.refused = refused;
        observed.refused_domains = refused_domains;
        observed.corrected = corrected;
    }
}
