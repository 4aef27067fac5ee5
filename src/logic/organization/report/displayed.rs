//! What the status shows of the organization.

use std::collections::BTreeMap;

use crate::logic::organization::{Presence, Shown, View};

/// What the status shows after what was seen in this reconcile. A managed domain is always among it: the
/// status remembers there that it is managed.
pub(super) fn after_reads(view: &View) -> Shown {
    let mut shown = seen(view);
    for name in &view.memory.managed_domains {
        shown.domains.entry(name.clone()).or_default();
    }
    shown
}

fn seen(view: &View) -> Shown {
    let mut shown = view.shown.clone();
    if view.id().is_none() {
        return only_observed(view, shown);
    }
    if let Some(listing) = &view.observed.listing {
        match &listing.by_id {
            Some(Presence::Present(summary)) => {
                shown.see_summary(summary);
                if let Some(seen) = view
                    .observed
                    .organization
                    .seen()
                    .filter(|seen| seen.summary.id == summary.id)
                {
                    shown.see(seen);
                }
            }
            Some(Presence::Absent { confirmed: true }) if !view.facts.young => shown.state = None,
            Some(Presence::Absent { .. }) | None => {}
        }
    }
    if let Some(domain) = &view.observed.default_domain {
        // The reads of this reconcile were made before it was set.
        shown.default_domain = Some(domain.clone());
    }
    shown
}

/// An organization that is not ours is shown under Observe, and only as long as it is there.
fn only_observed(view: &View, mut shown: Shown) -> Shown {
    if view.desired.suspend || view.observed.listing.is_none() || view.observed.failed.is_some() {
        return shown;
    }
    let seen = view.candidate().filter(|_| view.observes());
    if shown.seen.as_ref() != seen.map(|row| &row.id) {
        // What is shown is of another one, or of one that is gone.
        let domains = if view.observed.domains.is_some() {
            shown.domains
        } else {
            BTreeMap::default()
        };
        shown = Shown {
            seen: seen.map(|row| row.id.clone()),
            domains,
            ..Shown::default()
        };
    }
    if let Some(row) = seen {
        shown.see_summary(row);
        if let Some(described) = view.observed.organization.seen() {
            shown.see(described);
        }
    }
    shown
}
