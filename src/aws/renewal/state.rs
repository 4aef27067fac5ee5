//! What the renewal knows: the credentials in use, what the last try came to, and when the next is due.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{CallError, CredentialSet};

/// Credentials are renewed this long before they expire, or when two thirds of their remaining life
/// are over, whichever is later.
const MARGIN: Duration = Duration::from_mins(5);
/// Credentials without an expiry are read again this often, as the SDK's own cache does.
const REREAD: Duration = Duration::from_mins(15);
/// The pause after a failed renewal doubles from the first to the second.
pub(super) const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// For this long after STS accepted credentials that another call had refused, such refusals are not
/// believed again.
const TRUST: Duration = Duration::from_mins(1);

/// What the last tries came to.
#[derive(Debug)]
pub(super) struct State {
    pub(super) held: Option<Held>,
    /// The last try failed.
    failed: Option<FailedTry>,
    /// How many tries failed in a row.
    failures: u32,
    /// The next try comes no sooner, unless it is pressing.
    next: Instant,
    /// Somebody waits for credentials.
    pub(super) wanted: bool,
    /// The next try is not put off.
    pub(super) pressing: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            held: None,
            failed: None,
            failures: 0,
            next: Instant::now(),
            wanted: false,
            pressing: false,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) set: Arc<CredentialSet>,
    pub(super) standing: Standing,
}

/// What AWS thinks of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It accepts them, as far as is known.
    Good,
    /// A call was refused because of them.
    Rejected,
    /// STS accepted them after that.
    Confirmed(Instant),
}

#[derive(Debug)]
struct FailedTry {
    error: CallError,
    begun: Instant,
    ended: Instant,
}

/// What a try found.
pub(super) struct Found {
    pub(super) set: CredentialSet,
    /// STS has just accepted this very set.
    pub(super) accepted: bool,
}

impl State {
    pub(super) fn usable(&self, now: Instant) -> Option<Arc<CredentialSet>> {
        let held = self.held.as_ref()?;
        let usable = held.standing != Standing::Rejected && held.set.is_valid(now);
        usable.then(|| held.set.clone())
    }

    /// The answer to one who asked for credentials then and found none.
    pub(super) fn answer(
        &self,
        asked: Instant,
        again: bool,
    ) -> Option<Result<Arc<CredentialSet>, CallError>> {
        if let Some(set) = self.usable(Instant::now()) {
            return Some(Ok(set));
        }
        let failed = self.failed.as_ref()?;
        let told = if again {
            failed.begun >= asked
        } else {
            failed.ended >= asked || asked < self.next
        };
        told.then(|| Err(failed.error.clone()))
    }

    /// When to try next; `None` while nobody needs it.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        if self.pressing {
            return Some(now);
        }
        (self.wanted || self.usable(now).is_some()).then_some(self.next)
    }

    pub(super) fn take(&mut self, found: Result<Found, CallError>, begun: Instant, now: Instant) {
        self.wanted = false;
        match found {
            Ok(found) => {
                self.failed = None;
                self.failures = 0;
                self.next = now + until_renewal(found.set.remains(now));
                self.hold(found, now);
            }
            Err(error) => {
                self.next = now + pause(self.failures);
                self.failures = self.failures.saturating_add(1);
                self.failed = Some(FailedTry {
                    error,
                    begun,
                    ended: now,
                });
            }
        }
    }

    fn hold(&mut self, found: Found, now: Instant) {
        match &mut self.held {
            Some(held) if held.set.is(&found.set) => {
                if held.standing == Standing::Rejected && found.accepted {
                    held.standing = Standing::Confirmed(now);
                }
            }
            _ => {
                self.held = Some(Held {
                    set: Arc::new(found.set),
                    standing: Standing::Good,
                });
            }
        }
    }

    /// Whether that is news.
    pub(super) fn reject(&mut self, set: &Arc<CredentialSet>) -> bool {
        let Some(held) = &mut self.held else {
            return false;
        };
        let believed = match held.standing {
            Standing::Good => true,
            Standing::Rejected => false,
            Standing::Confirmed(at) => at.elapsed() >= TRUST,
        };
        let is_news = believed && Arc::ptr_eq(&held.set, set);
        if is_news {
            held.standing = Standing::Rejected;
            self.pressing = true;
            self.failed = None;
        }
        is_news
    }
}

/// How long to wait before credentials are renewed that are valid for as long as this. Every process
/// waits a little differently.
fn until_renewal(remains: Option<Duration>) -> Duration {
    let Some(remains) = remains else {
        return REREAD.mul_f64(0.9 + 0.2 * rand::random::<f64>());
    };
    let margin = (remains / 3).min(MARGIN);
    let wait = remains.saturating_sub(margin.mul_f64(1.0 + 0.2 * rand::random::<f64>()));
    wait.max(PAUSES.0)
}

/// The pause after as many failures before the last.
pub(super) fn pause(failures: u32) -> Duration {
    let (first, longest) = PAUSES;
    let bound = first.saturating_mul(1 << failures.min(10)).min(longest);
    bound.mul_f64(0.5 + 0.5 * rand::random::<f64>())
}
