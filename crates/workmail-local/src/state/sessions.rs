//! Roles of IAM and their sessions.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    clock::after,
    ids,
    seeds::{Credential, Metadata, Refusal, SeedRole},
    views::SessionView,
};

/// The start of every session token that this program makes.
const TOKEN_PREFIX: &str = "workmail-local/";

/// A session of a role, with its credentials.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) credential: Credential,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) role_arn: String,
    pub(crate) arn: String,
    pub(crate) policy: Option<String>,
    pub(crate) expires_at: Timestamp,
}

impl Session {
    fn view(&self) -> SessionView {
        SessionView {
            access_key: self.credential.access_key.clone(),
            role_arn: self.role_arn.clone(),
            arn: self.arn.clone(),
            account: self.credential.account.clone(),
            policy: self.policy.clone(),
            expires_at: self.expires_at,
        }
    }
}

/// All roles and their sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    roles: HashMap<String, SeedRole>,
    by_key: BTreeMap<String, Session>,
    pub(crate) metadata: Metadata,
}

impl Sessions {
    /// Adds a role, or replaces the one with the same ARN. Its sessions stay.
    pub(crate) fn put_role(&mut self, role: SeedRole) {
        self.roles.insert(role.arn.clone(), role);
    }

    pub(crate) fn role(&self, arn: &str) -> Option<&SeedRole> {
        self.roles.get(arn)
    }

    /// Starts a session of a role. Returns `None` if the ARN is not one of a role.
    pub(crate) fn start(
        &mut self,
        role_arn: &str,
        name: &str,
        policy: Option<String>,
        now: Timestamp,
        lasts: Duration,
    ) -> Option<Session> {
        let (account, role_name) = role_of_arn(role_arn)?;
        let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}");
        let key = format!("ASIA{:016X}", rand::random::<u64>());
        let mut credential = Credential::new(&key, account);
        credential.arn = Some(arn.clone());
        let role = self.roles.get(role_arn);
        credential.denied = role.map_or_else(BTreeSet::new, |role| role.denied.clone());
        let session = Session {
            credential,
            secret: format!(
                "{:032x}{:08x}",
                rand::random::<u128>(),
                rand::random::<u32>()
            ),
            token: format!("{TOKEN_PREFIX}{}", ids::uuid()),
            role_arn: role_arn.to_owned(),
            arn,
            policy,
            expires_at: after(now, lasts),
        };
        self.by_key.insert(key, session.clone());
        Some(session)
    }

    /// Returns the credential of a session, or `None` if the key is not one of a session.
    pub(crate) fn credential(
        &self,
        key: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Option<Result<Credential, Refusal>> {
        let Some(session) = self.by_key.get(key) else {
            // A key of a session that is not known any more.
            let is_ours = token.is_some_and(|token| token.starts_with(TOKEN_PREFIX));
            return is_ours.then_some(Err(Refusal::Unrecognized));
        };
        Some(if token != Some(session.token.as_str()) {
            Err(Refusal::Unrecognized)
        } else if now >= session.expires_at {
            Err(Refusal::Expired)
        } else {
            Ok(session.credential.clone())
        })
    }

    /// Returns the ARN of the role that a key is a session of.
    pub(crate) fn role_of_key(&self, key: &str) -> Option<&str> {
        Some(&self.by_key.get(key)?.role_arn)
    }

    /// Ends every session.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        for session in self.by_key.values_mut() {
            session.expires_at = session.expires_at.min(now);
        }
    }

    pub(crate) fn views(&self) -> Vec<SessionView> {
        self.by_key.values().map(Session::view).collect()
    }
}

/// Returns the account and the name of the role of an ARN. The name has no path.
pub(crate) fn role_of_arn(arn: &str) -> Option<(&str, &str)> {
    let (account, path) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
    ids::is_account(account).then_some((account, name))
}
