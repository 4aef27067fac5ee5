//! The organizations that have a domain, and the verification of domains.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::{Domain, Domains};
use crate::{
    clock::after,
    ids::{Location, OrganizationId},
    seeds::SeedDomain,
    state::State,
    states,
};

/// What is known about domains across organizations.
#[derive(Debug, Default)]
pub(crate) struct DomainRegistry {
    /// The organizations that hold a domain, by its name. Test domains are not in here.
    holders: HashMap<String, BTreeSet<OrganizationId>>,
    /// Verified identities of SES. They stay when their domains are deregistered.
    identities: HashSet<(Location, String)>,
    /// When verifications end.
    schedule: BTreeSet<(Timestamp, OrganizationId, String)>,
}

impl DomainRegistry {
    fn add_holder(&mut self, name: &str, id: OrganizationId) {
        self.holders.entry(name.to_owned()).or_default().insert(id);
    }

    fn remove_holder(&mut self, name: &str, id: OrganizationId) {
        if let Some(holders) = self.holders.get_mut(name) {
            holders.remove(&id);
        }
    }

    /// Ends a verification that is under way, without a result.
    fn cancel(&mut self, id: OrganizationId, domain: &mut Domain) {
        if let Some((at, _)) = domain.scheduled.take() {
            self.schedule.remove(&(at, id, domain.name.clone()));
        }
    }

    /// Records whether SES has a verified identity for a domain.
    fn record_identity(&mut self, location: &Location, domain: &Domain) {
        let identity = (location.clone(), domain.name.clone());
        if domain.is_verified() {
            self.identities.insert(identity);
        } else {
            self.identities.remove(&identity);
        }
    }
}

impl State {
    /// Whether an organization of the account other than `own` holds a domain.
    pub(crate) fn is_domain_taken(
        &self,
        name: &str,
        account: &str,
        own: Option<OrganizationId>,
    ) -> bool {
        let holders = self.domains.holders.get(&name.to_ascii_lowercase());
        holders
            .into_iter()
            .flatten()
            .filter(|id| own != Some(**id))
            .filter_map(|id| self.find(*id))
            .any(|other| other.location.account == account)
    }

    /// Registers a domain, and starts its verification.
    pub(crate) fn register_domain(&mut self, id: OrganizationId, name: &str, now: Timestamp) {
        if let Some(organization) = self.organizations.get_mut(&id) {
            let domain = Domain::pending(name, None);
            if organization.holds_domains() {
                self.domains.add_holder(&domain.name, id);
            }
            organization.domains.add(domain);
            self.start_verification(id, name, now);
        }
    }

    /// Deregisters a domain, and returns whether it was there. Its identity in SES stays.
    pub(crate) fn deregister_domain(&mut self, id: OrganizationId, name: &str) -> bool {
        let organization = self.organizations.get_mut(&id);
        let removed = organization.and_then(|organization| organization.domains.remove(name));
        let Some(mut domain) = removed else {
            return false;
        };
        self.domains.remove_holder(&domain.name, id);
        self.domains.cancel(id, &mut domain);
        true
    }

    /// Starts the verification of every PENDING domain of an organization that a call created.
    pub(crate) fn start_verifications(&mut self, id: OrganizationId, now: Timestamp) {
        let created = self.find(id).filter(|organization| !organization.seeded);
        let domains = created.map(|organization| &organization.domains);
        let names: Vec<String> = domains
            .into_iter()
            .flat_map(Domains::registered)
            .filter(|domain| domain.ownership == states::PENDING && domain.scheduled.is_none())
            .map(|domain| domain.name.clone())
            .collect();
        for name in names {
            self.start_verification(id, &name, now);
        }
    }

    /// Starts the verification of a domain. A domain whose identity in SES is verified is verified
    /// at once (inferred; field: clients set such a domain as the default right after).
    pub(crate) fn start_verification(&mut self, id: OrganizationId, name: &str, now: Timestamp) {
        let Some(organization) = self.organizations.get_mut(&id) else {
            return;
        };
        let Some(domain) = organization.domains.get_mut(name) else {
            return;
        };
        self.domains.cancel(id, domain);
        let identity = (organization.location.clone(), domain.name.clone());
        if self.domains.identities.contains(&identity) {
            domain.set_status(states::VERIFIED);
            return;
        }
        domain.set_status(states::PENDING);
        let knobs = &self.knobs;
        let delay = match &domain.hosted_zone_id {
            Some(_) => Some(knobs.zone_verification_after),
            None => knobs.verification_after,
        };
        let success = delay.map(|delay| (after(now, delay.draw()), states::VERIFIED));
        let failure = knobs.verification_fails_after.span();
        let failure = failure.map(|span| (after(now, span), states::VERIFICATION_FAILED));
        let first = success.into_iter().chain(failure).min_by_key(|(at, _)| *at);
        if let Some((at, _)) = first {
            domain.scheduled = first;
            self.domains.schedule.insert((at, id, domain.name.clone()));
        }
    }

    /// Ends every verification that is due at `now`.
    pub(crate) fn end_verifications(&mut self, now: Timestamp) {
        while let Some((at, id, name)) = self.domains.schedule.first().cloned()
            && at <= now
        {
            self.domains.schedule.pop_first();
            let Some(organization) = self.organizations.get_mut(&id) else {
                continue;
            };
            if let Some(domain) = organization.domains.get_mut(&name)
                && let Some((_, status)) = domain.scheduled.take()
            {
                domain.set_status(status);
                self.domains.record_identity(&organization.location, domain);
            }
        }
    }

    /// Registers or changes a domain without a call.
    pub(crate) fn set_domain(&mut self, id: OrganizationId, change: SeedDomain, now: Timestamp) {
        let exists = self
            .find(id)
            .is_some_and(|organization| organization.domains.get(&change.name).is_some());
        if !exists {
            self.register_domain(id, &change.name, now);
        }
        let Some(organization) = self.organizations.get_mut(&id) else {
            return;
        };
        let Some(domain) = organization.domains.get_mut(&change.name) else {
            return;
        };
        domain.custom_ses = change.custom_ses.unwrap_or(domain.custom_ses);
        if change.ownership.is_some() || change.dkim.is_some() {
            self.domains.cancel(id, domain);
            domain.ownership = change.ownership.unwrap_or(domain.ownership.clone());
            domain.dkim = change.dkim.unwrap_or(domain.dkim.clone());
            self.domains.record_identity(&organization.location, domain);
        }
    }

    /// Sets the default domain without a call. A domain that is not there is added, verified.
    pub(crate) fn set_default_domain(&mut self, id: OrganizationId, name: &str, now: Timestamp) {
        let exists = self
            .find(id)
            .is_none_or(|organization| organization.domains.get(name).is_some());
        if !exists {
            self.set_domain(id, SeedDomain::new(name).verified(), now);
        }
        if let Some(organization) = self.organizations.get_mut(&id) {
            organization.domains.set_default(name);
        }
    }

    /// Updates the holders of an organization's domains after a change of its state.
    pub(crate) fn update_holders(&mut self, id: OrganizationId) {
        let Some(organization) = self.organizations.get(&id) else {
            return;
        };
        let holds = organization.holds_domains();
        for domain in organization.domains.registered() {
            if holds {
                self.domains.add_holder(&domain.name, id);
            } else {
                self.domains.remove_holder(&domain.name, id);
            }
        }
    }
}
