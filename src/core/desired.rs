//! The spec of one object, parsed once into a type that later steps can trust.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::jiff::Timestamp;

use super::Region;
use crate::api::{
    CreateInput, Deletion, DeletionPolicy, DomainSpec, FINALIZER, RECONCILE_REQUESTED_AT,
    WorkMailOrganization, WorkMailOrganizationSpec,
};

/// Which object this is. Cheap to clone: it is held wherever something is known of the object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID, also the client token of its create.
    pub uid: Arc<str>,
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What becomes of the organization when the object is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It stays.
    Retain,
    /// It is deleted; the alias was confirmed.
    Delete(Delete),
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a choice of the API of its own"
)]
pub struct Delete {
    /// Whether `confirmAlias` equals the alias. False only if the object came past the CRD's rules.
    pub confirmed: bool,
    /// Delete the directory too.
    pub delete_directory: bool,
    /// Delete although there are enabled users.
    pub force: bool,
    /// The only id that may be deleted, where one is given.
    pub organization_id: Option<String>,
    /// Delete the IAM Identity Center application too.
    pub delete_identity_center_application: bool,
}

/// What the user wants, and where the object stands in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Desired {
    /// Which object this is.
    pub object: ObjectKey,
    /// The generation of the spec.
    pub generation: i64,
    /// When the object was created.
    pub created_at: Timestamp,
    /// Whether the object is being deleted.
    pub deleting: bool,
    /// Whether our finalizer is on it.
    pub finalizer: bool,
    /// The value of the annotation that asks for a whole look.
    pub requested: Option<String>,
    /// The alias.
    pub alias: String,
    /// The region, the operator's default included. `None` when nobody names one.
    pub region: Option<Region>,
    /// What the create is made with.
    pub input: CreateInput,
    /// The user's tags.
    pub tags: BTreeMap<String, String>,
    /// Whether AWS is left alone.
    pub suspend: bool,
    /// What becomes of the organization.
    pub policy: Policy,
}

impl Desired {
    /// Reads an object as the API server holds it. `None` for one without a UID, name, namespace or
    /// creation time, which the API server never gives out.
    #[must_use]
    pub fn parse(object: &WorkMailOrganization, default_region: Option<&Region>) -> Option<Self> {
        let metadata = &object.metadata;
        // Taken apart field by field: a new field does not compile until it is handled here.
        let WorkMailOrganizationSpec {
            alias,
            region,
            directory_id,
            kms_key_arn,
            enable_interoperability,
            domains,
            tags,
            suspend,
            deletion_policy,
            deletion,
        } = &object.spec;
        Some(Self {
            object: ObjectKey {
                namespace: metadata.namespace.as_deref()?.into(),
                name: metadata.name.as_deref()?.into(),
                uid: metadata.uid.as_deref()?.into(),
            },
            generation: metadata.generation.unwrap_or_default(),
            created_at: metadata.creation_timestamp.as_ref()?.0,
            deleting: metadata.deletion_timestamp.is_some(),
            finalizer: metadata
                .finalizers
                .as_ref()
                .is_some_and(|all| all.iter().any(|one| one == FINALIZER)),
            requested: metadata
                .annotations
                .as_ref()
                .and_then(|all| all.get(RECONCILE_REQUESTED_AT))
                // The schema of lastHandledReconcileAt bounds its echo.
                .map(|value| value.chars().take(256).collect()),
            alias: alias.clone(),
            region: region
                .as_deref()
                .map(Region::from)
                .or_else(|| default_region.cloned()),
            input: CreateInput {
                directory_id: directory_id.clone(),
                kms_key_arn: kms_key_arn.clone(),
                enable_interoperability: *enable_interoperability,
                domains: ordered(domains),
            },
            tags: tags.clone(),
            suspend: *suspend,
            policy: policy(*deletion_policy, deletion.as_ref(), alias),
        })
    }
}

/// Domains with a hosted zone first: only with the create does AWS write their records.
fn ordered(domains: &[DomainSpec]) -> Vec<DomainSpec> {
    let (zoned, others): (Vec<_>, Vec<_>) = domains
        .iter()
        .cloned()
        .partition(|domain| domain.hosted_zone_id.is_some());
    zoned.into_iter().chain(others).collect()
}

fn policy(policy: DeletionPolicy, deletion: Option<&Deletion>, alias: &str) -> Policy {
    match policy {
        DeletionPolicy::Retain => Policy::Retain,
        DeletionPolicy::Delete => Policy::Delete(deletion.map_or_else(Delete::default, |given| {
            let Deletion {
                confirm_alias,
                delete_directory,
                force_delete,
                confirm_organization_id,
                delete_identity_center_application,
            } = given;
            Delete {
                confirmed: confirm_alias.as_deref() == Some(alias),
                delete_directory: *delete_directory,
                force: *force_delete,
                organization_id: confirm_organization_id.clone(),
                delete_identity_center_application: *delete_identity_center_application,
            }
        })),
    }
}
