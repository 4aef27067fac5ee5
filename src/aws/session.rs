//! AWS as the operator reaches it: whose its credentials are, and the clients that work with them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::{SdkConfig, meta::region::RegionProviderChain};
use aws_sdk_workmail::config::IdentityCache;

use super::{
    CallError, Organizations,
    door::Door,
    renewal::{CredentialSet, Renewal},
    source::{DefaultChain, environment, settings},
};
use crate::{
    core::{AccountId, Region},
    lease::Tenure,
    metrics::Metrics,
};

/// AWS as the operator reaches it.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    tenure: Tenure,
    metrics: Arc<Metrics>,
    credentials: Renewal,
    /// The budget is the account's, whatever the credentials.
    doors: Mutex<HashMap<AccountId, Arc<Door>>>,
    /// One client per account and region. It signs with the latest credentials.
    clients: Mutex<HashMap<(AccountId, Region), Organizations>>,
}

impl Aws {
    /// Reads the SDK's configuration. Looks for no credentials and calls nothing: the operator
    /// starts without either. A region comes from the flag, the environment or the profile, and is
    /// not asked of the instance. No call is begun outside the tenure.
    pub async fn load(region: Option<&Region>, tenure: Tenure, metrics: Arc<Metrics>) -> Self {
        let flag = region.map(|region| aws_config::Region::new(region.as_str().to_owned()));
        let regions = RegionProviderChain::first_try(flag).or_else(environment());
        let config = settings().region(regions).no_credentials().load().await;
        let door = Door::new(tenure.clone(), metrics.clone());
        let source = DefaultChain::new(config.clone(), region, door).await;
        Self {
            config,
            tenure,
            metrics,
            credentials: Renewal::new(source),
            doors: Mutex::default(),
            clients: Mutex::default(),
        }
    }

    /// The region of objects that name none.
    #[must_use]
    pub fn default_region(&self) -> Option<Region> {
        self.config
            .region()
            .map(|region| Region::from(region.as_ref()))
    }

    /// The credentials of now, with their account. They are renewed in the background; only where
    /// there are no valid ones does this wait, for at most the deadline of a call. A failure of a
    /// moment ago is told without another try, unless `again`.
    ///
    /// # Errors
    /// No credentials, or no account for them.
    pub async fn session(self: &Arc<Self>, again: bool) -> Result<Session, CallError> {
        Ok(Session {
            set: self.credentials.current(again).await?,
            aws: self.clone(),
        })
    }

    fn door(&self, account: &AccountId) -> Arc<Door> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        doors
            .entry(account.clone())
            .or_insert_with(|| Arc::new(Door::new(self.tenure.clone(), self.metrics.clone())))
            .clone()
    }

    fn client(&self, account: &AccountId, region: &Region) -> Organizations {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .entry((account.clone(), region.clone()))
            .or_insert_with(|| {
                let config = aws_sdk_workmail::config::Builder::from(&self.config)
                    .region(aws_config::Region::new(region.as_str().to_owned()))
                    .credentials_provider(self.credentials.of_account(account.clone()))
                    .identity_cache(IdentityCache::no_cache())
                    .build();
                Organizations::new(
                    aws_sdk_workmail::Client::from_conf(config),
                    region.clone(),
                    account.clone(),
                    self.door(account),
                )
            })
            .clone()
    }
}

/// Credentials whose account is known: every call made with a session is that account's.
#[derive(Clone, Debug)]
pub struct Session {
    set: Arc<CredentialSet>,
    aws: Arc<Aws>,
}

impl Session {
    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.set.account
    }

    /// The organizations of a region.
    #[must_use]
    pub fn organizations(&self, region: &Region) -> Organizations {
        self.aws.client(self.account(), region)
    }

    /// Takes note of a call that did not succeed. Only an answer that the credentials themselves are
    /// not accepted says anything about them: AWS judges a missing right anew at each call.
    pub fn failed(&self, error: &CallError) {
        if error.trouble.rejects_credentials() {
            self.aws.credentials.reject(&self.set);
        }
    }
}
