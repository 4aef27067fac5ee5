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
    /// Nobody: none of the three tags is there.
    Nobody,
    /// This object of this cluster, whatever its UID.
    Us,
    /// Somebody else, or a mark that is not whole; told as `CLUSTER/NAMESPACE/NAME`.
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
        match (in_cluster, namespace, name) {
            (None, None, None) => Self::Nobody,
            (Some(in_cluster), Some(namespace), Some(name))
                if cluster.is(in_cluster)
                    && namespace == object.namespace
                    && name == object.name =>
            {
                Self::Us
            }
            _ => Self::Other(
                [in_cluster, namespace, name]
                    .map(|part| part.unwrap_or("?"))
                    .join("/"),
            ),
        }
    }
}

/// The tags that mark an organization as this object's.
#[must_use]
pub(super) fn marks(cluster: &ClusterIdentity, object: &ObjectKey) -> [(&'static str, String); 3] {
    [
        (TAG_CLUSTER, cluster.tag().to_owned()),
        (TAG_NAMESPACE, object.namespace.clone()),
        // A tag value has at most 256 characters, a Kubernetes name at most 253.
        (TAG_NAME, object.name.clone()),
    ]
}
