//! How recent a listing has to be for an object.

use std::time::Duration;

use tokio::time::Instant;

use super::process::{Known, Process};
use crate::logic::{
    ObjectKey,
    organization::{Outcome, View},
};

/// A new request for a full read of an object waits at most this long.
pub(super) const REQUESTS_APART: Duration = Duration::from_secs(10);
/// As many more than one are granted without a wait.
const REQUESTS_AT_ONCE: u32 = 2;

impl Known {
    /// Records when a request for a full read was first seen.
    fn see_request(&mut self, request: &str, now: Instant) {
        let seen = self.requested.as_ref();
        if seen.is_none_or(|(seen, _)| seen != request) {
            self.requested = Some((request.to_owned(), now));
        }
    }
}

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
            if let Some(request) = request {
                known.see_request(&request, now);
            }
            let seen = known.seen.map(|(_, since)| since);
            let requested = known.requested.as_ref().map(|(_, since)| *since);
            seen.max(requested).max(known.search).unwrap_or(now)
        })
    }

    /// How long a new request for a full read waits, and whether that is said for the first time. A few are granted at once,
    /// then one in every [`REQUESTS_APART`]. A listing that is begun meanwhile serves it.
    pub(super) fn request_waits(
        &self,
        object: &ObjectKey,
        request: &str,
    ) -> Option<(Duration, bool)> {
        let now = Instant::now();
        self.with(object, |known| {
            known.see_request(request, now);
            let paid = known.requests_paid.unwrap_or(now);
            let all = paid.saturating_duration_since(now);
            let wait = all.saturating_sub(REQUESTS_APART * REQUESTS_AT_ONCE);
            if wait.is_zero() {
                return None;
            }
            let is_first = known.put_off.as_deref() != Some(request);
            known.put_off = Some(request.to_owned());
            Some((wait, is_first))
        })
    }

    /// A request for a full read of the object is fulfilled.
    pub(super) fn request_is_fulfilled(&self, object: &ObjectKey) {
        let now = Instant::now();
        self.change(object, |known| {
            let paid = known.requests_paid.filter(|paid| *paid > now);
            known.requests_paid = Some(paid.unwrap_or(now) + REQUESTS_APART);
        });
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

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_for_full_reads_wait_up_to_ten_seconds_after_the_first_few() {
        let process = Process::new(Timestamp::now());
        let object = ObjectKey {
            namespace: "mail".into(),
            name: "acme".into(),
            uid: "1".into(),
        };
        process.enter(&object, 1);
        let mut granted = 0;
        for second in 0..100 {
            let request = format!("at {second}");
            match process.request_waits(&object, &request) {
                None => {
                    granted += 1;
                    process.request_is_fulfilled(&object);
                }
                Some((wait, is_first)) => {
                    assert!(is_first && wait <= REQUESTS_APART, "{wait:?}");
                    let again = process.request_waits(&object, &request);
                    assert_eq!(again, Some((wait, false)));
                }
            }
            advance(Duration::from_secs(1)).await;
        }
        assert!((12..=13).contains(&granted), "{granted} of 100");
        let other = ObjectKey {
            uid: "2".into(),
            ..object
        };
        process.enter(&other, 1);
        assert_eq!(process.request_waits(&other, "now"), None);
    }
}
