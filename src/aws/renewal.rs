//! Keeps one set of credentials valid: one task renews it in the background, and nobody waits for
//! that as long as the present set is valid.
//!
//! The SDK's own identity cache does not fit: it renews on the caller's time, under one lock, and
//! cannot be told that AWS no longer accepts what it holds. It is switched off for our clients, which
//! take what is kept here.

mod state;
#[cfg(test)]
mod tests;

use std::{
    fmt::Debug,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use futures::future::BoxFuture;
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::{Instant, interval, sleep_until, timeout},
};

use self::state::{Found, Held, Standing, State};
use super::{CallError, gateway::DEADLINE};
use crate::logic::{AccountId, ErrorKind, Operation};

/// The files that credentials may come from are compared this often.
const FILES: Duration = Duration::from_secs(30);
/// Reading credentials where they come from may take this long: a chain of roles makes several calls.
const LONGEST_READ: Duration = Duration::from_secs(30);
/// Where credentials come from, and who knows whose they are.
pub(super) trait Source: Debug + Send + Sync + 'static {
    /// Reads the credentials.
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CallError>>;

    /// Asks AWS for their account. Ends within the deadline of a call.
    fn account(&self, credentials: Credentials) -> BoxFuture<'_, Result<AccountId, CallError>>;

    /// Changes whenever the files change from which credentials may be read.
    fn version(&self) -> u64;
}

/// One set of credentials, and the account they are of.
#[derive(Debug)]
pub(super) struct CredentialSet {
    pub(super) account: AccountId,
    credentials: Credentials,
    expires: Option<Instant>,
}

impl CredentialSet {
    pub(super) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The time until it expires; `None` if it never does.
    fn remains(&self, now: Instant) -> Option<Duration> {
        self.expires
            .map(|expires| expires.saturating_duration_since(now))
    }

    fn is_valid(&self, now: Instant) -> bool {
        self.remains(now).is_none_or(|remains| !remains.is_zero())
    }

    fn has_key_of(&self, other: &Credentials) -> bool {
        self.credentials.access_key_id() == other.access_key_id()
            && self.credentials.secret_access_key() == other.secret_access_key()
    }

    fn is(&self, other: &Self) -> bool {
        self.account == other.account
            && self.has_key_of(&other.credentials)
            && self.credentials.session_token() == other.credentials.session_token()
            && self.credentials.expiry() == other.credentials.expiry()
    }
}

/// The credentials of one source, kept valid by one task from the first use on.
#[derive(Debug)]
pub(super) struct Renewal {
    keeper: Arc<Keeper>,
    task: OnceLock<AbortHandle>,
}

impl Drop for Renewal {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl Renewal {
    pub(super) fn new(source: impl Source) -> Self {
        Self {
            keeper: Arc::new(Keeper {
                source: Box::new(source),
                state: watch::Sender::new(State::default()),
                wake: Notify::new(),
            }),
            task: OnceLock::new(),
        }
    }

    /// The valid credentials, at once; where there are none, those of the next answer, waited for
    /// until the deadline of a call. A failure of a moment ago is told without another try, unless
    /// `again`.
    ///
    /// # Errors
    /// There are no credentials that AWS accepts, or it does not answer.
    pub(super) async fn current(&self, again: bool) -> Result<Arc<CredentialSet>, CallError> {
        let keeper = &self.keeper;
        let asked = Instant::now();
        if let Some(set) = keeper.state.borrow().usable(asked) {
            return Ok(set);
        }
        let mut state = keeper.state.subscribe();
        self.task.get_or_init(|| {
            let keeper = keeper.clone();
            tokio::spawn(async move { keeper.run().await }).abort_handle()
        });
        keeper.want(again);
        let answered = timeout(DEADLINE, async {
            // The sender lives as long as this renewal: an error is not reached.
            let answered = state.wait_for(|state| state.answer(asked, again).is_some());
            answered.await.ok()?.answer(asked, again)
        });
        answered.await.ok().flatten().unwrap_or_else(|| {
            Err(CallError::new(
                Operation::GetCallerIdentity,
                ErrorKind::TimedOut,
            ))
        })
    }

    /// AWS answered that it does not accept these credentials: they are not used again before STS
    /// accepts them, or others take their place.
    pub(super) fn reject(&self, set: &Arc<CredentialSet>) {
        let is_news = self.keeper.change(|state| state.reject(set));
        if is_news {
            self.keeper.wake.notify_one();
        }
    }

    /// What signs the calls of clients of one account: always the latest credentials, as long as they
    /// are that account's.
    pub(super) fn of_account(&self, account: AccountId) -> OfAccount {
        OfAccount {
            keeper: self.keeper.clone(),
            account,
        }
    }
}

/// The latest credentials, as long as they are of this account.
#[derive(Debug)]
pub(super) struct OfAccount {
    keeper: Arc<Keeper>,
    account: AccountId,
}

impl ProvideCredentials for OfAccount {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let state = self.keeper.state.borrow();
        let held = state.held.as_ref().map(|held| &held.set);
        let latest = held.filter(|set| set.account == self.account);
        future::ProvideCredentials::ready(latest.map_or_else(
            || {
                Err(CredentialsError::not_loaded(
                    "the operator has credentials of another account now",
                ))
            },
            |set| Ok(set.credentials.clone()),
        ))
    }
}

#[derive(Debug)]
struct Keeper {
    source: Box<dyn Source>,
    state: watch::Sender<State>,
    wake: Notify,
}

impl Keeper {
    async fn run(&self) {
        let mut version = self.source.version();
        loop {
            self.until_due(&mut version).await;
            self.renew().await;
        }
    }

    /// Waits until the next try is due, or the files have changed.
    async fn until_due(&self, version: &mut u64) {
        let mut files = interval(FILES);
        files.reset();
        loop {
            let due = self.state.borrow().due(Instant::now());
            tokio::select! {
                () = until(due) => return,
                () = self.wake.notified() => {}
                _ = files.tick() => {
                    let now = self.source.version();
                    if std::mem::replace(version, now) != now {
                        return;
                    }
                }
            }
        }
    }

    async fn renew(&self) {
        let begun = Instant::now();
        self.change(|state| state.pressing = false);
        let before = self.state.borrow().held.clone();
        let found = self.find(before.as_ref()).await;
        let ended = Instant::now();
        match &found {
            Ok(found) if before.is_none_or(|before| !before.set.is(&found.set)) => {
                tracing::info!(account = %found.set.account, "AWS credentials found");
            }
            Ok(_) => {}
            Err(error) => {
                let valid = self.state.borrow().usable(ended);
                let remains = valid.map(|set| set.remains(ended).unwrap_or_default().as_secs());
                tracing::warn!(
                    operation = error.operation.as_str(),
                    code = error.trouble.label(),
                    request_id = error.request_id,
                    detail = error.detail,
                    still_valid_for_seconds = remains,
                    "AWS credentials could not be renewed; tried again"
                );
            }
        }
        self.state
            .send_modify(|state| state.take(found, begun, ended));
    }

    async fn find(&self, before: Option<&Held>) -> Result<Found, CallError> {
        let read = timeout(LONGEST_READ, self.source.credentials());
        let credentials = read.await.unwrap_or_else(|_| {
            let why = "their source did not answer in time";
            Err(none(why, Some(why)))
        })?;
        let expires = match credentials.expiry() {
            None => None,
            Some(expiry) => {
                let remains = expiry.duration_since(SystemTime::now());
                let remains =
                    remains.map_err(|_| none("they have expired", Some("they have expired")))?;
                Some(Instant::now() + remains)
            }
        };
        // A key is of the same account for ever.
        let known = before
            .filter(|held| held.standing != Standing::Rejected)
            .filter(|held| held.set.has_key_of(&credentials));
        let account = match known {
            Some(held) => held.set.account.clone(),
            None => self.source.account(credentials.clone()).await?,
        };
        Ok(Found {
            set: CredentialSet {
                account,
                credentials,
                expires,
            },
            accepted: known.is_none(),
        })
    }

    fn want(&self, again: bool) {
        self.change(|state| {
            state.wanted = true;
            state.pressing |= again;
        });
        self.wake.notify_one();
    }

    /// Changes the state in what concerns the task alone: those who wait for an answer stay asleep.
    fn change<T: Default>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut result = T::default();
        self.state.send_if_modified(|state| {
            result = change(state);
            false
        });
        result
    }
}

/// Returns the error of credentials that were not found: `why` is for the log, `said` for the condition
/// where there is a source.
pub(super) fn none(why: &str, said: Option<&str>) -> CallError {
    let trouble = ErrorKind::no_credentials(said);
    CallError {
        detail: Some(why.to_owned()),
        ..CallError::new(Operation::GetCallerIdentity, trouble)
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
