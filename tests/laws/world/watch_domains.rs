//! What must hold of every call that changes an organization's mail domains, and of what is recorded
//! of them.

use std::collections::{BTreeMap, BTreeSet};

use workmail_operator::logic::{
    OrganizationId,
    organization::{Call, DomainReading, MailDomain, Recorded},
};

use super::{
    World,
    driver::{Evidence, Running},
    server::Object,
};

/// The mail domains that AWS showed in a reconcile, with our own changes since.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenDomains {
    /// `None`: it was looked for, and is not there.
    one_by_one: BTreeMap<String, Option<MailDomain>>,
    list_was_read: bool,
    /// Those in which nobody has the primary address.
    unused: BTreeSet<String>,
}

impl SeenDomains {
    fn is_absent(&self, name: &str) -> bool {
        match self.one_by_one.get(name) {
            Some(seen) => seen.is_none(),
            None => self.list_was_read,
        }
    }

    fn is_present(&self, name: &str) -> bool {
        self.one_by_one.get(name).is_some_and(Option::is_some)
    }

    /// The default, where the list was read.
    fn present_default(&self) -> Option<&str> {
        let all = self.one_by_one.iter().filter(|_| self.list_was_read);
        let is_default = |seen: &MailDomain| seen.is_default;
        all.filter(|(_, seen)| seen.as_ref().is_some_and(is_default))
            .map(|(name, _)| name.as_str())
            .next()
    }
}

impl Evidence {
    pub(super) fn see_domains(&mut self, sight: &DomainReading) {
        if sight.complete {
            self.domains = SeenDomains::default();
            self.domains.list_was_read = true;
        }
        self.domains.one_by_one.extend(sight.domains.clone());
    }

    pub(super) fn see_addresses(&mut self, domain: &str, holder: Option<&str>) {
        if holder.is_none() {
            self.domains.unused.insert(domain.to_owned());
        }
    }

    /// A call of ours was done.
    pub(super) fn note_domains(&mut self, call: &Call) {
        let all = &mut self.domains.one_by_one;
        match call {
            Call::Register { domain, .. } => {
                all.insert(domain.clone(), Some(MailDomain::default()));
            }
            Call::SetDefault { domain, .. } => {
                for (name, seen) in all {
                    if let Some(seen) = seen {
                        seen.is_default = name == domain;
                    }
                }
            }
            Call::Deregister { domain, .. } => {
                all.insert(domain.clone(), None);
            }
            Call::Create { .. } | Call::Tag { .. } | Call::Untag { .. } | Call::Delete(_) => {}
        }
    }
}

impl World {
    pub(super) fn watch_register(&mut self, running: &Running, object: &Object, domain: &str) {
        let recorded = &object.status.memory.managed_domains;
        self.check(
            recorded.contains(domain),
            "what is managed is recorded first",
            || format!("registers {domain} with {recorded:?}"),
        );
        let wanted = spec_has(object, domain) && running.seen.domains.is_absent(domain);
        self.check(
            wanted,
            "only domains of the spec that are missing come",
            || format!("{domain}: {object:?}"),
        );
    }

    /// The default becomes the one of the spec, or the own one to make way for a deregistration.
    pub(super) fn watch_default(&mut self, running: &Running, object: &Object, domain: &str) {
        let managed = &object.status.memory.managed_domains;
        let wanted = object.spec.default_domain.as_deref() == Some(domain);
        let leaves = |default: &str| managed.contains(default) && !spec_has(object, default);
        let present = running.seen.domains.present_default();
        let makes_way = domain == own(object) && present.is_some_and(leaves);
        let is_unused = present.is_some_and(|name| running.seen.domains.unused.contains(name));
        self.check(
            wanted || is_unused,
            "the default makes way only where nobody has an address in it",
            || format!("to {domain}: {:?}", running.seen.domains),
        );
        self.check(
            wanted || makes_way,
            "the default moves as the spec says or out of the way",
            || format!("to {domain}: {object:?}"),
        );
    }

    pub(super) fn watch_deregister(
        &mut self,
        running: &Running,
        object: &Object,
        id: &OrganizationId,
        domain: &str,
    ) {
        let seen = &running.seen.domains;
        let may = object.status.memory.managed_domains.contains(domain)
            && !spec_has(object, domain)
            && seen
                .present_default()
                .is_some_and(|default| default != domain)
            && domain != own(object);
        self.check(may, "only managed domains that left the spec leave", || {
            format!("{domain}: {object:?}, {seen:?}")
        });
        let org = self.aws.orgs.get(id.as_str());
        let there = org.and_then(|org| org.domains.all.get(domain));
        let was_there = there.is_some_and(|domain| domain.was_there);
        self.check(!was_there, "what was there before stays", || {
            domain.to_owned()
        });
    }

    /// What is recorded as managed was seen to be missing, or goes along with a create.
    pub(super) fn watch_managed(&mut self, running: &Running, before: &Object, status: &Recorded) {
        let memory = &status.memory;
        let mut managed = memory.managed_domains.iter();
        let is_stored = managed.all(|name| status.shown.domains.contains_key(name));
        self.check(is_stored, "what is managed stands in the status", || {
            format!("{memory:?}, {:?}", status.shown.domains)
        });
        let along = memory.pending_create().and_then(|one| one.input.as_ref());
        let goes_along = |name: &String| {
            along.is_some_and(|input| input.domains.iter().any(|one| one.domain_name == *name))
        };
        // What was recorded before may be written again over a status that somebody removed.
        let before = &before.status.memory.managed_domains;
        let is_new = |name: &&String| {
            !before.contains(*name) && !running.view().saved.managed_domains.contains(*name)
        };
        let new = memory.managed_domains.iter().filter(is_new);
        let unproven = new
            .filter(|name| !goes_along(name) && !running.seen.domains.is_absent(name))
            .count();
        self.check(unproven == 0, "what was there before stays", || {
            format!("{memory:?}, {:?}", running.seen.domains)
        });
    }

    /// Ready under Full: the domains of the spec are there.
    pub(super) fn domains_hold(running: &Running) -> bool {
        let mut wanted = running.view().desired.domains.iter();
        wanted.all(|name| running.seen.domains.is_present(name))
    }
}

fn spec_has(object: &Object, domain: &str) -> bool {
    let mut all = object.spec.domains.iter();
    all.any(|one| one.domain_name == domain)
}

fn own(object: &Object) -> String {
    format!("{}.awsapps.com", object.spec.alias)
}
