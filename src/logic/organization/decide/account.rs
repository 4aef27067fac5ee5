//! What the object's account lets its namespace do: asked before any call, and again before each call that
//! changes something.

use super::{Call, Summary, View};
use crate::{
    api::{AccountRule, ManagementPolicy, Reason},
    logic::{
        AccountId, Failure, Owner,
        account::{Access, Account, allows, matches_glob},
        organization::{Delete, DeleteInput, Desired, Memory, Policy, Tags, desired::own_domain},
        text,
    },
};

/// As many entries of a list are named.
const NAMED: usize = 5;

/// The rule that an object is under, and what the object asks for.
struct Grant<'a> {
    desired: &'a Desired,
    memory: &'a Memory,
    account: &'a Account,
    index: usize,
    rule: &'a AccountRule,
}

/// Returns why no call is made for an object, if so: it has no account, or asks for something that the rule
/// of its namespace does not allow.
#[must_use]
pub fn forbidden(access: &Access, desired: &Desired, memory: &Memory) -> Option<Failure> {
    let grant = match Grant::of(access, desired, memory) {
        Ok(grant) => grant?,
        Err(refusal) => return Some(refusal),
    };
    grant
        .of_region()
        .or_else(|| grant.of_alias(&desired.alias))
        .or_else(|| grant.of_names())
        .or_else(|| grant.of_existing())
        .or_else(|| grant.of_deletion())
}

/// Why no call is made for this object, if so.
pub(super) fn failure(view: &View) -> Option<Failure> {
    forbidden(&view.facts.access, &view.desired, &view.memory)
}

/// Why this call is not made, if so.
pub(super) fn forbids(view: &View, call: &Call) -> Option<Failure> {
    let grant = match Grant::of(&view.facts.access, &view.desired, &view.memory) {
        Ok(grant) => grant?,
        Err(refusal) => return Some(refusal),
    };
    if let Some(failure) = grant.of_region() {
        return Some(failure);
    }
    match call {
        Call::Create { alias, input, .. } => grant
            .of_alias(alias)
            .or_else(|| grant.of_directory(input.directory_id.as_deref()))
            .or_else(|| grant.of_key(input.kms_key_arn.as_deref()))
            .or_else(|| {
                let mut domains = input.domains.iter();
                domains.find_map(|domain| {
                    let zone = domain.hosted_zone_id.as_deref();
                    grant
                        .of_domain(&domain.domain_name)
                        .or_else(|| grant.of_zone(zone))
                })
            }),
        Call::Tag { .. } if view.claims() => grant.of_claim(view),
        Call::Register { domain, .. }
        | Call::SetDefault { domain, .. }
        | Call::Deregister { domain, .. } => grant.of_domain(domain),
        Call::Delete(DeleteInput {
            id: _,
            delete_directory,
            force,
            delete_identity_center_application: _,
            token: _,
        }) => grant.of_delete(*force, *delete_directory),
        Call::Tag { .. } | Call::Untag { .. } => None,
    }
}

/// Why the organization that `organizationId` names is none of this object's business, if so: its alias is
/// another than the spec's, and none that the rule allows. The listing shows that without a further call.
pub(in crate::logic::organization) fn hides(view: &View, listed: &Summary) -> Option<Failure> {
    if view.id().is_some() {
        return None;
    }
    let grant = Grant::of(&view.facts.access, &view.desired, &view.memory).ok()??;
    grant.of_alias(&listed.alias).is_some().then(|| {
        let what = format!("organization {}, which has another alias", listed.id);
        grant.not_allowed(
            &what,
            "aliases",
            grant.rule.aliases.as_deref().unwrap_or_default(),
        )
    })
}

/// The credentials are of another AWS account than the `WorkMailAccount` says.
pub(super) fn of_another(view: &View, found: &AccountId) -> Option<Failure> {
    let (account, ..) = view.facts.access.granted()?;
    let expected = account.expected.as_ref().filter(|one| *one != found)?;
    Some(Failure::of_read(
        Reason::AccountMismatch,
        format!(
            "Correct WorkMailAccount {}: its spec.accountId is {expected}.",
            account.name
        ),
        format!("Its credentials are of account {found}: nothing is read or changed with them."),
    ))
}

impl<'a> Grant<'a> {
    /// `None` where nothing is ruled out; an error where no call is made at all.
    fn of(
        access: &'a Access,
        desired: &'a Desired,
        memory: &'a Memory,
    ) -> Result<Option<Self>, Failure> {
        match access {
            Access::OperatorsOwn => Ok(None),
            Access::Refused(failure) => Err(failure.clone()),
            Access::Granted {
                account,
                index,
                rule,
            } => Ok(Some(Self {
                desired,
                memory,
                account,
                index: *index,
                rule,
            })),
        }
    }

    fn of_region(&self) -> Option<Failure> {
        let region = self
            .memory
            .region
            .as_ref()
            .or(self.desired.region.as_ref())?;
        let regions = &self.account.regions;
        (!regions.contains(region.as_str())).then(|| {
            let allowed: Vec<&str> = regions.iter().map(String::as_str).collect();
            Failure::of(
                Reason::AccountNotAllowed,
                format!(
                    "Use a region that WorkMailAccount {} allows (spec.regions: {}).",
                    self.account.name,
                    allowed.join(", ")
                ),
                format!("This resource is in {region}."),
            )
        })
    }

    fn of_alias(&self, alias: &str) -> Option<Failure> {
        let globs = self.rule.aliases.as_ref()?;
        let is_allowed = globs.iter().any(|glob| matches_glob(glob, alias));
        (!is_allowed).then(|| self.not_allowed(&format!("spec.alias {alias}"), "aliases", globs))
    }

    fn of_domain(&self, domain: &str) -> Option<Failure> {
        let globs = self.rule.domains.as_ref()?;
        let is_allowed = domain.eq_ignore_ascii_case(&own_domain(&self.desired.alias))
            || globs.iter().any(|glob| matches_glob(glob, domain));
        (!is_allowed).then(|| self.not_allowed(&format!("mail domain {domain}"), "domains", globs))
    }

    fn of_directory(&self, directory: Option<&str>) -> Option<Failure> {
        let id = directory?;
        let allowed = &self.rule.directories;
        (!allows(allowed, id))
            .then(|| self.not_allowed(&format!("spec.directoryId {id}"), "directories", allowed))
    }

    fn of_key(&self, key: Option<&str>) -> Option<Failure> {
        let arn = key?;
        let allowed = &self.rule.kms_keys;
        (!allows(allowed, arn))
            .then(|| self.not_allowed(&format!("spec.kmsKeyArn {arn}"), "kmsKeys", allowed))
    }

    fn of_zone(&self, zone: Option<&str>) -> Option<Failure> {
        let id = zone?;
        let allowed = &self.rule.hosted_zones;
        (!allows(allowed, id))
            .then(|| self.not_allowed(&format!("hostedZoneId {id}"), "hostedZones", allowed))
    }

    /// What the spec names besides alias and region.
    fn of_names(&self) -> Option<Failure> {
        let desired = self.desired;
        let domains = desired.domains.iter().chain(&desired.default_domain);
        let mut zones = desired.input.domains.iter();
        self.of_directory(desired.input.directory_id.as_deref())
            .or_else(|| self.of_key(desired.input.kms_key_arn.as_deref()))
            .or_else(|| {
                domains
                    .into_iter()
                    .find_map(|domain| self.of_domain(domain))
            })
            .or_else(|| zones.find_map(|domain| self.of_zone(domain.hosted_zone_id.as_deref())))
    }

    /// An organization that exists already is asked for. One that is the object's own was adopted before,
    /// and stays.
    fn of_existing(&self) -> Option<Failure> {
        let desired = self.desired;
        if self.memory.organization_id.is_some() {
            return None;
        }
        if let Some(owner) = desired.take_over.as_ref().filter(|_| !self.rule.take_over) {
            let what = format!("taking an organization over from {owner}");
            return Some(self.forbidden(&what, "takeOver"));
        }
        let what = if desired.management == ManagementPolicy::Observe {
            "managementPolicy Observe"
        } else if desired.adoption.adopts() {
            "spec.adoptionPolicy"
        } else {
            return None;
        };
        // Consent to a take-over is consent to adopt.
        let may = self.rule.adopt || self.rule.take_over && desired.take_over.is_some();
        (!may).then(|| self.forbidden(what, "adopt"))
    }

    /// Tags are about to claim an organization that is nobody's or another's.
    fn of_claim(&self, view: &View) -> Option<Failure> {
        let owner = match &view.observed.tags {
            Some(Tags::Shown(tags)) => Owner::of(tags, &view.cluster, &view.desired.object),
            Some(Tags::Hidden) | None => Owner::Nobody,
        };
        match owner {
            Owner::Us => None,
            Owner::Other(owner) => {
                let is_given = view.desired.take_over.as_deref() == Some(&*owner.to_string());
                // What named an object of this cluster that is gone is nobody's.
                let is_void = !is_given && view.observed.owner_lives == Some(false);
                if is_void {
                    (!self.rule.adopt)
                        .then(|| self.forbidden("adopting an existing organization", "adopt"))
                } else {
                    let what = format!("taking an organization over from {owner}");
                    (!self.rule.take_over).then(|| self.forbidden(&what, "takeOver"))
                }
            }
            Owner::Nobody => (!self.rule.adopt)
                .then(|| self.forbidden("adopting an existing organization", "adopt")),
        }
    }

    /// The object is being deleted, with its organization.
    fn of_deletion(&self) -> Option<Failure> {
        // What AWS has accepted is only looked after.
        if !self.desired.deleting || self.memory.deletion_accepted.is_some() {
            return None;
        }
        match &self.desired.policy {
            Policy::Retain => None,
            Policy::Delete(Delete {
                force,
                delete_directory,
                ..
            }) => self.of_delete(*force, *delete_directory),
        }
    }

    fn of_delete(&self, force: bool, delete_directory: bool) -> Option<Failure> {
        if !self.rule.delete {
            return Some(self.forbidden("deleting an organization", "delete"));
        }
        if force && !self.rule.force_delete {
            return Some(self.forbidden("spec.deletion.forceDelete", "forceDelete"));
        }
        (delete_directory && !self.rule.delete_directory)
            .then(|| self.forbidden("spec.deletion.deleteDirectory", "deleteDirectory"))
    }

    /// A name is not in a list of the rule.
    fn not_allowed(&self, what: &str, field: &str, allowed: &[String]) -> Failure {
        let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
        let allowed = if allowed.is_empty() {
            "none".to_owned()
        } else {
            text::first(&allowed, NAMED)
        };
        self.told(what, &format!("{field}, allowed: {allowed}"))
    }

    /// A permission of the rule is false.
    fn forbidden(&self, what: &str, field: &str) -> Failure {
        self.told(what, &format!("{field}: false"))
    }

    fn told(&self, what: &str, rule: &str) -> Failure {
        Failure::of(
            Reason::AccountNotAllowed,
            format!(
                "Have WorkMailAccount {} allow it, or change this resource.",
                self.account.name
            ),
            format!(
                "Its rule for namespace {} does not allow {what} (spec.rules[{}].{rule}).",
                self.desired.object.namespace, self.index
            ),
        )
    }
}
