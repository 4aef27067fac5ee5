//! Credentials of a role that the operator assumes with its own.

use std::{sync::Weak, time::SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use futures::future::BoxFuture;

use super::{
    CallError,
    gateway::{DEADLINE, Gateway},
    renewal::{Source, none},
    session::Identity,
    source::{caller, sts},
};
use crate::{
    api::{AssumeRole, DEFAULT_SESSION_NAME},
    logic::{AccountId, ErrorKind, Operation, Region},
};

/// Assumes a role, in the region of its account.
#[derive(Debug)]
pub(super) struct Assumed {
    /// The credentials that assume it. Those of an account outlive the roles that it assumes.
    own: Weak<Identity>,
    role: AssumeRole,
    /// What the session is confined to, of what the role may do.
    policy: Option<String>,
    config: SdkConfig,
    region: aws_config::Region,
    door: Gateway,
}

impl Assumed {
    pub(super) fn new(
        own: Weak<Identity>,
        (role, policy): (AssumeRole, Option<String>),
        config: SdkConfig,
        region: &Region,
        door: Gateway,
    ) -> Self {
        Self {
            own,
            role,
            policy,
            config,
            region: aws_config::Region::new(region.as_str().to_owned()),
            door,
        }
    }

    async fn assume(&self) -> Result<Credentials, CallError> {
        let AssumeRole {
            arn,
            external_id,
            session_name,
        } = &self.role;
        let Some(identity) = self.own.upgrade() else {
            return Err(none("the account was removed", None));
        };
        let own = identity.credentials().current(false).await?;
        let operation = Operation::AssumeRole;
        let client = sts(&self.config, &self.region, own.credentials().clone());
        let request = client
            .assume_role()
            .role_arn(arn)
            .set_external_id(external_id.clone())
            .set_policy(self.policy.clone())
            .role_session_name(session_name.as_deref().unwrap_or(DEFAULT_SESSION_NAME))
            .send();
        let answer = self.door.call(operation, DEADLINE, None, request).await;
        let answer = answer.inspect_err(|error| {
            if error.trouble.rejects_credentials() {
                identity.credentials().reject(&own);
            }
        })?;
        let undecodable = || CallError::new(operation, ErrorKind::Undecodable);
        let assumed = answer.credentials.ok_or_else(undecodable)?;
        let expiry = SystemTime::try_from(assumed.expiration).map_err(|_| undecodable())?;
        if assumed.access_key_id.is_empty() || assumed.secret_access_key.is_empty() {
            return Err(none(
                "the assumed role has no key",
                Some("the assumed role has no key"),
            ));
        }
        Ok(Credentials::new(
            assumed.access_key_id,
            assumed.secret_access_key,
            Some(assumed.session_token),
            Some(expiry),
            "AssumeRole",
        ))
    }
}

impl Source for Assumed {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CallError>> {
        Box::pin(self.assume())
    }

    fn account(&self, credentials: Credentials) -> BoxFuture<'_, Result<AccountId, CallError>> {
        Box::pin(caller(&self.config, &self.region, &self.door, credentials))
    }

    /// A session outlives the credentials that it was assumed with.
    fn version(&self) -> u64 {
        0
    }
}
