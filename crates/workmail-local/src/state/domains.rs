//! The mail domains of one organization.

mod verification;

use std::collections::{BTreeMap, btree_map::Entry};

use jiff::Timestamp;

pub(crate) use self::verification::Registry;
use crate::{knobs::Knobs, views::DomainView, words};

/// The name of the test domain of an organization, in lower case.
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
    /// In lower case, as all names are held and shown.
    pub(crate) name: String,
    /// Its place in the order of registration, within its organization.
    pub(crate) serial: u64,
    pub(crate) hosted_zone_id: Option<String>,
    /// It came with the organization, as `<alias>.awsapps.com`.
    pub(crate) is_test: bool,
    pub(crate) ownership: String,
    pub(crate) dkim: String,
    /// The receipt rule of SES has settings that WorkMail cannot write back.
    pub(crate) custom_ses: bool,
    pub(crate) registered_at: Timestamp,
    /// When what is PENDING ends by itself, and in which word.
    verdict: Option<(Timestamp, &'static str)>,
}

impl Domain {
    /// One that is not verified.
    pub(crate) fn new(name: &str, registered_at: Timestamp) -> Self {
        Self {
            name: name.to_ascii_lowercase(),
            serial: 0,
            hosted_zone_id: None,
            is_test: false,
            ownership: words::PENDING.to_owned(),
            dkim: words::PENDING.to_owned(),
            custom_ses: false,
            registered_at,
            verdict: None,
        }
    }

    /// The same with a hosted zone, if there is one.
    pub(crate) fn in_zone(mut self, id: Option<String>) -> Self {
        self.hosted_zone_id = id;
        self
    }

    /// The same with both statuses in one word.
    pub(crate) fn standing(mut self, word: &str) -> Self {
        word.clone_into(&mut self.ownership);
        word.clone_into(&mut self.dkim);
        self
    }

    /// Whether SES gave one of its identities up. A test domain never asked.
    pub(crate) fn has_failed(&self) -> bool {
        let failed = [&self.ownership, &self.dkim]
            .into_iter()
            .any(|word| word == words::FAILED_DOMAIN);
        failed && !self.is_test
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.ownership == words::VERIFIED && self.dkim == words::VERIFIED
    }
}

/// The domains of an organization, the test domain among them; one is the default.
#[derive(Clone, Debug)]
pub(crate) struct Domains {
    by_name: BTreeMap<String, Domain>,
    default: String,
    last: u64,
}

impl Domains {
    /// The test domain of an alias, which is the default at first.
    pub(crate) fn of(alias: &str, knobs: &Knobs, now: Timestamp) -> Self {
        let name = test_domain(alias);
        let test = Domain {
            is_test: true,
            ..Domain::new(&name, now).standing(&knobs.test_domain_status)
        };
        let mut domains = Self {
            by_name: BTreeMap::new(),
            default: name,
            last: 0,
        };
        domains.put(test);
        domains
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Domain> {
        self.by_name.get(&name.to_ascii_lowercase())
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Domain> {
        self.by_name.get_mut(&name.to_ascii_lowercase())
    }

    /// Adds a domain, after all that are there. One that is there stays as it is.
    pub(crate) fn put(&mut self, domain: Domain) {
        if let Entry::Vacant(place) = self.by_name.entry(domain.name.clone()) {
            self.last += 1;
            place.insert(Domain {
                serial: self.last,
                ..domain
            });
        }
    }

    /// Takes a domain out. Where that was the default, the test domain is it again.
    pub(super) fn take_out(&mut self, name: &str) -> Option<Domain> {
        let taken = self.by_name.remove(&name.to_ascii_lowercase())?;
        if self.default == taken.name
            && let Some(test) = self.by_name.values().find(|domain| domain.is_test)
        {
            self.default.clone_from(&test.name);
        }
        Some(taken)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Domain> {
        self.by_name.values()
    }

    /// Those that somebody registered.
    pub(crate) fn registered(&self) -> impl Iterator<Item = &Domain> {
        self.iter().filter(|domain| !domain.is_test)
    }

    pub(crate) fn len(&self) -> usize {
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

    /// All of them in the order of registration.
    pub(crate) fn views(&self) -> Vec<DomainView> {
        let mut domains: Vec<&Domain> = self.iter().collect();
        domains.sort_unstable_by_key(|domain| domain.serial);
        domains
            .into_iter()
            .map(|domain| self.view(domain))
            .collect()
    }

    fn view(&self, domain: &Domain) -> DomainView {
        DomainView {
            domain_name: domain.name.clone(),
            hosted_zone_id: domain.hosted_zone_id.clone(),
            is_default: self.is_default(domain),
            is_test_domain: domain.is_test,
            ownership: domain.ownership.clone(),
            dkim: domain.dkim.clone(),
            registered_at: domain.registered_at,
        }
    }
}
