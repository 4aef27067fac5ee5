//! Whose an organization is, by its tags.

use std::{collections::BTreeMap, fmt};

use super::ObjectKey;
use crate::api::{TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE};

/// The names by which this cluster is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusterIdentity {
    /// `--cluster-name`, where one is set.
    pub name: Option<String>,
    /// The UID of the namespace kube-system.
    pub uid: String,
}

impl ClusterIdentity {
    /// What new tags carry.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.uid)
    }

    /// Whether a tag means this cluster.
    #[must_use]
    pub fn is(&self, tag: &str) -> bool {
        tag == self.uid || self.name.as_deref() == Some(tag)
    }
}

/// Who an organization's tags name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Nobody: none of the three tags is there, or only some and none of them names another.
    Nobody,
    /// This object of this cluster, whatever its UID.
    Us,
    /// Somebody else.
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
        let [cluster, namespace, name] =
            [TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME].map(|key| tags.get(key).cloned());
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
        let Some(named) = OwnerName::of(tags) else {
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
    use crate::core::testing;

    fn owner(change: impl FnOnce(&mut BTreeMap<String, String>)) -> Owner {
        let mut tags = testing::ownership_tags();
        change(&mut tags);
        Owner::of(&tags, &testing::cluster(), &testing::object())
    }

    #[test]
    fn all_three_tags_make_it_ours_by_either_name_of_the_cluster() {
        assert_eq!(owner(|_| {}), Owner::Us);
        let uid = testing::cluster().uid;
        assert_eq!(
            owner(|tags| {
                tags.insert(TAG_CLUSTER.into(), uid);
            }),
            Owner::Us
        );
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
