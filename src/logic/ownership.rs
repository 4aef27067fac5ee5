//! Who owns an organization, by its tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::jiff::Timestamp;

use super::ObjectKey;
use crate::api::{SeenOwner, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE};

/// The names by which this cluster is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusterIdentity {
    /// `--cluster-name`, or the UID of the namespace kube-system where none is set.
    name: String,
    /// `--former-cluster-names`: tags with these are this cluster's too, and are rewritten.
    former_names: BTreeSet<String>,
}

impl ClusterIdentity {
    /// Returns the identity of a cluster. Where `name` is set, `uid` (of the namespace kube-system)
    /// means nothing: a copy of the cluster has the same one.
    #[must_use]
    pub fn new(
        name: Option<String>,
        uid: String,
        former_names: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            name: name.unwrap_or(uid),
            former_names: former_names.into_iter().collect(),
        }
    }

    /// What new tags carry.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.name
    }

    /// Whether a tag means this cluster.
    #[must_use]
    pub fn is(&self, tag: &str) -> bool {
        tag == self.name || self.former_names.contains(tag)
    }
}

/// Who an organization's tags name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Nobody: none of the three tags is there, or only some and none of them names another.
    Nobody,
    /// This object of this cluster, whatever its UID.
    Us,
    /// Another object or cluster.
    Other(OwnerName),
}

/// The owner that tags name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnerName {
    /// The cluster, if a tag names one.
    pub cluster: Option<String>,
    /// The namespace, if a tag names one.
    pub namespace: Option<String>,
    /// The resource, if a tag names one.
    pub name: Option<String>,
}

impl OwnerName {
    /// The owner that these tags name, in whole or in part; `None` if they name none.
    #[must_use]
    pub fn of(tags: &BTreeMap<String, String>) -> Option<Self> {
        Self::from_parts([TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME].map(|key| tags.get(key).cloned()))
    }

    /// The owner that was named when the tags were last read; `None` if they named none.
    #[must_use]
    pub fn seen(seen: &SeenOwner) -> Option<Self> {
        let SeenOwner {
            cluster,
            namespace,
            name,
            seen_at: _,
        } = seen.clone();
        Self::from_parts([cluster, namespace, name])
    }

    fn from_parts([cluster, namespace, name]: [Option<String>; 3]) -> Option<Self> {
        let is_named = cluster.is_some() || namespace.is_some() || name.is_some();
        is_named.then_some(Self {
            cluster,
            namespace,
            name,
        })
    }

    /// The namespace and name, if the owner is of this cluster.
    #[must_use]
    pub fn within(&self, cluster: &ClusterIdentity) -> Option<(&str, &str)> {
        self.cluster
            .as_deref()
            .filter(|tag| cluster.is(tag))
            .and(self.namespace.as_deref().zip(self.name.as_deref()))
    }

    /// Returns the owner as messages name it; `None` where a tag is missing or empty.
    #[must_use]
    pub fn described(&self, cluster: &ClusterIdentity) -> Option<String> {
        let given = |part: &'_ Option<String>| part.clone().filter(|part| !part.is_empty());
        let (namespace, name) = given(&self.namespace).zip(given(&self.name))?;
        let of = given(&self.cluster)?;
        let which = if cluster.is(&of) {
            "of this cluster".to_owned()
        } else {
            format!("of cluster {of}")
        };
        Some(format!("WorkMailOrganization {namespace}/{name} {which}"))
    }
}

/// `CLUSTER/NAMESPACE/NAME`, with `?` for a tag that is not there.
impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [cluster, namespace, name] =
            [&self.cluster, &self.namespace, &self.name].map(|part| part.as_deref().unwrap_or("?"));
        write!(f, "{cluster}/{namespace}/{name}")
    }
}

impl Owner {
    /// Reads the owner from an organization's tags.
    #[must_use]
    pub fn of(
        tags: &BTreeMap<String, String>,
        cluster: &ClusterIdentity,
        object: &ObjectKey,
    ) -> Self {
        Self::named(OwnerName::of(tags), cluster, object)
    }

    /// Reads the owner from what the ownership tags name, or named when they were last read.
    #[must_use]
    pub fn named(named: Option<OwnerName>, cluster: &ClusterIdentity, object: &ObjectKey) -> Self {
        let Some(named) = named else {
            return Self::Nobody;
        };
        let ours = [
            named.cluster.as_ref().map(|tag| cluster.is(tag)),
            named
                .namespace
                .as_ref()
                .map(|tag| **tag == *object.namespace),
            named.name.as_ref().map(|tag| **tag == *object.name),
        ];
        if ours.contains(&Some(false)) {
            return Self::Other(named);
        }
        if ours.contains(&None) {
            Self::Nobody
        } else {
            Self::Us
        }
    }
}

impl SeenOwner {
    /// Returns what is remembered once the tags were seen to name `named`, where `known` was remembered
    /// before. Only another owner is a change: `seen_at` stays as long as the same one is named, so that
    /// reading tags again writes nothing.
    pub(super) fn after(
        known: impl IntoIterator<Item = Self>,
        named: Option<OwnerName>,
        now: Timestamp,
    ) -> Self {
        let is_same = |known: &Self| OwnerName::seen(known) == named;
        if let Some(known) = known.into_iter().find(is_same) {
            return known;
        }
        let [cluster, namespace, name] = named.map_or([None, None, None], |named| {
            [named.cluster, named.namespace, named.name]
        });
        Self {
            cluster,
            namespace,
            name,
            seen_at: now,
        }
    }
}

/// The tags that mark an organization as this object's.
#[must_use]
pub(super) fn marks(cluster: &ClusterIdentity, object: &ObjectKey) -> [(&'static str, String); 3] {
    [
        (TAG_CLUSTER, cluster.tag().to_owned()),
        (TAG_NAMESPACE, object.namespace.to_string()),
        // A tag value has at most 256 characters, a Kubernetes name at most 253.
        (TAG_NAME, object.name.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::organization::testing;

    fn owner(change: impl FnOnce(&mut BTreeMap<String, String>)) -> Owner {
        let mut tags = testing::ownership_tags();
        change(&mut tags);
        Owner::of(&tags, &testing::cluster(), &testing::object())
    }

    #[test]
    fn all_three_tags_make_it_ours_by_the_present_and_by_a_former_name_of_the_cluster() {
        assert_eq!(owner(|_| {}), Owner::Us);
        let former = testing::FORMER_CLUSTER.to_owned();
        assert_eq!(
            owner(|tags| {
                tags.insert(TAG_CLUSTER.into(), former);
            }),
            Owner::Us
        );
    }

    #[test]
    fn the_uid_of_kube_system_is_the_name_of_a_cluster_without_one_and_of_no_other() {
        let copy = ClusterIdentity::new(Some("clone".into()), "5b3c".into(), []);
        assert!(!copy.is("5b3c"), "a copy of etcd has the original's UID");
        assert!(copy.is("clone"));
        assert_eq!(copy.tag(), "clone");
        let unnamed = ClusterIdentity::new(None, "5b3c".into(), []);
        assert!(unnamed.is("5b3c"));
        assert_eq!(unnamed.tag(), "5b3c");
        let named_later = ClusterIdentity::new(Some("prod".into()), "5b3c".into(), ["5b3c".into()]);
        assert!(named_later.is("5b3c") && named_later.is("prod"));
        assert_eq!(named_later.tag(), "prod");
    }

    #[test]
    fn the_time_of_a_seen_owner_moves_with_the_owner_that_is_named_and_with_nothing_else() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let named = OwnerName::of(&testing::ownership_tags());
        let nobody = SeenOwner::after(None, None, at(1));
        assert_eq!(nobody.seen_at, at(1));
        assert_eq!(OwnerName::seen(&nobody), None);
        let still = SeenOwner::after(Some(nobody.clone()), None, at(2));
        assert_eq!(still, nobody);
        let owned = SeenOwner::after(Some(nobody), named.clone(), at(3));
        assert_eq!(
            (owned.seen_at, OwnerName::seen(&owned)),
            (at(3), named.clone())
        );
        let again = SeenOwner::after(Some(owned.clone()), named, at(4));
        assert_eq!(again, owned);
    }

    #[test]
    fn one_tag_that_names_another_makes_it_theirs() {
        let other = |key: &str| {
            owner(|tags| {
                tags.insert(key.into(), "other".into());
            })
        };
        for (key, named, is_here) in [
            (TAG_CLUSTER, "other/mail/acme", false),
            (TAG_NAMESPACE, "prod/other/acme", true),
            (TAG_NAME, "prod/mail/other", true),
        ] {
            let Owner::Other(owner) = other(key) else {
                panic!("{key}")
            };
            assert_eq!(owner.to_string(), named);
            assert_eq!(owner.within(&testing::cluster()).is_some(), is_here);
        }
    }

    #[test]
    fn an_owner_with_a_missing_tag_is_told_with_a_question_mark_and_is_in_no_cluster() {
        let Owner::Other(owner) = owner(|tags| {
            tags.remove(TAG_CLUSTER);
            tags.insert(TAG_NAME.into(), "other".into());
        }) else {
            panic!("it names another")
        };
        assert_eq!(owner.to_string(), "?/mail/other");
        assert_eq!(owner.within(&testing::cluster()), None);
    }

    #[test]
    fn tags_that_were_taken_away_name_nobody() {
        assert_eq!(owner(BTreeMap::clear), Owner::Nobody);
        for key in [TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME] {
            assert_eq!(
                owner(|tags| {
                    tags.remove(key);
                }),
                Owner::Nobody,
                "without {key}"
            );
        }
    }
}
