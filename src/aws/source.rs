//! Where the operator's own credentials come from, and the region in which STS is asked whose they are.

use std::{
    env,
    error::Error,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
};

use aws_config::{
    BehaviorVersion, ConfigLoader, SdkConfig, environment::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain, profile::ProfileFileRegionProvider, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError},
};
use aws_sdk_sts::{
    config::{IdentityCache, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        RequestId, assume_role::AssumeRoleError,
        assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
    },
};
use futures::future::BoxFuture;

use super::{
    CallError,
    error::chain,
    gateway::{CONNECT, DEADLINE, Gateway},
    renewal::{Source, none},
};
use crate::logic::{AccountId, ErrorKind, Operation, Region};

/// The SDK's settings for every call: retries are the controller's, and each call has a deadline.
pub(super) fn settings() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_timeout(DEADLINE)
                .build(),
        )
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// The region of the environment, or of the profile. It is never asked of the instance.
pub(super) fn environment() -> RegionProviderChain {
    RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
}

/// The SDK's default chain: environment, profile files, web identity, container, instance.
#[derive(Debug)]
pub(super) struct DefaultChain {
    config: SdkConfig,
    region: aws_config::Region,
    door: Gateway,
}

/// The region in which STS is asked about the operator's own credentials: the one in which the operator
/// itself runs, as the environment or the profile names it; else the region of `--region` if that is one
/// which exists for certain, else us-east-1. It is never the region of a resource: a region that does not
/// exist is the trouble of those who name it.
pub(super) async fn sts_region(flag: Option<&Region>) -> Region {
    let [first, ..] = Region::WITH_WORKMAIL;
    let known = flag.filter(|region| region.has_workmail());
    let own = environment().region().await;
    let own = own.map(|region| Region::from(region.as_ref()));
    let region = own.unwrap_or_else(|| known.cloned().unwrap_or_else(|| Region::from(first)));
    tracing::info!(region = region.as_str(), "AWS STS is asked in this region");
    region
}

impl DefaultChain {
    /// The chain, which asks STS in this region.
    pub(super) fn new(config: SdkConfig, region: &Region, door: Gateway) -> Self {
        Self {
            config,
            region: aws_config::Region::new(region.as_str().to_owned()),
            door,
        }
    }

    async fn read(&self) -> Result<Credentials, CallError> {
        // The chain keeps the parsed profile files for ever. A new one reads them again.
        let config = settings().region(self.region.clone()).load().await;
        let provider = config
            .credentials_provider()
            .ok_or_else(|| none("there is no source of credentials", None))?;
        let read = provider.provide_credentials().await;
        read.map_err(|error| none(&chain(&error), said(&error).as_deref()))
    }
}

/// Asks STS in a region whose credentials these are.
pub(super) async fn caller(
    config: &SdkConfig,
    region: &aws_config::Region,
    door: &Gateway,
    credentials: Credentials,
) -> Result<AccountId, CallError> {
    let operation = Operation::GetCallerIdentity;
    let client = sts(config, region, credentials);
    let request = client.get_caller_identity().send();
    let identity = door.call(operation, DEADLINE, None, request).await?;
    identity
        .account()
        .map(AccountId::from)
        .ok_or_else(|| CallError::new(operation, ErrorKind::Undecodable))
}

/// A client of STS in a region, with these credentials.
pub(super) fn sts(
    config: &SdkConfig,
    region: &aws_config::Region,
    credentials: Credentials,
) -> aws_sdk_sts::Client {
    aws_sdk_sts::Client::from_conf(
        aws_sdk_sts::config::Builder::from(config)
            .region(region.clone())
            .credentials_provider(credentials)
            .identity_cache(IdentityCache::no_cache())
            .build(),
    )
}

impl Source for DefaultChain {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CallError>> {
        Box::pin(self.read())
    }

    fn account(&self, credentials: Credentials) -> BoxFuture<'_, Result<AccountId, CallError>> {
        Box::pin(caller(&self.config, &self.region, &self.door, credentials))
    }

    fn version(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for file in profile_files() {
            fs::read(file).ok().hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Returns what the source of the credentials said, for a condition: a refusal of STS in its own words.
/// `None` where no source is set up.
fn said(error: &CredentialsError) -> Option<String> {
    if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
        return None;
    }
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        let told =
            told_by_sts::<AssumeRoleWithWebIdentityError>("AssumeRoleWithWebIdentity", cause)
                .or_else(|| told_by_sts::<AssumeRoleError>("AssumeRole", cause));
        match (told, cause.source()) {
            (Some(told), _) => return Some(told),
            (None, Some(source)) => cause = source,
            (None, None) => return Some(cause.to_string()),
        }
    }
}

fn told_by_sts<E>(operation: &str, cause: &(dyn Error + 'static)) -> Option<String>
where
    E: ProvideErrorMetadata + Error + 'static,
    SdkError<E, HttpResponse>: RequestId,
{
    let error = cause.downcast_ref::<SdkError<E, HttpResponse>>()?;
    let error = CallError::from_sdk(Operation::GetCallerIdentity, error);
    Some(match error.trouble {
        ErrorKind::Refused { code, message } => {
            format!("AWS STS refuses {operation} ({code}: {message})")
        }
        ErrorKind::TimedOut => format!("AWS STS did not answer in time on {operation}"),
        ErrorKind::Throttled => format!("AWS STS throttles {operation}"),
        ErrorKind::Unreachable
        | ErrorKind::ServerFault
        | ErrorKind::Undecodable
        | ErrorKind::NoCredentials { .. } => format!("AWS STS could not be used for {operation}"),
    })
}

/// The files of the SDK's profiles: where the environment says, else in their usual places. As in the SDK,
/// `~` is the home.
fn profile_files() -> impl Iterator<Item = PathBuf> {
    [
        ("AWS_CONFIG_FILE", ".aws/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    ]
    .into_iter()
    .filter_map(|(variable, usual)| {
        let home = env::var_os("HOME").map(PathBuf::from);
        match env::var_os(variable).map(PathBuf::from) {
            Some(named) => match named.strip_prefix("~") {
                Ok(below) => Some(home?.join(below)),
                Err(_) => Some(named),
            },
            None => Some(home?.join(usual)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> CredentialsError {
        let meta = aws_sdk_sts::error::ErrorMetadata::builder()
            .code("AccessDenied")
            .message("Not authorized to perform sts:AssumeRoleWithWebIdentity")
            .build();
        let refused = AssumeRoleWithWebIdentityError::generic(meta);
        let answer = HttpResponse::new(403.try_into().unwrap(), Vec::<u8>::new().into());
        CredentialsError::provider_error(SdkError::service_error(refused, answer))
    }

    #[test]
    fn a_refusal_of_sts_is_told_in_its_own_words_and_a_missing_source_is_not() {
        let told = said(&refusal()).unwrap();
        assert!(
            told.contains(
                "AWS STS refuses AssumeRoleWithWebIdentity (AccessDenied: Not authorized"
            ),
            "{told}"
        );
        assert_eq!(said(&CredentialsError::not_loaded("not set")), None);
        let timed_out = SdkError::<AssumeRoleError, HttpResponse>::timeout_error("late");
        let told = said(&CredentialsError::provider_error(timed_out));
        let expected = "AWS STS did not answer in time on AssumeRole";
        assert_eq!(told.as_deref(), Some(expected));
        let other = CredentialsError::provider_error("the token file is not there");
        assert_eq!(said(&other).as_deref(), Some("the token file is not there"));
    }
}
