//! How recent a listing has to be for an object.

use tokio::time::Instant;

use super::process::Process;
use crate::logic::{
    ObjectKey,
    organization::{Outcome, View},
};

impl Process {
    /// Since when a listing must have been begun to be fresh for this view: since the object was first
    /// seen as it is, since the request for a full read was, and since the search for the organization of
    /// a pending create began. A reconcile that does not come to its end leaves these as they are, so that
    /// the next one is served by the listing that it waited for.
    pub(super) fn fresh_since(&self, view: &View) -> Instant {
        let now = Instant::now();
        let request = view.desired.requested.clone().filter(|_| view.requested());
        let searches = view.memory.pending_create().is_some();
        self.with(&view.desired.object, |known| {
            if searches {
                known.search.get_or_insert(now);
            }
            known.requested = request.map(|request| match known.requested.take() {
                Some((seen, since)) if seen == request => (seen, since),
                Some(_) | None => (request, now),
            });
            let seen = known.seen.map(|(_, since)| since);
            let requested = known.requested.as_ref().map(|(_, since)| *since);
            seen.max(requested).max(known.search).unwrap_or(now)
        })
    }

    /// Only a listing that begins after this is fresh for the object: a create was answered, or a
    /// description contradicts the listing.
    pub(super) fn needs_newer_listing(&self, object: &ObjectKey) {
        self.change(object, |known| known.search = Some(Instant::now()));
    }

    /// A reconcile has come to an outcome. A search for the organization of a pending create has come to
    /// its end: another is a new one. An absence that is not confirmed needs a newer listing.
    pub(super) fn see_listing_use(&self, view: &View, outcome: &Outcome) {
        let object = &view.desired.object;
        if !outcome.is_failed_read() {
            self.change(object, |known| known.search = None);
        }
        if *outcome == Outcome::Unconfirmed && view.id().is_none() {
            self.needs_newer_listing(object);
        }
    }
}
