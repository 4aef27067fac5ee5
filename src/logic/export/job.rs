//! Export jobs, and how the operator names its own so that it finds them again.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{ClusterIdentity, ObjectKey};

/// The id of an export job. Assigned by AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub String);

/// An export job, as AWS shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The user or resource whose mailbox it exports.
    pub entity: String,
    /// What its caller wrote with it.
    pub description: String,
    /// Its state.
    pub state: JobState,
    /// Its progress in percent.
    pub progress: u32,
    /// The key of the object that it writes.
    pub path: Option<String>,
    /// AWS's text of its failure. Only a description of the job has it.
    pub error: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether this is what `DescribeMailboxExportJob` says, which has all there is.
    pub is_whole: bool,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// It runs. A word that this version does not know counts as this: it keeps its slot.
    Running,
    /// It is done.
    Completed,
    /// It failed.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

/// One attempt of an object to export its mailbox: what the start of its job carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attempt<'a> {
    /// The object.
    pub object: &'a ObjectKey,
    /// This cluster.
    pub cluster: &'a ClusterIdentity,
    /// The number of the attempt, from 1.
    pub number: u32,
}

impl Attempt<'_> {
    /// Returns the client token: the same for every repeat of this attempt, and for nothing else.
    #[must_use]
    pub fn token(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.object.uid.as_bytes());
        hash.update(format!("\nStartMailboxExportJob\n{}", self.number).as_bytes());
        hash.finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a String does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// Returns the description of the job, by which it is found again in the list when the answer to its
    /// start was lost and the token counts no longer. At most 1,023 characters.
    #[must_use]
    pub fn description(&self) -> String {
        let text = format!(
            "workmail-operator {}/{} uid {} attempt {}",
            self.cluster.tag(),
            self.object,
            self.object.uid,
            self.number
        );
        text.chars().take(1023).collect()
    }

    /// Returns the prefix of the keys that the job writes: no other attempt has it, not even one of
    /// another object of the same name. `controller` is the UID of the organization export that made the
    /// object, if one did.
    #[must_use]
    pub fn prefix(&self, prefix: &str, controller: Option<&str>, entity: &str) -> String {
        let uid8 = |uid: &str| uid.chars().take(8).collect::<String>();
        let own = uid8(&self.object.uid);
        let (owner, attempt) = match controller {
            Some(controller) => (uid8(controller), format!("{}-{own}", self.number)),
            None => (own, self.number.to_string()),
        };
        let path = format!("{owner}/{entity}/{attempt}");
        let path = path.chars().map(|c| if is_allowed(c) { c } else { '_' });
        format!("{prefix}/{}", path.collect::<String>())
    }
}

/// The part of a description that names the attempt: the UID of the object and the number. The rest is for
/// people, and the name of the cluster in it may change.
fn mark(description: &str) -> &str {
    let parts = description.rsplit_once(" uid ");
    parts.map_or(description, |(_, mark)| mark)
}

/// What `S3Prefix` accepts (WorkMail API reference, `StartMailboxExportJob`).
const fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '!' | '_' | '.' | '*' | '\'' | '(' | ')' | '/' | '-')
}

/// What a listing of jobs, begun after the intent of an attempt was recorded, says about one mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeenJobs {
    /// The job of the attempt.
    pub ours: Option<Job>,
    /// When the mailbox can be exported again: a job of it began less than the interval ago, or runs.
    pub available_at: Option<Timestamp>,
}

impl SeenJobs {
    /// Reads a listing. `own`: descriptions of the object's own earlier attempts, whose time is counted
    /// by the attempts themselves.
    #[must_use]
    pub fn of(
        jobs: &[Job],
        (entity, description): (&str, &str),
        interval: Duration,
        now: Timestamp,
    ) -> Self {
        let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
        let is_ours = |job: &&Job| mark(&job.description) == mark(description);
        let ours = jobs.iter().find(is_ours);
        let others = jobs
            .iter()
            .filter(|job| job.entity == entity && !is_ours(job));
        let available_at = others
            .filter_map(|job| {
                let free = job.started_at?.checked_add(interval).ok()?;
                if job.state == JobState::Running {
                    // It holds the mailbox however long it takes.
                    let soon = now.checked_add(SignedDuration::from_mins(1)).ok()?;
                    return Some(free.max(soon));
                }
                (free > now).then_some(free)
            })
            .max();
        Self {
            ours: ours.cloned(),
            available_at,
        }
    }
}

/// The jobs of an organization that run and that no object of this cluster holds a slot for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RunningJobs {
    /// How many.
    pub others: usize,
}

impl RunningJobs {
    /// Counts them. `held`: the descriptions of the jobs that the queue holds slots for.
    #[must_use]
    pub fn of(jobs: &[Job], held: &BTreeSet<String>) -> Self {
        let held: BTreeSet<_> = held.iter().map(|one| mark(one)).collect();
        let runs = jobs.iter().filter(|job| job.state == JobState::Running);
        let others = runs.filter(|job| !held.contains(mark(&job.description)));
        Self {
            others: others.count(),
        }
    }
}
