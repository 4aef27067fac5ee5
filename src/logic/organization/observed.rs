//! What was read, in types that keep "absent" apart from "not read".

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::jiff::Timestamp;

use super::{AccountId, Difference, MailDomain, OrganizationId, action::Retained};
use crate::logic::gate;

/// The state of an organization. AWS documents it as an open string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationState {
    /// The create was accepted.
    Requested,
    /// Being built.
    Creating,
    /// Being checked.
    Validating,
    /// Usable.
    Active,
    /// Usable in part.
    Impaired,
    /// Not usable.
    Inactive,
    /// Could not be built.
    Failed,
    /// Being deleted.
    Deleting,
    /// Deleted; stays visible for a time that no source tells.
    Deleted,
    /// A word this version does not know.
    Other(String),
}

impl OrganizationState {
    /// AWS's own word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Requested => "Requested",
            Self::Creating => "Creating",
            Self::Validating => "Validating",
            Self::Active => "Active",
            Self::Impaired => "Impaired",
            Self::Inactive => "Inactive",
            Self::Failed => "Failed",
            Self::Deleting => "Deleting",
            Self::Deleted => "Deleted",
            Self::Other(word) => word,
        }
    }

    /// The word as a metric label: a word we do not know is `other`, so that labels stay bounded.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Other(_) => "other",
            Self::Requested
            | Self::Creating
            | Self::Validating
            | Self::Active
            | Self::Impaired
            | Self::Inactive
            | Self::Failed
            | Self::Deleting
            | Self::Deleted => self.as_str(),
        }
    }

    /// Whether the organization is deleted or being deleted.
    #[must_use]
    pub fn leaves(&self) -> bool {
        match self {
            Self::Deleting | Self::Deleted => true,
            Self::Requested
            | Self::Creating
            | Self::Validating
            | Self::Active
            | Self::Impaired
            | Self::Inactive
            | Self::Failed
            | Self::Other(_) => false,
        }
    }

    /// Whether AWS is expected to change the state soon.
    #[must_use]
    pub fn in_transition(&self) -> bool {
        match self {
            Self::Requested | Self::Creating | Self::Validating | Self::Deleting => true,
            Self::Active
            | Self::Impaired
            | Self::Inactive
            | Self::Failed
            | Self::Deleted
            | Self::Other(_) => false,
        }
    }
}

impl From<&str> for OrganizationState {
    fn from(word: &str) -> Self {
        match word {
            "Requested" => Self::Requested,
            "Creating" => Self::Creating,
            "Validating" => Self::Validating,
            "Active" => Self::Active,
            "Impaired" => Self::Impaired,
            "Inactive" => Self::Inactive,
            "Failed" => Self::Failed,
            "Deleting" => Self::Deleting,
            "Deleted" => Self::Deleted,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// One row of `ListOrganizations`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Summary {
    /// Its id.
    pub id: OrganizationId,
    /// Its alias.
    pub alias: String,
    /// Its state.
    pub state: OrganizationState,
    /// Its default mail domain.
    pub default_domain: Option<String>,
    /// What went wrong, in AWS's words.
    pub error_message: Option<String>,
}

/// The answer of `DescribeOrganization`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Organization {
    /// What the list shows too.
    pub summary: Summary,
    /// Its ARN.
    pub arn: Option<String>,
    /// The directory behind it.
    pub directory_id: Option<String>,
    /// The kind of directory.
    pub directory_type: Option<String>,
    /// When it became usable; absent until then.
    pub completed_date: Option<Timestamp>,
    /// The user that migrates mailboxes into it.
    pub migration_admin: Option<String>,
    /// Interoperability with Microsoft Exchange.
    pub interoperability_enabled: Option<bool>,
}

/// Whether something is there. A failed read is not among them: it ends the reconcile as a
/// [`super::Failure`] and can therefore never be taken for `Absent`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Presence<T> {
    /// It is there.
    Present(T),
    /// It is not there. `confirmed` when it was missing twice, at least 30 s apart.
    Absent {
        /// Seen twice.
        confirmed: bool,
    },
}

/// Something that may not have been read yet in this reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reading<T> {
    /// Not read in this reconcile.
    #[default]
    NotRead,
    /// Read, and AWS says that it does not exist.
    Absent,
    /// Read and found.
    Seen(T),
}

impl<T> Reading<T> {
    /// What was seen, if anything.
    pub const fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(value) => Some(value),
            Self::NotRead | Self::Absent => None,
        }
    }
}

/// This object's part of one complete listing of its account and region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listing {
    /// The organization of the remembered id. `None` when no id is remembered.
    pub by_id: Option<Presence<Summary>>,
    /// The organization that has the alias, Deleted ones left out.
    pub by_alias: Presence<Summary>,
    /// An organization that had the alias and is shown as Deleted.
    pub deleted: Option<OrganizationId>,
    /// Whether the listing was begun after the object was first seen as it is, after the full read that it
    /// asks for was, and after its last attempt at a pending create.
    pub fresh: bool,
    /// Whether an accepted deletion of the organization has come to nothing: two reads at least 30 s
    /// apart, both begun after AWS accepted it, showed it neither Deleting nor Deleted nor absent.
    pub deletion_failed: bool,
}

/// The tags of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Tags {
    /// AWS shows them.
    Shown(BTreeMap<String, String>),
    /// AWS does not show them, because the organization is not Active.
    Hidden,
}

/// The kind `DNSEndpoint` and the one that is kept for the object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The API server does not know the kind.
    KindNotInstalled,
    /// There is none.
    Absent,
    /// One of the name is there, and is not kept by this operator.
    Foreign,
    /// It is there, with these endpoints.
    Kept(Vec<DnsEntry>),
}

/// One entry of a `DNSEndpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsEntry {
    /// The name, without a trailing dot.
    pub name: String,
    /// MX, TXT or CNAME.
    pub record_type: String,
    /// What it points to.
    pub targets: Vec<String>,
}

/// Whether what an object's deletion depends on stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Neither the namespace nor the CRD is being deleted, and both are older than the object.
    Stays,
    /// The namespace is being deleted (or is gone): nobody asked to delete this organization.
    NamespaceLeaves,
    /// The namespace is younger than the object: it is not the one that the object was made in.
    NamespaceRemade,
    /// The CRD is being deleted (or is gone): nobody asked to delete this organization.
    DefinitionLeaves,
    /// The CRD is younger than the object: the one that the object was made under was deleted.
    DefinitionRemade,
}

impl Scope {
    /// Why the organization of an object that is being deleted stays, if it does.
    #[must_use]
    pub const fn retains(self) -> Option<Retained> {
        match self {
            Self::Stays => None,
            Self::NamespaceLeaves => Some(Retained::NamespaceLeaves),
            Self::NamespaceRemade => Some(Retained::NamespaceRemade),
            Self::DefinitionLeaves => Some(Retained::DefinitionLeaves),
            Self::DefinitionRemade => Some(Retained::DefinitionRemade),
        }
    }
}

/// All that was seen in this reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Observed {
    /// The account of the credentials.
    pub account: Option<AccountId>,
    /// The object's part of the listing.
    pub listing: Option<Listing>,
    /// The answer of `DescribeOrganization`.
    pub organization: Reading<Organization>,
    /// The answer of `ListTagsForResource`.
    pub tags: Option<Tags>,
    /// Whether the object of this cluster that the tags name exists.
    pub owner_lives: Option<bool>,
    /// The mail domains.
    pub domains: Option<BTreeMap<String, MailDomain>>,
    /// The `DNSEndpoint`.
    pub endpoint: Option<Endpoint>,
    /// The domains that `GetMailDomain` has answered for in this reconcile, absent ones too.
    pub read_domains: BTreeSet<String>,
    /// The domains that were registered in this reconcile.
    pub registered: BTreeSet<String>,
    /// The domains in which nobody was seen to have a primary address in this reconcile.
    pub unused_domains: BTreeSet<String>,
    /// The default mail domain that was set in this reconcile.
    pub default_domain: Option<String>,
    /// The exports and the mailboxes that a deletion waits for.
    pub gate: Option<Arc<gate::Reading>>,
    /// What was found of the exports that are checked once more.
    pub checks: gate::Checks,
    /// Exports were checked in this reconcile.
    pub swept: bool,
    /// `closing.json` was written in this reconcile.
    pub closing: bool,
    /// Whether the namespace and the CRD stay.
    pub scope: Option<Scope>,
    /// A live read or a checked write of this reconcile has shown that the view of the object is its
    /// latest.
    pub current: bool,
    /// The refusal of a create or delete made in this reconcile.
    pub refused: Option<super::Failure>,
    /// What AWS refused of the tags; the other steps go on.
    pub refused_tags: BTreeMap<super::TagStep, super::Failure>,
    /// What AWS refused of single domains; the other domains go on.
    pub refused_domains: BTreeMap<String, super::Failure>,
    /// Drift that was corrected in this reconcile.
    pub corrected: Vec<Difference>,
    /// A failure that ends the reconcile.
    pub failed: Option<super::Failure>,
    /// What became of the organization when the finalizer went in this reconcile.
    pub released: Option<super::Release>,
}
