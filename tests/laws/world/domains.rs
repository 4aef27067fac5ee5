//! The mail domains of the small `WorkMail`, and what somebody else does to them.

use std::collections::{BTreeMap, BTreeSet};

use workmail_operator::{
    api::CreateInput,
    logic::{
        ErrorKind, OrganizationId,
        organization::{
            DomainDetails, DomainReading, MailDomain, OrganizationState as State, Verification,
        },
    },
};

use super::{
    Event, World,
    aws::{Aws, Org, refusal},
};

/// A domain of an organization.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    pub(crate) verification: Verification,
    /// It was there before any object of this story.
    pub(crate) was_there: bool,
}

impl Domain {
    pub(crate) fn pending() -> Self {
        Self {
            verification: Verification::Pending,
            was_there: false,
        }
    }
}

/// The domains of an organization: its own under awsapps.com, and others. One is the default.
#[derive(Clone, Debug)]
pub(crate) struct Domains {
    pub(crate) all: BTreeMap<String, Domain>,
    pub(crate) default: String,
    pub(crate) own: String,
}

impl Domains {
    pub(crate) fn of(alias: &str) -> Self {
        let own = format!("{alias}.awsapps.com");
        let verified = Domain {
            verification: Verification::Verified,
            was_there: true,
        };
        Self {
            all: BTreeMap::from([(own.clone(), verified)]),
            default: own.clone(),
            own,
        }
    }

    fn see(&self, name: &str, with_details: bool) -> Option<MailDomain> {
        let domain = self.all.get(name)?;
        Some(MailDomain {
            is_default: self.default == name,
            is_test_domain: self.own == name,
            details: with_details.then(|| DomainDetails {
                ownership: domain.verification.clone(),
                dkim: domain.verification.clone(),
                records: Vec::new(),
            }),
        })
    }

    fn sight(&self, list: bool, details: &BTreeSet<String>) -> DomainReading {
        let listed = self.all.keys().filter(|_| list);
        let wanted = details
            .iter()
            .filter(|name| !list || self.all.contains_key(*name));
        DomainReading {
            domains: listed
                .chain(wanted)
                .map(|name| (name.clone(), self.see(name, details.contains(name))))
                .collect(),
            complete: list,
        }
    }

    /// Somebody else makes it the default, if AWS lets them.
    fn make_default(&mut self, name: &str) {
        let verified = |domain: &Domain| domain.verification == Verification::Verified;
        if self.all.get(name).is_some_and(verified) {
            name.clone_into(&mut self.default);
        }
    }

    /// Somebody else removes it, if AWS lets them.
    fn leave(&mut self, name: &str) {
        if name != self.default && name != self.own {
            self.all.remove(name);
        }
    }
}

impl Aws {
    /// Those of a create go along; one that is taken elsewhere is left out.
    pub(super) fn bring_along(&mut self, id: &str, input: &CreateInput) {
        let taken = self.taken_domains.clone();
        let domains = &mut self.orgs.get_mut(id).unwrap().domains;
        let names = input.domains.iter().map(|domain| &domain.domain_name);
        for name in names.filter(|name| !taken.contains(name.as_str())) {
            domains
                .all
                .entry(name.clone())
                .or_insert_with(Domain::pending);
        }
    }

    pub(crate) fn see_domains(
        &mut self,
        id: &OrganizationId,
        account: &str,
        list: bool,
        details: &BTreeSet<String>,
    ) -> Result<DomainReading, ErrorKind> {
        Ok(self.active(id, account)?.domains.sight(list, details))
    }

    pub(crate) fn holder_in(
        &mut self,
        id: &OrganizationId,
        account: &str,
        _domain: &str,
    ) -> Result<Option<String>, ErrorKind> {
        let has_addresses = self.addresses;
        self.active(id, account)?;
        Ok(has_addresses.then(|| "user jo".to_owned()))
    }

    /// Registering one again succeeds.
    pub(super) fn register(
        &mut self,
        id: &OrganizationId,
        account: &str,
        name: &str,
    ) -> Result<(), ErrorKind> {
        let is_taken = self.taken_domains.contains(name);
        let most = self.most_domains.unwrap_or(usize::MAX);
        let domains = &mut self.active(id, account)?.domains.all;
        if is_taken && !domains.contains_key(name) {
            return Err(refusal("MailDomainInUseException"));
        }
        if domains.len() >= most && !domains.contains_key(name) {
            return Err(refusal("LimitExceededException"));
        }
        domains
            .entry(name.to_owned())
            .or_insert_with(Domain::pending);
        Ok(())
    }

    pub(super) fn set_default(
        &mut self,
        id: &OrganizationId,
        account: &str,
        name: &str,
    ) -> Result<(), ErrorKind> {
        let domains = &mut self.active(id, account)?.domains;
        match domains.all.get(name).map(|domain| &domain.verification) {
            None => Err(refusal("MailDomainNotFoundException")),
            Some(Verification::Verified) => {
                name.clone_into(&mut domains.default);
                Ok(())
            }
            Some(Verification::Pending | Verification::Failed | Verification::Other(_)) => {
                Err(refusal("MailDomainStateException"))
            }
        }
    }

    /// The default, the organization's own and those with addresses stay. One that is not there is
    /// gone already.
    pub(super) fn deregister(
        &mut self,
        id: &OrganizationId,
        account: &str,
        name: &str,
    ) -> Result<(), ErrorKind> {
        let in_use = self.addresses;
        let Org { domains, .. } = self.active(id, account)?;
        if in_use || name == domains.default || name == domains.own {
            return Err(refusal("MailDomainInUseException"));
        }
        domains.all.remove(name);
        Ok(())
    }

    /// Whoever publishes records has done so, and AWS has seen them.
    pub(crate) fn verify(&mut self, verification: &Verification) {
        for org in self.orgs.values_mut() {
            for (name, domain) in &mut org.domains.all {
                if domain.verification == Verification::Pending && *name != org.domains.own {
                    domain.verification = verification.clone();
                }
            }
        }
    }
}

impl World {
    /// What somebody else does to mail domains.
    pub(super) fn meddle_with_domains(&mut self, event: &Event) {
        let Aws {
            orgs,
            taken_domains,
            addresses,
            most_domains,
            ..
        } = &mut self.aws;
        let orgs = orgs.values_mut();
        let active = orgs.filter(|org| org.state == State::Active);
        match event {
            Event::RegisterInAws(name) if taken_domains.contains(*name) => {}
            Event::RegisterInAws(name) => active.for_each(|org| {
                let all = &mut org.domains.all;
                all.entry((*name).to_owned())
                    .or_insert_with(Domain::pending);
            }),
            Event::DeregisterInAws(name) => active.for_each(|org| org.domains.leave(name)),
            Event::DefaultInAws(name) => active.for_each(|org| org.domains.make_default(name)),
            Event::TakeDomain(name, true) => {
                taken_domains.insert((*name).to_owned());
            }
            Event::TakeDomain(name, false) => {
                taken_domains.remove(*name);
            }
            Event::Addresses(on) => *addresses = *on,
            Event::MostDomains(most) => *most_domains = *most,
            Event::DnsWaits(on) => self.dns_waits = *on,
            Event::Verify(verification) => self.aws.verify(verification),
            _ => {}
        }
    }
}
