//! What status remembers.

use k8s_openapi::jiff::Timestamp;

use super::{AccountId, JobId, OrganizationId, Region};
use crate::api::{AttemptState, ExportProof, ExportState};

/// What must survive a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The organization, frozen before the first call.
    pub organization: Option<OrganizationId>,
    /// Its account.
    pub account: Option<AccountId>,
    /// The `WorkMailAccount` that served it then, if there was one.
    pub served_by: Option<String>,
    /// Its region.
    pub region: Option<Region>,
    /// The id of the user or resource.
    pub entity: Option<String>,
    /// Its address.
    pub email: Option<String>,
    /// Its displayed name.
    pub display_name: Option<String>,
    /// The size of the mailbox.
    pub bytes: Option<u64>,
    /// The state.
    pub state: Option<ExportState>,
    /// The progress of the running job.
    pub progress: Option<u32>,
    /// When that last changed.
    pub progressed_at: Option<Timestamp>,
    /// A start that may have been made.
    pub pending: Option<Pending>,
    /// The last attempts, the oldest first.
    pub attempts: Vec<Tried>,
    /// Attempts up to this number do not count.
    pub renewed_after: u32,
    /// The key of the object that the job wrote.
    pub path: Option<String>,
    /// The version of that object.
    pub version: Option<String>,
    /// What was found when it was verified.
    pub proof: Option<ExportProof>,
    /// When the job began, as AWS says.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The last request that was acted on.
    pub handled: Option<String>,
}

/// A start that may have been made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// The number of the attempt.
    pub attempt: u32,
    /// The user or resource.
    pub target: String,
    /// When the intent was recorded.
    pub since: Timestamp,
}

/// An attempt whose start was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tried {
    /// Its number.
    pub number: u32,
    /// Its job.
    pub job: Option<JobId>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When its end was seen.
    pub ended_at: Option<Timestamp>,
    /// How it stands.
    pub state: AttemptState,
    /// Why it failed.
    pub error: Option<String>,
}

/// As many attempts are remembered.
const MOST_ATTEMPTS: usize = 10;

impl Memory {
    /// The attempt whose job runs.
    #[must_use]
    pub fn running(&self) -> Option<(&Tried, &JobId)> {
        let last = self.attempts.last()?;
        let runs = last.state == AttemptState::Running;
        runs.then_some(())
            .and(last.job.as_ref())
            .map(|job| (last, job))
    }

    /// The number of the next attempt.
    #[must_use]
    pub fn next_attempt(&self) -> u32 {
        self.attempts.last().map_or(1, |last| last.number + 1)
    }

    /// How many attempts failed since they were last renewed. Those that are no longer remembered count:
    /// attempts are numbered without gaps.
    #[must_use]
    pub fn failed_attempts(&self) -> u32 {
        let last = self.attempts.last();
        let failed = last.filter(|last| last.state != AttemptState::Running);
        let up_to = match (failed, last) {
            (Some(last), _) => last.number,
            (None, Some(running)) => running.number - 1,
            (None, None) => 0,
        };
        up_to.saturating_sub(self.renewed_after)
    }

    pub(super) fn add(&mut self, attempt: Tried) {
        self.attempts.push(attempt);
        if self.attempts.len() > MOST_ATTEMPTS {
            self.attempts.remove(0);
        }
    }
}
