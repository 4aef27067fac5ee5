//! A small model of Amazon `WorkMail`: what it holds, and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use workmail_operator::logic::{
    ErrorKind, OrganizationId,
    organization::{Call, Organization, OrganizationState as State, Summary, Tags},
};

use super::domains::Domains;

pub(crate) type TagMap = BTreeMap<String, String>;

/// What no source decides about the service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knobs {
    /// Deleted organizations stay visible.
    pub(crate) deleted_stay: bool,
    /// A new organization is shown only 20 s later.
    pub(crate) list_lags: bool,
    /// The alias of a deleted organization is free again.
    pub(crate) aliases_return: bool,
}

/// One organization.
#[derive(Clone, Debug)]
pub(crate) struct Org {
    pub(crate) account: &'static str,
    pub(crate) alias: String,
    pub(crate) state: State,
    pub(crate) tags: TagMap,
    pub(crate) completed: Option<Timestamp>,
    pub(crate) made: Timestamp,
    /// The token it was made with; `None` if somebody else made it.
    pub(crate) token: Option<String>,
    pub(crate) enabled_users: bool,
    pub(crate) domains: Domains,
}

impl Org {
    pub(crate) fn lives(&self) -> bool {
        self.state != State::Deleted
    }

    /// It comes into this state. The first time that it is Active, AWS dates its completion.
    pub(crate) fn become_one(&mut self, state: State, now: Timestamp) {
        if state == State::Active {
            self.completed.get_or_insert(now);
        }
        self.state = state;
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Aws {
    pub(crate) knobs: Knobs,
    pub(crate) orgs: BTreeMap<String, Org>,
    /// Tokens of creates and deletes that are remembered, by account.
    pub(crate) tokens: BTreeMap<(&'static str, String), String>,
    /// Aliases that are taken in other accounts, or for good.
    pub(crate) taken: BTreeSet<String>,
    /// Mail domains that are taken elsewhere.
    pub(crate) taken_domains: BTreeSet<String>,
    /// Every domain has addresses.
    pub(crate) addresses: bool,
    /// So many domains an organization may have, its own among them.
    pub(crate) most_domains: Option<usize>,
    pub(crate) quota_exhausted: bool,
    /// How many organizations were ever made with each token.
    pub(crate) made: BTreeMap<String, u32>,
    serial: u32,
}

impl Aws {
    pub(crate) fn new(knobs: Knobs) -> Self {
        Self {
            knobs,
            orgs: BTreeMap::new(),
            tokens: BTreeMap::new(),
            taken: BTreeSet::new(),
            taken_domains: BTreeSet::new(),
            addresses: false,
            most_domains: None,
            quota_exhausted: false,
            made: BTreeMap::new(),
            serial: 0,
        }
    }

    fn shows(&self, org: &Org, account: &str, now: Timestamp) -> bool {
        let visible_from = if self.knobs.list_lags {
            org.made + SignedDuration::from_secs(20)
        } else {
            org.made
        };
        org.account == account && now >= visible_from
    }

    pub(crate) fn list(&self, account: &str, now: Timestamp) -> Vec<Summary> {
        self.orgs
            .iter()
            .filter(|(_, org)| self.shows(org, account, now))
            .map(|(id, org)| summary(id, org))
            .collect()
    }

    pub(crate) fn describe(&self, id: &str, account: &str, now: Timestamp) -> Option<Organization> {
        let org = self
            .orgs
            .get(id)
            .filter(|org| self.shows(org, account, now))?;
        Some(Organization {
            summary: summary(id, org),
            arn: Some(format!(
                "arn:aws:workmail:us-east-1:{account}:organization/{id}"
            )),
            directory_id: Some("d-0123456789".into()),
            directory_type: None,
            completed_date: org.completed,
            migration_admin: None,
            interoperability_enabled: Some(false),
        })
    }

    pub(crate) fn tags(&self, id: &str, account: &str) -> Result<Tags, ErrorKind> {
        match self.orgs.get(id).filter(|org| org.account == account) {
            None => Err(refusal("ResourceNotFoundException")),
            Some(org) if org.state == State::Active => Ok(Tags::Shown(org.tags.clone())),
            Some(_) => Ok(Tags::Hidden),
        }
    }

    /// Somebody else makes an organization.
    pub(crate) fn make(&mut self, account: &'static str, alias: &str, now: Timestamp) -> String {
        self.serial += 1;
        let id = format!("m-{:032x}", self.serial);
        self.orgs.insert(
            id.clone(),
            Org {
                account,
                alias: alias.into(),
                state: State::Requested,
                tags: TagMap::new(),
                completed: None,
                made: now,
                token: None,
                enabled_users: false,
                domains: Domains::of(alias),
            },
        );
        id
    }

    pub(crate) fn alias_is_taken(&self, alias: &str) -> bool {
        self.taken.contains(alias)
            || self
                .orgs
                .values()
                .any(|org| org.alias == alias && org.lives())
    }

    /// Does the work of a call; gives the id of a create.
    pub(crate) fn change(
        &mut self,
        call: &Call,
        account: &'static str,
        now: Timestamp,
    ) -> Result<Option<OrganizationId>, ErrorKind> {
        match call {
            Call::Create {
                alias,
                input,
                token,
            } => {
                if let Some(id) = self.tokens.get(&(account, token.clone())) {
                    return Ok(Some(OrganizationId::from(id.as_str())));
                }
                if self.alias_is_taken(alias) {
                    return Err(refusal("NameAvailabilityException"));
                }
                if self.quota_exhausted {
                    return Err(refusal("LimitExceededException"));
                }
                let id = self.make(account, alias, now);
                self.orgs.get_mut(&id).unwrap().token = Some(token.clone());
                self.bring_along(&id, input);
                *self.made.entry(token.clone()).or_default() += 1;
                self.tokens.insert((account, token.clone()), id.clone());
                Ok(Some(OrganizationId::from(id)))
            }
            Call::Tag { id, tags } => {
                let org = self.active(id, account)?;
                let mut all = org.tags.clone();
                all.extend(tags.clone());
                if all.len() > 50 {
                    return Err(refusal("TooManyTagsException"));
                }
                org.tags = all;
                Ok(None)
            }
            Call::Untag { id, keys } => {
                let org = self.active(id, account)?;
                org.tags.retain(|key, _| !keys.contains(key));
                Ok(None)
            }
            Call::Register { id, domain } => self.register(id, account, domain).map(|()| None),
            Call::SetDefault { id, domain } => self.set_default(id, account, domain).map(|()| None),
            Call::Deregister { id, domain } => self.deregister(id, account, domain).map(|()| None),
            Call::Delete(input) => {
                if self.tokens.contains_key(&(account, input.token.clone())) {
                    return Ok(None);
                }
                let org = self
                    .orgs
                    .get_mut(input.id.as_str())
                    .filter(|org| org.account == account)
                    .ok_or_else(|| refusal("OrganizationNotFoundException"))?;
                if org.state.in_transition() || !org.lives() {
                    return Err(refusal("OrganizationStateException"));
                }
                if org.enabled_users && !input.force {
                    return Err(refusal("InvalidParameterException"));
                }
                org.state = State::Deleting;
                self.tokens
                    .insert((account, input.token.clone()), input.id.to_string());
                Ok(None)
            }
        }
    }

    pub(super) fn active(
        &mut self,
        id: &OrganizationId,
        account: &str,
    ) -> Result<&mut Org, ErrorKind> {
        let org = self
            .orgs
            .get_mut(id.as_str())
            .filter(|org| org.account == account)
            .ok_or_else(|| refusal("ResourceNotFoundException"))?;
        if org.state == State::Active {
            Ok(org)
        } else {
            Err(refusal("OrganizationStateException"))
        }
    }

    /// Everything in transition goes one state further.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for org in self.orgs.values_mut() {
            match org.state {
                State::Requested => org.state = State::Creating,
                State::Creating | State::Validating => org.become_one(State::Active, now),
                State::Deleting => {
                    org.state = State::Deleted;
                    if !self.knobs.aliases_return {
                        self.taken.insert(org.alias.clone());
                    }
                }
                _ => {}
            }
        }
        if !self.knobs.deleted_stay {
            self.orgs.retain(|_, org| org.lives());
        }
    }
}

/// A refusal with the noise that AWS's texts carry.
pub(crate) fn refusal(code: &str) -> ErrorKind {
    ErrorKind::from_answer(
        400,
        Some(code),
        Some(
            "Told by the service at 2026-11-24T10:11:12Z (Request ID: \
             6f1c9c5e-0b0a-4c26-8a4b-111122223333).",
        ),
    )
}

fn summary(id: &str, org: &Org) -> Summary {
    Summary {
        id: OrganizationId::from(id),
        alias: org.alias.clone(),
        state: org.state.clone(),
        default_domain: Some(org.domains.default.clone()),
        error_message: (org.state == State::Failed).then(|| "directory trouble".to_owned()),
    }
}
