//! Values that the tests of this layer share.

use std::collections::BTreeMap;

use super::{ClusterIdentity, ObjectKey, ownership::marks};

pub(super) fn cluster() -> ClusterIdentity {
    ClusterIdentity {
        name: Some("prod".into()),
        uid: "5b3c".into(),
    }
}

pub(super) fn object() -> ObjectKey {
    ObjectKey {
        namespace: "mail".into(),
        name: "acme".into(),
        uid: "11111111-2222-3333-4444-555555555555".into(),
    }
}

pub(super) fn ownership_tags() -> BTreeMap<String, String> {
    marks(&cluster(), &object())
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
