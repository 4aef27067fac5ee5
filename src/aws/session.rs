//! AWS as the operator reaches it: whose its credentials are, and the clients that work with them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::{SdkConfig, meta::region::RegionProviderChain};
use aws_sdk_workmail::config::IdentityCache;

use super::{
    CallError, Organizations,
    gateway::Gateway,
    renewal::{CredentialSet, Renewal},
    source::{DefaultChain, environment, settings},
};
use crate::{
    lease::LeaseTerm,
    logic::{AccountId, Region},
    metrics::Metrics,
};

/// AWS as the operator reaches it.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    lease_term: LeaseTerm,
    metrics: Arc<Metrics>,
    credentials: Renewal,
    /// The budget is the account's, whatever the credentials.
    doors: Mutex<HashMap<AccountId, Arc<Gateway>>>,
    /// One client per account and region. It signs with the latest credentials.
    clients: Mutex<HashMap<(AccountId, Region), Organizations>>,
}

impl Aws {
    /// Reads the SDK's configuration. Looks for no credentials and calls nothing: the operator
    /// starts without either. A region comes from the flag, the environment or the profile, and is
    /// not asked of the instance. No call is begun outside the lease term.
    pub async fn load(
        region: Option<&Region>,
        lease_term: LeaseTerm,
        metrics: Arc<Metrics>,
    ) -> Self {
        let flag = region.map(|region| aws_config::Region::new(region.as_str().to_owned()));
        let regions = RegionProviderChain::first_try(flag).or_else(environment());
        let config = settings().region(regions).no_credentials().load().await;
        let door = Gateway::new(lease_term.clone(), metrics.clone());
        let source = DefaultChain::new(config.clone(), region, door).await;
        Self {
            config,
            lease_term,
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

    fn door(&self, account: &AccountId) -> Arc<Gateway> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        doors
            .entry(account.clone())
            .or_insert_with(|| {
                Arc::new(Gateway::new(self.lease_term.clone(), self.metrics.clone()))
            })
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

    /// Takes note of a call in this region that did not succeed. Only an answer that the credentials
    /// themselves are not accepted says anything about them, and only where there is WorkMail: AWS judges a
    /// missing right anew at each call, and a signature is made for a region.
    pub fn failed(&self, error: &CallError, region: &Region) {
        if error.trouble.rejects_credentials() && region.has_workmail() {
            self.aws.credentials.reject(&self.set);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_config::BehaviorVersion;
    use aws_credential_types::Credentials;
    use futures::future::{BoxFuture, ready};

    use super::*;
    use crate::{
        aws::renewal::Source,
        logic::{ErrorKind, Operation},
    };

    /// Other credentials of the same account each time.
    #[derive(Debug, Default)]
    struct Renewing(AtomicUsize);

    impl Source for Renewing {
        fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CallError>> {
            let key = format!("AKID{}", self.0.fetch_add(1, Ordering::SeqCst));
            let credentials = Credentials::new(key, "secret", None, None, "test");
            Box::pin(ready(Ok(credentials)))
        }

        fn account(&self, _: Credentials) -> BoxFuture<'_, Result<AccountId, CallError>> {
            Box::pin(ready(Ok(AccountId::from("123456789012"))))
        }

        fn version(&self) -> u64 {
            0
        }
    }

    fn aws() -> Arc<Aws> {
        Arc::new(Aws {
            config: SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .build(),
            lease_term: LeaseTerm::unlimited(),
            metrics: Arc::new(Metrics::new()),
            credentials: Renewal::new(Renewing::default()),
            doors: Mutex::default(),
            clients: Mutex::default(),
        })
    }

    fn refused(code: &str) -> CallError {
        let code = code.to_owned();
        let message = String::new();
        CallError::new(
            Operation::ListOrganizations,
            ErrorKind::Refused { code, message },
        )
    }

    async fn is_renewed_after(error: &CallError, region: &str) -> bool {
        let aws = aws();
        let before = aws.session(false).await.unwrap();
        before.failed(error, &Region::from(region));
        let after = aws.session(false).await.unwrap();
        !Arc::ptr_eq(&before.set, &after.set)
    }

    #[rstest::rstest]
    #[case::expired("ExpiredTokenException", "us-east-1", true)]
    #[case::unknown("UnrecognizedClientException", "us-east-1", true)]
    #[case::wrongly_signed("InvalidSignatureException", "eu-west-1", true)]
    #[case::unknown_to_sts("InvalidClientTokenId", "us-west-2", true)]
    #[case::a_missing_right("AccessDeniedException", "us-east-1", false)]
    #[case::trouble_of_one_object("OrganizationStateException", "us-east-1", false)]
    #[case::signed_for_no_region("InvalidSignatureException", "zz-none-1", false)]
    #[tokio::test(start_paused = true)]
    async fn only_an_answer_about_the_credentials_themselves_ends_a_session(
        #[case] code: &str,
        #[case] region: &str,
        #[case] ends: bool,
    ) {
        assert_eq!(is_renewed_after(&refused(code), region).await, ends);
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_of_an_account_outlives_its_credentials_and_is_one_for_all_regions() {
        let aws = aws();
        let [east, west] = ["us-east-1", "us-west-2"].map(Region::from);
        let before = aws.session(false).await.unwrap();
        let budget = before.organizations(&east);
        before.failed(&refused("ExpiredTokenException"), &east);
        let after = aws.session(false).await.unwrap();
        assert!(!Arc::ptr_eq(&before.set, &after.set), "it is renewed");
        for region in [&east, &west] {
            let door = after.organizations(region);
            assert!(std::ptr::eq(door.door(), budget.door()), "{region}");
        }
    }
}
