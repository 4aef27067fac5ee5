//! AWS as the operator reaches it: with which credentials, whose they are, and the clients that work with
//! them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use aws_config::{SdkConfig, meta::region::RegionProviderChain};
use aws_sdk_workmail::config::IdentityCache;

use super::{
    CallError, Organizations,
    assumed::Assumed,
    gateway::Gateway,
    objects::{Bucket, Objects, Place, Reader},
    renewal::{CredentialSet, Renewal},
    source::{DefaultChain, environment, settings, sts_region},
};
use crate::{
    api::AssumeRole,
    lease::LeaseTerm,
    logic::{AccountId, Region, Service},
    metrics::Metrics,
};

/// AWS as the operator reaches it.
#[derive(Debug)]
pub struct Aws {
    shared: Arc<Shared>,
    /// The region in which STS is asked about the operator's own credentials.
    sts_region: Region,
    own: Arc<Identity>,
    /// The identities that are in use, by what they are made of.
    identities: Mutex<HashMap<Origin, Weak<Identity>>>,
}

/// What an identity is made of: the role that is assumed, if any, and the region of STS.
type Origin = (Option<AssumeRole>, Region);

/// What all identities share.
#[derive(Debug)]
struct Shared {
    config: SdkConfig,
    lease_term: LeaseTerm,
    metrics: Arc<Metrics>,
    /// The budget of a service is the account's, whatever the credentials. It is kept as long as anybody
    /// uses it.
    doors: Mutex<HashMap<(AccountId, Service), Weak<Gateway>>>,
}

/// Credentials from one source, kept valid, and the clients that work with them.
#[derive(Debug)]
pub struct Identity {
    shared: Arc<Shared>,
    credentials: Renewal,
    /// One client per account and region. It signs with the latest credentials.
    clients: Mutex<HashMap<(AccountId, Region), Organizations>>,
    /// The same for S3.
    stores: Mutex<HashMap<(AccountId, Region), aws_sdk_s3::Client>>,
    /// The roles that are assumed with these credentials to read exports.
    readers: Mutex<HashMap<Reader, Arc<Identity>>>,
}

/// More readers than this are not kept if nobody uses them.
const READERS: usize = 16;

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
        let shared = Arc::new(Shared {
            config,
            lease_term,
            metrics,
            doors: Mutex::default(),
        });
        let sts_region = sts_region(region).await;
        let own = Identity::own(&shared, &sts_region);
        Self {
            shared,
            sts_region,
            own,
            identities: Mutex::default(),
        }
    }

    /// The region of objects that name none.
    #[must_use]
    pub fn default_region(&self) -> Option<Region> {
        self.shared
            .config
            .region()
            .map(|region| Region::from(region.as_ref()))
    }

    /// The operator's own credentials.
    #[must_use]
    pub fn own(&self) -> Arc<Identity> {
        self.own.clone()
    }

    /// The credentials of a role that the operator assumes, or its own without one; STS is asked in
    /// `region`, or in the operator's own. Whoever asks for the same ones gets the same, as long as
    /// anybody keeps them.
    #[must_use]
    pub fn identity(&self, role: Option<&AssumeRole>, region: Option<&Region>) -> Arc<Identity> {
        let region = region.unwrap_or(&self.sts_region);
        if role.is_none() && *region == self.sts_region {
            return self.own();
        }
        let mut identities = locked(&self.identities);
        let origin = (role.cloned(), region.clone());
        if let Some(known) = identities.get(&origin).and_then(Weak::upgrade) {
            return known;
        }
        identities.retain(|_, identity| identity.strong_count() > 0);
        let identity = match role {
            None => Identity::own(&self.shared, region),
            Some(role) => Identity::assumed(&self.shared, &self.own, (role.clone(), None), region),
        };
        identities.insert(origin, Arc::downgrade(&identity));
        identity
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn gateway(&self) -> Gateway {
        Gateway::new(self.lease_term.clone(), self.metrics.clone())
    }

    fn door(&self, account: &AccountId, service: Service) -> Arc<Gateway> {
        let mut doors = locked(&self.doors);
        let of = (account.clone(), service);
        if let Some(door) = doors.get(&of).and_then(Weak::upgrade) {
            return door;
        }
        doors.retain(|_, door| door.strong_count() > 0);
        let door = Arc::new(self.gateway());
        doors.insert(of, Arc::downgrade(&door));
        door
    }
}

impl Identity {
    fn new(shared: &Arc<Shared>, credentials: Renewal) -> Arc<Self> {
        Arc::new(Self {
            shared: shared.clone(),
            credentials,
            clients: Mutex::default(),
            stores: Mutex::default(),
            readers: Mutex::default(),
        })
    }

    fn own(shared: &Arc<Shared>, region: &Region) -> Arc<Self> {
        let chain = DefaultChain::new(shared.config.clone(), region, shared.gateway());
        Self::new(shared, Renewal::new(chain))
    }

    fn assumed(
        shared: &Arc<Shared>,
        own: &Arc<Self>,
        role: (AssumeRole, Option<String>),
        region: &Region,
    ) -> Arc<Self> {
        let (own, config) = (Arc::downgrade(own), shared.config.clone());
        let assumed = Assumed::new(own, role, config, region, shared.gateway());
        Self::new(shared, Renewal::new(assumed))
    }

    /// The role that is assumed with these credentials to read exports.
    fn reader(self: &Arc<Self>, reader: &Reader) -> Arc<Self> {
        let mut readers = locked(&self.readers);
        if let Some(known) = readers.get(reader) {
            return known.clone();
        }
        if readers.len() >= READERS {
            readers.retain(|_, identity| Arc::strong_count(identity) > 1);
        }
        let role = AssumeRole {
            arn: reader.role.clone(),
            external_id: None,
            session_name: None,
        };
        let role = (role, Some(reader.policy()));
        let identity = Self::assumed(&self.shared, self, role, &reader.region);
        readers.insert(reader.clone(), identity.clone());
        identity
    }

    /// The client of S3 in a region.
    fn store(&self, account: &AccountId, region: &Region) -> aws_sdk_s3::Client {
        let mut stores = locked(&self.stores);
        let make = || {
            let config = aws_sdk_s3::config::Builder::from(&self.shared.config)
                .region(aws_config::Region::new(region.as_str().to_owned()))
                .credentials_provider(self.credentials.of_account(account.clone()))
                .identity_cache(IdentityCache::no_cache());
            Bucket::client(config)
        };
        let of = (account.clone(), region.clone());
        stores.entry(of).or_insert_with(make).clone()
    }

    pub(super) const fn credentials(&self) -> &Renewal {
        &self.credentials
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
            identity: self.clone(),
        })
    }

    fn client(&self, account: &AccountId, region: &Region) -> Organizations {
        let mut clients = locked(&self.clients);
        clients
            .entry((account.clone(), region.clone()))
            .or_insert_with(|| {
                let config = aws_sdk_workmail::config::Builder::from(&self.shared.config)
                    .region(aws_config::Region::new(region.as_str().to_owned()))
                    .credentials_provider(self.credentials.of_account(account.clone()))
                    .identity_cache(IdentityCache::no_cache())
                    .build();
                Organizations::new(
                    aws_sdk_workmail::Client::from_conf(config),
                    region.clone(),
                    account.clone(),
                    self.shared.door(account, Service::WorkMail),
                )
            })
            .clone()
    }
}

/// Credentials whose account is known: every call made with a session is that account's.
#[derive(Clone, Debug)]
pub struct Session {
    set: Arc<CredentialSet>,
    identity: Arc<Identity>,
}

impl Session {
    /// The account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.set.account
    }

    /// Where the credentials come from.
    #[must_use]
    pub const fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// The organizations of a region.
    #[must_use]
    pub fn organizations(&self, region: &Region) -> Organizations {
        self.identity.client(self.account(), region)
    }

    /// The objects of a destination, by these credentials or the role that reads there.
    ///
    /// # Errors
    /// The role cannot be assumed.
    pub async fn objects(&self, place: &Place) -> Result<Objects, CallError> {
        let session = match place.reader() {
            Some(reader) => self.identity.reader(&reader).session(false).await?,
            None => self.clone(),
        };
        let (identity, account) = (session.identity(), session.account());
        let client = identity.store(account, &place.region);
        let owner = place.owner.as_str().to_owned();
        let bucket = Bucket::new(client, &place.bucket, Some(owner));
        let door = identity.shared.door(account, Service::S3);
        Ok(Objects::new(bucket, place.region.clone(), door, session))
    }

    /// Takes note of a call in this region that did not succeed. Only an answer that the credentials
    /// themselves are not accepted says anything about them, and only where there is WorkMail: AWS judges a
    /// missing right anew at each call, and a signature is made for a region.
    pub fn failed(&self, error: &CallError, region: &Region) {
        if error.trouble.rejects_credentials() && region.has_workmail() {
            self.identity.credentials.reject(&self.set);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
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

    fn aws() -> Arc<Identity> {
        identity(
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .build(),
        )
    }

    /// Credentials of account 123456789012, with the clients of this configuration.
    pub(in crate::aws) fn identity(config: SdkConfig) -> Arc<Identity> {
        let shared = Arc::new(Shared {
            config,
            lease_term: LeaseTerm::unlimited(),
            metrics: Arc::new(Metrics::new()),
            doors: Mutex::default(),
        });
        Identity::new(&shared, Renewal::new(Renewing::default()))
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
