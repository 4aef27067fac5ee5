//! The difference between the mail domains an organization should have and those it has.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, Failure, MailDomain, desired::own_domain};
use crate::api::Reason;

/// What has to be done to an organization's mail domains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DomainPlan {
    /// Domains to register; none while AWS's quota is reached.
    pub register: BTreeSet<String>,
    /// The domains that are managed once the plan is recorded: what existed before is never managed.
    pub managed: BTreeSet<String>,
    /// The domains whose details have to be read before the rest can be decided.
    pub unread: BTreeSet<String>,
    /// The domain to make the default.
    pub default: Option<String>,
    /// The present default, where it is to be deregistered and the spec names no other that is verified.
    pub makes_way: Option<String>,
    /// Domains to deregister: we registered them, and the user took them from the spec.
    pub deregister: BTreeSet<String>,
}

/// What an organization's domains are compared with.
#[derive(Clone, Copy, Debug)]
pub struct DomainFacts<'a> {
    /// The domains it has.
    pub actual: &'a BTreeMap<String, MailDomain>,
    /// The domains that are recorded as managed.
    pub managed: &'a BTreeSet<String>,
    /// The domains that were registered in this reconcile.
    pub registered: &'a BTreeSet<String>,
    /// What AWS refused in this reconcile.
    pub refused: &'a BTreeMap<String, Failure>,
}

impl DomainPlan {
    /// Compares.
    #[must_use]
    pub fn new(desired: &Desired, facts: DomainFacts<'_>) -> Self {
        let DomainFacts {
            actual,
            managed,
            registered,
            refused,
        } = facts;
        let own = own_domain(&desired.alias);
        let leaving = |name: &&String| {
            **name != own && !desired.domains.contains(*name) && actual.contains_key(*name)
        };
        let is_full = |refusal: &Failure| refusal.reason == Reason::LimitExceeded;
        let has_room = !refused.values().any(is_full);
        let register: BTreeSet<String> = desired
            .domains
            .iter()
            .filter(|name| has_room && **name != own && !actual.contains_key(*name))
            .filter(|name| !refused.contains_key(*name) && !registered.contains(*name))
            .cloned()
            .collect();
        let unread = desired
            .domains
            .iter()
            .filter(|name| actual.get(*name).is_some_and(|seen| seen.details.is_none()))
            .cloned()
            .collect();
        let deregister: BTreeSet<String> = managed
            .iter()
            .filter(leaving)
            .filter(|name| !refused.contains_key(*name))
            .cloned()
            .collect();
        let (default, makes_way) = default(desired, actual, &deregister)
            .filter(|(name, _)| !refused.contains_key(name))
            .unzip();
        Self {
            managed: managed
                .iter()
                .filter(|name| desired.domains.contains(*name) || actual.contains_key(*name))
                .chain(&register)
                .cloned()
                .collect(),
            register,
            unread,
            default,
            makes_way: makes_way.flatten(),
            deregister,
        }
    }
}

/// The domain to make the default: the one of the spec once it is verified; else, when the present one
/// is to be deregistered, the organization's own, and the one that makes way for it.
fn default(
    desired: &Desired,
    actual: &BTreeMap<String, MailDomain>,
    leaving: &BTreeSet<String>,
) -> Option<(String, Option<String>)> {
    let (present, _) = actual.iter().find(|(_, seen)| seen.is_default)?;
    let wanted = desired
        .default_domain
        .as_ref()
        .filter(|wanted| actual.get(*wanted).is_some_and(MailDomain::is_verified));
    if let Some(wanted) = wanted {
        return (wanted != present).then(|| (wanted.clone(), None));
    }
    let (own, _) = actual.iter().find(|(_, seen)| seen.is_test_domain)?;
    let makes_way = leaving.contains(present) && own != present;
    makes_way.then(|| (own.clone(), Some(present.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::organization::{DomainDetails, Verification, testing};

    const TEST_DOMAIN: &str = "acme.awsapps.com";

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// A domain of AWS; `verified`: `None` while its details were not read.
    fn seen(verified: Option<bool>) -> MailDomain {
        let word = |verified| {
            if verified {
                Verification::Verified
            } else {
                Verification::Pending
            }
        };
        MailDomain {
            details: verified.map(|verified| DomainDetails {
                ownership: word(verified),
                dkim: word(verified),
                records: Vec::new(),
            }),
            ..MailDomain::default()
        }
    }

    /// The domains of an organization beside its own, which is the default unless one of them is.
    fn actual(domains: &[(&str, Option<bool>)], default: &str) -> BTreeMap<String, MailDomain> {
        let mut all: BTreeMap<String, MailDomain> = domains
            .iter()
            .map(|(name, verified)| ((*name).to_owned(), seen(*verified)))
            .collect();
        let own = MailDomain {
            is_test_domain: true,
            ..MailDomain::default()
        };
        all.insert(TEST_DOMAIN.to_owned(), own);
        for (name, domain) in &mut all {
            domain.is_default = name == default;
        }
        all
    }

    fn plan(
        spec: &[&str],
        default: Option<&str>,
        actual: &BTreeMap<String, MailDomain>,
        managed: &[&str],
    ) -> DomainPlan {
        refused_plan(spec, default, actual, managed, &BTreeMap::new())
    }

    fn refused_plan(
        spec: &[&str],
        default: Option<&str>,
        actual: &BTreeMap<String, MailDomain>,
        managed: &[&str],
        refused: &BTreeMap<String, Failure>,
    ) -> DomainPlan {
        let facts = DomainFacts {
            actual,
            managed: &set(managed),
            registered: &BTreeSet::new(),
            refused,
        };
        DomainPlan::new(&testing::desired(spec, default), facts)
    }

    #[test]
    fn a_missing_domain_is_registered_and_managed() {
        let plan = plan(&["a.a"], None, &actual(&[], TEST_DOMAIN), &[]);
        assert_eq!(plan.register, set(&["a.a"]));
        assert_eq!(plan.managed, set(&["a.a"]));
        assert!(plan.deregister.is_empty());
    }

    #[test]
    fn a_domain_that_was_there_is_never_managed_and_never_leaves() {
        let there = actual(&[("a.a", Some(true))], TEST_DOMAIN);
        let kept = plan(&["a.a"], None, &there, &[]);
        assert_eq!((kept.register, kept.managed), (set(&[]), set(&[])));
        assert!(plan(&[], None, &there, &[]).deregister.is_empty());
    }

    #[test]
    fn a_managed_domain_that_left_the_spec_is_deregistered_and_then_managed_no_more() {
        let there = actual(&[("a.a", Some(true)), ("b.b", Some(true))], TEST_DOMAIN);
        let leaving = plan(&["b.b"], None, &there, &["a.a", "b.b"]);
        assert_eq!(leaving.deregister, set(&["a.a"]));
        assert_eq!(leaving.managed, set(&["a.a", "b.b"]));
        let gone = actual(&[("b.b", Some(true))], TEST_DOMAIN);
        let left = plan(&["b.b"], None, &gone, &["a.a", "b.b"]);
        assert_eq!(left.managed, set(&["b.b"]));
    }

    #[test]
    fn the_organizations_own_domain_is_neither_registered_nor_deregistered() {
        let there = actual(&[], TEST_DOMAIN);
        let missing = plan(&[TEST_DOMAIN], None, &BTreeMap::new(), &[]);
        assert_eq!(missing.register, set(&[]));
        let managed = plan(&[], None, &there, &[TEST_DOMAIN]);
        assert_eq!(managed.deregister, set(&[]));
    }

    #[test]
    fn the_default_waits_for_verification() {
        for (verified, default) in [(Some(false), None), (None, None), (Some(true), Some("a.a"))] {
            let there = actual(&[("a.a", verified)], TEST_DOMAIN);
            let plan = plan(&["a.a"], Some("a.a"), &there, &[]);
            assert_eq!(plan.default.as_deref(), default, "{verified:?}");
        }
    }

    #[test]
    fn a_default_that_is_not_in_the_spec_is_whatever_it_is() {
        let there = actual(&[("a.a", Some(true))], "a.a");
        assert_eq!(plan(&[], None, &there, &[]).default, None);
    }

    #[test]
    fn before_the_default_leaves_it_moves_to_the_new_one_or_to_the_organizations_own() {
        let there = actual(&[("a.a", Some(true)), ("b.b", Some(true))], "a.a");
        let to_new = plan(&["b.b"], Some("b.b"), &there, &["a.a"]);
        assert_eq!(to_new.default.as_deref(), Some("b.b"));
        let there = actual(&[("a.a", Some(true)), ("b.b", Some(false))], "a.a");
        let to_own = plan(&["b.b"], Some("b.b"), &there, &["a.a"]);
        assert_eq!(to_own.default.as_deref(), Some(TEST_DOMAIN));
        assert_eq!(to_own.deregister, set(&["a.a"]));
    }

    #[test]
    fn what_aws_refused_is_not_asked_for_again_in_this_reconcile() {
        let refusal = || Failure::of(Reason::DomainInUse, "", "");
        let refused = BTreeMap::from([("a.a".to_owned(), refusal())]);
        let there = actual(&[("c.c", Some(true))], TEST_DOMAIN);
        let plan = refused_plan(&["a.a", "b.b"], None, &there, &[], &refused);
        assert_eq!(plan.register, set(&["b.b"]));
        assert_eq!(plan.managed, set(&["b.b"]), "it was not registered by us");
    }

    #[test]
    fn details_are_read_of_the_domains_of_the_spec_alone() {
        let there = actual(&[("a.a", None), ("c.c", None)], TEST_DOMAIN);
        assert_eq!(plan(&["a.a"], None, &there, &[]).unread, set(&["a.a"]));
    }
}
