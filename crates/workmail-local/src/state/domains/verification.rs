//! Which organizations have a domain, and how domains become verified.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::{Domain, Domains};
use crate::{
    clock::after,
    ids::{OrganizationId, Place},
    knobs::{DomainScope, KnownIdentities},
    seeds::SeedDomain,
    state::World,
    words,
};

/// What is known of domains beyond one organization.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Who has a domain, by its name; test domains aside.
    holders: HashMap<String, BTreeSet<OrganizationId>>,
    /// Identities of SES that are verified, which outlive the domains they came with.
    identities: HashSet<(Place, String)>,
    /// What ends by itself, and when.
    agenda: BTreeSet<(Timestamp, OrganizationId, String)>,
}

impl Registry {
    fn hold(&mut self, name: &str, id: OrganizationId) {
        self.holders.entry(name.to_owned()).or_default().insert(id);
    }

    fn release(&mut self, name: &str, id: OrganizationId) {
        if let Some(holders) = self.holders.get_mut(name) {
            holders.remove(&id);
            if holders.is_empty() {
                self.holders.remove(name);
            }
        }
    }

    /// Nothing ends by itself any more.
    fn cancel(&mut self, id: OrganizationId, domain: &mut Domain) {
        if let Some((at, _)) = domain.verdict.take() {
            self.agenda.remove(&(at, id, domain.name.clone()));
        }
    }

    /// Makes an identity of SES known as verified.
    pub(crate) fn add_identity(&mut self, place: Place, name: &str) {
        self.identities.insert((place, name.to_ascii_lowercase()));
    }

    fn note(&mut self, place: &Place, domain: &Domain) {
        let identity = (place.clone(), domain.name.clone());
        if domain.is_verified() {
            self.identities.insert(identity);
        } else {
            self.identities.remove(&identity);
        }
    }
}

impl World {
    /// Whether an organization other than `own` has a domain, as far as the knob looks.
    pub(crate) fn is_domain_taken(
        &self,
        name: &str,
        place: &Place,
        own: Option<OrganizationId>,
    ) -> bool {
        let holders = self.registry.holders.get(&name.to_ascii_lowercase());
        holders
            .into_iter()
            .flatten()
            .filter(|id| own != Some(**id))
            .filter_map(|id| self.find(*id))
            .any(|other| match self.knobs.domain_scope {
                DomainScope::Global => true,
                DomainScope::Account => other.place.account == place.account,
                DomainScope::Region => other.place == *place,
            })
    }

    /// Registers a domain, and starts its verification.
    pub(crate) fn register_domain(&mut self, id: OrganizationId, name: &str, now: Timestamp) {
        if let Some(organization) = self.organizations.get_mut(&id) {
            let domain = Domain::new(name, now);
            let name = domain.name.clone();
            organization.domains.put(domain);
            if organization.holds_domains() {
                self.registry.hold(&name, id);
            }
            self.verify_anew(id, &name, now);
        }
    }

    /// Takes a domain out of an organization; false if it was not there. Its identity stays.
    pub(crate) fn deregister_domain(&mut self, id: OrganizationId, name: &str) -> bool {
        let organization = self.organizations.get_mut(&id);
        let taken = organization.and_then(|organization| organization.domains.take_out(name));
        let Some(mut domain) = taken else {
            return false;
        };
        self.registry.release(&domain.name, id);
        self.registry.cancel(id, &mut domain);
        true
    }

    /// Starts the verification of every domain that came with a create and is still PENDING.
    pub(crate) fn verify_all(&mut self, id: OrganizationId, now: Timestamp) {
        let created = self.find(id).filter(|organization| !organization.seeded);
        let domains = created.map(|organization| &organization.domains);
        let pending = domains
            .into_iter()
            .flat_map(Domains::registered)
            .filter(|domain| domain.ownership == words::PENDING && domain.verdict.is_none());
        let names: Vec<String> = pending.map(|domain| domain.name.clone()).collect();
        for name in names {
            self.verify_anew(id, &name, now);
        }
    }

    /// Starts a verification: SES knows the identity, or records have to be seen first.
    pub(crate) fn verify_anew(&mut self, id: OrganizationId, name: &str, now: Timestamp) {
        let knobs = &self.knobs;
        let Some(organization) = self.organizations.get_mut(&id) else {
            return;
        };
        let identity = (organization.place.clone(), name.to_ascii_lowercase());
        let known = self.registry.identities.contains(&identity)
            && knobs.known_identities == KnownIdentities::Verified;
        let Some(domain) = organization.domains.get_mut(name) else {
            return;
        };
        self.registry.cancel(id, domain);
        for status in [&mut domain.ownership, &mut domain.dkim] {
            let word = if known {
                words::VERIFIED
            } else {
                words::PENDING
            };
            word.clone_into(status);
        }
        let succeeds = match &domain.hosted_zone_id {
            Some(_) => Some(knobs.zone_verification_after),
            None => knobs.verification_after,
        };
        let good = succeeds.map(|delay| (after(now, delay.draw()), words::VERIFIED));
        let bad = knobs.verification_fails_after.span();
        let bad = bad.map(|span| (after(now, span), words::FAILED_DOMAIN));
        let verdict = good.into_iter().chain(bad).min_by_key(|(at, _)| *at);
        if let Some((at, word)) = verdict.filter(|_| !known) {
            domain.verdict = Some((at, word));
            self.registry.agenda.insert((at, id, domain.name.clone()));
        }
    }

    /// Ends every verification that is due by `now`.
    pub(crate) fn settle_domains(&mut self, now: Timestamp) {
        while let Some(first) = self.registry.agenda.first()
            && first.0 <= now
            && let Some((_, id, name)) = self.registry.agenda.pop_first()
        {
            let Some(organization) = self.organizations.get_mut(&id) else {
                continue;
            };
            let Some(domain) = organization.domains.get_mut(&name) else {
                continue;
            };
            let Some((_, word)) = domain.verdict.take() else {
                continue;
            };
            for status in [&mut domain.ownership, &mut domain.dkim] {
                word.clone_into(status);
            }
            self.registry.note(&organization.place, domain);
        }
    }

    /// Puts a domain there from outside, or changes it. Statuses that are given stay.
    pub(crate) fn force_domain(&mut self, id: OrganizationId, change: SeedDomain, now: Timestamp) {
        let there = self
            .find(id)
            .is_some_and(|organization| organization.domains.get(&change.name).is_some());
        if !there {
            self.register_domain(id, &change.name, now);
        }
        let Some(organization) = self.organizations.get_mut(&id) else {
            return;
        };
        let Some(domain) = organization.domains.get_mut(&change.name) else {
            return;
        };
        domain.custom_ses = change.custom_ses.unwrap_or(domain.custom_ses);
        if change.hosted_zone_id.is_some() {
            domain.hosted_zone_id = change.hosted_zone_id;
        }
        if change.ownership.is_none() && change.dkim.is_none() {
            return;
        }
        self.registry.cancel(id, domain);
        if let Some(word) = change.ownership {
            domain.ownership = word;
        }
        if let Some(word) = change.dkim {
            domain.dkim = word;
        }
        self.registry.note(&organization.place, domain);
    }

    /// Makes a domain the default from outside. One that is not there is added, verified.
    pub(crate) fn force_default(&mut self, id: OrganizationId, name: &str, now: Timestamp) {
        let there = self
            .find(id)
            .is_none_or(|organization| organization.domains.get(name).is_some());
        if !there {
            self.force_domain(id, SeedDomain::new(name).verified(), now);
        }
        if let Some(organization) = self.organizations.get_mut(&id) {
            organization.domains.set_default(name);
        }
    }

    /// An organization has its domains to itself from now on, or leaves them to others.
    pub(crate) fn hold_domains(&mut self, id: OrganizationId) {
        let Some(organization) = self.organizations.get(&id) else {
            return;
        };
        let holds = organization.holds_domains();
        for domain in organization.domains.registered() {
            if holds {
                self.registry.hold(&domain.name, id);
            } else {
                self.registry.release(&domain.name, id);
            }
        }
    }

    /// Leaves an organization's domains to others for good. Their identities stay.
    pub(crate) fn drop_domains(&mut self, id: OrganizationId) {
        let domains = self.find(id).map(|organization| &organization.domains);
        let names = domains.into_iter().flat_map(Domains::registered);
        let names: Vec<String> = names.map(|domain| domain.name.clone()).collect();
        for name in names {
            self.deregister_domain(id, &name);
        }
    }
}
