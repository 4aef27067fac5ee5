//! The spec of one object, parsed once into a type that later steps can trust.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use super::{ObjectKey, OrganizationId, Region};
use crate::api::{
    AdoptionPolicy, CreateInput, Deletion, DeletionPolicy, DomainSpec, FINALIZER, ManagementPolicy,
    RECONCILE_REQUESTED_AT, TAKE_OVER, WorkMailOrganization, WorkMailOrganizationSpec,
};
use crate::logic::gate::Rule;

/// As many domains go along with a create (WorkMail API reference, `CreateOrganization`, `Domains`).
const MOST_WITH_CREATE: usize = 5;

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
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a choice of the API, or a fact of the object, of its own"
)]
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
    /// The value of the annotation that asks for a full read.
    pub requested: Option<String>,
    /// The alias.
    pub alias: String,
    /// The region, the default of the account or the operator included. `None` when nobody names one.
    pub region: Option<Region>,
    /// The account that it names.
    pub account_ref: Option<String>,
    /// What the create is made with.
    pub input: CreateInput,
    /// The names of the domains.
    pub domains: BTreeSet<String>,
    /// The domains that came with a hosted zone.
    pub zoned: BTreeSet<String>,
    /// The domain that should be the default.
    pub default_domain: Option<String>,
    /// Whether a `DNSEndpoint` is kept.
    pub dns_endpoint: bool,
    /// The user's tags.
    pub tags: BTreeMap<String, String>,
    /// What becomes of an organization that exists already.
    pub adoption: AdoptionPolicy,
    /// The one organization to adopt.
    pub organization_id: Option<OrganizationId>,
    /// The owner, as `CLUSTER/NAMESPACE/NAME`, from whom the organization is to be taken over.
    pub take_over: Option<String>,
    /// Whether anything is changed in AWS.
    pub management: ManagementPolicy,
    /// Whether AWS is left alone.
    pub suspend: bool,
    /// What becomes of the organization.
    pub policy: Policy,
    /// What the spec asks for before the organization is deleted, under whichever policy.
    pub gate: Option<Rule>,
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
            account_ref,
            directory_id,
            kms_key_arn,
            enable_interoperability,
            domains,
            default_domain,
            dns,
            tags,
            adoption_policy,
            organization_id,
            management_policy,
            suspend,
            deletion_policy,
            deletion,
        } = &object.spec;
        let annotation = |key: &str| metadata.annotations.as_ref().and_then(|all| all.get(key));
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
            requested: annotation(RECONCILE_REQUESTED_AT)
                // The schema of lastHandledReconcileAt bounds its echo.
                .map(|value| value.chars().take(256).collect()),
            alias: alias.clone(),
            region: region
                .as_deref()
                .map(Region::from)
                .or_else(|| default_region.cloned()),
            account_ref: account_ref.as_ref().map(|named| named.name.clone()),
            input: CreateInput {
                directory_id: directory_id.clone(),
                kms_key_arn: kms_key_arn.clone(),
                enable_interoperability: *enable_interoperability,
                domains: along(domains, alias),
            },
            domains: domains.iter().map(|one| one.domain_name.clone()).collect(),
            zoned: domains
                .iter()
                .filter(|one| one.hosted_zone_id.is_some())
                .map(|one| one.domain_name.clone())
                .collect(),
            default_domain: default_domain.clone(),
            dns_endpoint: dns.is_some_and(|dns| dns.endpoint),
            tags: tags.clone(),
            adoption: *adoption_policy,
            organization_id: organization_id.as_deref().map(OrganizationId::from),
            take_over: annotation(TAKE_OVER).cloned(),
            management: *management_policy,
            suspend: *suspend,
            policy: policy(*deletion_policy, deletion.as_ref(), alias),
            gate: deletion
                .as_ref()
                .and_then(|given| given.require_export.as_ref())
                .map(Rule::read),
        })
    }

    /// Returns the part that the operator applies to AWS, so that two of them can be compared: `suspend`
    /// is none of it, nor is what becomes of the organization when the resource is deleted.
    #[must_use]
    pub fn to_apply(&self) -> Self {
        Self {
            generation: 0,
            deleting: false,
            finalizer: false,
            requested: None,
            take_over: None,
            suspend: false,
            policy: Policy::Retain,
            gate: None,
            ..self.clone()
        }
    }
}

/// The domains that go along with a create, those with a hosted zone first: only then does AWS write
/// their records.
fn along(domains: &[DomainSpec], alias: &str) -> Vec<DomainSpec> {
    let own = own_domain(alias);
    let (zoned, others): (Vec<_>, Vec<_>) = domains
        .iter()
        .filter(|domain| domain.domain_name != own)
        .cloned()
        .partition(|domain| domain.hosted_zone_id.is_some());
    zoned
        .into_iter()
        .chain(others)
        .take(MOST_WITH_CREATE)
        .collect()
}

/// The domain that AWS gives every organization. It is there without being registered.
pub(super) fn own_domain(alias: &str) -> String {
    format!("{}.awsapps.com", alias.to_ascii_lowercase())
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
                require_export: _,
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
