//! What a candidate does when it has read the lease, and what it writes. Pure.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{ResourceExt, api::ObjectMeta};
use tokio::time::Instant;

/// What a candidate does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no lease.
    Create,
    /// It is released, held by this candidate, or expired.
    Take,
    /// Another process holds it.
    Wait,
}

/// A process that wants the lease.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Unique over all processes, past ones included.
    name: String,
    /// How long the lease is asked for.
    pub(super) lasts: Duration,
    /// The version that was read last, and since when, by this process's clock.
    seen: Option<(String, Instant)>,
}

impl Candidate {
    pub(super) const fn new(name: String, lasts: Duration) -> Self {
        Self {
            name,
            lasts,
            seen: None,
        }
    }

    /// What to do about the lease as it was read; `now` is after its answer.
    pub(super) fn look(&mut self, lease: Option<&Lease>, now: Instant) -> Step {
        let Some(lease) = lease else {
            self.seen = None;
            return Step::Create;
        };
        let version = lease.resource_version().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == version => *since,
            Some(_) | None => {
                self.seen = Some((version, now));
                now
            }
        };
        match holder(lease) {
            None => Step::Take,
            // Our own write, whose answer was lost.
            Some(holder) if holder == self.name => Step::Take,
            Some(_) if now - since >= self.promised(lease) => Step::Take,
            Some(_) => Step::Wait,
        }
    }

    /// How long its holder asked for it.
    fn promised(&self, lease: &Lease) -> Duration {
        let seconds = lease
            .spec
            .as_ref()
            .and_then(|spec| spec.lease_duration_seconds);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(self.lasts, |seconds| Duration::from_secs(seconds.max(1)))
    }

    /// The first lease.
    pub(super) fn first(&self, name: &str, now: Timestamp) -> Lease {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            spec: None,
        };
        self.taken(&lease, now)
    }

    /// Returns the lease as acquired or renewed now.
    pub(super) fn taken(&self, lease: &Lease, now: Timestamp) -> Lease {
        let spec = lease.spec.clone().unwrap_or_default();
        let is_ours = holder(lease) == Some(&self.name);
        let transitions = match spec.lease_transitions {
            None => 0,
            Some(before) if is_ours => before,
            Some(before) => before.saturating_add(1),
        };
        let now = Some(MicroTime(now));
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(self.name.clone()),
                lease_duration_seconds: Some(
                    i32::try_from(self.lasts.as_secs()).unwrap_or(i32::MAX),
                ),
                acquire_time: spec
                    .acquire_time
                    .filter(|_| is_ours)
                    .or_else(|| now.clone()),
                renew_time: now,
                lease_transitions: Some(transitions),
                ..spec
            }),
            ..lease.clone()
        }
    }

    /// Returns the lease as released, so that the others need not wait for its end.
    pub(super) fn given_back(lease: &Lease, now: Timestamp) -> Lease {
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: None,
                renew_time: Some(MicroTime(now)),
                ..lease.spec.clone().unwrap_or_default()
            }),
            ..lease.clone()
        }
    }

    /// Whether this candidate holds the lease.
    pub(super) fn holds(&self, lease: &Lease) -> bool {
        holder(lease) == Some(&self.name)
    }
}

/// Who holds the lease.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    (!holder.is_empty()).then_some(holder)
}

#[cfg(test)]
mod tests;
