//! Where AWS differs from the spec: what the status shows of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    DomainFacts, DomainPlan, Organization, OrganizationState, Owner, OwnerName, Presence, Summary,
    TagPlan, Tags, View, ownership::marks,
};
use crate::api::{Drift, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE};

/// Ownership tags, as the status names them.
const OWNER: &str = "owner";
const STATE: &str = "state";
const TAGS: &str = "spec.tags[";
const DOMAINS: &str = "spec.domains[";
const DEFAULT: &str = "spec.defaultDomain";
/// What stands for a domain that is there.
const REGISTERED: &str = "registered";

fn entry(path: impl Into<String>, desired: impl Into<String>, actual: impl Into<String>) -> Drift {
    Drift {
        path: path.into(),
        desired: desired.into(),
        actual: actual.into(),
    }
}

/// The fields that AWS never changes, and that differ: field, spec, AWS. Compares with the
/// description, or with what the status shows of an earlier one.
pub(super) fn immutable(
    view: &View,
    summary: &Summary,
    described: Option<&Organization>,
) -> Vec<Drift> {
    let wanted = &view.desired.input;
    let (directory, interoperability) = described.map_or(
        (
            &view.shown.directory_id,
            view.shown.interoperability_enabled,
        ),
        |seen| (&seen.directory_id, seen.interoperability_enabled),
    );
    let mut differs = Vec::new();
    if let (Some(wanted), Some(actual)) = (&wanted.directory_id, directory)
        && actual != wanted
    {
        differs.push(entry("spec.directoryId", wanted, actual));
    }
    if let Some(actual) = interoperability
        && actual != wanted.enable_interoperability
    {
        let wanted = wanted.enable_interoperability.to_string();
        differs.push(entry(
            "spec.enableInteroperability",
            wanted,
            actual.to_string(),
        ));
    }
    if !summary.alias.eq_ignore_ascii_case(&view.desired.alias) {
        differs.push(entry("spec.alias", &view.desired.alias, &summary.alias));
    }
    differs
}

/// Tags that were written or removed, as differences.
pub(super) fn tags(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<Drift> {
    let keys = before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)));
    let differs = keys.filter(|key| before.get(*key) != after.get(*key));
    let mut drift: Vec<Drift> = Vec::new();
    for key in differs {
        let [is, was] = [after, before].map(|tags| tags.get(key).cloned().unwrap_or_default());
        if [TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME].contains(&key.as_str()) {
            let [is, was] = [after, before].map(owner);
            if drift.iter().all(|one| one.path != OWNER) {
                drift.push(entry(OWNER, is, was));
            }
        } else {
            drift.push(entry(format!("{TAGS}{key}]"), is, was));
        }
    }
    drift
}

/// `CLUSTER/NAMESPACE/NAME` as the tags say; empty without any of them.
fn owner(tags: &BTreeMap<String, String>) -> String {
    OwnerName::of(tags).map_or_else(String::new, |named| named.to_string())
}

/// A domain that was registered or deregistered, as a difference.
pub(super) fn domain(name: &str, is_wanted: bool) -> Drift {
    let (desired, actual) = if is_wanted {
        (REGISTERED, "")
    } else {
        ("", REGISTERED)
    };
    entry(format!("{DOMAINS}{name}]"), desired, actual)
}

/// The default domain, as a difference.
pub(super) fn default_domain(wanted: &str, actual: &str) -> Drift {
    entry(DEFAULT, wanted, actual)
}

/// What of the drift is found by which look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tags,
    Domains,
    Rest,
}

fn kind(path: &str) -> Kind {
    if path == OWNER || path.starts_with(TAGS) {
        Kind::Tags
    } else if path == DEFAULT || path.starts_with(DOMAINS) {
        Kind::Domains
    } else {
        Kind::Rest
    }
}

/// A state that it should not be in.
fn state(summary: &Summary) -> Vec<Drift> {
    match &summary.state {
        OrganizationState::Active
        | OrganizationState::Requested
        | OrganizationState::Creating
        | OrganizationState::Validating => Vec::new(),
        state @ (OrganizationState::Impaired
        | OrganizationState::Inactive
        | OrganizationState::Failed
        | OrganizationState::Deleting
        | OrganizationState::Deleted
        | OrganizationState::Other(_)) => vec![entry(STATE, "Active", state.as_str())],
    }
}

impl View {
    /// Where AWS differs from the spec now. What was not looked at in this reconcile stays as last
    /// seen.
    pub(super) fn drift(&self) -> Vec<Drift> {
        let may_take = self.desired.adoption.adopts() || self.desired.take_over.is_some();
        if self.id().is_none() && !self.observes() && !may_take {
            // Whatever has the alias is not what this object speaks of.
            return Vec::new();
        }
        let Some(summary) = self.summary() else {
            return self.without_organization();
        };
        let mut drift = state(summary);
        drift.extend(immutable(self, summary, self.observed.organization.seen()));
        let before = |wanted: Kind| {
            let all = self.shown.drift.iter();
            all.filter(move |one| kind(&one.path) == wanted).cloned()
        };
        match self.tag_drift() {
            Some(found) => drift.extend(found),
            None => drift.extend(before(Kind::Tags)),
        }
        match self.domain_drift() {
            Some(found) => drift.extend(found),
            None => drift.extend(before(Kind::Domains)),
        }
        drift
    }

    fn without_organization(&self) -> Vec<Drift> {
        let listing = self.observed.listing.as_ref();
        match listing.and_then(|listing| listing.by_id.as_ref()) {
            _ if self.id().is_none() => Vec::new(),
            Some(Presence::Absent { confirmed: true }) if !self.facts.young => {
                vec![entry(STATE, "Active", "")]
            }
            Some(Presence::Absent { .. } | Presence::Present(_)) | None => self.shown.drift.clone(),
        }
    }

    /// The organization as last described or listed in this reconcile.
    pub(super) fn summary(&self) -> Option<&Summary> {
        let listed = self.listed()?;
        let described = self.observed.organization.seen();
        Some(described.map_or(listed, |seen| &seen.summary))
    }

    /// The organization as the listing has it: this object's, else the one that it means.
    pub(super) fn listed(&self) -> Option<&Summary> {
        if self.id().is_none() {
            return self.candidate();
        }
        match self.observed.listing.as_ref()?.by_id.as_ref()? {
            Presence::Present(row) => Some(row),
            Presence::Absent { .. } => None,
        }
    }

    fn tag_drift(&self) -> Option<Vec<Drift>> {
        let Some(Tags::Shown(actual)) = &self.observed.tags else {
            return None;
        };
        let object = &self.desired.object;
        let owner_now = owner(actual);
        if let Owner::Other(_) = Owner::of(actual, &self.cluster, object) {
            let [cluster, namespace, name] = marks(&self.cluster, object).map(|(_, value)| value);
            return Some(vec![entry(
                OWNER,
                format!("{cluster}/{namespace}/{name}"),
                owner_now,
            )]);
        }
        let plan = TagPlan::new(
            &self.desired.tags,
            actual,
            &self.memory.managed_tag_keys,
            &self.cluster,
            object,
        );
        let mut after = actual.clone();
        after.retain(|key, _| !plan.remove.contains(key));
        after.extend(plan.marks);
        after.extend(plan.set);
        Some(tags(actual, &after))
    }

    fn domain_drift(&self) -> Option<Vec<Drift>> {
        let actual = self.observed.domains.as_ref()?;
        // What was refused, or registered and not seen, differs all the same.
        let facts = DomainFacts {
            refused: &BTreeMap::new(),
            registered: &BTreeSet::new(),
            ..self.domain_facts(actual)
        };
        let plan = DomainPlan::new(&self.desired, facts);
        let missing = plan.register.iter().map(|name| domain(name, true));
        let leaving = plan.deregister.iter().map(|name| domain(name, false));
        let mut drift: Vec<Drift> = missing.chain(leaving).collect();
        let present = actual.iter().find(|(_, seen)| seen.is_default);
        if let (Some(default), Some((present, _))) = (plan.default, present)
            && self.desired.default_domain.as_ref() == Some(&default)
        {
            drift.push(default_domain(&default, present));
        }
        Some(drift)
    }
}
