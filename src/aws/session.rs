//! One set of credentials, and the account it is of.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::{
    BehaviorVersion, SdkConfig, environment::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain, profile::ProfileFileRegionProvider, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use tokio::time::{Instant, timeout};

use super::{
    CallError, Organizations,
    door::{DEADLINE, Door},
    error::chain,
};
use crate::{
    core::{AccountId, Operation, Region, Trouble},
    lease::Tenure,
    metrics::Metrics,
};

/// Credentials are renewed this long before they expire.
const RENEWAL: Duration = Duration::from_mins(5);
/// A failed look for credentials is not repeated sooner, however many objects ask.
const PATIENCE: Duration = Duration::from_secs(1);

/// AWS as the operator reaches it.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    tenure: Tenure,
    metrics: Arc<Metrics>,
    current: tokio::sync::Mutex<Current>,
}

#[derive(Debug)]
enum Current {
    Nothing,
    Session(Arc<Session>),
    /// AWS refused something: the next look for credentials may find other ones.
    Doubtful(Arc<Session>),
    Failed(CallError, Instant),
}

impl Aws {
    /// Reads the SDK's configuration. Looks for no credentials and calls nothing: the operator
    /// starts without either. A region comes from the flag, the environment or the profile, and is
    /// not asked of the instance. No call is begun outside the tenure.
    pub async fn load(region: Option<&Region>, tenure: Tenure, metrics: Arc<Metrics>) -> Self {
        let flag = region.map(|region| aws_config::Region::new(region.as_str().to_owned()));
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(
                RegionProviderChain::first_try(flag)
                    .or_else(EnvironmentVariableRegionProvider::new())
                    .or_else(ProfileFileRegionProvider::new()),
            )
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_timeout(DEADLINE)
                    .build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .load()
            .await;
        Self {
            config,
            tenure,
            metrics,
            current: tokio::sync::Mutex::new(Current::Nothing),
        }
    }

    /// The region of objects that name none.
    #[must_use]
    pub fn default_region(&self) -> Option<Region> {
        self.config
            .region()
            .map(|region| Region::from(region.as_ref()))
    }

    /// The credentials of now, with their account. Asked of STS once per set of credentials; many
    /// that ask at once wait for one answer. A recent failure is told without another look, unless
    /// `again`.
    ///
    /// # Errors
    /// No credentials, or no account for them.
    pub async fn session(&self, region: &Region, again: bool) -> Result<Arc<Session>, CallError> {
        let asked = Instant::now();
        let mut current = self.current.lock().await;
        match &*current {
            Current::Session(session) if session.fresh() => return Ok(session.clone()),
            Current::Failed(error, at) if *at >= asked || !again && at.elapsed() < PATIENCE => {
                return Err(error.clone());
            }
            Current::Nothing | Current::Session(_) | Current::Doubtful(_) | Current::Failed(..) => {
            }
        }
        match self.renew(region, &current).await {
            Ok(session) => {
                *current = Current::Session(session.clone());
                Ok(session)
            }
            Err(error) => {
                // They are renewed early: what is still valid is used on.
                if let Current::Session(session) = &*current
                    && session.valid()
                {
                    return Ok(session.clone());
                }
                *current = Current::Failed(error.clone(), Instant::now());
                Err(error)
            }
        }
    }

    /// Looks for credentials before the session is used again: AWS did not accept them, or refused
    /// them a right.
    pub async fn forget(&self, session: &Arc<Session>) {
        let mut current = self.current.lock().await;
        if matches!(&*current, Current::Session(live) if Arc::ptr_eq(live, session)) {
            *current = Current::Doubtful(session.clone());
        }
    }

    async fn renew(&self, region: &Region, before: &Current) -> Result<Arc<Session>, CallError> {
        let none = || CallError::new(Operation::GetCallerIdentity, Trouble::NoCredentials);
        let provider = self.config.credentials_provider().ok_or_else(none)?;
        let credentials = match timeout(DEADLINE, provider.provide_credentials()).await {
            Ok(Ok(credentials)) => credentials,
            Ok(Err(error)) => {
                tracing::warn!(error = chain(&error), "no AWS credentials");
                return Err(none());
            }
            Err(_) => return Err(none()),
        };
        if let Current::Session(session) | Current::Doubtful(session) = before
            && session.credentials.access_key_id() == credentials.access_key_id()
            && session.credentials.secret_access_key() == credentials.secret_access_key()
        {
            // A key is of the same account for ever. With its session its pace stays, too.
            if session.credentials.session_token() == credentials.session_token()
                && session.credentials.expiry() == credentials.expiry()
            {
                return Ok(session.clone());
            }
            let account = session.account.clone();
            return Ok(self.session_of(account, credentials, before));
        }
        let door = self.door();
        let client = aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::config::Builder::from(&self.config)
                .region(aws_config::Region::new(region.as_str().to_owned()))
                .credentials_provider(credentials.clone())
                .build(),
        );
        let operation = Operation::GetCallerIdentity;
        let identity = door
            .call(operation, DEADLINE, client.get_caller_identity().send())
            .await?;
        let account = identity
            .account()
            .map(AccountId::from)
            .ok_or_else(|| CallError::new(operation, Trouble::Undecodable))?;
        tracing::info!(account = %account, "AWS credentials found");
        Ok(self.session_of(account, credentials, before))
    }

    fn door(&self) -> Door {
        Door::new(self.tenure.clone(), self.metrics.clone())
    }

    fn session_of(
        &self,
        account: AccountId,
        credentials: Credentials,
        before: &Current,
    ) -> Arc<Session> {
        // The budget is the account's, whatever the credentials.
        let door = match before {
            Current::Session(session) | Current::Doubtful(session)
                if session.account == account =>
            {
                session.door.clone()
            }
            Current::Nothing | Current::Session(_) | Current::Doubtful(_) | Current::Failed(..) => {
                Arc::new(self.door())
            }
        };
        Arc::new(Session {
            account,
            credentials,
            config: self.config.clone(),
            door,
            clients: Mutex::default(),
        })
    }
}

/// One set of credentials whose account is known: every call made with it is that account's.
#[derive(Debug)]
pub struct Session {
    account: AccountId,
    credentials: Credentials,
    config: SdkConfig,
    door: Arc<Door>,
    clients: Mutex<HashMap<Region, Organizations>>,
}

impl Session {
    /// The account.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    /// The organizations of a region.
    #[must_use]
    pub fn organizations(&self, region: &Region) -> Organizations {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .entry(region.clone())
            .or_insert_with(|| {
                let config = aws_sdk_workmail::config::Builder::from(&self.config)
                    .region(aws_config::Region::new(region.as_str().to_owned()))
                    .credentials_provider(self.credentials.clone())
                    .build();
                Organizations::new(
                    aws_sdk_workmail::Client::from_conf(config),
                    region.clone(),
                    self.account.clone(),
                    self.door.clone(),
                )
            })
            .clone()
    }

    fn fresh(&self) -> bool {
        self.lasts(RENEWAL)
    }

    fn valid(&self) -> bool {
        self.lasts(Duration::ZERO)
    }

    fn lasts(&self, time: Duration) -> bool {
        self.credentials
            .expiry()
            .is_none_or(|expiry| SystemTime::now() + time < expiry)
    }
}
