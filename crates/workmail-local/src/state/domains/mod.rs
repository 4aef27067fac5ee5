//! The mail domains of one organization.

mod verification;

use std::collections::{BTreeMap, btree_map::Entry};

use jiff::Timestamp;

pub(crate) use self::verification::DomainRegistry;
use crate::{states, views::DomainView};

/// Returns the name of the test domain of an organization, in lower case.
pub(crate) fn test_domain(alias: &str) -> String {
    format!("{}.awsapps.com", alias.to_ascii_lowercase())
}

/// Whether a domain is `apex` or below it. Both are in lower case.
pub(crate) fn is_within(domain: &str, apex: &str) -> bool {
    domain
        .strip_suffix(apex)
        .is_some_and(|host| host.is_empty() || host.ends_with('.'))
}

/// A mail domain of an organization.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    /// In lower case.
    pub(crate) name: String,
    /// The number in the order of registration, within the organization.
    pub(crate) serial: u64,
    pub(crate) hosted_zone_id: Option<String>,
    /// Whether it came with the organization.
    pub(crate) is_test: bool,
    pub(crate) ownership: String,
    pub(crate) dkim: String,
    /// Whether the receipt rule of SES has settings that WorkMail cannot save.
    pub(crate) custom_ses: bool,
    /// When a verification that is under way ends, and the status that it ends with.
    scheduled: Option<(Timestamp, &'static str)>,
}

impl Domain {
    /// Returns a domain that is not verified.
    pub(crate) fn pending(name: &str, hosted_zone_id: Option<String>) -> Self {
        let mut domain = Self {
            name: name.to_ascii_lowercase(),
            serial: 0,
            hosted_zone_id,
            is_test: false,
            ownership: String::new(),
            dkim: String::new(),
            custom_ses: false,
            scheduled: None,
        };
        domain.set_status(states::PENDING);
        domain
    }

    /// Sets ownership and DKIM to the same status.
    fn set_status(&mut self, status: &str) {
        for member in [&mut self.ownership, &mut self.dkim] {
            status.clone_into(member);
        }
    }

    /// Whether the verification of a domain that somebody registered has failed.
    pub(crate) fn has_failed(&self) -> bool {
        let failed = [&self.ownership, &self.dkim]
            .into_iter()
            .any(|status| status == states::VERIFICATION_FAILED);
        failed && !self.is_test
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.ownership == states::VERIFIED && self.dkim == states::VERIFIED
    }
}

/// The domains of an organization, with the test domain. One of them is the default.
#[derive(Clone, Debug)]
pub(crate) struct Domains {
    by_name: BTreeMap<String, Domain>,
    default: String,
    last_serial: u64,
}

impl Domains {
    /// Returns the domains of a new organization: its test domain, which is the default.
    pub(crate) fn of(alias: &str) -> Self {
        let mut test = Domain {
            is_test: true,
            ..Domain::pending(&test_domain(alias), None)
        };
        test.set_status(states::VERIFIED);
        let mut domains = Self {
            by_name: BTreeMap::new(),
            default: test.name.clone(),
            last_serial: 0,
        };
        domains.add(test);
        domains
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Domain> {
        self.by_name.get(&name.to_ascii_lowercase())
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Domain> {
        self.by_name.get_mut(&name.to_ascii_lowercase())
    }

    /// Adds a domain as the last one. A domain that is there already stays as it is.
    pub(crate) fn add(&mut self, domain: Domain) {
        if let Entry::Vacant(entry) = self.by_name.entry(domain.name.clone()) {
            self.last_serial += 1;
            entry.insert(Domain {
                serial: self.last_serial,
                ..domain
            });
        }
    }

    /// Removes a domain. If it was the default, the test domain becomes the default.
    fn remove(&mut self, name: &str) -> Option<Domain> {
        let removed = self.by_name.remove(&name.to_ascii_lowercase())?;
        if self.default == removed.name
            && let Some(test) = self.by_name.values().find(|domain| domain.is_test)
        {
            self.default.clone_from(&test.name);
        }
        Some(removed)
    }

    /// Returns all domains in the order of registration.
    pub(crate) fn in_order(&self) -> Vec<&Domain> {
        let mut domains: Vec<_> = self.by_name.values().collect();
        domains.sort_unstable_by_key(|domain| domain.serial);
        domains
    }

    /// Returns the domains that somebody registered.
    pub(crate) fn registered(&self) -> impl Iterator<Item = &Domain> {
        self.by_name.values().filter(|domain| !domain.is_test)
    }

    pub(crate) fn count(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn default_name(&self) -> &str {
        &self.default
    }

    pub(crate) fn is_default(&self, domain: &Domain) -> bool {
        self.default == domain.name
    }

    pub(crate) fn set_default(&mut self, name: &str) {
        self.default = name.to_ascii_lowercase();
    }

    pub(crate) fn views(&self) -> Vec<DomainView> {
        let view = |domain: &Domain| DomainView {
            domain_name: domain.name.clone(),
            hosted_zone_id: domain.hosted_zone_id.clone(),
            is_default: self.is_default(domain),
            is_test_domain: domain.is_test,
            ownership: domain.ownership.clone(),
            dkim: domain.dkim.clone(),
        };
        self.in_order().into_iter().map(view).collect()
    }
}
