//! How long this process may act.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// What one renewal of the lease grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// From then on nothing new begins. Calls in flight have the rest of the term to be answered and
    /// recorded.
    pub(super) begins_until: Instant,
    /// From then on another process may hold the lease.
    pub(super) ends: Instant,
}

impl Term {
    /// The term of a renewal. It counts from before the renewal was sent: the others see it later and
    /// count from then.
    pub(super) fn of(sent: Instant, lasts: Duration) -> Self {
        Self {
            begins_until: sent + lasts * 2 / 3,
            ends: sent + lasts,
        }
    }

    /// A term that is over: another process holds the lease.
    pub(super) const fn over(now: Instant) -> Self {
        Self {
            begins_until: now,
            ends: now,
        }
    }
}

/// How long this process may act. Cheap to clone; every clone knows of each renewal.
#[derive(Clone, Debug)]
pub struct LeaseTerm(Option<watch::Receiver<Term>>);

impl LeaseTerm {
    /// The term of a process without leader election: it never ends.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(None)
    }

    pub(super) const fn of(term: watch::Receiver<Term>) -> Self {
        Self(Some(term))
    }

    /// Whether a new call to AWS may begin.
    #[must_use]
    pub fn may_begin(&self, now: Instant) -> bool {
        let term = self.0.as_ref().map(|term| *term.borrow());
        term.is_none_or(|term| now < term.begins_until)
    }

    /// Whether the Kubernetes API may still be written to.
    #[must_use]
    pub fn lasts(&self, now: Instant) -> bool {
        let term = self.0.as_ref().map(|term| *term.borrow());
        term.is_none_or(|term| now < term.ends)
    }

    /// Waits until another process may hold the lease.
    pub async fn over(&self) {
        let Some(mut term) = self.0.clone() else {
            return std::future::pending().await;
        };
        loop {
            let ends = term.borrow_and_update().ends;
            tokio::select! {
                () = sleep_until(ends) => return,
                renewed = term.changed() => if renewed.is_err() {
                    return sleep_until(ends).await;
                }
            }
        }
    }

    /// One that is over.
    #[cfg(test)]
    pub(crate) fn ended() -> Self {
        Self::of(watch::channel(Term::over(Instant::now())).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn nothing_is_begun_in_the_last_third_of_a_term_and_nothing_told_after_it() {
        let start = Instant::now();
        let (_keeper, term) = watch::channel(Term::of(start, LASTS));
        let lease_term = LeaseTerm::of(term);
        for (second, begins, lasts) in [(0, true, true), (9, true, true), (10, false, true)] {
            let now = start + Duration::from_secs(second);
            assert_eq!(lease_term.may_begin(now), begins, "{second}");
            assert_eq!(lease_term.lasts(now), lasts, "{second}");
        }
        assert!(!lease_term.lasts(start + LASTS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_is_known_to_those_who_wait_for_the_end() {
        let start = Instant::now();
        let (keeper, term) = watch::channel(Term::of(start, LASTS));
        let lease_term = LeaseTerm::of(term);
        let end = tokio::spawn(async move { lease_term.over().await });
        tokio::time::sleep(Duration::from_secs(8)).await;
        keeper.send_replace(Term::of(Instant::now(), LASTS));
        end.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 23);
    }

    #[tokio::test]
    async fn who_shares_with_nobody_may_always_act() {
        let later = Instant::now() + Duration::from_hours(1000);
        assert!(LeaseTerm::unlimited().may_begin(later) && LeaseTerm::unlimited().lasts(later));
        assert!(!LeaseTerm::ended().may_begin(Instant::now()));
    }
}
