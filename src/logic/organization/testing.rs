//! Values that the tests of this layer share.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use super::{ClusterIdentity, Desired, ObjectKey, Policy, Region, ownership::marks};
use crate::api::{AdoptionPolicy, CreateInput, ManagementPolicy};

/// A former name of [`cluster`].
pub(in crate::logic) const FORMER_CLUSTER: &str = "old-prod";

pub(in crate::logic) fn cluster() -> ClusterIdentity {
    ClusterIdentity::new(
        Some("prod".into()),
        "5b3c".into(),
        [FORMER_CLUSTER.to_owned()],
    )
}

pub(in crate::logic) fn object() -> ObjectKey {
    ObjectKey {
        namespace: "mail".into(),
        name: "acme".into(),
        uid: "11111111-2222-3333-4444-555555555555".into(),
    }
}

pub(in crate::logic) fn ownership_tags() -> BTreeMap<String, String> {
    marks(&cluster(), &object())
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// What a user wants of an organization with these domains.
pub(in crate::logic) fn desired(domains: &[&str], default_domain: Option<&str>) -> Desired {
    Desired {
        object: object(),
        generation: 1,
        created_at: Timestamp::UNIX_EPOCH,
        deleting: false,
        finalizer: false,
        requested: None,
        alias: "acme".into(),
        region: Some(Region::from("us-east-1")),
        account_ref: None,
        input: CreateInput::default(),
        domains: domains.iter().map(|name| (*name).to_owned()).collect(),
        zoned: BTreeSet::new(),
        default_domain: default_domain.map(str::to_owned),
        dns_endpoint: false,
        tags: BTreeMap::new(),
        adoption: AdoptionPolicy::Create,
        organization_id: None,
        take_over: None,
        management: ManagementPolicy::Full,
        suspend: false,
        policy: Policy::Retain,
        gate: None,
    }
}
