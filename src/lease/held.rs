//! The lease in the Kubernetes API: acquire, renew, release.

use std::time::Duration;

use k8s_openapi::{api::coordination::v1::Lease, jiff::Timestamp};
use kube::{Api, Client, api::PostParams};
use thiserror::Error;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    LeaseTerm,
    election::{Candidate, Step, holder},
    term::Term,
};
use crate::api::FIELD_MANAGER;

/// A candidate reads the lease at least this often, so that a released lease is acquired soon.
const LOOK: Duration = Duration::from_secs(1);
/// The release is tried this often, as a renewal may have been under way.
const MOST_TRIES: usize = 3;

/// A process that wants the lease.
#[derive(Debug)]
pub struct Election {
    leases: Api<Lease>,
    lease: String,
    candidate: Candidate,
}

/// The lease, held.
#[derive(Debug)]
pub struct HeldLease {
    election: Election,
    lease: Lease,
    term: watch::Sender<Term>,
}

/// Why the lease is not held any more.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Lost {
    /// Another process has it.
    #[error("another process has the lease: {0}")]
    Taken(String),
    /// The lease was deleted.
    #[error("the lease was deleted")]
    Deleted,
    /// The Kubernetes API accepted no renewal in time.
    #[error("the Kubernetes API accepted no renewal of the lease in time")]
    Unrenewed,
}

/// Why an attempt failed.
#[derive(Debug, Error)]
enum ErrorKind {
    #[error("the lease is not as it was read any more")]
    Changed,
    #[error("there is no lease or no namespace for it: {0}")]
    Absent(kube::Error),
    #[error(transparent)]
    Kubernetes(kube::Error),
    #[error("the Kubernetes API does not answer")]
    Late,
}

/// Why a candidate did not win the lease.
#[derive(PartialEq, Eq)]
enum Read {
    /// Another process acquired it first.
    Changed,
    Held(String),
    ErrorKind(String),
}

impl From<ErrorKind> for Read {
    fn from(trouble: ErrorKind) -> Self {
        match trouble {
            ErrorKind::Changed => Self::Changed,
            error @ (ErrorKind::Absent(_) | ErrorKind::Kubernetes(_) | ErrorKind::Late) => {
                Self::ErrorKind(error.to_string())
            }
        }
    }
}

impl Read {
    fn log(&self, lease: &str) {
        match self {
            Self::Changed => {}
            Self::Held(holder) => {
                tracing::info!(lease, holder, "standing by: another process has the lease");
            }
            Self::ErrorKind(error) => tracing::warn!(
                lease,
                error,
                "the lease cannot be had (the operator needs to get, create and update it); tried again"
            ),
        }
    }
}

impl Election {
    /// Returns a candidate for the lease of that name. The name `candidate` must be unique over all
    /// processes. `lasts`, in whole seconds, is how long the others wait for a holder that does not renew.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        lease: &str,
        candidate: String,
        lasts: Duration,
    ) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            lease: lease.to_owned(),
            candidate: Candidate::new(candidate, lasts),
        }
    }

    /// Waits until this process holds the lease. After each read `stands_by` gets whether the process
    /// could acquire a free lease.
    pub async fn win(mut self, stands_by: impl Fn(bool)) -> HeldLease {
        let mut before = Read::Changed;
        loop {
            let look = match self.attempt().await {
                Ok((lease, sent)) => {
                    tracing::info!(lease = self.lease, "this process has the lease");
                    return HeldLease {
                        term: watch::Sender::new(Term::of(sent, self.candidate.lasts)),
                        election: self,
                        lease,
                    };
                }
                Err(look) => look,
            };
            stands_by(!matches!(look, Read::ErrorKind(_)));
            // Once for each change.
            if look != before {
                look.log(&self.lease);
            }
            before = look;
            sleep(LOOK.min(self.pause())).await;
        }
    }

    /// Returns the held lease, and since when its term counts.
    async fn attempt(&mut self) -> Result<(Lease, Instant), Read> {
        let deadline = self.deadline();
        let lease = answered(deadline, self.leases.get_opt(&self.lease)).await?;
        let sent = Instant::now();
        let step = self.candidate.look(lease.as_ref(), sent);
        let now = Timestamp::now();
        let won = match (step, lease) {
            (Step::Take, Some(lease)) => {
                let wanted = self.candidate.taken(&lease, now);
                self.write(deadline, &wanted).await?
            }
            (Step::Wait, Some(lease)) => {
                return Err(Read::Held(holder(&lease).unwrap_or_default().to_owned()));
            }
            (Step::Create | Step::Take | Step::Wait, _) => {
                let first = self.candidate.first(&self.lease, now);
                answered(deadline, self.leases.create(&ours(), &first)).await?
            }
        };
        Ok((won, sent))
    }

    /// Writes the lease over the version that was read.
    async fn write(&self, deadline: Instant, lease: &Lease) -> Result<Lease, ErrorKind> {
        answered(deadline, self.leases.replace(&self.lease, &ours(), lease)).await
    }

    /// The time between two attempts.
    fn pause(&self) -> Duration {
        self.candidate.lasts / 15
    }

    /// No call is waited for longer.
    fn deadline(&self) -> Instant {
        Instant::now() + self.candidate.lasts / 3
    }
}

impl HeldLease {
    /// How long this process may act, as of each renewal.
    #[must_use]
    pub fn lease_term(&self) -> LeaseTerm {
        LeaseTerm::of(self.term.subscribe())
    }

    /// When the lease was won, in whole seconds by the clock of the API server.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        let managers = self.lease.metadata.managed_fields.iter().flatten();
        managers
            .filter_map(|manager| manager.time.as_ref())
            .map(|time| time.0)
            .max()
    }

    /// Renews the lease until that fails for good.
    pub async fn keep(&mut self) -> Lost {
        let mut pause = self.election.pause() * 2;
        loop {
            let begins_until = self.term.borrow().begins_until;
            sleep_until(begins_until.min(Instant::now() + pause)).await;
            pause = match self.renew().await {
                Ok(()) => self.election.pause() * 2,
                // The renewal before may have been accepted and its answer lost: read the lease.
                Err(ErrorKind::Changed) => match self.look().await {
                    Ok(()) => Duration::ZERO,
                    Err(Some(lost)) => return self.end(lost),
                    Err(None) => self.election.pause(),
                },
                Err(ErrorKind::Absent(_)) => return self.end(Lost::Deleted),
                Err(error @ (ErrorKind::Kubernetes(_) | ErrorKind::Late)) => {
                    tracing::warn!(%error, "the lease could not be renewed; tried again");
                    self.election.pause()
                }
            };
            if Instant::now() >= self.term.borrow().begins_until {
                return Lost::Unrenewed;
            }
        }
    }

    async fn renew(&mut self) -> Result<(), ErrorKind> {
        let sent = Instant::now();
        let wanted = self.election.candidate.taken(&self.lease, Timestamp::now());
        self.lease = self.election.write(self.deadline(), &wanted).await?;
        let term = Term::of(sent, self.election.candidate.lasts);
        self.term.send_replace(term);
        Ok(())
    }

    /// Reads the lease after a change by another process. `Err(None)` if it cannot be read.
    async fn look(&mut self) -> Result<(), Option<Lost>> {
        let leases = &self.election.leases;
        match answered(self.deadline(), leases.get_opt(&self.election.lease)).await {
            Ok(Some(lease)) if self.election.candidate.holds(&lease) => {
                self.lease = lease;
                Ok(())
            }
            Ok(Some(lease)) => Err(Some(Lost::Taken(
                holder(&lease).unwrap_or("nobody").to_owned(),
            ))),
            Ok(None) => Err(Some(Lost::Deleted)),
            Err(error) => {
                tracing::warn!(%error, "the lease could not be read; tried again");
                Err(None)
            }
        }
    }

    /// From this moment on another process may hold the lease.
    fn end(&self, lost: Lost) -> Lost {
        self.term.send_replace(Term::over(Instant::now()));
        lost
    }

    fn deadline(&self) -> Instant {
        self.election
            .deadline()
            .min(self.term.borrow().begins_until)
    }

    /// Releases the lease, once all work has ended. If that fails, the lease expires.
    pub async fn give_back(mut self) {
        for _ in 0..MOST_TRIES {
            let free = Candidate::given_back(&self.lease, Timestamp::now());
            match self.election.write(self.election.deadline(), &free).await {
                Ok(_) => {
                    tracing::info!(lease = self.election.lease, "gave the lease back");
                    return;
                }
                Err(ErrorKind::Changed) if self.look().await.is_ok() => {}
                Err(error) => {
                    tracing::warn!(%error, "the lease could not be given back; it expires");
                    return;
                }
            }
        }
    }
}

/// Makes one call with a deadline. Conflicts and absence are errors of their own.
async fn answered<T>(
    deadline: Instant,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, ErrorKind> {
    match timeout_at(deadline, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(ErrorKind::Changed),
        Ok(Err(error)) if is_not_found(&error) => Err(ErrorKind::Absent(error)),
        Ok(Err(error)) => Err(ErrorKind::Kubernetes(error)),
        Err(_) => Err(ErrorKind::Late),
    }
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

fn ours() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    }
}
