//! When something is done again: every delay and every age that decides, with its reason.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::Failure;
use crate::api::{Class, Reason};

/// An organization that was created this long ago or less may still be missing from a listing.
pub const YOUNG: Duration = Duration::from_mins(15);
/// The organization of a pending create is searched for this long; after that it was never created.
pub const SEARCH: Duration = Duration::from_mins(15);
/// Reads of a Ready object fail for this long before its conditions say so: one throttled listing must
/// not write ten thousand statuses.
pub const UNREACHABLE: Duration = Duration::from_mins(15);
/// What a paused reconcile has read is used by later ones for this long.
pub const READS_LAST: Duration = Duration::from_mins(15);
/// AWS looks for the DNS records of a domain this long (WorkMail administrator guide, "Verifying
/// domains").
pub const VERIFICATION: Duration = Duration::from_hours(72);
/// Domains of an object with a failure are read no more often.
pub const DOMAINS_OF_A_FAILURE: Duration = Duration::from_mins(15);

/// No step of a reconcile begins after this time, so that no reconcile takes a minute: a step takes
/// 15 s, and the status and an event after it 10 s each.
pub const LAST_STEP: Duration = Duration::from_secs(25);
/// No listing begins after this time of a reconcile: it takes up to 30 s. No throttled call waits for
/// another turn after it either: others need the place.
pub const LAST_LISTING: Duration = Duration::from_secs(10);
/// A throttled call is made again after as much as this, in its turn.
pub const TURN: Duration = Duration::from_secs(1);
/// A reconcile that found no place, or that the end of the process stopped, begins again after this.
pub const NO_PLACE: Duration = Duration::from_secs(1);
/// An object that the API server does not find is reconciled once more: it may not know the kind yet.
pub const NOT_FOUND_BY_KUBERNETES: Duration = Duration::from_secs(30);

/// After this long every API server of the cluster serves a changed CRD, and none streams objects as the
/// CRD before showed them.
pub const DEFINITION_SETTLES: Duration = Duration::from_secs(10);
/// A CRD that is not installed is looked for this often.
pub const DEFINITION_MISSING: Duration = Duration::from_mins(1);
/// A CRD that could not be read or watched is read again after this.
pub const DEFINITION_UNREAD: Duration = Duration::from_secs(5);

/// `ListMailboxExportJobs` shows the jobs of the last seven days (WorkMail API reference). A job that was
/// begun longer ago than this may be missing there.
pub const JOBS_LISTED: Duration = Duration::from_hours(6 * 24);
/// The cancellation of the job of a deleted export is waited for this long.
pub const CANCELLATION: Duration = Duration::from_mins(1);
/// The progress of one mailbox is written no more often.
pub const PROGRESS_WRITES: Duration = Duration::from_mins(10);
/// The manifest of an organization export is written no more often before its end, and tried again after
/// this.
pub const MANIFEST_WRITES: Duration = Duration::from_mins(10);
/// The status of an organization export is written no more often for its progress alone.
pub const EXPORT_WRITES: Duration = Duration::from_secs(10);
/// The directory of an organization is listed again after this, while it is exported.
pub const DIRECTORY: Duration = Duration::from_mins(15);
/// AWS keeps the mail of a disabled user for this long (WorkMail administrator guide).
pub const DISABLED_KEPT: Duration = Duration::from_hours(30 * 24);
/// A listing of export jobs is used by all exports of the organization for this long before a start.
pub const JOBS_LAST: Duration = Duration::from_secs(30);
/// That the tags name the owner is used for this long before a start.
pub const TAGS_LAST: Duration = Duration::from_mins(1);
/// An export that waits looks again after this, whatever it missed.
pub const EXPORT_LOOKS_AGAIN: Duration = Duration::from_mins(1);

/// The check of exports before a deletion goes on after this: others get the place in between.
pub const SWEEP_GOES_ON: Duration = Duration::from_millis(100);
/// So long one reconcile checks exports.
pub const SWEEP_TURN: Duration = Duration::from_secs(8);

/// Of all reconciles at once, at most this part are deep resyncs.
pub const RESYNC_PART: usize = 8;
/// How often it is asked which deep resyncs are due, as a part of their interval: none comes later by
/// more.
pub const RESYNC_ROUNDS: u32 = 100;

/// A slow read comes after this part of its interval at the soonest, and after 40 % more at the latest.
const SOONEST: f64 = 0.8;
const SPREAD: f64 = 0.4;

/// How the next reconcile is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// When the listing shows a change, and at the next deep resync.
    OnChange,
    /// After a delay that doubles from `first` to `most` while failures of the same class follow each
    /// other.
    Backoff {
        /// The bound of the first delay.
        first: Duration,
        /// The bound of every delay.
        most: Duration,
    },
    /// Once, no sooner than this.
    In(Duration),
    /// About every hour, until the spec changes.
    Slowly,
    /// Not at all, until the object changes.
    Never,
}

pub(super) const fn backoff(first: u64, most: u64) -> Retry {
    Retry::Backoff {
        first: Duration::from_secs(first),
        most: Duration::from_secs(most),
    }
}

impl Retry {
    /// The interval of slow reads; each is spread by 20 %.
    pub const SLOW: Duration = Duration::from_hours(1);

    /// After a claim by tag, the tags are read again this much later.
    pub const PROOF: Duration = Duration::from_secs(5);

    /// A transient failure of the Kubernetes API, or a reconcile that was paused.
    pub const TRANSIENT: Self = backoff(1, 60);

    /// The soonest slow read.
    #[must_use]
    pub fn soonest_slow() -> Duration {
        Self::SLOW.mul_f64(SOONEST)
    }

    /// Returns how long to wait after `times` earlier failures in a row; `None`: until something
    /// changes. `random` is at least 0 and less than 1: retries of many objects spread out.
    #[must_use]
    pub fn delay(self, times: u32, random: f64) -> Option<Duration> {
        match self {
            Self::Never | Self::OnChange => None,
            Self::In(delay) => Some(delay),
            Self::Slowly => Some(Self::SLOW.mul_f64(SOONEST + SPREAD * random)),
            Self::Backoff { first, most } => {
                let bound = first.saturating_mul(1 << times.min(20)).min(most);
                Some(bound.mul_f64(random))
            }
        }
    }

    /// The timing after a failure.
    #[must_use]
    pub fn after_failure(failure: &Failure) -> Self {
        match failure.reason {
            Reason::Throttled | Reason::ServiceUnavailable => backoff(1, 60),
            Reason::OrganizationBusy => backoff(5, 60),
            // Nothing is known to be in its way: the tags could not be read just now.
            Reason::DeletionBlocked if failure.read_failed => backoff(5, 60),
            Reason::LimitExceeded
            | Reason::ExportLimit
            | Reason::DirectoryUnavailable
            | Reason::AccessDenied
            | Reason::CredentialsUnavailable
            | Reason::AccountMismatch
            | Reason::UnexpectedError
            | Reason::NotFound
            | Reason::DomainNotVerified
            | Reason::DomainRefused
            | Reason::KindNotInstalled
            | Reason::NameTaken => backoff(30, 15 * 60),
            Reason::InvalidParameter
            | Reason::AliasUnavailable
            | Reason::AlreadyExists
            | Reason::DirectoryInUse
            | Reason::UnsupportedOperation
            | Reason::TooManyTags
            | Reason::ImmutableFieldDiffers
            | Reason::CreationFailed
            | Reason::OrganizationGone
            | Reason::OwnershipConflict
            | Reason::DomainInUse
            | Reason::DeletionBlocked
            | Reason::DestinationRefused
            | Reason::CanaryFailed
            | Reason::OrganizationChanged
            | Reason::ExportFailed => Self::Slowly,
            Reason::Impaired
            | Reason::Inactive
            | Reason::UnknownState
            | Reason::Active
            | Reason::Announced
            | Reason::DriftFound
            | Reason::Verified
            | Reason::VerificationPending
            | Reason::VerificationFailed
            | Reason::Published
            | Reason::Progressing
            | Reason::Requested
            | Reason::Creating
            | Reason::Deleting
            | Reason::Queued
            | Reason::Running
            | Reason::Completed
            | Reason::Gone
            | Reason::MailboxExportedRecently
            | Reason::Stuck
            | Reason::AttemptFailed
            | Reason::Verifying
            | Reason::ReadFailed
            | Reason::SmallerThanMailbox
            | Reason::Unreadable
            | Reason::Missing
            | Reason::EncryptedOtherwise => Self::OnChange,
            Reason::SchemaOutdated if failure.read_failed => backoff(1, 60),
            // A change of the definition is watched for.
            Reason::Suspended
            | Reason::EndOfService
            | Reason::SchemaOutdated
            // Accounts, their rules and the labels of namespaces are watched, too.
            | Reason::AccountNotFound
            | Reason::AccountNotAllowed => Self::Never,
        }
    }
}

/// Returns the interval, 20 % more or less, always the same for the same UID.
#[must_use]
pub fn spread(uid: &str, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    let part =
        f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    interval.mul_f64(SOONEST + SPREAD * part)
}

/// Returns the time between two deep resyncs: all objects come round in half an interval, however many
/// are due at once after an outage.
#[must_use]
pub fn resync_gap(interval: Duration, objects: usize) -> Duration {
    interval
        / u32::try_from(2 * objects)
            .unwrap_or(u32::MAX)
            .max(RESYNC_ROUNDS)
}

/// Returns when pending domains of one object are read again: after 4 % of the time since the youngest
/// was registered, so that DNS changes are seen soon after they are made and the 72 hours that AWS gives
/// take about 330 calls a domain; and at most five calls a second, however many there are.
#[must_use]
pub fn domains_pace(count: usize, youngest: Duration) -> Duration {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let least = Duration::from_secs(2).max(Duration::from_millis(200).saturating_mul(count));
    let most = Duration::from_mins(15);
    (youngest / 25).clamp(least.min(most), most)
}

/// Returns when running export jobs are read again: after 4 % of the time that the youngest has run, at
/// least a second, at most 30 s.
#[must_use]
pub fn jobs_pace(youngest: Duration) -> Duration {
    (youngest / 25).clamp(Duration::from_secs(1), Duration::from_secs(30))
}

/// How many failures of one class came in a row, under one generation of the spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Failures(Option<(Class, i64, u32)>);

impl Failures {
    /// Counts a failure. Returns how many of its class came before it.
    pub fn count(&mut self, class: Class, generation: i64) -> u32 {
        let before = match self.0 {
            Some((was, under, times)) if was == class && under == generation => times,
            Some(_) | None => 0,
        };
        self.0 = Some((class, generation, before.saturating_add(1)));
        before
    }

    /// Something succeeded: the next failure is the first.
    pub const fn end(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backoff_stays_within_its_bound_and_the_bound_doubles_up_to_the_most() {
        for (times, bound) in [(0, 1), (1, 2), (5, 32), (6, 60), (40, 60)] {
            let delay = |random| Retry::TRANSIENT.delay(times, random).unwrap();
            assert_eq!(delay(0.0), Duration::ZERO, "the jitter is full");
            let most = delay(0.999);
            let bound = Duration::from_secs(bound);
            assert!(most <= bound && most > bound.mul_f64(0.99), "{most:?}");
        }
    }

    #[test]
    fn failures_are_counted_by_class_and_start_anew_with_another_spec_or_a_success() {
        let mut failures = Failures::default();
        assert_eq!(failures.count(Class::Transient, 1), 0);
        assert_eq!(failures.count(Class::Transient, 1), 1);
        assert_eq!(failures.count(Class::Transient, 2), 0, "the spec changed");
        assert_eq!(failures.count(Class::Recoverable, 2), 0, "another class");
        assert_eq!(failures.count(Class::Recoverable, 2), 1);
        failures.end();
        assert_eq!(failures.count(Class::Recoverable, 2), 0, "it succeeded");
    }

    #[test]
    fn a_slow_read_comes_about_every_hour_within_twenty_percent() {
        let minutes = |random| Retry::Slowly.delay(0, random).unwrap().as_secs() / 60;
        assert_eq!((minutes(0.0), minutes(0.999)), (48, 71));
        assert_eq!(Retry::soonest_slow(), Duration::from_mins(48));
    }

    #[test]
    fn a_deep_resync_comes_within_twenty_percent_of_its_interval() {
        let hour = Duration::from_hours(1);
        for uid in 0..100 {
            let due = spread(&uid.to_string(), hour);
            let is_near = due >= hour.mul_f64(0.8) && due <= hour.mul_f64(1.2);
            assert!(is_near, "{due:?}");
        }
    }

    #[test]
    fn all_objects_are_resynced_within_half_an_interval() {
        let hour = Duration::from_hours(1);
        assert_eq!(resync_gap(hour, 10_000) * 10_000, hour / 2);
        assert_eq!(resync_gap(hour, 50) * 50, hour / 2);
        for few in [0, 1, 49] {
            let gap = resync_gap(hour, few);
            assert_eq!(gap, hour / RESYNC_ROUNDS, "none waits long for another");
        }
    }

    #[test]
    fn a_pending_domain_is_read_at_a_pace_that_fits_72_hours() {
        let (mut age, mut reads) = (Duration::ZERO, 0);
        while age < VERIFICATION {
            age += domains_pace(1, age);
            reads += 1;
        }
        assert!((300..=450).contains(&reads), "{reads}");
        assert_eq!(domains_pace(1, Duration::ZERO), Duration::from_secs(2));
        let late = domains_pace(1, Duration::from_hours(70));
        assert_eq!(late, Duration::from_mins(15));
    }

    #[test]
    fn many_pending_domains_of_one_object_are_read_at_most_five_times_a_second() {
        for count in [1, 10, 11, 100] {
            let (mut age, mut calls) = (Duration::ZERO, 0);
            while age < Duration::from_mins(1) {
                age += domains_pace(count, age);
                calls += count;
            }
            assert!(calls <= 300 + count, "{count} domains: {calls} calls");
        }
    }
}
