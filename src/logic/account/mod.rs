//! Which `WorkMailAccount` serves an object, and what it lets the object's namespace do.
//!
//! Nothing fails open. What could not be read yet is no permission ([`Accounts::access`]); the operator's
//! own credentials serve everybody only while a complete list shows no account of any name; and an object
//! that has used an account is never served without one.

mod rule;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use rule::{allows, matches_glob};

use super::{AccountId, Failure, Region};
use crate::api::{AccountRule, AssumeRole, DEFAULT_ACCOUNT, Reason, WorkMailAccount};

/// The labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// A `WorkMailAccount`, parsed once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The AWS account that its credentials have to be of.
    pub expected: Option<AccountId>,
    /// The region of organizations that name none.
    pub region: Option<Region>,
    /// The regions that organizations may be in.
    pub regions: BTreeSet<String>,
    /// The role that is assumed.
    pub role: Option<AssumeRole>,
    /// Tags of every organization.
    pub tags: BTreeMap<String, String>,
    /// The release of the operator that serves it.
    pub release: Option<String>,
    /// What namespaces may do.
    pub rules: Vec<Arc<AccountRule>>,
}

impl Account {
    /// Reads an account as the API server holds it. `None` for one without a name, which the API server
    /// never gives out.
    #[must_use]
    pub fn parse(object: &WorkMailAccount) -> Option<Self> {
        let spec = object.spec.clone();
        let regions = spec
            .regions
            .unwrap_or_else(|| Region::WITH_WORKMAIL.map(str::to_owned).to_vec());
        Some(Self {
            name: object.metadata.name.clone()?,
            expected: spec.account_id.map(AccountId::from),
            region: spec.region.map(Region::from),
            regions: regions.into_iter().collect(),
            role: spec.assume_role,
            tags: spec.tags,
            release: spec.release,
            rules: spec.rules.into_iter().map(Arc::new).collect(),
        })
    }
}

/// With which account an object works, and under which rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// No account exists: the operator's own credentials serve every namespace, and nothing is ruled out.
    #[default]
    OperatorsOwn,
    /// An account serves the object.
    Granted {
        /// The account.
        account: Arc<Account>,
        /// Which of its rules matches the namespace, counted from 0.
        index: usize,
        /// That rule.
        rule: Arc<AccountRule>,
    },
    /// No call is made for the object, and why.
    Refused(Failure),
}

impl Access {
    /// The account that serves the object, and its rule.
    #[must_use]
    pub fn granted(&self) -> Option<(&Account, usize, &AccountRule)> {
        match self {
            Self::Granted {
                account,
                index,
                rule,
            } => Some((account, *index, rule)),
            Self::OperatorsOwn | Self::Refused(_) => None,
        }
    }

    /// The name of the account that serves the object.
    #[must_use]
    pub fn account_name(&self) -> Option<&str> {
        self.granted().map(|(account, ..)| account.name.as_str())
    }

    /// The region of objects that name none, where the account says so.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        self.granted()
            .and_then(|(account, ..)| account.region.as_ref())
    }

    /// The tags of the account.
    #[must_use]
    pub fn tags(&self) -> Option<&BTreeMap<String, String>> {
        self.granted().map(|(account, ..)| &account.tags)
    }
}

/// What is known of the definition and the list of the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// They could not be read yet, or not any more.
    #[default]
    Unread,
    /// The definition that is served lacks these fields, or is not there.
    Outdated(BTreeSet<String>),
    /// Every account there is, by its name.
    Listed(BTreeMap<String, Arc<Account>>),
}

/// All accounts, and the namespaces that their rules are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// The accounts.
    pub known: Known,
    /// The labels of every namespace, once they were read.
    pub namespaces: Option<BTreeMap<String, Labels>>,
    /// Whether every object has to have an account (`--require-account`).
    pub required: bool,
    /// The release of this operator.
    pub release: String,
}

/// Who asks for an account.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// The namespace of the object.
    pub namespace: &'a str,
    /// The account that its spec names.
    pub account_ref: Option<&'a str>,
    /// The account that it has used before, by its status.
    pub used: Option<&'a str>,
}

impl Accounts {
    /// Returns with which account an object works.
    #[must_use]
    pub fn access(&self, applicant: Applicant<'_>) -> Access {
        let accounts = match &self.known {
            Known::Unread => return Access::Refused(unread("WorkMailAccounts")),
            Known::Outdated(missing) => return Access::Refused(outdated(missing)),
            Known::Listed(accounts) => accounts,
        };
        let Applicant {
            namespace,
            account_ref,
            used,
        } = applicant;
        if accounts.is_empty() && account_ref.is_none() && used.is_none() && !self.required {
            return Access::OperatorsOwn;
        }
        let name = account_ref.unwrap_or(DEFAULT_ACCOUNT);
        let Some(account) = accounts.get(name) else {
            return Access::Refused(not_found(name, account_ref.is_some()));
        };
        if let Some(release) = account.release.as_ref().filter(|one| **one != self.release) {
            return Access::Refused(other_release(name, release, &self.release));
        }
        let labels = self.namespaces.as_ref().map(|all| all.get(namespace));
        match rule::first(&account.rules, namespace, labels.flatten()) {
            Ok(Some((index, rule))) => Access::Granted {
                account: account.clone(),
                index,
                rule: rule.clone(),
            },
            Ok(None) => Access::Refused(Failure::of(
                Reason::AccountNotAllowed,
                format!("Have a rule of WorkMailAccount {name} allow namespace {namespace}."),
                format!(
                    "None of its {} rules matches it (spec.rules[].namespaces).",
                    account.rules.len()
                ),
            )),
            Err(rule::LabelsUnread) => Access::Refused(unread("namespaces")),
        }
    }

    /// Whether all that is needed to say so is known.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.known != Known::Unread && (self.namespaces.is_some() || !self.need_labels())
    }

    /// Whether a role is the one that an account of the cluster assumes.
    #[must_use]
    pub fn have_role(&self, arn: &str) -> bool {
        let Known::Listed(accounts) = &self.known else {
            return false;
        };
        let mut roles = accounts.values().filter_map(|one| one.role.as_ref());
        roles.any(|role| role.arn == arn)
    }

    /// Whether a rule of any account is about labels of namespaces.
    #[must_use]
    pub fn need_labels(&self) -> bool {
        let Known::Listed(accounts) = &self.known else {
            return false;
        };
        let mut rules = accounts.values().flat_map(|account| &account.rules);
        rules.any(|rule| rule.namespaces.selector.is_some())
    }
}

fn unread(what: &str) -> Failure {
    Failure::of_read(
        Reason::ServiceUnavailable,
        format!("Let the operator list and watch {what} (docs/rights.md)."),
        "They could not be read. Until then nothing is called in AWS.",
    )
}

fn outdated(missing: &BTreeSet<String>) -> Failure {
    let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    Failure::of(
        Reason::SchemaOutdated,
        "Apply the operator's CRDs first (kubectl apply --server-side -f crds/).",
        format!(
            "Of the kind WorkMailAccount {} is missing. Until then nothing is changed in AWS.",
            super::text::first(&missing, 3)
        ),
    )
}

fn not_found(name: &str, is_named: bool) -> Failure {
    let next = if is_named {
        format!("Create WorkMailAccount {name}, or name another one in spec.accountRef.")
    } else {
        format!("Name a WorkMailAccount in spec.accountRef, or create one called {name}.")
    };
    let detail =
        format!("There is no WorkMailAccount {name}. Nothing is called in AWS until then.");
    Failure::of(Reason::AccountNotFound, next, detail)
}

fn other_release(name: &str, theirs: &str, ours: &str) -> Failure {
    Failure::of(
        Reason::AccountNotFound,
        format!("Name a WorkMailAccount of release {ours} in spec.accountRef."),
        format!("Account {name} is served by the operator of release {theirs} (its spec.release)."),
    )
}
