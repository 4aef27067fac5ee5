//! What becomes of the view's mail domains with each answer.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use super::to_seconds;
use crate::{
    api::Reason,
    logic::{
        Failure,
        organization::{Call, DomainReading, MailDomain, ShownDomain, View, drift},
    },
};

/// What the status tells of a domain. Without its records it has to be read again.
fn read(shown: &ShownDomain) -> Option<MailDomain> {
    let domain = shown.domain.clone()?;
    let details = domain.details.filter(|_| shown.records_omitted == 0);
    Some(MailDomain { details, ..domain })
}

impl View {
    /// Domains are managed from before the call that registers them.
    pub(super) fn manage_domains(&mut self, domains: &BTreeSet<String>, now: Timestamp) {
        self.memory.managed_domains.clone_from(domains);
        for name in domains {
            let shown = self.shown.domains.entry(name.clone()).or_default();
            if shown.domain.is_none() {
                shown.pending_since.get_or_insert_with(|| to_seconds(now));
            }
        }
        // One that was never seen, or is gone, is shown for the sake of this record alone.
        let is_known = |name: &String, shown: &mut ShownDomain| {
            shown.domain.is_some() || domains.contains(name)
        };
        self.shown.domains.retain(is_known);
    }

    pub(super) fn see_domains(&mut self, sight: DomainReading, now: Timestamp) {
        let mut seen = match self.observed.domains.take() {
            _ if sight.complete => BTreeMap::new(),
            Some(seen) => seen,
            None => self
                .shown
                .domains
                .iter()
                .filter_map(|(name, shown)| Some((name.clone(), read(shown)?)))
                .collect(),
        };
        for (name, domain) in sight.domains {
            if domain
                .as_ref()
                .is_none_or(|domain| domain.details.is_some())
            {
                self.observed.read_domains.insert(name.clone());
            }
            match domain {
                Some(domain) => seen.insert(name, domain),
                None => seen.remove(&name),
            };
        }
        if sight.complete {
            let mut default = seen.iter().filter(|(_, domain)| domain.is_default);
            self.observed.default_domain = default.next().map(|(name, _)| name.clone());
            self.shown.omitted.domains = 0;
        }
        self.show_domains(&seen, now);
        self.observed.domains = Some(seen);
    }

    /// What is shown of each domain, and since when it is waited for.
    pub(super) fn show_domains(&mut self, seen: &BTreeMap<String, MailDomain>, now: Timestamp) {
        let managed = &self.memory.managed_domains;
        // Those that are about to be registered stay.
        self.shown
            .domains
            .retain(|name, _| seen.contains_key(name) || managed.contains(name));
        for (name, shown) in &mut self.shown.domains {
            if !seen.contains_key(name) {
                shown.domain = None;
            }
        }
        for (name, domain) in seen {
            let shown = self.shown.domains.entry(name.clone()).or_default();
            let mut domain = domain.clone();
            if domain.details.is_none() {
                // Since when it waits stays until it is read again, also while the spec does not have it:
                // AWS begins anew only with a registration.
                if self.desired.domains.contains(name) {
                    // It is read later: what was read of it before stays until then.
                    domain.details = shown.domain.take().and_then(|before| before.details);
                }
            } else {
                let waits = domain.is_pending() || domain.has_failed();
                shown.pending_since = shown
                    .pending_since
                    .or_else(|| Some(to_seconds(now)))
                    .filter(|_| waits);
                shown.records_omitted = 0;
            }
            shown.domain = Some(domain);
        }
    }

    pub(super) fn see_registered(&mut self, domain: String, now: Timestamp) {
        self.records_correction(|| [drift::domain(&domain, true)]);
        // AWS looks for its records from now on, also where it was registered before.
        let shown = self.shown.domains.entry(domain.clone()).or_default();
        shown.pending_since = Some(to_seconds(now));
        self.observed.registered.insert(domain.clone());
        let seen = self.observed.domains.get_or_insert_default();
        seen.insert(domain, MailDomain::default());
    }

    /// A default domain in which somebody has the primary address stays, and stays the default: AWS would
    /// refuse to deregister it, and the default would have moved for nothing.
    pub(super) fn see_addresses(&mut self, domain: String, holder: Option<String>) {
        let Some(holder) = holder else {
            self.observed.unused_domains.insert(domain);
            return;
        };
        let failure = Failure::of(
            Reason::DomainInUse,
            format!(
                "Move {holder} and all others with a primary address in {domain} to another domain, or \
                 put {domain} back into spec.domains."
            ),
            format!("Until then {domain} stays, and stays the default domain."),
        );
        self.observed.refused_domains.insert(domain, failure);
    }

    /// What AWS refused of a domain that leaves, with the default domain where the spec does not name it:
    /// it may have moved to make way.
    pub(super) fn with_default(&self, call: &Call, failure: Failure) -> Failure {
        let all = self.observed.domains.iter().flatten();
        let mut default = all.filter(|(_, seen)| seen.is_default);
        match (call, default.next()) {
            (Call::Deregister { .. }, Some((default, _)))
                if self.desired.default_domain.as_ref() != Some(default) =>
            {
                let detail = format!("{} The default domain is {default} now.", failure.detail);
                Failure { detail, ..failure }
            }
            _ => failure,
        }
    }

    /// AWS has refused to register this domain, or any at all: it is not managed, and not waited for.
    pub(super) fn forget_unregistered(&mut self, domain: &str, or_any: bool) {
        let actual = self.observed.domains.as_ref();
        let is_missing = |name: &String| {
            name == domain || or_any && actual.is_some_and(|seen| !seen.contains_key(name))
        };
        self.memory.managed_domains.retain(|name| !is_missing(name));
        let shown = &mut self.shown.domains;
        shown.retain(|name, shown| !is_missing(name) || shown.domain.is_some());
    }

    pub(super) fn see_default(&mut self, domain: String) {
        let seen = self.observed.domains.get_or_insert_default();
        let present = seen.iter().find(|(_, seen)| seen.is_default);
        let present = present.map(|(name, _)| name.clone());
        for (name, seen) in seen.iter_mut() {
            seen.is_default = *name == domain;
        }
        for (name, shown) in &mut self.shown.domains {
            if let Some(shown) = &mut shown.domain {
                shown.is_default = *name == domain;
            }
        }
        // Else it was waited for.
        if self.shown.default_domain.as_ref() == Some(&domain) {
            self.records_correction(|| [drift::default_domain(&domain, present.as_deref())]);
        }
        self.observed.default_domain = Some(domain);
    }

    pub(super) fn see_deregistered(&mut self, domain: &str) {
        self.records_correction(|| [drift::domain(domain, false)]);
        self.memory.managed_domains.remove(domain);
        self.shown.domains.remove(domain);
        // There is room for another one now.
        let refused = &mut self.observed.refused_domains;
        refused.retain(|_, refusal| refusal.reason != Reason::LimitExceeded);
        if let Some(seen) = &mut self.observed.domains {
            seen.remove(domain);
        }
    }
}
