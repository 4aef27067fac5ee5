//! Who calls: access keys, accounts, and the rate at which they may.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    ids::Place,
    knobs::{Knobs, Throttle},
    seeds::{Credential, Refusal},
};

/// A caller whose key was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) place: Place,
    pub(crate) credential: Credential,
}

impl Caller {
    /// The caller's ARN.
    pub(crate) fn arn(&self) -> String {
        let Credential { account, arn, .. } = &self.credential;
        arn.clone()
            .unwrap_or_else(|| format!("arn:aws:iam::{account}:user/local"))
    }

    /// Whether an action is denied: by its full name, by the operation's alone, or, if it is one
    /// of WorkMail's, by `*`.
    pub(crate) fn lacks(&self, action: &str) -> bool {
        let denied = &self.credential.denied;
        let (service, operation) = action.split_once(':').unwrap_or(("", action));
        let named = match service {
            "workmail" => denied.contains(operation) || denied.contains("*"),
            "sts" => denied.contains(operation),
            _ => false,
        };
        named || denied.contains(action)
    }
}

/// All keys that somebody named, and how fast each account calls.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    by_key: HashMap<String, Credential>,
    buckets: HashMap<Place, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    calls: f64,
    at: Timestamp,
}

impl Callers {
    pub(crate) fn put(&mut self, credential: Credential) {
        self.by_key
            .insert(credential.access_key.clone(), credential);
    }

    /// Whose a key is.
    pub(crate) fn credential(&self, key: &str, knobs: &Knobs) -> Result<Credential, Refusal> {
        let known = self.by_key.get(key).cloned();
        let credential = known.or_else(|| {
            knobs
                .default_account
                .as_ref()
                .map(|account| Credential::new(key, account))
        });
        let credential = credential.ok_or(Refusal::Unrecognized)?;
        match credential.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(credential),
        }
    }

    /// Takes one call out of the bucket of a place; false if there is none.
    pub(crate) fn admit(&mut self, place: &Place, throttle: &Throttle, now: Timestamp) -> bool {
        let full = f64::from(throttle.burst);
        let bucket = self.buckets.entry(place.clone()).or_insert(Bucket {
            calls: full,
            at: now,
        });
        let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        bucket.calls = (bucket.calls + passed * throttle.per_second).min(full);
        bucket.at = now;
        let admitted = bucket.calls >= 1.0;
        if admitted {
            bucket.calls -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::after;

    fn place() -> Place {
        Place {
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let throttle = Throttle {
            per_second: 2.0,
            burst: 3,
            code: "ThrottlingException".to_owned(),
            status: 400,
        };
        let mut callers = Callers::default();
        let start = Timestamp::UNIX_EPOCH;
        let mut admitted = |now| {
            (0..5)
                .filter(|_| callers.admit(&place(), &throttle, now))
                .count()
        };
        assert_eq!(admitted(start), 3);
        assert_eq!(admitted(after(start, Duration::from_secs(1))), 2);
        assert_eq!(admitted(after(start, Duration::from_mins(1))), 3);
    }

    #[test]
    fn a_right_is_lacked_by_any_of_its_names() {
        let caller = |denied: &str| Caller {
            place: place(),
            credential: Credential::new("AKIA", "123456789012").without(denied),
        };
        assert!(caller("CreateOrganization").lacks("workmail:CreateOrganization"));
        assert!(caller("workmail:CreateOrganization").lacks("workmail:CreateOrganization"));
        assert!(caller("*").lacks("workmail:ListOrganizations"));
        assert!(caller("ds:CreateAlias").lacks("ds:CreateAlias"));
        assert!(caller("GetCallerIdentity").lacks("sts:GetCallerIdentity"));
        assert!(!caller("*").lacks("ds:CreateAlias"));
        assert!(!caller("*").lacks("sts:GetCallerIdentity"));
        assert!(!caller("CreateOrganization").lacks("workmail:DeleteOrganization"));
    }

    #[test]
    fn unknown_keys_belong_to_the_default_account_if_there_is_one() {
        let callers = Callers::default();
        let mut knobs = Knobs::default();
        assert_eq!(
            callers.credential("AKIA", &knobs).unwrap().account,
            "123456789012"
        );
        knobs.default_account = None;
        assert_eq!(
            callers.credential("AKIA", &knobs),
            Err(Refusal::Unrecognized)
        );
    }
}
