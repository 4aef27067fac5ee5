//! Which of several replicas acts.

use std::{future::pending, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::Config;

use super::client::client;
use crate::lease::{Election, HeldLease, LeaseTerm, Lost};

/// What the replicas agree on.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) namespace: String,
    pub(super) lease: String,
    pub(super) lasts: Duration,
}

/// The right to act.
pub(super) enum Leader {
    /// There are no other replicas.
    Alone,
    /// The lease says so.
    Elected(Box<HeldLease>),
}

impl Leader {
    /// Waits for the right to act, where there are `terms` of it.
    pub(super) async fn win(
        config: &Config,
        terms: Option<Terms>,
        replica: &str,
        stands_by: impl Fn(bool),
    ) -> Result<Self, kube::Error> {
        let Some(terms) = terms else {
            return Ok(Self::Alone);
        };
        let election = Election::new(
            // The lease itself is asked for outside every lease_term.
            client(config, LeaseTerm::unlimited())?,
            &terms.namespace,
            &terms.lease,
            replica.to_owned(),
            terms.lasts,
        );
        Ok(Self::Elected(Box::new(election.win(stands_by).await)))
    }

    /// How long this process may act.
    pub(super) fn lease_term(&self) -> LeaseTerm {
        match self {
            Self::Alone => LeaseTerm::unlimited(),
            Self::Elected(hold) => hold.lease_term(),
        }
    }

    /// Since when this process acts: by the clock of the API server, where that told it.
    pub(super) fn since(&self) -> Timestamp {
        match self {
            Self::Alone => None,
            Self::Elected(hold) => hold.since(),
        }
        .unwrap_or_else(Timestamp::now)
    }

    /// Keeps the right to act, until it is lost.
    pub(super) async fn keep(&mut self) -> Lost {
        match self {
            Self::Alone => pending().await,
            Self::Elected(hold) => hold.keep().await,
        }
    }

    /// Leaves the right to act to the next replica.
    pub(super) async fn give_back(self) {
        match self {
            Self::Alone => {}
            Self::Elected(hold) => hold.give_back().await,
        }
    }
}
