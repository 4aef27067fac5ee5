//! The credentials with which the observer of an account lists its organizations.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::{
    aws::{CallError, Identity, Session, renewal::none},
    logic::AccountId,
};

/// Several `WorkMailAccounts` may be of one AWS account, each with a role of its own. The one that listed
/// last is asked first; the observer does not keep those that nobody else uses.
#[derive(Debug)]
pub(super) struct Sources {
    account: AccountId,
    identities: Mutex<Vec<Weak<Identity>>>,
}

/// There is no session of the account.
pub(super) struct NoSession {
    pub(super) error: CallError,
    /// The credentials are of another account now.
    pub(super) of_another: bool,
}

impl Sources {
    pub(super) const fn new(account: AccountId) -> Self {
        Self {
            account,
            identities: Mutex::new(Vec::new()),
        }
    }

    pub(super) const fn account(&self) -> &AccountId {
        &self.account
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Weak<Identity>>> {
        self.identities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses these credentials, too.
    pub(super) fn add(&self, identity: &Arc<Identity>) {
        let mut identities = self.locked();
        identities.retain(|known| known.strong_count() > 0);
        if !identities
            .iter()
            .any(|known| known.as_ptr() == Arc::as_ptr(identity))
        {
            identities.push(Arc::downgrade(identity));
        }
    }

    /// How many there are to try.
    pub(super) fn count(&self) -> usize {
        self.locked().len()
    }

    /// The first credentials that are of the account. Those that are not come last from now on.
    pub(super) async fn session(&self) -> Result<Session, NoSession> {
        let mut failed = NoSession {
            error: none("nobody has credentials of this account", None),
            of_another: false,
        };
        for _ in 0..self.count() {
            let Some(identity) = self.locked().first().cloned() else {
                break;
            };
            let Some(identity) = identity.upgrade() else {
                self.locked().retain(|known| known.strong_count() > 0);
                continue;
            };
            match identity.session(false).await {
                Ok(session) if *session.account() == self.account => return Ok(session),
                Ok(session) => {
                    failed = NoSession {
                        error: none(
                            &format!("they are of account {} now", session.account()),
                            None,
                        ),
                        of_another: true,
                    };
                }
                Err(error) => {
                    failed = NoSession {
                        error,
                        of_another: false,
                    };
                }
            }
            self.put_last(&identity);
        }
        Err(failed)
    }

    /// Tries these credentials after all others from now on.
    pub(super) fn put_last(&self, identity: &Arc<Identity>) {
        let mut identities = self.locked();
        let place = identities
            .iter()
            .position(|known| known.as_ptr() == Arc::as_ptr(identity));
        if let Some(place) = place {
            let one = identities.remove(place);
            identities.push(one);
        }
    }
}
