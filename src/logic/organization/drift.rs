//! Where AWS differs from the spec: what the status shows of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    DomainFacts, DomainPlan, Organization, OrganizationState, Owner, OwnerName, Presence, Summary,
    TagPlan, Tags, View, ownership::marks,
};
use crate::api::{Drift, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE};

/// What stands for a domain that is there.
const REGISTERED: &str = "registered";

/// What differs, as `status.drift[].path` names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DriftPath {
    /// The ownership tags.
    Owner,
    /// The organization's state.
    State,
    /// `spec.alias`.
    Alias,
    /// `spec.directoryId`.
    DirectoryId,
    /// `spec.enableInteroperability`.
    EnableInteroperability,
    /// `spec.tags`: one of them, by its key.
    Tag(String),
    /// `spec.domains`: one of them, by its name.
    Domain(String),
    /// `spec.defaultDomain`.
    DefaultDomain,
    /// A path that this version does not know. It is shown as it is until all of the organization is read
    /// anew.
    Unknown(String),
}

/// The read that finds a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FoundBy {
    /// The listing, or the description.
    Organization,
    Tags,
    Domains,
    Unknown,
}

impl DriftPath {
    const fn found_by(&self) -> FoundBy {
        match self {
            Self::State | Self::Alias | Self::DirectoryId | Self::EnableInteroperability => {
                FoundBy::Organization
            }
            Self::Owner | Self::Tag(_) => FoundBy::Tags,
            Self::Domain(_) | Self::DefaultDomain => FoundBy::Domains,
            Self::Unknown(_) => FoundBy::Unknown,
        }
    }
}

impl fmt::Display for DriftPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner"),
            Self::State => f.write_str("state"),
            Self::Alias => f.write_str("spec.alias"),
            Self::DirectoryId => f.write_str("spec.directoryId"),
            Self::EnableInteroperability => f.write_str("spec.enableInteroperability"),
            Self::Tag(key) => write!(f, "spec.tags[{key}]"),
            Self::Domain(name) => write!(f, "spec.domains[{name}]"),
            Self::DefaultDomain => f.write_str("spec.defaultDomain"),
            Self::Unknown(path) => f.write_str(path),
        }
    }
}

impl From<&str> for DriftPath {
    fn from(path: &str) -> Self {
        let one_of = |list: &str| {
            path.strip_prefix(list)?
                .strip_suffix(']')
                .map(str::to_owned)
        };
        if let Some(key) = one_of("spec.tags[") {
            return Self::Tag(key);
        }
        if let Some(name) = one_of("spec.domains[") {
            return Self::Domain(name);
        }
        match path {
            "owner" => Self::Owner,
            "state" => Self::State,
            "spec.alias" => Self::Alias,
            "spec.directoryId" => Self::DirectoryId,
            "spec.enableInteroperability" => Self::EnableInteroperability,
            "spec.defaultDomain" => Self::DefaultDomain,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// Something that is other in AWS than the spec says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Difference {
    /// What differs.
    pub path: DriftPath,
    /// What it should be; `None` if it should not be there.
    pub desired: Option<String>,
    /// What it is in AWS; `None` if it is not there.
    pub actual: Option<String>,
}

impl From<&Drift> for Difference {
    fn from(drift: &Drift) -> Self {
        let Drift {
            path,
            desired,
            actual,
        } = drift;
        Self {
            path: DriftPath::from(path.as_str()),
            desired: desired.clone(),
            actual: actual.clone(),
        }
    }
}

impl From<Difference> for Drift {
    fn from(difference: Difference) -> Self {
        let Difference {
            path,
            desired,
            actual,
        } = difference;
        Self {
            path: path.to_string(),
            desired,
            actual,
        }
    }
}

/// A value as it stands in messages. One that is empty is not absent.
pub(super) fn word(value: Option<&str>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| format!("{value:?}"))
}

fn entry(path: DriftPath, desired: Option<&str>, actual: Option<&str>) -> Difference {
    Difference {
        path,
        desired: desired.map(str::to_owned),
        actual: actual.map(str::to_owned),
    }
}

/// The fields that AWS never changes, and that differ: field, spec, AWS. Compares with the
/// description, or with what the status shows of an earlier one.
pub(super) fn immutable(
    view: &View,
    summary: &Summary,
    described: Option<&Organization>,
) -> Vec<Difference> {
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
        differs.push(entry(DriftPath::DirectoryId, Some(wanted), Some(actual)));
    }
    if let Some(actual) = interoperability
        && actual != wanted.enable_interoperability
    {
        let [wanted, actual] = [wanted.enable_interoperability, actual].map(|on| on.to_string());
        let path = DriftPath::EnableInteroperability;
        differs.push(entry(path, Some(&wanted), Some(&actual)));
    }
    if !summary.alias.eq_ignore_ascii_case(&view.desired.alias) {
        let [wanted, actual] = [&view.desired.alias, &summary.alias];
        differs.push(entry(DriftPath::Alias, Some(wanted), Some(actual)));
    }
    differs
}

/// Tags that were written or removed, as differences.
pub(super) fn tags(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let keys = before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)));
    let differs = keys.filter(|key| before.get(*key) != after.get(*key));
    let mut drift: Vec<Difference> = Vec::new();
    for key in differs {
        if [TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME].contains(&key.as_str()) {
            let [is, was] = [after, before].map(owner);
            if drift.iter().all(|one| one.path != DriftPath::Owner) {
                drift.push(entry(DriftPath::Owner, is.as_deref(), was.as_deref()));
            }
        } else {
            let [is, was] = [after, before].map(|tags| tags.get(key).map(String::as_str));
            drift.push(entry(DriftPath::Tag(key.clone()), is, was));
        }
    }
    drift
}

/// `CLUSTER/NAMESPACE/NAME` as the tags say; `None` without any of them.
fn owner(tags: &BTreeMap<String, String>) -> Option<String> {
    OwnerName::of(tags).map(|named| named.to_string())
}

/// A domain that was registered or deregistered, as a difference.
pub(super) fn domain(name: &str, is_wanted: bool) -> Difference {
    let (desired, actual) = if is_wanted {
        (Some(REGISTERED), None)
    } else {
        (None, Some(REGISTERED))
    };
    entry(DriftPath::Domain(name.to_owned()), desired, actual)
}

/// The default domain, as a difference.
pub(super) fn default_domain(wanted: &str, actual: Option<&str>) -> Difference {
    entry(DriftPath::DefaultDomain, Some(wanted), actual)
}

/// A state that it should not be in.
fn state(summary: &Summary) -> Vec<Difference> {
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
        | OrganizationState::Other(_)) => vec![entry(
            DriftPath::State,
            Some("Active"),
            Some(state.as_str()),
        )],
    }
}

impl View {
    /// Where AWS differs from the spec now. What was not looked at in this reconcile stays as last
    /// seen.
    pub(super) fn drift(&self) -> Vec<Difference> {
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
        let before = |wanted: FoundBy| {
            let all = self.shown.drift.iter();
            all.filter(move |one| one.path.found_by() == wanted)
                .cloned()
        };
        let (tags, domains) = (self.tag_drift(), self.domain_drift());
        let unknown = if tags.is_some() && domains.is_some() {
            Vec::new()
        } else {
            before(FoundBy::Unknown).collect()
        };
        drift.extend(tags.unwrap_or_else(|| before(FoundBy::Tags).collect()));
        drift.extend(domains.unwrap_or_else(|| before(FoundBy::Domains).collect()));
        drift.extend(unknown);
        drift
    }

    fn without_organization(&self) -> Vec<Difference> {
        let listing = self.observed.listing.as_ref();
        match listing.and_then(|listing| listing.by_id.as_ref()) {
            _ if self.id().is_none() => Vec::new(),
            Some(Presence::Absent { confirmed: true }) if !self.facts.young => {
                vec![entry(DriftPath::State, Some("Active"), None)]
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

    fn tag_drift(&self) -> Option<Vec<Difference>> {
        let Some(Tags::Shown(actual)) = &self.observed.tags else {
            return None;
        };
        let object = &self.desired.object;
        let owner_now = owner(actual);
        if let Owner::Other(_) = Owner::of(actual, &self.cluster, object) {
            let [cluster, namespace, name] = marks(&self.cluster, object).map(|(_, value)| value);
            let ours = format!("{cluster}/{namespace}/{name}");
            let path = DriftPath::Owner;
            return Some(vec![entry(path, Some(&ours), owner_now.as_deref())]);
        }
        let plan = TagPlan::new(
            &self.wanted_tags(),
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

    fn domain_drift(&self) -> Option<Vec<Difference>> {
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
        let mut drift: Vec<Difference> = missing.chain(leaving).collect();
        let present = actual.iter().find(|(_, seen)| seen.is_default);
        if let (Some(default), Some((present, _))) = (plan.default, present)
            && self.desired.default_domain.as_ref() == Some(&default)
        {
            drift.push(default_domain(&default, Some(present)));
        }
        Some(drift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_read_as_it_was_written() {
        let paths = [
            DriftPath::Owner,
            DriftPath::State,
            DriftPath::Alias,
            DriftPath::DirectoryId,
            DriftPath::EnableInteroperability,
            DriftPath::Tag("team".into()),
            DriftPath::Tag("a]b[c]".into()),
            DriftPath::Domain("acme.example".into()),
            DriftPath::DefaultDomain,
            DriftPath::Unknown("spec.later[x]".into()),
            // Cut to its length.
            DriftPath::Unknown("spec.tags[tea…".into()),
        ];
        for path in paths {
            assert_eq!(DriftPath::from(path.to_string().as_str()), path);
        }
    }

    #[test]
    fn an_empty_value_of_a_tag_is_not_an_absent_one() {
        let empty = BTreeMap::from([("team".to_owned(), String::new())]);
        let found = tags(&BTreeMap::new(), &empty);
        let path = || DriftPath::Tag("team".into());
        assert_eq!(found, [entry(path(), Some(""), None)]);
        assert_eq!(
            tags(&empty, &BTreeMap::new()),
            [entry(path(), None, Some(""))]
        );
    }

    /// As version 0.1 wrote what is absent. It is shown so until it is read anew.
    #[test]
    fn a_status_with_empty_values_for_absent_ones_is_kept_as_it_is() {
        let stored = Drift {
            path: "state".into(),
            desired: Some("Active".into()),
            actual: Some(String::new()),
        };
        assert_eq!(Drift::from(Difference::from(&stored)), stored);
    }
}
