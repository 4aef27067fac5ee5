//! Whose an organization is, by its tags.

use std::collections::BTreeMap;

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
    /// Somebody else; told as `CLUSTER/NAMESPACE/NAME`, with `?` for a tag that is not there.
    Other(String),
}

impl Owner {
    /// Reads the owner from an organization's tags.
    #[must_use]
    pub fn of(
        tags: &BTreeMap<String, String>,
        cluster: &ClusterIdentity,
        object: &ObjectKey,
    ) -> Self {
        let [in_cluster, namespace, name] =
            [TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME].map(|key| tags.get(key).map(String::as_str));
        let ours = [
            in_cluster.map(|tag| cluster.is(tag)),
            namespace.map(|tag| *tag == *object.namespace),
            name.map(|tag| *tag == *object.name),
        ];
        if ours.contains(&Some(false)) {
            let [in_cluster, namespace, name] =
                [in_cluster, namespace, name].map(|part| part.unwrap_or("?"));
            return Self::Other(format!("{in_cluster}/{namespace}/{name}"));
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
        assert_eq!(other(TAG_CLUSTER), Owner::Other("other/mail/acme".into()));
        assert_eq!(other(TAG_NAMESPACE), Owner::Other("prod/other/acme".into()));
        assert_eq!(other(TAG_NAME), Owner::Other("prod/mail/other".into()));
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
